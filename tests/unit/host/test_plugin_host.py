"""The host's client: what it sends, what it makes of every kind of answer, and that it never raises."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError

from services_ai_host import HookResults, LambdaTransport, PluginHost
from services_ai_sdk.wire.call import HookAnswer, HookCall, PluginAnswer, Status
from services_ai_sdk.wire.errors import PlatformError, ServicesAIError
from services_ai_sdk.wire.failure import Category, Failure

ANSWER = HookAnswer(
    event_id="e-1",
    hook="lead_created",
    results=(
        PluginAnswer("a", "1.0.0", Status.OK, value={"score": 3}, duration_ms=4.0),
        PluginAnswer("b", "1.0.0", Status.OK, value=None),
        PluginAnswer("c", "2.0.0", Status.SKIPPED, reason="auto_disabled"),
    ),
)


def host_answering(answer: bytes, seen: list[bytes] | None = None) -> PluginHost:
    def transport(request: bytes) -> bytes:
        if seen is not None:
            seen.append(request)
        return answer

    return PluginHost(transport)


def call(host: PluginHost, **args: Any) -> HookResults:
    return host.call_hook("lead_created", **args)


def test_a_call_carries_hook_arguments_and_budget_and_brings_the_answers_back() -> None:
    seen: list[bytes] = []
    results = host_answering(json.dumps(ANSWER.to_dict()).encode(), seen).call_hook(
        "lead_created", tenant="acme", lead={"id": 1}, context={}
    )

    request = HookCall.from_dict(json.loads(seen[0]))
    assert (request.hook, request.tenant, request.args) == (
        "lead_created",
        "acme",
        {"lead": {"id": 1}, "context": {}},
    )
    assert request.budget_ms == 12_000
    assert results.ok
    assert results.event_id == "e-1"
    assert [answer.plugin_id for answer in results] == ["a", "b", "c"]
    assert results.values == [{"score": 3}]
    assert results[0].value == {"score": 3}
    assert len(results[:2]) == 2


def test_an_argument_called_hook_or_self_is_an_argument() -> None:
    seen: list[bytes] = []
    host = host_answering(json.dumps(ANSWER.to_dict()).encode(), seen)
    host.call_hook("lead_created", hook="x")
    assert json.loads(seen[0])["args"] == {"hook": "x"}


def test_a_failed_plugin_makes_the_results_not_ok_and_raises_nothing() -> None:
    failure = Failure("KeyError", "'WS'", Category.RUNTIME_ERROR)
    answer = HookAnswer("e", "h", (PluginAnswer("a", "1", Status.ERROR, failure=failure),))
    results = call(host_answering(json.dumps(answer.to_dict()).encode()))

    assert not results.ok
    assert results.error is None
    assert results[0].failure == failure
    assert results.values == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"v": 1}',
        b'{"v": 2, "event_id": "e", "hook": "h", "results": []}',
        b'{"v": 1, "event_id": "e", "hook": "h", "results": [3]}',
        (
            b'{"v": 1, "event_id": "e", "hook": "h", "results": [{"plugin": {"id": "a", "version": "1"},'
            b' "status": "odd"}]}'
        ),
        b'{"v": 1, "event_id": NaN, "hook": "h", "results": []}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_an_error_and_no_exception(answer: bytes) -> None:
    results = call(host_answering(answer))
    assert results.error is not None
    assert results.error.code in ("invalid-input", "json-invalid")
    assert list(results) == []


def test_what_models_are_made_of_is_sent_as_text() -> None:
    seen: list[bytes] = []
    call(
        host_answering(json.dumps(ANSWER.to_dict()).encode(), seen),
        lead={
            "at": datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
            "day": date(2026, 3, 1),
            "budget": Decimal("10.50"),
            "id": UUID(int=1),
        },
    )
    assert json.loads(seen[0])["args"]["lead"] == {
        "at": "2026-03-01T08:30:00+00:00",
        "day": "2026-03-01",
        "budget": "10.50",
        "id": "00000000-0000-0000-0000-000000000001",
    }


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}, b"x"])
def test_what_has_no_json_form_is_an_error_that_names_it_and_nothing_is_sent(value: Any) -> None:
    seen: list[bytes] = []
    results = call(host_answering(b"", seen), lead=value)
    assert results.error is not None
    assert results.error.code == "arguments-not-json"
    assert seen == []


def test_arguments_that_contain_themselves_are_an_error() -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    results = call(host_answering(b""), lead=loop)
    assert results.error is not None


class Lambda:
    """The one call of a boto3 client that the transport makes."""

    def __init__(self, respond: Callable[[], dict[str, Any]]) -> None:
        self._respond = respond

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        return self._respond()


def transport_answering(payload: bytes, **more: Any) -> LambdaTransport:
    return LambdaTransport(Lambda(lambda: {"Payload": io.BytesIO(payload), **more}), "dispatcher")


def transport_raising(error: Exception) -> LambdaTransport:
    def respond() -> dict[str, Any]:
        raise error

    return LambdaTransport(Lambda(respond), "dispatcher")


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (ConnectTimeoutError(endpoint_url="http://x"), "dispatcher-unreachable", True),
        (ReadTimeoutError(endpoint_url="http://x"), "dispatcher-unreachable", True),
        (ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"), "dispatcher-refused", True),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Invoke"), "dispatcher-refused", False),
    ],
)
def test_aws_trouble_is_an_error_with_its_code(error: Exception, code: str, retryable: bool) -> None:
    results = call(PluginHost(transport_raising(error)))
    assert results.error is not None
    assert (results.error.code, results.error.retryable) == (code, retryable)
    assert results.error.details["aws_code"]


def test_the_dispatchers_own_refusal_keeps_its_code_and_hint() -> None:
    own = ServicesAIError("no hook 'lead_create'", code="hook-unknown", hint="did you mean lead_created?")
    payload = json.dumps({"errorType": "Refused", "errorMessage": json.dumps(own.to_dict())}).encode()
    results = call(PluginHost(transport_answering(payload, FunctionError="Unhandled")))
    assert results.error is not None
    assert (results.error.code, results.error.hint) == ("hook-unknown", "did you mean lead_created?")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b'{"errorMessage": "boom"}',
        b'{"errorMessage": "[1]"}',
        b'{"errorMessage": "{}"}',
        b"\xff",
    ],
)
def test_a_dispatcher_that_dies_is_an_error_whatever_it_says(payload: bytes) -> None:
    results = call(PluginHost(transport_answering(payload, FunctionError="Unhandled")))
    assert results.error is not None
    assert results.error.code == "dispatcher-failed"


@pytest.mark.parametrize("budget", ["0", "-1", "28001"])
def test_a_budget_that_makes_no_sense_is_refused_when_the_host_starts(budget: str) -> None:
    with pytest.raises(PlatformError, match="budget must be between 1 and 28000"):
        PluginHost.from_env({"SERVICES_AI_DISPATCHER": "d", "SERVICES_AI_BUDGET_MS": budget})


@pytest.mark.parametrize("budget", ["abc", "1e3", "", "10 s", "٣"])
def test_a_budget_that_is_no_number_is_said_to_be_none(budget: str) -> None:
    with pytest.raises(PlatformError, match="no whole number of milliseconds") as caught:
        PluginHost.from_env({"SERVICES_AI_DISPATCHER": "d", "SERVICES_AI_BUDGET_MS": budget})
    assert (caught.value.code, repr(budget) in caught.value.message) == ("budget-invalid", True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"lead": {"created_by": {1, 2}}}, "lead.created_by is a builtins.set"),
        ({"lead": {"tags": ["a", b"x"]}}, "lead.tags[1] is a builtins.bytes"),
        ({"lead": {"score": float("nan")}}, "lead.score: "),
        ({"lead": {(1, 2): "x"}}, "lead has a key of type builtins.tuple"),
        ({"lead": {"name": "\ud800"}}, "lead.name: "),
    ],
)
def test_what_has_no_json_form_is_named_by_its_place(args: dict[str, Any], said: str) -> None:
    results = call(host_answering(b""), **args)
    assert results.error is not None
    assert (results.error.code, said in results.error.message) == ("arguments-not-json", True), (
        results.error.message
    )


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ConnectTimeoutError(endpoint_url="http://x"), "services-ai-admin local status"),
        (ReadTimeoutError(endpoint_url="http://x"), "SERVICES_AI_BUDGET_MS"),
        (NoCredentialsError(), "credentials"),
    ],
)
def test_a_dispatcher_that_is_not_reached_says_what_to_do(error: Exception, hint: str) -> None:
    results = call(PluginHost(transport_raising(error)))
    assert results.error is not None
    assert hint in results.error.hint


def test_nothing_is_written_to_standard_error_by_itself() -> None:
    code = (
        "from services_ai_host import PluginHost\n"
        "assert PluginHost(lambda request: b'').call_hook('lead_created').error is not None"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_from_env_says_what_is_missing_and_how_to_set_it() -> None:
    with pytest.raises(PlatformError, match="SERVICES_AI_DISPATCHER is not set") as caught:
        PluginHost.from_env({})
    assert "services-ai-admin local env" in caught.value.hint


def test_a_hung_dispatcher_is_asked_once() -> None:
    client = LambdaTransport.client_for(
        5.0, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert client.meta.config.read_timeout == 5.0
