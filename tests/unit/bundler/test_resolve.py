from __future__ import annotations

import hashlib
import http.server
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services_ai_sdk.bundler import fetch as fetching
from services_ai_sdk.bundler.dependencies import DependencyManager
from services_ai_sdk.bundler.fetch import WheelStore
from services_ai_sdk.bundler.index_settings import IndexSettings
from services_ai_sdk.bundler.layer import LayerBuilder
from services_ai_sdk.bundler.lock import LockedWheel
from services_ai_sdk.bundler.pythons import runtimes_here
from services_ai_sdk.bundler.resolve import UvResolver, find_uv
from services_ai_sdk.bundler.target import target_for
from services_ai_sdk.manifest.python import SUPPORTED
from services_ai_sdk.manifest.specs import requirements
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError

MakeWheel = Callable[..., Path]


def test_a_conflict_is_told_in_uv_s_words_and_one_sentence(
    make_wheel: MakeWheel, manager: DependencyManager
) -> None:
    make_wheel("beta", "1.0")
    make_wheel("beta", "2.0")
    make_wheel("alpha", requires=["beta<2"])
    with pytest.raises(FindingsError) as caught:
        manager.resolve({"alpha": "*", "beta": "^2"}, "python3.11")
    assert caught.value.code == "dependencies-unresolvable"
    assert "beta<2" in caught.value.message
    assert "python3.11" in caught.value.message
    assert "loosen" in caught.value.hint
    assert caught.value.exit_code == 1


def test_what_uv_warns_of_is_handed_on(make_wheel: MakeWheel, manager: DependencyManager) -> None:
    make_wheel("alpha")
    (warning,) = manager.resolve({"alpha[nothing]": "*"}, "python3.11").warnings
    assert "`nothing`" in warning


def test_a_package_that_is_not_there_is_named(make_wheel: MakeWheel, manager: DependencyManager) -> None:
    with pytest.raises(FindingsError) as caught:
        manager.resolve({"no-such-thing": "*"}, "python3.11")
    assert "no-such-thing" in caught.value.message


class TestTheChoiceOfPython:
    def manager(self, offline_environment: dict[str, str], here: list[str], tmp_path: Path) -> DependencyManager:
        settings = IndexSettings(offline_environment)
        layers = LayerBuilder(tmp_path / "layers", WheelStore(tmp_path / "store", settings))
        return DependencyManager(
            UvResolver(find_uv(), settings), layers, runtimes_here=lambda: here, machine="x86_64"
        )

    @pytest.mark.parametrize(
        ("here", "chosen"),
        [(["python3.12"], "python3.12"), ([], "python3.11"), (["python3.13", "python3.11"], "python3.13")],
    )
    def test_interpreters_found_here_come_first(
        self,
        make_wheel: MakeWheel,
        offline_environment: dict[str, str],
        tmp_path: Path,
        here: list[str],
        chosen: str,
    ) -> None:
        make_wheel("alpha")
        manager = self.manager(offline_environment, here, tmp_path)
        assert manager.resolve({"alpha": "*"}).target.runtime == chosen
        assert manager.resolve({}).target.runtime == chosen

    def test_the_first_that_resolves_is_taken(
        self, make_wheel: MakeWheel, offline_environment: dict[str, str], tmp_path: Path
    ) -> None:
        make_wheel("alpha", tag="cp312-cp312-manylinux_2_28_x86_64")
        manager = self.manager(offline_environment, ["python3.11"], tmp_path)
        lock = manager.resolve({"alpha": "*"})
        assert lock.target.runtime == "python3.12"

    def test_a_named_python_is_never_changed(
        self, make_wheel: MakeWheel, offline_environment: dict[str, str], tmp_path: Path
    ) -> None:
        make_wheel("alpha", tag="cp312-cp312-manylinux_2_28_x86_64")
        manager = self.manager(offline_environment, ["python3.12"], tmp_path)
        with pytest.raises(FindingsError) as caught:
            manager.resolve({"alpha": "*"}, "python3.11")
        assert caught.value.message.startswith("the dependencies do not resolve for python3.11")
        assert caught.value.hint == 'set "python": "python3.12" in the manifest'

    def test_when_none_resolves_all_are_named(
        self, make_wheel: MakeWheel, offline_environment: dict[str, str], tmp_path: Path
    ) -> None:
        make_wheel("alpha", tag="cp39-cp39-win_amd64")
        manager = self.manager(offline_environment, ["python3.13"], tmp_path)
        with pytest.raises(FindingsError) as caught:
            manager.resolve({"alpha": "*"})
        assert caught.value.message.startswith("the dependencies do not resolve for python3.13")
        assert caught.value.details["tried"][:3] == ["python3.13", "python3.11", "python3.12"]

    def test_python3_11_gets_no_wheel_for_a_newer_glibc(
        self, make_wheel: MakeWheel, offline_environment: dict[str, str], tmp_path: Path
    ) -> None:
        make_wheel("alpha", "2.0", tag="cp311-cp311-manylinux_2_28_x86_64")
        make_wheel("alpha", "1.0", tag="cp311-cp311-manylinux2014_x86_64")
        manager = self.manager(offline_environment, [], tmp_path)
        assert manager.resolve({"alpha": "*"}, "python3.11").wheels[0].version == "1.0"


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers, and writes no log."""

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def fake_uv(tmp_path: Path, script: str) -> Path:
    path = tmp_path / "fake-uv"
    path.write_text(f"#!{sys.executable} -IS\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class TestWhenUvFails:
    def resolver(self, uv: Path, timeout_s: float = 60.0) -> UvResolver:
        return UvResolver(uv, IndexSettings({"PATH": os.environ["PATH"]}), timeout_s=timeout_s)

    def test_it_hangs(self, tmp_path: Path) -> None:
        uv = fake_uv(tmp_path, "import time\ntime.sleep(600)")
        with pytest.raises(PlatformError) as caught:
            self.resolver(uv, timeout_s=0.3).resolve(requirements({"a": "*"}), target_for("3.11"))
        assert caught.value.code == "resolve-timeout"
        assert caught.value.exit_code == 3

    def test_it_crashes(self, tmp_path: Path) -> None:
        uv = fake_uv(tmp_path, "import sys\nsys.stderr.write('panic \\xff' * 9999)\nsys.exit(101)")
        with pytest.raises(PlatformError) as caught:
            self.resolver(uv).resolve(requirements({"a": "*"}), target_for("3.11"))
        assert caught.value.code == "uv-failed"
        assert "101" in caught.value.message
        assert len(caught.value.message) < 5000

    def test_it_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(PlatformError) as caught:
            self.resolver(tmp_path / "gone").resolve(requirements({"a": "*"}), target_for("3.11"))
        assert caught.value.code == "uv-missing"

    def test_the_index_does_not_answer(self, offline_environment: dict[str, str]) -> None:
        environ = offline_environment | {
            "PIP_NO_INDEX": "",
            "UV_FIND_LINKS": "",
            "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
            "UV_HTTP_RETRIES": "0",
        }
        with pytest.raises(PlatformError) as caught:
            UvResolver(find_uv(), IndexSettings(environ)).resolve(requirements({"a": "*"}), target_for("3.11"))
        assert caught.value.code == "registry-unreachable"


@pytest.fixture
def refusing_index() -> Iterator[str]:
    """Answers every request with the number that its path begins with."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_error(int(self.path.split("/")[1]))

    with serving(Handler) as address:
        yield address


class TestAnIndexThatDoesNotTell:
    """It is the surroundings that are wrong then, and not the name of a package."""

    @pytest.mark.parametrize("answer", [401, 403])
    def test_without_the_right_password(
        self, offline_environment: dict[str, str], refusing_index: str, answer: int
    ) -> None:
        environ = offline_environment | {
            "UV_DEFAULT_INDEX": f"http://ada:hunter2@{refusing_index}/{answer}/simple"
        }
        del environ["PIP_NO_INDEX"], environ["UV_FIND_LINKS"]
        with pytest.raises(PlatformError) as caught:
            DependencyManager.from_environment(environ=environ).resolve({"alpha": "*"})
        assert caught.value.code == "registry-unauthorized"
        assert "UV_INDEX_NAME_PASSWORD" in caught.value.hint
        assert str(answer) in caught.value.message
        assert "hunter2" not in caught.value.message

    def test_while_uv_is_told_to_stay_offline(self, offline_environment: dict[str, str]) -> None:
        environ = offline_environment | {"UV_OFFLINE": "1"}
        del environ["PIP_NO_INDEX"], environ["UV_FIND_LINKS"]
        with pytest.raises(PlatformError) as caught:
            DependencyManager.from_environment(environ=environ).resolve({"alpha": "*"})
        assert caught.value.code == "registry-offline"
        assert "UV_OFFLINE" in caught.value.hint


class TestProxies:
    """A proxy that stands for every host: `index.invalid` is nowhere but behind it."""

    @pytest.fixture
    def proxy(self, tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
        seen: list[str] = []

        class Handler(Quiet):
            def do_GET(self) -> None:
                seen.append(self.path)
                file = tmp_path / "wheels" / self.path.rsplit("/", 1)[-1]
                links = [path.name for path in (tmp_path / "wheels").iterdir()]
                page = "".join(f'<a href="http://index.invalid/files/{link}">{link}</a>' for link in links)
                body = file.read_bytes() if file.is_file() else page.encode()
                self.answer(body, "application/zip" if file.is_file() else "text/html")

        with serving(Handler) as address:
            yield address, seen

    @pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
    def test_resolving_and_downloading_go_through_it(
        self,
        make_wheel: MakeWheel,
        offline_environment: dict[str, str],
        proxy: tuple[str, list[str]],
        tmp_path: Path,
        variable: str,
    ) -> None:
        address, seen = proxy
        path = make_wheel("alpha")
        environ = offline_environment | {
            "UV_DEFAULT_INDEX": "http://index.invalid/simple",
            variable: f"http://{address}",
        }
        del environ["UV_FIND_LINKS"], environ["PIP_NO_INDEX"]
        manager = DependencyManager.from_environment(environ=environ)
        layer = manager.layer(manager.resolve({"alpha": "*"}, "python3.11"))
        assert layer is not None
        assert seen[0] == "http://index.invalid/simple/alpha/"
        assert f"http://index.invalid/files/{path.name}" in seen

    def test_not_for_hosts_that_are_left_out(self) -> None:
        settings = IndexSettings(
            {"HTTPS_PROXY": "http://p:1", "http_proxy": "q:2", "NO_PROXY": "a.example, .corp,d:8"}
        )
        assert settings.proxies("https://b.example/x") == {"https": "http://p:1", "http": "q:2"}
        assert settings.proxies("https://a.example/x") == {}
        assert settings.proxies("https://wheels.corp:8443/x") == {}
        assert [bool(settings.proxies(f"https://{host}/x")) for host in ("d:8", "d:9", "corp", "xcorp")] == [
            False,
            True,
            False,
            True,
        ]
        assert IndexSettings({"ALL_PROXY": "http://p:1", "no_proxy": "*"}).proxies("https://a.example") == {}


class TestIndexSettings:
    def test_pip_s_settings_are_handed_to_uv_where_uv_has_none(self, tmp_path: Path) -> None:
        environ = {
            "PIP_INDEX_URL": "https://a.example/simple",
            "PIP_EXTRA_INDEX_URL": "https://b.example/simple\nhttps://c.example/simple",
            "PIP_FIND_LINKS": f"{tmp_path} /not/there",
            "PIP_CERT": "/etc/cert.pem",
            "VIRTUAL_ENV": "/venv",
            "UV_PYTHON": "3.9",
        }
        uv = IndexSettings(environ).uv_environment()
        assert uv["UV_DEFAULT_INDEX"] == "https://a.example/simple"
        assert uv["UV_INDEX"] == "https://b.example/simple https://c.example/simple"
        assert uv["UV_FIND_LINKS"] == str(tmp_path)
        assert uv["SSL_CERT_FILE"] == "/etc/cert.pem"
        assert not {"VIRTUAL_ENV", "UV_PYTHON"} & set(uv)
        assert (
            IndexSettings(environ | {"UV_INDEX_URL": "https://u.example"}).uv_environment().get("UV_DEFAULT_INDEX")
            is None
        )

    @pytest.mark.parametrize("variable", ["UV_FIND_LINKS", "PIP_FIND_LINKS"])
    def test_relative_folders_are_those_of_the_person(
        self,
        make_wheel: MakeWheel,
        offline_environment: dict[str, str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        variable: str,
    ) -> None:
        """uv itself runs in a folder of its own."""
        make_wheel("alpha")
        del offline_environment["UV_FIND_LINKS"]
        monkeypatch.chdir(tmp_path)
        manager = DependencyManager.from_environment(environ=offline_environment | {variable: "wheels"})
        lock = manager.resolve({"alpha": "*"}, "python3.11")
        assert manager.layer(lock) is not None

    def test_other_relative_paths_too(self, tmp_path: Path) -> None:
        for name in ("uv.toml", "ca.pem", "constraints.txt"):
            (tmp_path / name).touch()
        (tmp_path / "simple").mkdir()
        environ = {
            "UV_CONFIG_FILE": "uv.toml",
            "SSL_CERT_FILE": "ca.pem",
            "UV_CONSTRAINT": "constraints.txt",
            "UV_INDEX": "own=https://a.example/simple ./simple",
            "UV_FIND_LINKS": "https://b.example/links,simple",
            "UV_CACHE_DIR": "/cache",
        }
        assert IndexSettings(environ, tmp_path).uv_environment() == {
            "UV_CONFIG_FILE": str(tmp_path / "uv.toml"),
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
            "UV_CONSTRAINT": str(tmp_path / "constraints.txt"),
            "UV_INDEX": f"own=https://a.example/simple {tmp_path / 'simple'}",
            "UV_FIND_LINKS": f"https://b.example/links,{tmp_path / 'simple'}",
            "UV_CACHE_DIR": "/cache",
        }

    def test_credentials_go_to_their_own_index_only(self, tmp_path: Path) -> None:
        (tmp_path / ".netrc").write_text("machine n.example login ada password secret\n")
        settings = IndexSettings(
            {
                "HOME": str(tmp_path),
                "UV_DEFAULT_INDEX": "https://user:p%40ss@a.example/simple",
                "UV_INDEX": "private=https://b.example/simple https://c.example/simple",
                "UV_INDEX_PRIVATE_USERNAME": "bob",
                "UV_INDEX_PRIVATE_PASSWORD": "pw",
            }
        )
        assert settings.authorization("https://a.example/files/x.whl") == "Basic dXNlcjpwQHNz"
        assert settings.authorization("https://b.example/x.whl") == "Basic Ym9iOnB3"
        assert settings.authorization("https://n.example/x.whl") == "Basic YWRhOnNlY3JldA=="
        for other in (
            "https://c.example/x",
            "http://a.example/x",
            "https://a.example:8443/x",
            "https://evil.example/x",
        ):
            assert settings.authorization(other) is None


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[str, list[str | None], dict[str, int]]]:
    """A private index over `tmp_path/wheels`: address, credentials seen, failures still to give."""
    seen: list[str | None] = []
    failures = {"left": 0}

    class Handler(Quiet):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            if seen[-1] != "Basic dTpw":
                self.send_error(401)
            elif self.path.startswith("/simple/"):
                name = self.path.split("/")[2]
                links = [path.name for path in (tmp_path / "wheels").glob(f"{name}-*.whl")]
                self.answer("".join(f'<a href="/files/{link}">{link}</a>' for link in links).encode(), "text/html")
            elif failures["left"]:
                failures["left"] -= 1
                self.send_error(503)
            else:
                self.answer((tmp_path / "wheels" / self.path.rsplit("/", 1)[-1]).read_bytes(), "application/zip")

    with serving(Handler) as address:
        yield address, seen, failures


class TestPrivateIndex:
    def test_it_is_resolved_from_and_downloaded_from_with_its_password(
        self,
        make_wheel: MakeWheel,
        offline_environment: dict[str, str],
        index: tuple[str, list[str | None], dict[str, int]],
        tmp_path: Path,
    ) -> None:
        address, _, failures = index
        path = make_wheel("alpha")
        environ = offline_environment | {"UV_DEFAULT_INDEX": f"http://u:p@{address}/simple"}
        del environ["UV_FIND_LINKS"], environ["PIP_NO_INDEX"]
        settings = IndexSettings(environ)
        waits: list[float] = []
        store = WheelStore(tmp_path / "store", settings, sleep=waits.append)
        (wheel,) = UvResolver(find_uv(), settings).resolve(requirements({"alpha": "*"}), target_for("3.11")).wheels
        assert wheel.location == f"http://{address}/files/{path.name}"  # no password in a lock
        survey_of = DependencyManager(UvResolver(find_uv(), settings), LayerBuilder(tmp_path, store))
        make_wheel("beta", tag="cp312-none-any")
        with pytest.raises(FindingsError) as refused:
            survey_of.resolve({"beta": "*"}, "python3.11")
        assert refused.value.hint == 'set "python": "python3.12" in the manifest'
        failures["left"] = 2
        said: list[str] = []
        assert store.fetch([wheel], said.append)[wheel.sha256].read_bytes() == path.read_bytes()
        assert (len(waits), said) == (2, ["downloading alpha 1.0"])
        failures["left"] = 99
        with pytest.raises(PlatformError) as failed:
            WheelStore(tmp_path / "other", settings, sleep=waits.append).fetch([wheel], said.append)
        assert failed.value.code == "wheel-unavailable"
        assert failed.value.retryable

    @pytest.mark.parametrize("variable", ["UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"])
    def test_it_may_stand_beside_another(
        self,
        make_wheel: MakeWheel,
        offline_environment: dict[str, str],
        index: tuple[str, list[str | None], dict[str, int]],
        refusing_index: str,
        variable: str,
    ) -> None:
        make_wheel("alpha")
        environ = offline_environment | {
            "UV_DEFAULT_INDEX": f"http://{refusing_index}/404/simple",
            variable: f"http://u:p@{index[0]}/simple",
        }
        del environ["UV_FIND_LINKS"], environ["PIP_NO_INDEX"]
        manager = DependencyManager.from_environment(environ=environ)
        layer = manager.layer(manager.resolve({"alpha": "*"}, "python3.11"))
        assert layer is not None

    def test_its_password_may_stand_beside_its_name(
        self,
        make_wheel: MakeWheel,
        offline_environment: dict[str, str],
        index: tuple[str, list[str | None], dict[str, int]],
        tmp_path: Path,
    ) -> None:
        make_wheel("alpha")
        environ = offline_environment | {
            "UV_DEFAULT_INDEX": f"own=http://{index[0]}/simple",
            "UV_INDEX_OWN_USERNAME": "u",
            "UV_INDEX_OWN_PASSWORD": "p",
        }
        del environ["UV_FIND_LINKS"], environ["PIP_NO_INDEX"]
        manager = DependencyManager.from_environment(environ=environ)
        layer = manager.layer(manager.resolve({"alpha": "*"}, "python3.11"))
        assert layer is not None


class TestDownloads:
    """Of a lock that somebody else wrote."""

    @pytest.fixture
    def fetch(
        self,
        offline_environment: dict[str, str],
        index: tuple[str, list[str | None], dict[str, int]],
        tmp_path: Path,
    ) -> Callable[..., None]:
        address = index[0]
        environ = offline_environment | {"UV_DEFAULT_INDEX": f"http://u:p@{address}/simple"}
        store = WheelStore(tmp_path / "store", IndexSettings(environ), sleep=lambda _: None)

        def fetch(*paths: Path, sha256: str = "") -> None:
            wheels = [
                LockedWheel(
                    path.name.partition("-")[0],
                    "1.0",
                    path.name,
                    f"http://{address}/files/{path.name}",
                    sha256 or hashlib.sha256(path.read_bytes()).hexdigest(),
                )
                for path in paths
            ]
            store.fetch(wheels, lambda _: None)

        return fetch

    def test_a_file_that_is_not_in_the_lock_is_refused(
        self, make_wheel: MakeWheel, fetch: Callable[..., None], tmp_path: Path
    ) -> None:
        path = make_wheel("alpha")
        with pytest.raises(InvalidInputError) as caught:
            fetch(path, sha256="ab" * 32)
        assert caught.value.code == "wheel-hash-mismatch"
        assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
        fetch(path)

    def test_all_of_them_together_are_bounded(
        self,
        make_wheel: MakeWheel,
        fetch: Callable[..., None],
        index: tuple[str, list[str | None], dict[str, int]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The lock says nothing of sizes; what is fetched again after an error counts once."""
        paths = [make_wheel(name, files={f"{name}/x": os.urandom(2000)}) for name in ("alpha", "beta", "gamma")]
        monkeypatch.setattr(fetching, "UNZIPPED_MAX_BYTES", 6000)
        with pytest.raises(InvalidInputError) as caught:
            fetch(*paths)
        assert caught.value.code == "wheel-too-large"
        index[2]["left"] = 2
        fetch(*paths[:2])


def test_a_python_counts_as_found_when_it_runs(tmp_path: Path) -> None:
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    other = next(runtime for runtime in SUPPORTED if runtime != own)
    shim = tmp_path / "bin" / other
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    environ = {"PATH": str(shim.parent), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    found = set(runtimes_here(environ))
    assert own in found
    # Only what the system itself has in /usr/bin may come on top.
    assert other not in found or Path("/usr/bin", other).exists() or Path("/usr/local/bin", other).exists()


def test_pythons_that_are_not_needed_are_not_looked_for(
    make_wheel: MakeWheel, offline_environment: dict[str, str], tmp_path: Path
) -> None:
    def here() -> Iterator[str]:
        yield "python3.12"
        pytest.fail("the first one resolves")

    make_wheel("alpha")
    settings = IndexSettings(offline_environment)
    layers = LayerBuilder(tmp_path / "layers", WheelStore(tmp_path / "store", settings))
    manager = DependencyManager(UvResolver(find_uv(), settings), layers, runtimes_here=here)
    assert manager.resolve({"alpha": "*"}).target.runtime == "python3.12"
