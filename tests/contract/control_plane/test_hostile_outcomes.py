"""What a plugin may say of itself, from its answer through breaker, queue and recorder to the alert."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from control_plane.operations.notify import alert_for
from control_plane.operations.ports import Invoked
from control_plane.operations.record import Fold
from control_plane.table.codec import encode_item
from control_plane.table.errors import PluginError
from services_ai_sdk.plugin.failures import FailureReader
from services_ai_sdk.plugin.paths import CodePaths
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.limits import SQS_MESSAGE_MAX_BYTES
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.test_record import failure, message, outcome
from tests.contract.control_plane.world import SAMPLE, World

# SendMessage, MessageBody: "A message can include only XML, JSON, and unformatted text. The following Unicode
# characters are allowed: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."
_NOT_IN_SQS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_FOR_A_TERMINAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

TEXTS = {
    "1 MB": "x" * 1_000_000,
    "1 MB of many words": "no such lead, " * 70_000,
    "1 MB, four bytes each": "\U0001f4a9" * 250_000,
    "NUL": "a\x00b",
    "lone surrogates": "a\ud800b\udfff",
    "no characters": "a\ufffeb\uffff",
    "ANSI": "\x1b[2J\x1b]0;owned\x07\x1b[31mred",
    "HTML": "<script>alert(1)</script>&lt;",
    "turned around": "\u202eevil\u2066",
    "lines": "one\ntwo\r\nthree\u2028four",
    "JSON": '{"v":1,"outcome":"success"}',
    "ours, without a type": '{"v":1,"message":"no"}',
    "nothing": "",
}


def recorded(world: World, script: Callable[[dict[str, Any]], Invoked]) -> PluginError:
    """Fires once, records, and holds what came of it against what every reader may rely on."""
    world.deploy("alpha", script)
    world.deploy("beta", returns("fine"))
    answer = world.fire()
    assert answer["alpha"]["status"] == "error"
    assert answer["beta"]["value"] == "fine", "no hook is failed by it"
    json.dumps(answer, allow_nan=False, ensure_ascii=False).encode()
    assert len(world.state("alpha").run("lead_created")) == 1
    assert world.warnings == []
    for body in world.sink.bodies:
        assert len(body) <= SQS_MESSAGE_MAX_BYTES
        assert not _NOT_IN_SQS.search(body.decode()), "SQS refuses the message"
    world.record()
    (group,) = world.errors.groups("alpha")
    (error,) = world.errors.failures(group.group_id)
    shown = [error.failure.type, error.failure.message, group.message, group.where, group.source]
    shown += [text for frame in error.failure.frames for _, text in frame.source]
    assert not any(_NOT_FOR_A_TERMINAL.search(text) for text in shown)
    item = world.table.get({"pk": "PLUGIN#alpha", "sk": f"GROUP#{group.group_id}"})
    assert item is not None
    alert = alert_for(None, encode_item(item))
    assert alert is not None
    # Publish: a subject is ASCII, below 100 characters, one line; a message is UTF-8 of at most 256 KB.
    assert re.fullmatch(r"[\x20-\x7e]{1,99}", alert.subject)
    assert len(alert.body.encode()) < 16_000
    assert not _NOT_IN_SQS.search(alert.body)
    return error


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("reported_by", ["our handler", "Lambda"])
def test_a_message_of_any_kind(world: World, text: str, reported_by: str) -> None:
    if reported_by == "our handler":
        script = raises("ValueError", text)
    else:
        trace = [f'  File "/var/task/main.py", line 3, in route\n    {text}\n']
        body = {"errorMessage": text, "errorType": "ValueError", "stackTrace": trace}
        script = lambda _: Invoked(200, "Unhandled", json.dumps(body).encode())  # noqa: E731
    error = recorded(world, script)
    assert len(error.failure.message) <= 4000
    assert error.failure.type == "ValueError"


def test_ten_thousand_frames(world: World) -> None:
    frame = {"file": "main.py", "line": 3, "function": "again", "in_app": True, "source": [[3, "again()"]]}
    said = {"type": "RecursionError", "message": "deep", "category": "runtime_error", "frames": [frame] * 10_000}
    payload = json.dumps({"errorType": "RecursionError", "errorMessage": json.dumps(said)}).encode()
    error = recorded(world, lambda _: Invoked(200, "Unhandled", payload))
    assert 0 < len(error.failure.frames) <= 60
    assert error.failure.top_frame() is not None


def really_raised(tmp_path: Path, code: str) -> Callable[[dict[str, Any]], Invoked]:
    """What the runtime reports of an exception that really happened."""
    file = tmp_path / "main.py"
    file.write_text(code)
    try:
        exec(compile(code, str(file), "exec"), {"__name__": "main"})
    except BaseException as error:  # noqa: BLE001
        said = FailureReader(CodePaths(str(tmp_path))).read(error).to_dict()
    body = {"errorType": said["type"], "errorMessage": json.dumps(said), "stackTrace": []}
    return lambda _: Invoked(200, "Unhandled", json.dumps(body).encode())


@pytest.mark.parametrize(
    "broken", ["raise ZeroDivisionError", "return 7", "return '\\ud800' * 2000", "raise SystemExit"]
)
def test_an_exception_whose_str_is_broken(world: World, tmp_path: Path, broken: str) -> None:
    code = f"class Bad(Exception):\n    def __str__(self):\n        {broken}\n    __repr__ = __str__\nraise Bad\n"
    assert recorded(world, really_raised(tmp_path, code)).failure.type == "Bad"


def test_a_real_recursion_of_ten_thousand_frames(world: World, tmp_path: Path) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        script = really_raised(tmp_path, "def again(n):\n    return again(n + 1) + 1\nagain(0)\n")
    finally:
        sys.setrecursionlimit(limit)
    assert recorded(world, script).failure.type == "RecursionError"


SECRETS = {
    "message": {"errorMessage": "no route: password=hunter2hunter2", "errorType": "ValueError", "stackTrace": []},
    "URL": {
        "errorMessage": "cannot reach https://ada:hunter2hunter2@example.com/x",
        "errorType": "Runtime.ImportModuleError",
        "stackTrace": [],
    },
    "line of code": {
        "errorMessage": "no",
        "errorType": "ValueError",
        "stackTrace": ['  File "/var/task/main.py", line 3, in route\n    api_key = "hunter2hunter2"\n'],
    },
    "frame of ours": {
        "errorType": "ValueError",
        "errorMessage": json.dumps(
            {
                "type": "ValueError",
                "message": "token: hunter2hunter2",
                "category": "runtime_error",
                "frames": [
                    {"file": "main.py", "line": 1, "function": "f", "in_app": True,
                     "source": [[1, 'secret = "hunter2hunter2"']]}
                ],
            }
        ),
    },
    "no JSON": None,
}  # fmt: skip


@pytest.mark.parametrize("body", SECRETS.values(), ids=SECRETS)
def test_secrets_in_what_lambda_or_a_plugin_reports_are_not_kept(
    world: World, body: dict[str, Any] | None
) -> None:
    payload = json.dumps(body).encode() if body else b"Traceback: password=hunter2hunter2"
    script = lambda _: Invoked(200, "Unhandled", payload)  # noqa: E731
    error = recorded(world, script)
    assert "hunter2hunter2" not in json.dumps(error.failure.to_dict())
    (group,) = world.errors.groups("alpha")
    assert "hunter2hunter2" not in f"{group.message}{group.source}"


@pytest.mark.parametrize("text", ["\uffff", "\ufffe", "\x00", "\x85", "\U0001f4a9"])
def test_arguments_of_any_text_reach_the_recorder(world: World, text: str) -> None:
    world.deploy("alpha", raises("ValueError", "no"))
    args = {"lead": {**SAMPLE["lead"], "note": text}, "context": {"tenant": "t1"}}
    world.dispatcher({"v": 1, "hook": "lead_created", "args": args, "tenant": text})
    (body,) = world.sink.bodies
    assert not _NOT_IN_SQS.search(body.decode())
    world.record()
    (group,) = world.errors.groups("alpha")
    (error,) = world.errors.failures(group.group_id)
    assert error.args == args


@pytest.mark.parametrize("name", ["event_id", "tenant"])
@pytest.mark.parametrize("value", ["\ud800", "x" * 1000, "x" * 2_000_000])
def test_a_request_whose_names_cannot_be_kept_is_refused_before_any_plugin_runs(
    world: World, name: str, value: str
) -> None:
    world.deploy("alpha", raises("ValueError", "no"))
    with pytest.raises(InvalidInputError, match=name) as caught:
        world.fire(**{name: value})
    assert len(json.dumps(caught.value.to_dict())) < 1000
    assert world.invoker.calls == []


@pytest.mark.parametrize("cause", [[1], ["\ud800"], ["x" * 1000], ["a"] * 1000])
def test_a_cause_that_is_no_list_of_ids_is_refused(world: World, cause: list[Any]) -> None:
    world.deploy("alpha", returns(1))
    with pytest.raises(InvalidInputError, match="cause"):
        world.fire(cause=cause)
    assert world.invoker.calls == []


@pytest.mark.parametrize("value", [-1.0, -1e308, 1e308, 0.0, -0.0])
def test_durations_that_are_none(world: World, value: float) -> None:
    fold = Fold(world.errors, world.activity)
    fold.take(message(outcome(number=1, duration_ms=value, init_ms=value, max_memory_mb=value)))
    fold.take(message(outcome("failure", 2, duration_ms=value, failure=failure())))
    fold.flush()
    total = world.activity.since("alpha", 0)
    assert (total.successes, total.failures) == (1, 1)
    median_ms = total.quantile_ms(0.5)
    assert median_ms is not None
    assert 0 < median_ms < 4e6


@pytest.mark.parametrize("kind", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_duration_that_is_no_number(world: World, kind: str) -> None:
    """Strict JSON has none of them; `1e999` is one, and too large."""
    text = message(outcome(number=1)).replace("12.5", kind)
    fold = Fold(world.errors, world.activity)
    if kind == "1e999":
        fold.take(text)
        fold.flush()
        assert world.activity.since("alpha", 0).successes == 1
        return
    with pytest.raises(InvalidInputError):
        fold.take(text)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("plugin", ["alpha", "no-such-plugin"])
def test_batches_replayed_and_reordered_count_each_failure_once(world: World, order: int, plugin: str) -> None:
    """Also of a plugin that nobody knows, or knows any more: what happened stays written."""
    named = {"plugin": {"id": plugin, "version": "0.9.0"}}
    bodies = [message(outcome("failure", number, failure=failure(), **named)) for number in range(6)]
    for batch in (bodies[:4][::order], bodies[2:][::order], bodies[::-order]):
        fold = Fold(world.errors, world.activity)
        for body in batch:
            fold.take(body)
        fold.flush()
    (group,) = world.errors.groups(plugin)
    assert group.count == 6
    assert world.activity.since(plugin, 0).failures == 6
    assert len(list(world.errors.failures(group.group_id))) == 6
    assert world.fleet.all() == [], "and makes no plugin of it"
