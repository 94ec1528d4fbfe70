"""What a function finds around it: variables, folders, context object, what stays between calls."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from tests.contract.lambda_api.conftest import RUNTIME

VARIABLES = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime"
CONTEXT = "https://docs.aws.amazon.com/lambda/latest/dg/python-context.html#python-context-object"
RUNTIME_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"
RESERVED_VARIABLES = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}  # fmt: skip
OTHER_VARIABLES = {"LANG", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "TZ"}


@pytest.fixture(scope="module")
def seen(functions: Any, role: str, call: Any) -> Any:
    """The environment of one function, by name."""
    from tests.contract.lambda_api.conftest import Deploy

    deploy = Deploy(functions, role)
    name = deploy(
        "import os\ndef handle(event, context):\n    return dict(os.environ)\n",
        Environment={"Variables": {"OWN": "ä = b"}}, MemorySize=192,
    )  # fmt: skip
    yield {"name": name, **call(name).value}
    functions.delete_function(FunctionName=name)


@pytest.mark.cites(VARIABLES)
def test_the_reserved_variables_are_there(seen: dict[str, str]) -> None:
    """Lambda runtimes set several environment variables during initialization: the reserved ones."""
    name = seen["name"]
    assert set(seen) >= RESERVED_VARIABLES
    assert seen["_HANDLER"] == "main.handle"
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "us-east-1"
    assert seen["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{RUNTIME}"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "192"
    assert seen["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert seen["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{name}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert seen["LAMBDA_TASK_ROOT"] == "/var/task"
    assert seen["LAMBDA_RUNTIME_DIR"] == "/var/runtime"


@pytest.mark.cites(VARIABLES)
def test_the_other_variables_are_there(seen: dict[str, str]) -> None:
    """LANG en_US.UTF-8, TZ The environment's time zone (`:UTC`), PATH and LD_LIBRARY_PATH as listed."""
    assert (seen["LANG"], seen["TZ"]) == ("en_US.UTF-8", ":UTC")
    assert seen["PATH"].endswith("/usr/local/bin:/usr/bin/:/bin:/opt/bin")
    libraries = seen["LD_LIBRARY_PATH"].split(":")
    for folder in (
        "/lib64",
        "/usr/lib64",
        "/var/runtime",
        "/var/runtime/lib",
        "/var/task",
        "/var/task/lib",
        "/opt/lib",
    ):
        assert folder in libraries


@pytest.mark.cites(VARIABLES)
def test_nothing_of_the_host_is_there(seen: dict[str, str]) -> None:
    """What is not Lambda's, the function's or the endpoint's is the host's: HOME, USER, VIRTUAL_ENV, tokens …"""
    # What real environments have beyond the documentation's list; LC_CTYPE is CPython's own doing (PEP 538).
    known = {"name", "OWN", "AWS_ENDPOINT_URL", "PWD", "SHLVL", "_", "LC_CTYPE", "AWS_XRAY_CONTEXT_MISSING"}
    known |= {"AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"}
    known |= RESERVED_VARIABLES | OTHER_VARIABLES
    assert set(seen) - known == set()


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html")
def test_the_function_s_own_variables_are_there(seen: dict[str, str]) -> None:
    """ "You can use environment variables to adjust your function's behavior": exactly as they were set."""
    assert seen["OWN"] == "ä = b"


@pytest.mark.cites(CONTEXT)
def test_the_context_object(deploy: Any, functions: Any, call: Any) -> None:
    """Its properties: function_name, function_version, invoked_function_arn, memory_limit_in_mb, aws_request_id
    …"""
    name = deploy(
        "def handle(event, context):\n    c = context\n"
        "    return [c.function_name, c.function_version, c.invoked_function_arn, str(c.memory_limit_in_mb),\n"
        "            c.aws_request_id, c.log_group_name, c.log_stream_name,\n"
        "            c.identity is None or c.identity.cognito_identity_id is None, c.client_context]\n",
        MemorySize=320,
    )
    answer = call(name)
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    stream = answer.value[6]
    request_id = answer.response["ResponseMetadata"]["RequestId"]
    expected = [name, "$LATEST", arn, "320", request_id, f"/aws/lambda/{name}", stream, True, None]
    assert answer.value == expected
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)


@pytest.mark.cites(CONTEXT)
def test_the_remaining_time_runs_down(deploy: Any, call: Any) -> None:
    """get_remaining_time_in_millis: Returns the number of milliseconds left before the execution times out."""
    name = deploy(
        "import time\ndef handle(event, context):\n    a = context.get_remaining_time_in_millis()\n"
        "    time.sleep(0.5)\n    return [a, context.get_remaining_time_in_millis()]\n",
        Timeout=7,
    )
    call(name)
    first, second = call(name).value
    assert 6000 < first <= 7000
    assert 450 <= first - second < 2000


@pytest.mark.cites(f"{RUNTIME_PAGE}#runtimes-lifecycle-invoke")
def test_globals_and_tmp_stay_between_calls(deploy: Any, call: Any) -> None:
    """Objects declared outside of the function's handler method remain initialized, and so does `/tmp`."""
    name = deploy(
        "import pathlib\ncount = 0\ndef handle(event, context):\n    global count\n    count += 1\n"
        "    file = pathlib.Path('/tmp', event['file'])\n    before = file.exists() and file.read_text()\n"
        "    file.write_text(str(count))\n    if event.get('end'): file.unlink()\n    return [count, before]\n"
    )
    # A name of its own, taken away at the end: a stand-in may have no /tmp but the machine's.
    event = {"file": f"kept-{uuid.uuid4().hex}"}
    events = [event, event, {**event, "end": True}]
    assert [call(name, one).value for one in events] == [[1, False], [2, "1"], [3, "2"]]


@pytest.mark.cites(f"{RUNTIME_PAGE}#runtimes-lifecycle-invoke")
def test_tmp_is_the_environment_s_own(deploy: Any, call: Any) -> None:
    """Each execution environment provides … disk space in the `/tmp` directory, no other function's."""
    code = (
        "import os, pathlib\ndef handle(event, context):\n    file = pathlib.Path('/tmp', event['file'])\n"
        "    if event['do'] == 'make': file.touch()\n    found = os.listdir('/tmp')\n"
        "    if event['do'] == 'end': file.unlink(missing_ok=True)\n    return found\n"
    )
    one, other = deploy(code), deploy(code)
    file = f"mine-{uuid.uuid4().hex}"
    made = call(one, {"do": "make", "file": file}).value
    seen = call(other, {"do": "look", "file": file}).value
    call(one, {"do": "end", "file": file})
    assert (made, seen) == ([file], [])


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-common.html")
def test_the_code_s_folder_is_current_and_read_only(deploy: Any, call: Any) -> None:
    """The code is at LAMBDA_TASK_ROOT; /tmp is the only folder that can be written."""
    name = deploy(
        "import os\ndef handle(event, context):\n    try:\n        open('/var/task/new', 'w').close()\n"
        "        wrote = True\n    except OSError:\n        wrote = False\n"
        "    return [os.getcwd(), __file__, wrote]\n"
    )
    assert call(name).value == ["/var/task", "/var/task/main.py", False]


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html")
def test_tmp_is_as_large_as_was_asked_for(deploy: Any, call: Any) -> None:
    """By default, Lambda allocates 512 MB for `/tmp`: more is ENOSPC, `No space left on device`."""
    name = deploy(
        "import errno, os\ndef handle(event, context):\n    written = 0\n    try:\n"
        "        with open('/tmp/full', 'wb', buffering=0) as file:\n"
        "            while written < 700:\n                written += file.write(bytes(2**20)) // 2**20\n"
        "    except OSError as error:\n        return [errno.errorcode[error.errno], written]\n"
        "    finally:\n        os.unlink('/tmp/full')\n    return [None, written]\n",
        MemorySize=1024, Timeout=60,
    )  # fmt: skip
    kind, written_mb = call(name).value
    assert kind == "ENOSPC"
    assert 480 <= written_mb <= 540


@pytest.mark.cites(f"{RUNTIME_PAGE}#runtimes-lifecycle-ib")
def test_a_start_of_more_than_10_s_is_tried_again(deploy: Any, call: Any) -> None:
    """The Init phase is limited to 10 seconds. If … not … Lambda retries the Init phase at the time of the first
    function invocation with the configured function timeout."""
    code = "import time\ntime.sleep(11)\ndef handle(event, context): return event\n"
    assert call(deploy(code, Timeout=25), "after two starts").value == "after two starts"
    answer = call(deploy(code, Timeout=2))
    assert answer.error == "Unhandled"
    assert "timed out after 2.00 seconds" in answer.value["errorMessage"]
