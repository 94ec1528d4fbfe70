"""A function that wants out: files, network, processes, kernel, other functions."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse
from services_ai_sdk.emulator.spec import SandboxProfile
from tests.contract.emulator.emulators import Answer, Emulator, shared_store


class Identities:
    """A middleware that remembers who sent what."""

    def __init__(self) -> None:
        self.seen: list[tuple[str | None, str]] = []

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        self.seen.append((request.identity.function_name if request.identity else None, request.target))
        return await forward(request)


IDENTITIES = Identities()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    started = Emulator(tmp_path_factory.mktemp("code"), middleware=[IDENTITIES])
    yield started
    started.close()


def run(emulator: Emulator, handler: str, event: Any = None, **changes: Any) -> Any:
    answer = emulator.run(handler, event, **changes)
    assert answer.error is None, answer.payload
    return answer.value


def test_files_of_the_host(emulator: Emulator, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody but me")
    places = ["/root", "/home", str(Path.home()), str(shared_store()), str(tmp_path), str(secret), "/etc/shadow",
              "/etc/hostname", "/etc/machine-id", "/boot", "/sys", "/run", "/srv", "/mnt", "/var/log", "/var/lib",
              str(Path(__file__))]  # fmt: skip
    found = run(emulator, "isolation.sees", places)
    assert {place: found[place] for place in places if found[place] not in ("ENOENT", "EACCES", "EPERM")} == {}
    assert run(emulator, "isolation.sees", ["/etc"])["/etc"] == sorted(
        name for name in ("alternatives", "group", "hosts", "ld.so.cache", "nsswitch.conf", "passwd", "ssl")
        if Path("/etc", name).exists()
    )  # fmt: skip
    assert "sbx_user" in run(emulator, "isolation.sees", ["/etc/passwd"])["/etc/passwd"]


def test_code_of_another_function_is_nowhere(emulator: Emulator) -> None:
    emulator.add("owner", {"main.py": "TEXT = 'a-very-private-text'\ndef handle(e, c): return TEXT"})
    assert emulator.call("owner").value == "a-very-private-text"
    assert run(emulator, "isolation.walks", {"text": "a-very-private-text"}) == []
    # The search does find what is the function's own.
    assert run(emulator, "isolation.walks", {"text": "Every file of the tree"}) == [
        "/var/task/isolation.py",
        "/var/task/__pycache__/isolation.cpython-311.pyc",
    ]


def test_network_of_the_host(emulator: Emulator) -> None:
    abstract = f"services-ai-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as named,
    ):
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        tcp.setblocking(False)
        named.bind("\0" + abstract)
        named.listen()
        event = {
            "tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "abstract": abstract, "text": "out",
        }  # fmt: skip
        said = run(emulator, "isolation.connects", event)
        with pytest.raises(BlockingIOError):
            tcp.accept()
        with pytest.raises(BlockingIOError):
            udp.recv(10)
    # Within its own namespace a datagram to its own loopback may be sent; nobody is there.
    assert said.pop("udp loopback") in ("sent", "ECONNREFUSED")
    assert said.pop("interfaces") == ["lo"]
    assert set(said.values()) <= {"ECONNREFUSED", "ENETUNREACH", "EADDRNOTAVAIL", "EPERM"}, said


def test_processes_of_the_host(emulator: Emulator) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        try:
            found = run(emulator, "isolation.processes", {"pid": victim.pid})
            assert victim.poll() is None
        finally:
            assert victim.stdin is not None
            victim.stdin.close()
    assert found["kill"] == "ESRCH"
    assert found["kill all"] in ("ESRCH", "EPERM", None)
    assert found["seen"] == sorted({1, found["own"]})
    assert found["init's environment"] in ("EACCES", "EPERM", "")
    assert found["init's memory"] in ("EACCES", "EPERM", "EIO")
    assert found["init's files"] == ["/dev/null", "anon_inode:[eventfd]", "pipe", "pipe"]
    assert found["init's root"] == found["root"]
    # None of the engine's, the channel least of all: its output, and the runtime client's pair and connection.
    assert found["files"] == ["/dev/null", "pipe", "pipe", *["socket"] * 3]
    ours = {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in found["namespaces"]}
    shared = {name for name in ours if ours[name] == found["namespaces"][name]}
    assert shared <= {"time", "time_for_children", "cgroup"}


def test_kernel_and_privileges(emulator: Emulator) -> None:
    said = run(emulator, "isolation.privileged")
    refusals = {"EPERM", "EACCES", "EROFS", "ENOENT", "ENOSYS", "EINVAL", "EAFNOSUPPORT", "ESRCH"}
    assert {what: outcome for what, outcome in said.items() if outcome not in refusals} == {}
    # These have to be refused by what they are, not by a wrong argument.
    for what in (
        "mount",
        "umount",
        "unshare user",
        "unshare net",
        "setns",
        "ptrace",
        "chroot",
        "process_vm_readv",
        "personality",
        "new namespace by clone",
        "open_by_handle_at",
        "pivot_root",
        "fsopen",
        "kexec",
        "init_module",
        "clock",
        "pidfd_getfd",
        "modify_ldt",
    ):
        assert said.get(what, "EPERM") == "EPERM", what
    if os.uname().machine == "x86_64":
        assert (said["clone3"], said["x32"]) == ("ENOSYS", "ENOSYS")
        assert len(said) == 39
    assert {said[f"{family} socket"] for family in ("netlink", "packet", "alg")} == {"EAFNOSUPPORT"}


def test_no_capabilities_no_new_privileges_and_a_filter(emulator: Emulator) -> None:
    assert run(emulator, "isolation.status") == {
        **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16),
        "NoNewPrivs": "1",
        "Seccomp": "2",
    }


def test_set_uid_programs_do_not_help(emulator: Emulator) -> None:
    assert run(emulator, "isolation.set_uid_program") is False


def test_fork_bomb_is_bounded(emulator: Emulator) -> None:
    started, why = run(
        emulator, "isolation.bombs", {"most": 100}, profile=SandboxProfile(processes_max=20), memory_mb=512
    )
    assert started < 20
    assert why == "EAGAIN"


def test_two_functions_share_nothing(emulator: Emulator) -> None:
    for name in ("meets-a", "meets-b"):
        emulator.add(name, handler="isolation.leaves")
    first = emulator.call("meets-a", {"mark": "left-by-a"}).value
    second = emulator.call("meets-b", {"mark": "left-by-b"}).value
    assert first == second
    assert "left-by-a" not in json.dumps(second)
    assert (second["abstract"], second["shared memory"]) == (None, "ENOENT")


def test_each_function_is_another_user(emulator: Emulator) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start processes as other users")
    users = []
    for name in ("user-a", "user-b"):
        emulator.add(name, handler="isolation.status")
        pid = emulator.call(name).pid
        users.append(Path(f"/proc/{pid}").stat().st_uid)
    assert len(set(users)) == 2
    assert 0 not in users


def aws(emulator: Emulator, name: str, event: dict[str, Any]) -> tuple[int, str]:
    if (name, None) not in emulator.functions.specs:
        emulator.add(name, handler="isolation.calls_aws")
    answer: Answer = emulator.call(name, event)
    assert answer.error is None, answer.payload
    status, body = answer.value
    return status, body


def test_own_key_passes_and_carries_the_identity(emulator: Emulator) -> None:
    status, body = aws(emulator, "aws-own", {"target": "/bucket/a%2Fb?list-type=2"})
    assert status == 200
    assert json.loads(body)["line"] == "GET /bucket/a%2Fb?list-type=2 HTTP/1.1"
    assert IDENTITIES.seen[-1] == ("aws-own", "/bucket/a%2Fb?list-type=2")


@pytest.mark.parametrize(
    "event",
    [
        {"key": "AKIAaws-other"},
        {"key": "local"},
        {"signed": False},
        {
            "signed": False,
            "target": "/b/k?X-Amz-Credential=AKIAaws-other%2F20250101%2Fus-east-1%2Fs3%2Faws4_request",
        },
        {"signed": False, "headers": {"Authorization": "AWS4-HMAC-SHA256 Credential=/x"}},
        # Whoever answers may take the last key, or one in the address, where the front took the first.
        {
            "signed": False,
            "headers": {
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAaws-own/20250101/us-east-1/s3/"
                "aws4_request, SignedHeaders=host, Signature=AKIA1234567890123456/"
            },
        },
        {
            "headers": {
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAaws-own/20250101/us-east-1/s3/aws4_request, "
                "SignedHeaders=host, Signature=00, AKIA1234567890123456/"
            },
            "signed": False,
        },
        {"signed": False, "headers": {"Authorization": "X AKIA1234567890123456/ Credential=AKIAaws-own/a"}},
        {"target": "/b/k?X-Amz-Credential=AKIAaws-other%2F20250101%2Fus-east-1%2Fs3%2Faws4_request"},
        {"target": "/b/k?AWSAccessKeyId=AKIAaws-other"},
        {"signed": False, "method": "POST", "target": "/?X-Amz-Credential=AKIAaws-own%2Fa"},
        {"key": "AKIAaws-other", "headers": {"x-services-ai-key": "front"}},
        {"key": "AKIAaws-other", "method": "POST", "target": "/2015-03-31/functions/aws-own/invocations"},
    ],
)
def test_other_keys_are_refused(emulator: Emulator, event: dict[str, Any]) -> None:
    before = len(emulator.aws.heads)
    status, body = aws(emulator, "aws-own", event)
    assert status == 403
    assert "security token" in json.loads(body)["message"]
    assert len(emulator.aws.heads) == before


def test_presigned_address_of_its_own_passes(emulator: Emulator) -> None:
    target = "/b/k?X-Amz-Credential=AKIAaws-own%2F20250101%2Fus-east-1%2Fs3%2Faws4_request"
    assert aws(emulator, "aws-own", {"signed": False, "target": target})[0] == 200


def test_function_that_invokes_another(emulator: Emulator) -> None:
    emulator.add("inner", "def handle(event, context): return 'from within'")
    assert run(emulator, "isolation.invokes", {"function": "inner"}, memory_mb=256) == '"from within"'


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        ("GET / HTTP/1.1\r\nX: ", "x"),
        ("GET / HTTP/1.1\r\n", "A: b\r\n"),
        ("GET /", "x"),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\n", "Y"),
        ("", "\0"),
        ("", "GET / HTTP/1.1\r\n\r\n"),
    ],
)
def test_endless_requests_do_not_fill_the_engines_memory(emulator: Emulator, begin: str, more: str) -> None:
    emulator.add("endless", handler="isolation.floods_runtime_api", timeout_s=60, memory_mb=256)
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident_mb()
    emulator.call("endless", {"begin": begin, "more": more, "mb": 40})
    assert _resident_mb() - before < 15
    assert emulator.call("endless", {"begin": "", "more": "x", "mb": 0}).error is None


def _resident_mb() -> int:
    """The highest so far since `clear_refs`, which a process may write for itself."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise AssertionError("no VmHWM")


def test_dev_holds_what_programs_need_and_no_more(emulator: Emulator) -> None:
    assert run(emulator, "isolation.sees", ["/dev"])["/dev"] == sorted(
        ("core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
         "urandom", "zero")
    )  # fmt: skip


def test_a_file_in_memory_is_hardly_longer_than_tmp(emulator: Emulator) -> None:
    for name, size_bytes, said in (("as-tmp", 9 << 20, "kept"), ("more-than-tmp", (9 << 20) + 1, "EFBIG")):
        emulator.add(name, handler="isolation.memory_that_is_not_mapped", profile=SandboxProfile(tmp_size_mb=8))
        assert emulator.call(name, {"bytes": size_bytes}).value == [said, "done"]


def test_dev_takes_no_files_and_its_devices_work(emulator: Emulator) -> None:
    """Its tmpfs has no size of its own, and Lambda has no /dev/shm either."""
    emulator.add(
        "dev-files",
        "def attempt(path):\n"
        "    try:\n"
        "        with open(path, 'wb') as file: return file.write(b'x')\n"
        "    except OSError: return 'refused'\n"
        "def handle(event, context):\n"
        "    return [attempt(p) for p in ('/dev/x', '/dev/shm/x', '/dev/null', '/dev/stdout', '/tmp/x')]\n",
    )
    assert emulator.call("dev-files").value == ["refused", "refused", 1, 1, 1]


PATCHES = """
import awslambdaric.bootstrap, awslambdaric.lambda_runtime_marshaller as marshaller, json
def handle(event, context):
    json.dumps = marshaller.LambdaMarshaller.marshal_response = lambda *a, **k: '"forged"'
    awslambdaric.bootstrap.handle_event_request = None
    return True
"""


def test_patched_modules_stay_in_their_own_process(emulator: Emulator) -> None:
    """A function can lie about itself; no other function, and no other worker's call, hears of it."""
    emulator.add("patches", PATCHES)
    emulator.add(
        "beside", "import json\ndef handle(event, context): return json.loads(json.dumps({'a': event}))\n"
    )
    assert emulator.call("beside", 1).value == {"a": 1}
    emulator.call("patches")
    assert emulator.call("beside", 2).value == {"a": 2}
    anew = "import json\ndef handle(event, context): return json.loads(json.dumps([event]))\n"
    emulator.add("beside", anew, revision="2")
    assert emulator.call("beside", 3).value == [3]


def test_pth_files_are_not_run(emulator: Emulator) -> None:
    runs = "import sys; sys.ran_before = True\n"
    layer: dict[str, str | bytes] = {
        "python/in_layer.pth": runs,
        "python/lib/python3.11/site-packages/in_site_packages.pth": runs,
    }
    code: dict[str, str | bytes] = {
        "main.py": "import os, sys\ndef handle(event, context):\n"
        "    return [hasattr(sys, 'ran_before'), sorted(os.listdir('/opt/python'))]\n",
        "in_package.pth": runs,
    }
    emulator.add("with-pth", code, layers=[layer])
    assert emulator.call("with-pth").value == [False, ["in_layer.pth", "lib"]]
