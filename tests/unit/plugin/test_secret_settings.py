"""Secret settings inside a plugin: real HTTP, and botocore as the oracle of the signature."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from services_ai_sdk.plugin.handler import PluginRuntime
from services_ai_sdk.plugin.secret_settings import KEPT_S, SecretReader, SecretSettingError, SettingsWithSecrets
from services_ai_sdk.wire.failure import Failure
from tests.unit.plugin.test_handler import MANIFEST, envelope

NAME = "stack/plugins/demo/settings/api_key"
SECRET = "hunter2-hunter2"


class Store:
    """Answers GetSecretValue on a port of its own."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status, self.body = 200, json.dumps({"SecretString": SECRET})
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                store.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(store.status)
                self.end_headers()
                self.wfile.write(store.body.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}", "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "abc/def", "AWS_SESSION_TOKEN": "token==",
        }  # fmt: skip

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.close()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def reader(store: Store, clock: Clock | None = None, found: Any = None) -> SecretReader:
    return SecretReader(store.environment, clock or Clock(), found or (lambda _: None))


def test_a_secret_is_read_once_and_again_when_its_time_is_over(store: Store) -> None:
    clock, found = Clock(), []
    secrets = reader(store, clock, found.append)
    assert [secrets.read(NAME) for _ in range(3)] == [SECRET] * 3
    assert len(store.requests) == 1
    headers, body = store.requests[0]
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert json.loads(body) == {"SecretId": NAME}
    store.body = json.dumps({"SecretString": "changed"})
    clock.now += KEPT_S
    assert secrets.read(NAME) == "changed"
    assert found == [SECRET, "changed"], "both are kept out of failures"


def test_the_signature_is_botocore_s(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    at = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
    environment = store.environment
    secrets = SecretReader(environment, Clock(), lambda _: None, now=at.timetuple)
    secrets.read(NAME)
    headers, body = store.requests[0]
    kept = ("content-type", "x-amz-target")
    request = AWSRequest(
        "POST", environment["AWS_ENDPOINT_URL"] + "/", {name: headers[name] for name in kept}, body
    )
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: at.replace(tzinfo=None))
    credentials = Credentials("ASIAEXAMPLE", "abc/def", "token==")
    SigV4Auth(credentials, "secretsmanager", "eu-west-1").add_auth(request)
    assert request.headers["X-Amz-Date"] == headers["x-amz-date"] == "20260504T030201Z"
    assert headers["authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, '{"__type": "AccessDeniedException", "Message": "no"}', "AccessDeniedException: no"),
        (400, '{"__type": "com.amazonaws#ResourceNotFoundException", "message": "m"}', "NotFoundException: m"),
        (500, "<html>", "status 500"), (200, "[]", "status 200"), (200, '{"SecretBinary": "eA=="}', "status 200"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_and_why(store: Store, status: int, body: str, said: str) -> None:
    store.status, store.body = status, body
    with pytest.raises(SecretSettingError) as caught:
        reader(store).read(NAME)
    assert NAME in str(caught.value)
    assert said in str(caught.value)


def test_while_nothing_answers_the_last_value_stands(store: Store) -> None:
    clock = Clock()
    secrets = reader(store, clock)
    secrets.read(NAME)
    store.close()
    clock.now += KEPT_S
    assert secrets.read(NAME) == SECRET
    with pytest.raises(SecretSettingError, match="Error"):
        secrets.read("another")


def test_what_is_refused_later_is_not_taken_from_before(store: Store) -> None:
    clock = Clock()
    secrets = reader(store, clock)
    secrets.read(NAME)
    store.status, store.body = 400, '{"__type": "AccessDeniedException"}'
    clock.now += KEPT_S
    with pytest.raises(SecretSettingError):
        secrets.read(NAME)


def test_settings_show_secrets_to_nobody_who_does_not_ask() -> None:
    settings = SettingsWithSecrets({"plain": 1}, {"api_key": NAME}, lambda name: f"value of {name}")
    assert settings["api_key"] == settings.api_key == settings.get("api_key") == f"value of {NAME}"
    assert (settings["plain"], settings.plain, settings.get("none", 5)) == (1, 1, 5)
    assert "api_key" in settings
    assert "none" not in settings
    for text in (repr(settings), json.dumps(settings), str(dict(settings)), str(list(settings.items()))):
        assert "value of" not in text
    with pytest.raises(KeyError):
        settings["none"]
    with pytest.raises(AttributeError):
        _ = settings.none


CODE = """
from services_ai_sdk import ServicesAIPlugin, hookimpl

class Demo(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead):
        if lead["id"] == 7:
            raise RuntimeError("refused: " + self.settings["api_key"])
        return [self.settings["greeting"], self.settings.api_key]
"""


def test_a_hook_reads_its_secret_and_no_failure_carries_it(store: Store, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "main.py").write_text(CODE)
    runtime = PluginRuntime({**store.environment, "LAMBDA_TASK_ROOT": str(tmp_path)}, clock=time.perf_counter)
    call = {**envelope(), "settings": {"greeting": "Hi", "api_key": {"secret": NAME}}}
    import sys

    try:
        with pytest.raises(Exception, match="refused") as caught:
            runtime.handle(call, None)
        failure = Failure.from_dict(json.loads(str(caught.value)))
        assert SECRET not in str(caught.value)
        assert "***" in failure.message
        call["args"]["lead"]["id"] = 8
        assert runtime.handle(call, None)["value"] == ["Hi", SECRET]
        assert len(store.requests) == 1
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("main", None)
