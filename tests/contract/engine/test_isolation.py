"""What a function tries and may not: files, network, processes, kernel, other functions; and what it sees."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

PROBE = """
import ctypes, os, socket, subprocess, sys, urllib.error, urllib.request

def attempt(run):
    try:
        return ["done", repr(run())[:200]]
    except BaseException as error:
        return ["refused", f"{type(error).__name__}: {error}"[:200]]

def connect(kind, address):
    with socket.socket(socket.AF_INET, kind) as opened:
        opened.settimeout(2)
        opened.connect(address)
        opened.send(b"x")
        return opened.recv(10) if kind == socket.SOCK_STREAM else "sent"

def system_call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "ok"

def handle(event, context):
    what, argument = event["what"], event.get("argument")
    if what == "read": return attempt(lambda: open(argument, "rb").read(100))
    if what == "list": return attempt(lambda: os.listdir(argument))
    if what == "write": return attempt(lambda: open(argument, "w").write("x"))
    if what == "tcp": return attempt(lambda: connect(socket.SOCK_STREAM, tuple(argument)))
    if what == "udp": return attempt(lambda: connect(socket.SOCK_DGRAM, tuple(argument)))
    if what == "kill": return attempt(lambda: os.kill(argument, 9))
    if what == "syscall": return attempt(lambda: system_call(*argument))
    if what == "setuid": return attempt(lambda: os.setuid(0))
    if what == "import": return attempt(lambda: __import__(argument).__file__)
    if what == "bind unix": return attempt(lambda: socket.socket(socket.AF_UNIX).bind(argument))
    if what == "connect unix": return attempt(lambda: socket.socket(socket.AF_UNIX).connect(argument))
    if what == "facts":
        return {
            "uid": os.getuid(), "pid": os.getpid(), "cwd": os.getcwd(), "root": sorted(os.listdir("/")),
            "pids": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
            "environment": dict(os.environ), "path": sys.path, "tmp": os.listdir("/tmp"),
            "interfaces": [name for _, name in socket.if_nameindex()],
            "fds": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd.isdigit()
                          and os.path.exists(f"/proc/self/fd/{fd}")),
        }
    if what == "aws":
        request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + "/anything", headers=argument)
        try:
            return [200, urllib.request.urlopen(request).read().decode()]
        except urllib.error.HTTPError as error:
            return [error.code, error.read().decode()]
"""


@pytest.fixture(scope="module")
def probe(cloud: Any) -> str:
    name: str = cloud.function(PROBE, environment={"OWN": "1"})
    return name


def attempt(cloud: Any, name: str, what: str, argument: Any = None) -> list[str]:
    found: list[str] = cloud.value(name, {"what": what, "argument": argument})
    return found


@pytest.mark.parametrize(
    "path", ["/root", "/home", "/work", "/var/tmp", "/var/lib", "/opt", "/sys", "/boot", "/usr/local"]
)
def test_no_folder_of_the_host_can_be_listed(cloud: Any, probe: str, path: str) -> None:
    how, what = attempt(cloud, probe, "list", path)
    assert how == "refused" or what == "[]", what


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/hostname", "/proc/kcore", "/dev/sda", "/dev/mem"])
def test_no_file_of_the_host_can_be_read(cloud: Any, probe: str, path: str) -> None:
    assert attempt(cloud, probe, "read", path)[0] == "refused"


@pytest.mark.parametrize(
    "path",
    ["/var/task/new.py", "/var/task/main.py", "/opt/x", "/var/runtime/x", "/var/lang/lib/x", "/usr/bin/x",
     "/etc/passwd",
     "/x", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"],
)  # fmt: skip
def test_nothing_but_tmp_can_be_written(cloud: Any, probe: str, path: str) -> None:
    assert attempt(cloud, probe, "write", path)[0] == "refused"


def test_tmp_is_the_workers_own(cloud: Any, probe: str) -> None:
    assert attempt(cloud, probe, "write", "/tmp/mine")[0] == "done"
    assert not Path("/tmp/mine").exists()
    other = cloud.function(PROBE)
    assert cloud.value(other, {"what": "facts"})["tmp"] == []


def test_the_hosts_loopback_is_out_of_reach(cloud: Any, probe: str) -> None:
    reached = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(3)

        def accept() -> None:
            try:
                listener.accept()
            except OSError:
                return
            reached.set()

        thread = threading.Thread(target=accept)
        thread.start()
        how, _ = attempt(cloud, probe, "tcp", ["127.0.0.1", listener.getsockname()[1]])
        assert how == "refused"
        thread.join()
    assert not reached.is_set()


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("address", ["192.0.2.1", "169.254.169.254"])
def test_no_other_address_is_reachable(cloud: Any, probe: str, kind: str, address: str) -> None:
    assert attempt(cloud, probe, kind, [address, 80])[0] == "refused"


def test_it_sees_its_own_processes_user_and_network_alone(cloud: Any, probe: str) -> None:
    facts = cloud.value(probe, {"what": "facts"})
    assert facts["uid"] == 993
    assert len(facts["pids"]) <= 3, "bubblewrap's first process and its own"
    assert facts["interfaces"] == ["lo"]
    assert facts["cwd"] == "/var/task"
    assert set(facts["root"]) <= {"bin", "dev", "etc", "lib", "lib64", "opt", "proc", "tmp", "usr", "var"}
    assert not [
        fd for fd in facts["fds"] if fd.startswith("/") and not fd.startswith(("/dev/", "/proc/", "/var/"))
    ]


def test_a_process_of_the_host_cannot_be_killed(cloud: Any, probe: str) -> None:
    assert attempt(cloud, probe, "kill", os.getpid())[0] == "refused"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are x86_64's")
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("ptrace", [101, 0, 0, 0, 0]),
        ("mount", [165, 0, 0, 0, 0, 0]),
        ("unshare a user namespace", [272, 0x10000000]),
        ("bpf", [321, 0, 0, 0]),
        ("keyctl", [250, 0, 0]),
        ("userfaultfd", [323, 0]),
        ("io_uring_setup", [425, 1, 0]),
        ("perf_event_open", [298, 0, 0, -1, -1, 0]),
        ("kexec_load", [246, 0, 0, 0, 0]),
        ("chroot", [161, 0]),
    ],
)
def test_what_python_never_needs_is_filtered(cloud: Any, probe: str, name: str, call: list[int]) -> None:
    how, what = attempt(cloud, probe, "syscall", call)
    assert how == "refused", name
    assert "Operation not permitted" in what


def test_it_cannot_become_root(cloud: Any, probe: str) -> None:
    assert attempt(cloud, probe, "setuid")[0] == "refused"


@pytest.mark.parametrize("module", ["moto", "pytest", "uvloop", "services_ai_sdk", "pip", "yaml"])
def test_packages_of_this_environment_are_not_importable(cloud: Any, probe: str, module: str) -> None:
    assert attempt(cloud, probe, "import", module)[0] == "refused"


@pytest.mark.parametrize("module", ["boto3", "sqlite3", "ssl", "ctypes", "zoneinfo"])
def test_what_lambda_has_is_importable(cloud: Any, probe: str, module: str) -> None:
    how, what = attempt(cloud, probe, "import", module)
    assert how == "done", what
    assert "/var/runtime/" in what or "/var/lang/" in what


def test_functions_share_no_sockets(cloud: Any, probe: str) -> None:
    other = cloud.function(PROBE)
    assert attempt(cloud, probe, "bind unix", "\0shared")[0] == "done"
    assert attempt(cloud, other, "connect unix", "\0shared")[0] == "refused"


def test_the_environment_is_exactly_lambdas(cloud: Any, probe: str) -> None:
    environment = cloud.value(probe, {"what": "facts"})["environment"]
    assert set(environment) == {
        "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "OWN", "PATH", "PWD",
        "PYTHONPATH", "TZ", "_HANDLER", "_X_AMZN_TRACE_ID",
    }  # fmt: skip
    assert environment["AWS_ACCESS_KEY_ID"] == f"AKIA{probe}"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_it_reaches_aws_as_itself_and_as_nobody_else(cloud: Any, probe: str) -> None:
    def signed(key: str) -> dict[str, str]:
        scope = f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request, Signature=0"
        return {"Authorization": scope}

    status, body = cloud.value(probe, {"what": "aws", "argument": signed(f"AKIA{probe}")})
    assert (status, body) == (200, f'{{"identity": "{probe}", "path": "/anything"}}')
    other = cloud.function(PROBE)
    for headers in (signed(f"AKIA{other}"), signed("AKIASOMEBODY"), {}):
        status, body = cloud.value(probe, {"what": "aws", "argument": headers})
        assert status == 403, body


def test_code_layers_and_search_path_are_as_on_lambda(cloud: Any) -> None:
    name = cloud.function(
        """
import sys, top, both, nested
def handle(event, context):
    return {"path": sys.path[:4], "both": both.WHO, "top": top.__file__, "nested": nested.__file__,
            "data": open("/opt/data.txt").read()}
""",
        layers=(
            {"python/both.py": "WHO = 1", "python/top.py": "", "data.txt": "one"},
            {"python/both.py": "WHO = 2", "python/lib/python3.11/site-packages/nested.py": "", "data.txt": "two"},
        ),
    )
    found = cloud.value(name)
    site = "/opt/python/lib/python3.11/site-packages"
    assert found["path"] == [
        "/var/task",
        "/opt/python/lib/python3.11/site-packages",
        "/opt/python",
        "/var/runtime",
    ]
    assert found["both"] == 2, "a later layer wins"
    assert found["data"] == "two"
    assert found["top"] == "/opt/python/top.py"
    assert found["nested"] == f"{site}/nested.py"


def test_code_is_compiled_when_it_is_unpacked(cloud: Any) -> None:
    name = cloud.function("import part\ndef handle(e, c): return part.__cached__", files={"part.py": "x = 1"})
    cached = cloud.value(name)
    assert cached == "/var/task/__pycache__/part.cpython-311.pyc"
    other = cloud.function(
        "import os\ndef handle(e, c): return os.path.exists('/var/task/__pycache__/part.cpython-311.pyc')",
        files={"part.py": "x = 1"},
    )
    assert cloud.value(other) is True


def test_forks_end_at_the_profiles_limit(cloud: Any) -> None:
    name = cloud.function(
        """
import os, time
def handle(event, context):
    children = []
    try:
        for _ in range(500):
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return len(children)
"""
    )
    assert cloud.value(name) < 64
    assert cloud.value(name) < 64
