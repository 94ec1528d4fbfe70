"""What crosses process borders survives the way there and back, and refuses what is malformed by name."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services_ai_sdk.wire.call import HookAnswer, HookCall, PluginAnswer, Status
from services_ai_sdk.wire.envelope import Envelope
from services_ai_sdk.wire.errors import InvalidInputError, ServicesAIError
from services_ai_sdk.wire.failure import Category, Failure, Frame
from services_ai_sdk.wire.ids import invocation_id, uuid7
from services_ai_sdk.wire.jsontext import dumps, loads
from services_ai_sdk.wire.outcome import Outcome, OutcomeClass, OutcomesMessage
from services_ai_sdk.wire.result import Result

text = st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(text, json_values, max_size=3)
durations = st.floats(0, 1e6)
frames = st.builds(
    Frame, file=text, line=st.integers(0, 10**6), function=text, in_app=st.booleans(),
    source=st.lists(st.tuples(st.integers(0, 99), text), max_size=3).map(tuple),
)  # fmt: skip
failures = st.builds(
    Failure,
    type=text,
    message=text,
    category=st.sampled_from(Category),
    frames=st.lists(frames, max_size=3).map(tuple),
)
outcomes = st.builds(
    Outcome, invocation_id=text, plugin_id=text, plugin_version=text, epoch=st.integers(0, 99),
    outcome=st.just(OutcomeClass.FAILURE), duration_ms=durations, failure=failures,
)  # fmt: skip
answers = st.builds(
    PluginAnswer, plugin_id=text, plugin_version=text, status=st.sampled_from(Status), value=json_values,
    actions=st.lists(json_objects, max_size=2), failure=st.none() | failures, reason=text, duration_ms=durations,
)  # fmt: skip
strings = st.lists(text, max_size=3).map(tuple)
messages = st.one_of(
    st.builds(
        Envelope, invocation_id=text, event_id=text, hook=text, mode=st.sampled_from(["sync", "async"]),
        plugin_id=text, plugin_version=text, epoch=st.integers(0, 99), args=json_objects, settings=json_objects,
        permissions=strings, tenant=text, budget_ms=st.integers(0, 30000), hops=st.integers(0, 7), cause=strings,
        api=json_objects,
    ),
    st.builds(Result, value=json_values, actions=st.lists(json_objects, max_size=2), duration_ms=durations),
    failures,
    outcomes,
    st.builds(
        OutcomesMessage, event_id=text, hook=text, mode=text, tenant=text, occurred_at_ms=st.integers(0, 2**53),
        outcomes=st.lists(outcomes, max_size=2).map(tuple), args=st.none() | json_objects, args_ref=text,
    ),
    st.builds(HookCall, hook=text, args=json_objects, budget_ms=st.integers(1, 29000), hops=st.integers(0, 7)),
    st.builds(HookAnswer, event_id=text, hook=text, results=st.lists(answers, max_size=2).map(tuple)),
)  # fmt: skip


@given(messages)
def test_everything_survives_the_way_over_the_wire(message: Any) -> None:
    assert type(message).from_dict(loads(dumps(message.to_dict()), what="it")) == message


@given(messages, st.data())
def test_a_field_of_another_type_or_gone_is_refused_by_its_own_error(message: Any, data: st.DataObject) -> None:
    plain = json.loads(dumps(message.to_dict()))
    key = data.draw(st.sampled_from(sorted(plain)))
    if data.draw(st.booleans()):
        del plain[key]
    else:
        plain[key] = data.draw(st.sampled_from([None, True, 3, "x", [], {}, [3], {"x": 3}, 1.5]))
    try:
        type(message).from_dict(plain)
    except InvalidInputError as error:
        assert error.message  # noqa: PT017 - some changes are harmless; those that are not must end here


@pytest.mark.parametrize("kind", [Envelope, Result, Failure, Outcome, OutcomesMessage, HookCall, HookAnswer])
@pytest.mark.parametrize("raw", [None, [], "x", 3, {}, {"v": 99}, {"v": "1"}])
def test_what_is_no_message_is_refused(kind: Any, raw: Any) -> None:
    with pytest.raises(InvalidInputError):
        kind.from_dict(raw)


def test_a_hook_reached_through_eight_others_is_refused() -> None:
    call = HookCall("lead_updated", {}, hops=7).to_dict()
    assert HookCall.from_dict(call).hops == 7
    with pytest.raises(InvalidInputError) as caught:
        HookCall.from_dict({**call, "hops": 8})
    assert caught.value.code == "too-many-hops"


def test_a_call_cannot_ask_for_more_time_than_a_sync_call_has() -> None:
    assert HookCall.from_dict(HookCall("h", {}, budget_ms=3_600_000).to_dict()).budget_ms == 29_000
    with pytest.raises(InvalidInputError, match="at least 1"):
        HookCall.from_dict(HookCall("h", {}, budget_ms=0).to_dict())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"\xff", "utf-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        ("{", "Expecting"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' appears twice"),
        ("[" * 200_000, "nested too deeply"),
    ],
)
def test_json_that_only_python_reads_is_refused_with_the_reason(bad: Any, reason: str) -> None:
    with pytest.raises(InvalidInputError, match="the request is not valid JSON") as caught:
        loads(bad, what="the request")
    assert reason in caught.value.message


def test_the_top_frame_is_the_innermost_of_the_plugins_own() -> None:
    own, library = Frame("main.py", 3, "f", in_app=True), Frame("lib/x.py", 9, "g")
    assert Failure("E", "m", Category.RUNTIME_ERROR, (own, library)).top_frame() == own
    assert Failure("E", "m", Category.RUNTIME_ERROR, (library,)).top_frame() == library
    assert Failure("E", "m", Category.RUNTIME_ERROR).top_frame() is None


def test_event_ids_sort_by_time_and_invocation_ids_are_stable() -> None:
    early, late = uuid7(1_000, lambda n: b"\xff" * n), uuid7(1_001, lambda n: b"\x00" * n)
    assert early < late
    assert early[14] == "7"
    assert invocation_id(early, "a") == invocation_id(early, "a")
    assert invocation_id(early, "a") != invocation_id(early, "b")
    assert invocation_id("x", "yz") != invocation_id("xy", "z")


def test_an_error_is_plain_data() -> None:
    error = ServicesAIError("m", code="c", hint="h", details={"a": 1}, retryable=True)
    assert error.to_dict() == {"code": "c", "message": "m", "hint": "h", "details": {"a": 1}, "retryable": True}


def test_the_wire_imports_the_standard_library_only() -> None:
    code = (
        "import sys; sys.path.insert(0, 'sdk'); import pkgutil, importlib, services_ai_sdk.wire as w;"
        "[importlib.import_module(f'services_ai_sdk.wire.{m.name}') for m in pkgutil.iter_modules(w.__path__)];"
        "own = {n.split('.')[0] for n in sys.modules} - set(sys.stdlib_module_names) - {'__main__'};"
        "print(sorted(own))"
    )
    out = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "['services_ai_sdk']"
