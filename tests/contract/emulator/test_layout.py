"""What a function finds: its files, layers, Python, environment; for every Python that is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.emulator.spec import SandboxProfile
from tests.contract.emulator.emulators import Emulator

LAMBDA_NAMES = [
    "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TZ", "_HANDLER",
    "PWD",  # set by changing to the code's folder
    "_X_AMZN_TRACE_ID",  # set by AWS's runtime client
]  # fmt: skip


def told(emulator: Emulator, minor: str, **changes: Any) -> dict[str, Any]:
    name = f"tells-{minor.replace('.', '-')}-{len(changes)}{getattr(changes.get('profile'), 'network', '')}"
    emulator.add(name, handler="layout.tells", runtime=f"python{minor}", **changes)
    answer = emulator.call(name)
    assert answer.error is None, answer.payload
    value: dict[str, Any] = answer.value
    return value


def test_python_is_the_one_asked_for_and_a_copy(emulator: Emulator, minor: str) -> None:
    found = told(emulator, minor)
    assert found["version"] == minor
    assert found["prefix"] == "/var/lang"
    assert found["executable"] == f"/var/lang/bin/python{minor}"


def test_sys_path_is_lambdas(emulator: Emulator, minor: str) -> None:
    assert told(emulator, minor)["sys_path"] == [
        "/var/task",
        f"/opt/python/lib/python{minor}/site-packages",
        "/opt/python",
        "/var/runtime",
        f"/var/lang/lib/python{minor.replace('.', '')}.zip",
        f"/var/lang/lib/python{minor}",
        f"/var/lang/lib/python{minor}/lib-dynload",
    ]


@pytest.mark.parametrize(
    ("network", "more"),
    [
        ("none", {}),
        ("hosts", {"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "127.0.0.1,localhost"}),
        ("internet", {"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "127.0.0.1,localhost"}),
    ],
)
def test_environment_is_exactly_lambdas_and_the_functions_own(
    emulator: Emulator, minor: str, network: str, more: dict[str, str]
) -> None:
    own = {"OWN": "a value with spaces, = and ä", "EMPTY": ""}
    profile = SandboxProfile(network=network, hosts=("api.example.com",))
    forged = dict.fromkeys(more, "the function's own does not count")
    environment = told(emulator, minor, environment=own | forged, profile=profile)["environment"]
    # LC_CTYPE is Python's own, where the system has no English locale (PEP 538).
    environment.pop("LC_CTYPE", None)
    assert sorted(environment) == sorted([*LAMBDA_NAMES, *own, *more])
    assert {name: environment[name] for name in more} == more
    assert {name: environment[name] for name in own} == own
    name = environment["AWS_LAMBDA_FUNCTION_NAME"]
    expected = {
        "AWS_ACCESS_KEY_ID": f"AKIA{name}",
        "AWS_SECRET_ACCESS_KEY": f"secret of {name}",
        "AWS_SESSION_TOKEN": "token",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{minor}",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_REGION": "us-east-1",
        "LAMBDA_TASK_ROOT": "/var/task",
        "TZ": ":UTC",
        "_HANDLER": "layout.tells",
    }
    assert {key: environment[key] for key in expected} == expected


def test_functions_own_variables_cannot_replace_lambdas(emulator: Emulator) -> None:
    forged = {"AWS_ACCESS_KEY_ID": "AKIAsomebody", "_HANDLER": "other.handle", "LD_LIBRARY_PATH": "/tmp"}
    environment = told(emulator, "3.11", environment=forged, memory_mb=129)["environment"]
    assert environment["AWS_ACCESS_KEY_ID"].startswith("AKIAtells")
    assert environment["_HANDLER"] == "layout.tells"
    assert environment["LD_LIBRARY_PATH"].startswith("/var/lang/lib:")


def test_variables_do_not_act_outside_the_sandbox(emulator: Emulator) -> None:
    """bubblewrap itself must not see them: LD_PRELOAD would be loaded on the host."""
    emulator.add("preload", handler="faults.echo", environment={"LD_PRELOAD": "/absent.so", "BWRAP": "1"})
    pid = emulator.call("preload", {}).pid
    outer = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    assert Path(f"/proc/{outer}/environ").read_bytes() == b""


def test_place_of_the_code(emulator: Emulator) -> None:
    found = told(emulator, "3.11")
    assert (found["cwd"], found["file"]) == ("/var/task", "/var/task/layout.py")
    assert set(found["root"]) <= {
        "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "proc", "tmp", "usr", "var",
    }  # fmt: skip


def test_host_packages_are_not_importable(emulator: Emulator, minor: str) -> None:
    emulator.add(f"finds-{minor.replace('.', '-')}", handler="layout.finds", runtime=f"python{minor}")
    found = emulator.call(
        f"finds-{minor.replace('.', '-')}", ["pytest", "pip", "moto", "services_ai_sdk", "uvloop", "boto3", "json"]
    ).value
    assert [found[name] for name in ("pytest", "pip", "moto", "services_ai_sdk", "uvloop")] == [None] * 5
    assert found["boto3"] == "/var/runtime/boto3/__init__.py"
    assert found["json"] == f"/var/lang/lib/python{minor}/json/__init__.py"


def test_layers_are_merged_and_the_later_wins(emulator: Emulator) -> None:
    first = {
        "python/both.py": "name = 'first'",
        "python/only_first.py": "name = 'only first'",
        "data/first.txt": "1",
        "python/lib/python3.11/site-packages/both_places.py": "name = 'site-packages'",
        "python/both_places.py": "name = 'python'",
        "bin/tool": "#!/bin/sh\necho ran\n",
    }
    second = {"python/both.py": "name = 'second'", "data/second.txt": "2"}
    code = (
        "import both, only_first, both_places, shadowed, os\n"
        "def handle(event, context):\n"
        "    return [both.name, only_first.name, both_places.name, shadowed.name, sorted(os.listdir('/opt/data'))]"
    )
    emulator.add(
        "layered",
        {"main.py": code, "shadowed.py": "name = 'task'"},
        layers=[{**first, "python/shadowed.py": "name = 'layer'"}, second],
    )
    assert emulator.call("layered").value == [
        "second",
        "only first",
        "site-packages",
        "task",
        ["first.txt", "second.txt"],
    ]


def test_no_layers_no_opt(emulator: Emulator) -> None:
    emulator.add("bare", handler="layout.lists")
    assert emulator.call("bare", "/opt").value == []


def test_layers_in_the_other_order(emulator: Emulator) -> None:
    """The same two layers: what one function merged must not show in another."""
    layers = [{"python/who.py": "name = 'a'"}, {"python/who.py": "name = 'b'"}]
    code = "import who\ndef handle(event, context): return who.name"
    emulator.add("a-then-b", code, layers=layers)
    emulator.add("b-then-a", code, layers=layers[::-1])
    assert (emulator.call("a-then-b").value, emulator.call("b-then-a").value) == ("b", "a")


def test_everything_but_tmp_is_read_only(emulator: Emulator) -> None:
    emulator.add("writer", handler="layout.writes", layers=[{"python/x.py": ""}])
    places = [
        "/var/task/layout.py", "/var/task/new.py", "/opt/new", "/opt/python/x.py", "/var/runtime/new",
        "/var/lang/new",
        "/var/lang/bin/python3.11", "/var/rapid/init.py", "/etc/passwd", "/etc/new", "/usr/bin/new", "/new",
        "/var/new", "/proc/sys/kernel/hostname",
    ]  # fmt: skip
    said = emulator.call("writer", [*places, "/tmp/new", "/dev/null"]).value
    assert {said[place] for place in places} <= {"Read-only file system", "Permission denied"}
    assert (said["/tmp/new"], said["/dev/null"]) == ("written", "written")


def test_tmp_is_a_workers_own_and_lasts(emulator: Emulator) -> None:
    for name in ("keeper", "other-keeper"):
        emulator.add(name, handler="layout.keeps_in_tmp")
    assert emulator.call("keeper", {"name": "a"}).value == ["a"]
    assert emulator.call("keeper", {"name": "b"}).value == ["a", "b"]
    assert emulator.call("other-keeper", {"name": "c"}).value == ["c"]
    emulator.add("keeper", handler="layout.keeps_in_tmp", revision="2")
    assert emulator.call("keeper", {"name": "d"}).value == ["d"]


def test_tmp_has_the_size_of_the_profile(emulator: Emulator) -> None:
    emulator.add("filler", handler="layout.fills_tmp", profile=SandboxProfile(tmp_size_mb=8), memory_mb=256)
    assert emulator.call("filler", {"mb": 7}).value == "fits"
    assert emulator.call("filler", {"mb": 9}).value == "No space left on device"


def test_limits_are_the_profiles(emulator: Emulator) -> None:
    emulator.add("limited", handler="layout.limits", profile=SandboxProfile(processes_max=9, open_files_max=77))
    assert emulator.call("limited").value == {
        "RLIMIT_NOFILE": [77, 77],
        "RLIMIT_NPROC": [9, 9],
        "RLIMIT_CORE": [0, 0],
        "RLIMIT_FSIZE": [513 << 20, 513 << 20],
        # A call that burns time ends by its Timeout.
        "RLIMIT_CPU": [-1, -1],
    }


def test_devices(emulator: Emulator) -> None:
    emulator.add("devices", handler="layout.devices")
    assert set(emulator.call("devices").value.values()) == {True}


@pytest.mark.parametrize("shadow", ["site.py", "json.py", "awslambdaric/__init__.py", "signal.py", "logging.py"])
def test_code_of_the_function_runs_only_within_its_limits(emulator: Emulator, shadow: str) -> None:
    """A module that shadows what the runtime imports must not run before the limits hold."""
    name = f"shadows-{shadow.partition('.')[0].replace('/', '-')}"
    spy = (
        "import resource as _resource, builtins as _builtins\n"
        "_builtins.seen = _resource.getrlimit(_resource.RLIMIT_NPROC)[0]\n"
    )
    code = "import builtins\ndef handle(event, context): return getattr(builtins, 'seen', None)"
    emulator.add(name, {"main.py": code, shadow: spy}, profile=SandboxProfile(processes_max=33))
    answer = emulator.call(name)
    assert answer.error is None, answer.payload
    assert answer.value in (None, 33)


def test_libraries_of_the_function_do_not_replace_the_systems(emulator: Emulator) -> None:
    """What Python itself is linked with comes from the system, as on Lambda."""
    broken = {f"{folder}{name}": b"not ELF" for folder in ("", "lib/") for name in ("libc.so.6", "libm.so.6")}
    emulator.add("own-libc", {"main.py": "def handle(event, context): return 'ran'", **broken})
    answer = emulator.call("own-libc")
    assert answer.value == "ran"


def test_libraries_of_function_and_layer_are_found(emulator: Emulator) -> None:
    """By the loader, through LD_LIBRARY_PATH: a broken one is found and refused, an absent one is not found."""
    code = (
        "import ctypes\n"
        "def handle(event, context):\n"
        "    said = []\n"
        "    for name in ('libtask.so', 'libtasklib.so', 'liblayer.so', 'libabsent.so'):\n"
        "        try: ctypes.CDLL(name)\n"
        "        except OSError as error: said.append(str(error))\n"
        "    return said\n"
    )
    emulator.add(
        "libraries",
        {"main.py": code, "libtask.so": b"x", "lib/libtasklib.so": b"x"},
        layers=[{"lib/liblayer.so": b"x"}],
    )
    assert emulator.call("libraries").value == [
        "/var/task/libtask.so: file too short",
        "/var/task/lib/libtasklib.so: file too short",
        "/opt/lib/liblayer.so: file too short",
        "libabsent.so: cannot open shared object file: No such file or directory",
    ]
