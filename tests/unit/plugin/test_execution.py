from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk import ServicesAIPlugin, hookimpl
from services_ai_sdk.plugin.execution import safe_hook_execution
from services_ai_sdk.plugin.failures import FailureReader
from services_ai_sdk.plugin.paths import CodePaths
from services_ai_sdk.wire.failure import Category, Failure
from services_ai_sdk.wire.result import Result

READER = FailureReader(CodePaths(str(Path(__file__).parent)))
ARGS = {"lead": {"id": 1, "owner": {"name": "Dana"}}, "context": {"tenant": "acme"}}


def run(method: Any, **options: Any) -> Result | Failure:
    plugin = type("Plugin", (ServicesAIPlugin,), {"lead_created": method})()
    return safe_hook_execution(plugin, "lead_created", options.pop("args", ARGS), reader=READER, **options)


def ok(outcome: Result | Failure) -> Result:
    assert isinstance(outcome, Result), outcome
    return outcome


def failed(outcome: Result | Failure) -> Failure:
    assert isinstance(outcome, Failure), outcome
    return outcome


def test_the_method_gets_what_it_takes_and_its_value_comes_back() -> None:
    assert ok(run(lambda self: 1)).value == 1
    assert ok(run(lambda self, lead: lead.owner.name)).value == "Dana"
    assert ok(run(lambda self, context, lead: [context["tenant"], lead["id"]])).value == ["acme", 1]
    assert ok(run(lambda self, **every: sorted(every))).value == ["context", "lead"]
    assert ok(run(lambda self, lead, **rest: sorted(rest))).value == ["context"]
    assert ok(run(lambda self, lead, extra=7: extra)).value == 7
    assert ok(run(lambda self, plugin_id: plugin_id, plugin_id="p")).value == "p"


def test_a_parameter_that_nobody_fills_is_named() -> None:
    failure = failed(run(lambda self, led: 1))
    assert failure.type == "TypeError"
    assert "'led'" in failure.message
    assert "lead, context" in failure.message


def test_a_class_without_our_base_works() -> None:
    class Plain:
        def lead_created(self, lead: Any, api: Any) -> Any:
            api.send_notification("hi")
            return lead.id

    result = safe_hook_execution(
        Plain(), "lead_created", ARGS, reader=READER, permissions=frozenset({"send_notifications"})
    )
    assert ok(result).value == 1
    assert len(ok(result).actions) == 1


def test_settings_and_permissions_are_there() -> None:
    result = run(
        lambda self: [self.settings.days, self.settings["deep"].x, sorted(self.permissions)],
        settings={"days": 3, "deep": {"x": 1}},
        permissions=frozenset({"read_leads"}),
    )
    assert ok(result).value == [3, 1, ["read_leads"]]


def test_one_calls_actions_and_settings_are_not_the_next_ones() -> None:
    class Notifier(ServicesAIPlugin):
        def lead_created(self, lead: Any) -> Any:
            self.api.send_notification(f"lead {lead.id}", user_id=17)
            return dict(self.settings)

    plugin, grants = Notifier(), frozenset({"send_notifications"})
    first = safe_hook_execution(plugin, "lead_created", ARGS, reader=READER, settings={"a": 1}, permissions=grants)
    second = safe_hook_execution(plugin, "lead_created", ARGS, reader=READER, permissions=grants)
    expected = {
        "action": "send_notification",
        "args": {"message": "lead 1", "notification_type": "info", "user_id": 17},
    }
    assert ok(first).actions == ok(second).actions == [expected]
    assert (ok(first).value, ok(second).value) == ({"a": 1}, {})


def test_a_write_without_its_grant_names_the_permission() -> None:
    failure = failed(run(lambda self: self.api.send_notification("x")))
    assert failure.category is Category.PERMISSION_ERROR
    assert "send_notifications" in failure.message
    top = failure.top_frame()
    assert top is not None
    assert top.file == "test_execution.py"


def test_an_action_is_a_copy_and_is_json() -> None:
    def method(self: Any) -> None:
        fields = {"status": "won"}
        self.api.update_lead(1, fields)
        fields["status"] = "lost"

    result = run(method, permissions=frozenset({"write_leads"}))
    assert ok(result).actions[0]["args"]["fields"] == {"status": "won"}
    failure = failed(
        run(lambda self: self.api.update_lead(1, {"a": object()}), permissions=frozenset({"write_leads"}))
    )
    assert failure.type == "TypeError"


def test_reads_say_that_they_are_not_there_yet() -> None:
    assert "read_leads" in failed(run(lambda self: self.api.get_leads())).message
    failure = failed(run(lambda self: self.api.get_leads(), permissions=frozenset({"read_leads"})))
    assert failure.type == "NotImplementedError"
    assert "not available yet" in failure.message


async def coroutine(self: Any) -> int:
    return 1


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [{1, 2}, object(), float("nan"), "\ud800", b"x", CYCLE, DEEP, {("a",): 1}, [complex(1)], (n for n in [1])],
    ids=["set", "object", "nan", "surrogate", "bytes", "cycle", "deep", "tuple key", "complex", "generator"],
)
def test_what_is_not_json_is_the_plugins_failure(value: Any) -> None:
    failure = failed(run(lambda self: value))
    assert (failure.type, failure.category) == ("HookResultError", Category.RESPONSE_ERROR)


def test_a_coroutine_is_the_plugins_failure() -> None:
    assert "async" in failed(run(coroutine)).message


@pytest.mark.parametrize(
    ("runtime", "char", "count", "fits"),
    [
        ("AWS_Lambda_python3.11", "x", 6 * 1024 * 1024 - 1000, True),
        ("AWS_Lambda_python3.11", "x", 6 * 1024 * 1024, False),
        ("AWS_Lambda_python3.11", "x", 7 * 1024 * 1024, False),
        ("AWS_Lambda_python3.11", "é", 1_100_000, False),
        ("AWS_Lambda_python3.12", "é", 1_100_000, True),
    ],
)
def test_six_megabytes_as_they_are_sent(
    runtime: str, char: str, count: int, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EXECUTION_ENV", runtime)
    outcome = run(lambda self: char * count)
    if fits:
        assert len(ok(outcome).value) == count
    else:
        assert failed(outcome).category is Category.RESPONSE_ERROR


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), RecursionError(), MemoryError()]
)
def test_whatever_is_raised_comes_back(error: BaseException) -> None:
    def method(self: Any) -> None:
        raise error

    assert failed(run(method)).type == type(error).__name__


def test_a_hook_without_a_method() -> None:
    outcome = safe_hook_execution(ServicesAIPlugin(), "lead_created", {}, reader=READER)
    assert "no method for the hook" in failed(outcome).message


def test_duration_is_the_hooks_alone() -> None:
    ticks = iter([1.0, 2.0, 2.25])
    assert ok(run(lambda self: None, clock=lambda: next(ticks))).duration_ms == 250.0


def test_the_plugins_log_starts_at_info(caplog: pytest.LogCaptureFixture) -> None:
    run(lambda self: self.log.info("lead %s", 1))
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.INFO, "lead 1")]


def test_hookimpl_with_and_without_options() -> None:
    @hookimpl
    def plain() -> None: ...

    @hookimpl(priority=3)
    def third() -> None: ...

    @hookimpl(tryfirst=True, optionalhook=True)
    def first() -> None: ...

    marks = [method.services_ai_hookimpl for method in (plain, third, first)]  # type: ignore[attr-defined]
    assert marks == [{"priority": 50}, {"priority": 3}, {"priority": 0}]
    with pytest.raises(TypeError):
        hookimpl(priority="high")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="0 to 100"):
        hookimpl(priority=101)
    with pytest.raises(ValueError, match="both"):
        hookimpl(tryfirst=True, trylast=True)
    with pytest.raises(TypeError):
        hookimpl(hookwrapper=True)  # type: ignore[call-overload]
