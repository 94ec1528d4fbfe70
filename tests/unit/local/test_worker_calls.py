from __future__ import annotations

import asyncio

import pytest

from infra.local.worker_calls import NothingOfMotos
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse


def run(path: str, *headers: tuple[bytes, bytes]) -> tuple[HttpResponse, HttpRequest | None]:
    seen: list[HttpRequest] = []

    async def forward(forwarded: HttpRequest) -> HttpResponse:
        seen.append(forwarded)
        return HttpResponse(200)

    response = asyncio.run(NothingOfMotos()(HttpRequest("POST", path, list(headers)), forward))
    return response, seen[0] if seen else None


@pytest.mark.parametrize(
    "name", [b"x-moto-account-id", b"X-Moto-Account-Id", b"x_moto_account_id", b"X-Moto_Anything"]
)
def test_moto_s_headers_are_taken_away(name: bytes) -> None:
    _, seen = run("/", (b"Authorization", b"x"), (name, b"999999999999"))
    assert seen is not None
    assert [one.lower() for one, _ in seen.headers] == [b"authorization"]


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "//moto-api/", "/%6Doto-api/reset", "/x/../moto-api/data.json"]
)
def test_moto_s_paths_are_closed(path: str) -> None:
    response, seen = run(path)
    assert (response.status, seen) == (403, None)
