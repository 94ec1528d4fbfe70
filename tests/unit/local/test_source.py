from __future__ import annotations

import asyncio
from typing import Any

import pytest

from infra.local.moto_client import MotoRefused
from infra.local.source import MotoFunctionSource
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.spec import EventSettings, SandboxProfile

RECORD = {
    "function_name": "f", "function_arn": "arn", "version": "1", "revision": "r", "handler": "main.handle",
    "runtime": "python3.11", "timeout_s": 3, "memory_mb": 128, "environment": {"A": "b"}, "log_group": "g",
    "role_arn": "role", "region": "us-east-1", "account_id": "123456789012", "profile": None,
    "events": {"retries_max": 1}, "logging": {"format": "JSON"}, "routes": [["2", 0.1]], "reserved_concurrency": 0,
    "code": {"sha256": "c", "path": "/c.zip"}, "layers": [{"sha256": "l", "path": "/l.zip"}],
}  # fmt: skip


class Moto:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def call(self, operation: str, **request: Any) -> Any:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return dict(self.answer)


def resolve(moto: Moto, bucket: str = "") -> Any:
    return asyncio.run(MotoFunctionSource(moto, lambda: bucket).resolve("f", "live"))


def test_a_record_becomes_a_spec() -> None:
    moto = Moto(RECORD)
    spec = resolve(moto, "artifacts")
    assert moto.asked == [{"function": "f", "qualifier": "live", "profile_bucket": "artifacts"}]
    assert (spec.code.sha256, str(spec.layers[0].path), spec.environment) == ("c", "/l.zip", {"A": "b"})
    assert spec.profile == SandboxProfile()
    assert spec.reserved_concurrency == 0
    assert spec.routes == (("2", 0.1),)
    assert spec.events == EventSettings(retries_max=1)


def test_a_profile_is_read() -> None:
    assert resolve(Moto({**RECORD, "profile": {"processes_max": 16}})).profile.processes_max == 16


def test_a_profiles_network_is_read_and_a_strange_one_refuses_the_call() -> None:
    declared = {"v": 2, "network": "hosts", "hosts": ["api.example.com"]}
    spec = resolve(Moto({**RECORD, "profile": declared}))
    assert (spec.profile.network, spec.profile.hosts) == ("hosts", ("api.example.com",))
    for strange in ({"network": "everything"}, {"network": "hosts", "hosts": ["*"]}):
        with pytest.raises(InvokeRefused) as caught:
            resolve(Moto({**RECORD, "profile": strange}))
        assert "sandbox profile" in caught.value.message


@pytest.mark.parametrize("value", ["many", 0, -1, True, 10**9, None, 1.5])
def test_a_nonsense_profile_refuses_the_call(value: Any) -> None:
    with pytest.raises(InvokeRefused) as caught:
        resolve(Moto({**RECORD, "profile": {"processes_max": value}}))
    assert caught.value.error_type == "ServiceException"


def test_what_moto_refuses_is_lambda_s_answer() -> None:
    with pytest.raises(InvokeRefused) as caught:
        resolve(Moto(MotoRefused(404, "ResourceNotFoundException", "Function not found: f")))
    assert (caught.value.status, caught.value.error_type) == (404, "ResourceNotFoundException")
