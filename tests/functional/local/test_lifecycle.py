"""Up, twice, taken ports, down, and kill -9."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from infra.local import lifecycle
from infra.local.clients import clients_of
from infra.local.lifecycle import CloudOptions
from infra.local.state import StateDir
from services_ai_sdk.emulator.home import default_home
from services_ai_sdk.wire.errors import PlatformError
from tests.functional.local.conftest import archive, eventually

pytestmark = pytest.mark.cloud

ADMIN = [sys.executable, "-m", "control_plane.cli.main", "local"]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    import shutil
    import tempfile

    path = Path(tempfile.mkdtemp(prefix="services-ai-test-"))
    path.chmod(0o711)
    (path / "store").symlink_to(StateDir(default_home()).store)
    yield path
    lifecycle.down(path)
    shutil.rmtree(path)


def quiet(line: str) -> None:
    del line


def admin(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SERVICES_AI_HOME": str(home)}
    return subprocess.run([*ADMIN, *arguments], env=environment, capture_output=True, text=True, check=False)


def session_of(pid: int) -> list[int]:
    """Every process of a session: a daemon leads its own, and what it starts stays in it unless it leaves."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def descendants(pid: int) -> set[int]:
    children: dict[int, set[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), set()).add(int(entry.name))
    found: set[int] = set()
    todo = [pid]
    while todo:
        for child in children.get(todo.pop(), ()):
            found.add(child)
            todo.append(child)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


SLEEPER = (
    "import os, time\ndef handle(event, context):\n    os.fork() or time.sleep(600)\n    return os.getpid()\n"
)


def start_function(info: Any) -> None:
    clients = clients_of(info)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "lambda.amazonaws.com"}}]}  # fmt: skip
    role = clients("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    clients("lambda").create_function(
        FunctionName="f", Runtime=f"python3.{sys.version_info.minor}", Role=role, Handler="main.handle",
        Timeout=10, Code={"ZipFile": archive(SLEEPER)},
    )  # fmt: skip
    answer = clients("lambda").invoke(FunctionName="f")
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_killed_with_9_no_process_survives(home: Path) -> None:
    info = lifecycle.up(CloudOptions(port=0, state_dir=home, platform=False), quiet)
    start_function(info)
    family = descendants(info.pid)
    assert len(family) >= 3  # moto, and a function's worker in its sandbox with its own child
    os.kill(info.pid, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in family))
    assert lifecycle.status(home) is None
    assert lifecycle.down(home) is None


def test_down_ends_everything(home: Path) -> None:
    info = lifecycle.up(CloudOptions(port=0, state_dir=home, platform=False), quiet)
    start_function(info)
    family = descendants(info.pid)
    ended = lifecycle.down(home)
    assert ended is not None
    assert ended.pid == info.pid
    eventually(lambda: not any(alive(pid) for pid in family))
    assert not (home / "cloud.json").exists()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", info.port), 1)


def test_a_second_up_finds_the_first(home: Path) -> None:
    first = lifecycle.up(CloudOptions(port=0, state_dir=home, platform=False), quiet)
    said: list[str] = []
    second = lifecycle.start(CloudOptions(port=0, state_dir=home, platform=False), said.append)
    assert second.already_running
    assert second.info == first
    assert "already running" in said[0]
    second.stop()
    assert lifecycle.status(home) == first


def test_another_port_than_that_of_the_running_one_is_refused(home: Path) -> None:
    first = lifecycle.up(CloudOptions(port=0, state_dir=home, platform=False), quiet)
    done = admin(home, "up", "--detach", "--no-platform", "--port", str(first.port + 1))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"already running on port {first.port}" in done.stderr
    assert admin(home, "up", "--detach", "--no-platform", "--port", str(first.port)).returncode == 0
    assert admin(home, "up", "--detach", "--no-platform").returncode == 0
    assert lifecycle.status(home) == first


def test_a_state_directory_of_ones_own_is_in_every_hint(home: Path, tmp_path: Path) -> None:
    elsewhere = ["--state-dir", str(home)]
    done = admin(tmp_path / "default", "status", *elsewhere)
    assert f"services-ai-admin local up --detach --state-dir {home}" in done.stderr
    done = admin(tmp_path / "default", "up", "--detach", "--no-platform", "--port", "0", *elsewhere)
    assert f'eval "$(services-ai-admin local env --state-dir {home})"' in done.stdout
    assert f"services-ai-admin local down --state-dir {home}" in done.stdout
    assert "--state-dir" not in admin(home, "status").stdout, "the default need not be named"
    ended = json.loads(admin(tmp_path / "default", "down", "--json", *elsewhere).stdout)
    assert ended["ended"]["state_dir"] == str(home)
    assert json.loads(admin(home, "down", "--json").stdout) == {"ended": None}


def test_the_platform_can_come_later(home: Path) -> None:
    lifecycle.up(CloudOptions(port=0, state_dir=home, platform=False), quiet)
    info = lifecycle.up(CloudOptions(port=0, state_dir=home), quiet)
    assert info.outputs["ArtifactBucket"]
    assert lifecycle.status(home) == info
    # Functions find their sandbox profiles from now on.
    clients = clients_of(info)
    start_function(info)
    clients("s3").put_object(Bucket=info.outputs["ArtifactBucket"], Key="p.json", Body=b'{"processes_max": 32}')
    arn = clients("lambda").get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    clients("lambda").tag_resource(Resource=arn, Tags={"sandbox-profile": "p.json"})
    assert "FunctionError" not in clients("lambda").invoke(FunctionName="f")


def test_down_waits_for_one_that_is_starting(home: Path) -> None:
    starting = subprocess.Popen(
        [*ADMIN, "up", "-d", "--port", "0", "--no-platform", "--json"],
        env={**os.environ, "SERVICES_AI_HOME": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    state = StateDir(home)

    def locked() -> bool:
        lock = state.lock()
        if lock is not None:
            lock.close()
        return lock is None

    eventually(locked)
    ended = lifecycle.down(home)
    out, errors = starting.communicate(timeout=60)
    assert starting.returncode == 0, errors
    assert ended is not None
    assert ended.pid == json.loads(out)["pid"]
    assert not alive(ended.pid)


def test_two_at_once_become_one(home: Path) -> None:
    commands = [
        subprocess.Popen([*ADMIN, "up", "-d", "--port", "0", "--no-platform", "--json"], stdout=subprocess.PIPE,
                         env={**os.environ, "SERVICES_AI_HOME": str(home)}, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]  # fmt: skip
    answers = [command.communicate(timeout=60) for command in commands]
    assert [command.returncode for command in commands] == [0, 0], answers
    assert len({json.loads(out)["pid"] for out, _ in answers}) == 1


def test_a_taken_port_names_its_holder(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PlatformError, match=rf"port {port} is taken by process {os.getpid()} \(") as caught:
            lifecycle.up(CloudOptions(port=port, state_dir=home, platform=False), quiet)
    assert "--port" in caught.value.hint
    assert lifecycle.status(home) is None


def test_it_ends_with_a_launcher_that_is_killed(home: Path) -> None:
    launcher = subprocess.Popen(
        [*ADMIN, "up", "--port", "0", "--no-platform", "--json"],
        env={**os.environ, "SERVICES_AI_HOME": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert launcher.stdout is not None
    info = json.loads(launcher.stdout.readline())
    launcher.kill()
    launcher.wait()
    launcher.stdout.close()
    eventually(lambda: not alive(info["pid"]))
    assert session_of(info["pid"]) == []


def test_ctrl_c_ends_it_cleanly(home: Path) -> None:
    launcher = subprocess.Popen(
        [*ADMIN, "up", "--port", "0", "--no-platform", "--json"],
        env={**os.environ, "SERVICES_AI_HOME": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert launcher.stdout is not None
    info = json.loads(launcher.stdout.readline())
    launcher.send_signal(signal.SIGINT)
    _, errors = launcher.communicate(timeout=30)
    assert launcher.returncode == 0, errors
    assert "Traceback" not in errors
    assert not alive(info["pid"])


def test_the_command_says_what_to_do_when_nothing_runs(home: Path) -> None:
    for command in (["status"], ["env"]):
        done = admin(home, *command)
        assert done.returncode == 3
        assert "services-ai-admin local up" in done.stderr
    assert json.loads(admin(home, "status", "--json").stdout)["error"]["code"] == "local-cloud-down"
    done = admin(home, "down")
    assert (done.returncode, done.stdout) == (0, "no local cloud was running\n")


def test_the_command_s_environment_is_what_a_shell_reads(home: Path) -> None:
    up = admin(home, "up", "--detach", "--port", "0", "--no-platform")
    assert up.returncode == 0, up.stderr
    assert 'eval "$(services-ai-admin local env)"' in up.stdout
    values = json.loads(admin(home, "env", "--json").stdout)
    text = admin(home, "env").stdout
    shell = subprocess.run(
        ["sh", "-c", f'{text}\nprintf %s "$AWS_ENDPOINT_URL"'], capture_output=True, text=True, check=True
    )
    assert shell.stdout == values["AWS_ENDPOINT_URL"]
    assert admin(home, "env", "--shell", "fish").stdout.startswith("set -gx AWS_ENDPOINT_URL http://127.0.0.1:")
    status = json.loads(admin(home, "status", "--json").stdout)
    assert status["endpoint"] == values["AWS_ENDPOINT_URL"]
    assert admin(home, "down").returncode == 0


@pytest.mark.parametrize(
    "arguments", [["up", "--port", "70000"], ["up", "--nonsense"], ["env", "--shell", "tcsh"]]
)
def test_wrong_usage_is_exit_2(home: Path, arguments: list[str]) -> None:
    assert admin(home, *arguments).returncode == 2
