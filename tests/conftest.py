"""What tests of every part share: a local cloud with the platform, started once a session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from infra.local.clients import LocalClients
    from infra.local.state import CloudInfo


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sam: runs SAM CLI from a venv of its own, made once (about a minute)")


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud; `env` is what `services-ai-admin local env` prints."""

    info: CloudInfo
    env: dict[str, str]
    clients: LocalClients

    @property
    def endpoint(self) -> str:
        return self.info.endpoint

    @property
    def outputs(self) -> dict[str, str]:
        return self.info.outputs

    @property
    def state_dir(self) -> Path:
        return Path(self.info.state_dir)

    def client(self, service: str) -> Any:
        """A boto3 client, kept for the session."""
        return self.clients(service)


@pytest.fixture(scope="session")
def state_home() -> Iterator[Path]:
    """A state directory of this session's own; the unpacked Pythons and runtimes are shared between sessions."""
    from infra.local.state import StateDir
    from services_ai_sdk.emulator.home import default_home

    path = Path(tempfile.mkdtemp(prefix="services-ai-test-"))
    path.chmod(0o711)
    (path / "store").symlink_to(StateDir(default_home()).store)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def cloud(state_home: Path) -> Iterator[LocalCloud]:
    """The local cloud with the platform deployed, on a port of its own; it ends with the session."""
    from infra.local import lifecycle
    from infra.local.clients import clients_of

    started = lifecycle.start(lifecycle.CloudOptions(port=0, state_dir=state_home), lambda line: None)
    try:
        yield LocalCloud(started.info, lifecycle.env(started.info), clients_of(started.info))
    finally:
        started.stop()
