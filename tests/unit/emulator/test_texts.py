"""Lambda's words: errors, log lines, the environment, what a sandbox profile may hold."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest

from services_ai_sdk.emulator import answers, log_texts
from services_ai_sdk.emulator.environment import Places, worker_environment
from services_ai_sdk.emulator.spec import Artifact, Credentials, FunctionSpec, SandboxProfile

ID = "8f5ff6d1-0000-4000-8000-000000000001"
PREFIX = f"RequestId: {ID} Error:"


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        (answers.timed_out(ID, 3), "Sandbox.Timedout", f"{PREFIX} Task timed out after 3.00 seconds"),
        (answers.timed_out(ID, 900), "Sandbox.Timedout", f"{PREFIX} Task timed out after 900.00 seconds"),
        (answers.out_of_memory(ID), "Runtime.OutOfMemory",
         f"RequestId: {ID} Error: Runtime exited with error: signal: killed"),
        (answers.exited(ID, 0), "Runtime.ExitError", f"{PREFIX} Runtime exited without providing a reason"),
        (answers.exited(ID, 1), "Runtime.ExitError",
         f"RequestId: {ID} Error: Runtime exited with error: exit status 1"),
        (answers.exited(ID, 128), "Runtime.ExitError",
         f"RequestId: {ID} Error: Runtime exited with error: exit status 128"),
        (answers.exited(ID, 137), "Runtime.ExitError",
         f"RequestId: {ID} Error: Runtime exited with error: signal: killed"),
        (answers.exited(ID, 139), "Runtime.ExitError",
         f"RequestId: {ID} Error: Runtime exited with error: signal: segmentation fault"),
        (answers.exited(ID, 143), "Runtime.ExitError",
         f"RequestId: {ID} Error: Runtime exited with error: signal: terminated"),
        (answers.exited(ID, 255), "Runtime.ExitError",
         f"RequestId: {ID} Error: Runtime exited with error: exit status 255"),
        (answers.response_too_large(7_000_002), "Function.ResponseSizeTooLarge",
         "Response payload size (7000002 bytes) exceeded maximum allowed payload size (6291556 bytes)."),
    ],
)  # fmt: skip
def test_failures(failure: answers.Failure, kind: str, message: str) -> None:
    assert json.loads(failure.payload()) == {"errorType": kind, "errorMessage": message}


def test_report_of_a_cold_call() -> None:
    assert log_texts.end(ID, 12.3456, 100.2, 128, 40) == [
        f"END RequestId: {ID}",
        (
            f"REPORT RequestId: {ID}\tDuration: 12.35 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 40 MB\tInit Duration: 100.20 ms\t"
        ),
    ]


def test_report_of_a_warm_call() -> None:
    assert log_texts.end(ID, 0.2, 0.0, 1024, 40)[1] == (
        f"REPORT RequestId: {ID}\tDuration: 0.20 ms\tBilled Duration: 1 ms\tMemory Size: 1024 MB\t"
        "Max Memory Used: 40 MB\t"
    )


def test_trace_id_has_x_rays_shape() -> None:
    trace = log_texts.trace_id(str(uuid.uuid4()), 1_700_000_000_123)
    assert re.fullmatch(r"Root=1-6553f100-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", trace)


def spec(**changes: Any) -> FunctionSpec:
    values: dict[str, Any] = {
        "function_name": "f", "function_arn": "arn:f", "version": "3", "revision": "r", "handler": "m.h",
        "runtime": "python3.12", "timeout_s": 3, "memory_mb": 256, "environment": {},
        "code": Artifact("0" * 64, None),  # type: ignore[arg-type]
        "layers": (), "log_group": "/aws/lambda/f", "role_arn": "arn:r", "region": "eu-west-1",
    }  # fmt: skip
    return FunctionSpec(**{**values, **changes})


def environment(**own: str) -> dict[str, str]:
    return worker_environment(
        spec(environment=own), Credentials("key", "secret", "token"), "2026/01/01/[3]abc", Places(), "3.12"
    )


def test_environment_is_lambdas() -> None:
    found = environment()
    libraries = found.pop("LD_LIBRARY_PATH").split(":")
    assert found == {
        "AWS_ACCESS_KEY_ID": "key", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "3",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[3]abc", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_REGION": "eu-west-1", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
        "LAMBDA_RUNTIME_DIR": "/var/runtime", "LAMBDA_TASK_ROOT": "/var/task", "LANG": "en_US.UTF-8",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PYTHONPATH": "/var/task:/opt/python/lib/python3.12/site-packages:/opt/python:/var/runtime",
        "TZ": ":UTC", "_HANDLER": "m.h",
    }  # fmt: skip
    # The system's before the runtime's, the runtime's before the function's.
    own = ["/var/runtime", "/var/runtime/lib", "/var/task", "/var/task/lib", "/opt/lib"]
    assert libraries[:3] == ["/var/lang/lib", "/lib64", "/usr/lib64"]
    assert libraries[-5:] == own
    assert [folder for folder in libraries[3:-5] if not folder.startswith("/usr/lib/")] == []


def test_own_variables_come_along_but_do_not_replace() -> None:
    found = environment(MINE="1", AWS_ACCESS_KEY_ID="forged", PATH="/evil")
    assert found["MINE"] == "1"
    assert found["AWS_ACCESS_KEY_ID"] == "key"
    assert found["PATH"].startswith("/var/lang/bin:")


def test_secrets_do_not_show_in_a_repr() -> None:
    assert "secret" not in repr(Credentials("key", "secret", "token")).replace("secret_access_key", "")
    assert "token" not in repr(Credentials("key", "secret", "token")).replace("session_token", "")


def test_profile_from_json() -> None:
    assert SandboxProfile.from_mapping({}) == SandboxProfile()
    assert SandboxProfile.from_mapping({"processes_max": 8, "network": "none"}) == SandboxProfile(processes_max=8)


@pytest.mark.parametrize(
    "data",
    [
        {"processes_max": 0}, {"processes_max": 7}, {"processes_max": 4097}, {"tmp_size_mb": -1},
        {"tmp_size_mb": 0},
        {"open_files_max": 1}, {"processes_max": "64"}, {"processes_max": 64.0}, {"processes_max": True},
        {"tmp_size_mb": None}, {"tmp_size_mb": [512]}, {"open_files_max": float("inf")}, {"tmp_size_mb": 10**30},
    ],
)  # fmt: skip
def test_profile_that_holds_something_else(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(data))):
        SandboxProfile.from_mapping(data)
