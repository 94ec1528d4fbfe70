from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from control_plane.operations.ports import Invoked, NotInvoked
from control_plane.operations.routing import Routing
from control_plane.table.routes import Routes
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError
from services_ai_sdk.wire.limits import HOOK_BUDGET_DEFAULT_S, PLUGIN_TIMEOUT_DEFAULT_S
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import SAMPLE, World


def test_every_listener_answers_by_priority_then_id(world: World) -> None:
    world.deploy("zeta", returns({"score": 1}), hooks=[{"name": "lead_created", "priority": 10}])
    world.deploy("beta", returns(None, pid=4711))
    world.deploy("alpha", raises("KeyError", "'BR'"))
    answer = world.dispatcher({"v": 1, "hook": "lead_created", "args": SAMPLE, "debug": True})
    assert [(result["plugin"]["id"], result["status"]) for result in answer["results"]] == [
        ("zeta", "ok"),
        ("alpha", "error"),
        ("beta", "ok"),
    ]
    zeta, alpha, beta = answer["results"]
    assert zeta["value"] == {"score": 1}
    assert alpha["failure"]["type"] == "KeyError"
    assert alpha["failure"]["frames"][0]["file"] == "main.py"
    assert beta["debug"] == {"worker_pid": 4711}
    assert zeta["debug"] == {}
    (message,) = world.sink.messages
    assert {outcome.plugin_id: str(outcome.outcome) for outcome in message.outcomes} == {
        "zeta": "success",
        "alpha": "failure",
        "beta": "success",
    }
    assert message.args == SAMPLE


def test_the_envelope_has_what_the_plugin_may_know(world: World) -> None:
    world.deploy(
        "alpha",
        returns(1),
        permissions=["read_leads"],
        settings={"country": {"type": "string", "default": "DE"}, "key": {"type": "string", "secret": True}},
    )
    world.fire(event_id="0190", tenant="t1", hops=2, cause=["a", "b"], budget_ms=5000)
    ((_, envelope),) = world.invoker.calls
    assert envelope["settings"] == {"country": "DE", "key": None}, "a secret that is not set"
    assert envelope["permissions"] == ["read_leads"]
    assert (envelope["event_id"], envelope["tenant"], envelope["hops"], envelope["cause"]) == (
        "0190", "t1", 2, ["a", "b"],
    )  # fmt: skip
    assert envelope["plugin"] == {"id": "alpha", "version": "1.0.0"}
    assert envelope["epoch"] == 1
    assert envelope["args"] == SAMPLE
    assert 0 < envelope["budget_ms"] < 5000
    assert world.invoker.timeouts_s == [5.0]
    from services_ai_sdk.wire.envelope import Envelope

    assert Envelope.from_dict(envelope).invocation_id == envelope["invocation_id"]


def test_arguments_without_a_failure_are_not_kept_and_secrets_never(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.fire()
    assert world.sink.messages[0].args is None
    world.script("alpha", raises("ValueError", "no"))
    args = {"lead": {"id": 1, "password": "hunter2", "note": "Bearer abcdefgh12345678"}, "context": {}}
    world.dispatcher({"v": 1, "hook": "lead_created", "args": args})
    assert "hunter2" not in world.sink.bodies[1].decode()
    assert "abcdefgh12345678" not in world.sink.bodies[1].decode()


def test_a_known_hook_nobody_listens_to_is_an_empty_answer(world: World) -> None:
    assert world.fire("lead_updated") == {}
    assert world.sink.bodies == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"v": 1, "hook": "lead_craeted", "args": {}}, "hook-unknown"),
        ({"v": 2, "hook": "lead_created", "args": {}}, "invalid-input"),
        ({"v": 1, "hook": "lead_created"}, "invalid-input"),
        ({"v": 1, "hook": "lead_created", "args": []}, "invalid-input"),
        ({"v": 1, "hook": ["lead_created"], "args": {}}, "invalid-input"),
        ({"v": 1, "hook": "lead_created", "args": {}, "hops": 8}, "too-many-hops"),
        (
            {"v": 1, "hook": "lead_created", "args": {"lead": {"id": 1, "x": float("inf")}, "context": {}}},
            "invalid-input",
        ),
        (
            {"v": 1, "hook": "lead_created", "args": {"lead": {"id": 1, "x": "\ud800"}, "context": {}}},
            "invalid-input",
        ),
        (
            {"v": 1, "hook": "lead_created", "args": {"lead": {"id": 1, "x": "y" * 6_300_000}, "context": {}}},
            "payload-too-large",
        ),
        ({"v": 1, "hook": "lead_created", "args": {}, "budget_ms": 0}, "invalid-input"),
        ({"v": 1, "hook": "lead_created", "args": {}}, "hook-arguments-invalid"),
        ({"v": 1, "hook": "lead_created", "args": {"lead": {}}}, "hook-arguments-invalid"),
        ({"v": 1, "hook": "lead_created", "args": {"lead": "x", "context": {}}}, "hook-arguments-invalid"),
        ({"v": 1, "hook": "lead_created", "args": {"lead": None, "context": {}}}, "hook-arguments-invalid"),
        ({"v": 1, "hook": "lead_created", "args": {**SAMPLE, "laed": {}}}, "hook-arguments-invalid"),
        ({"v": 1, "hook": "lead_created", "args": {**SAMPLE, "\ud800" * 9999: 1}}, "hook-arguments-invalid"),
        (None, "invalid-input"),
        ([], "invalid-input"),
        ("lead_created", "invalid-input"),
    ],
)
def test_a_request_that_cannot_be_served_says_why(world: World, request_: Any, code: str) -> None:
    world.deploy("alpha", raises("KeyError", "'lead'"))
    with pytest.raises(InvalidInputError) as caught:
        world.dispatcher(request_)
    assert caught.value.code == code
    assert len(json.dumps(caught.value.to_dict())) < 2000
    assert (world.invoker.calls, world.sink.bodies, world.state("alpha").runs) == ([], [], {})


def test_five_failures_in_a_row_switch_it_off_and_the_next_call_skips_it(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.deploy("beta", returns(1))
    for _ in range(4):
        assert world.fire()["alpha"]["status"] == "error"
        assert world.state("alpha").state == "enabled"
    world.fire()
    state = world.state("alpha")
    assert (str(state.state), state.epoch, state.actor) == ("auto_disabled", 2, "breaker")
    assert len(state.evidence.invocation_ids) == 5
    assert state.evidence.where == "main.py:31 in route"
    assert state.evidence.source == "team = TEAMS[country]"
    assert 0.25 in world.clock.slept
    answer = world.fire()
    assert answer["alpha"]["status"] == "skipped"
    assert answer["alpha"]["reason"] == "auto_disabled"
    assert answer["beta"]["status"] == "ok"
    assert world.invoker.reached("alpha") == 5


def test_another_environment_skips_it_once_what_it_knows_is_old(world: World) -> None:
    other = world.new_dispatcher()
    world.deploy("alpha", raises("KeyError", "'BR'"))
    request = {"v": 1, "hook": "lead_created", "args": SAMPLE}
    other(request)
    for _ in range(4):
        world.fire()
    assert str(world.state("alpha").state) == "auto_disabled"
    world.clock.now += 1.0
    assert other(request)["results"][0]["status"] == "skipped"


def test_a_success_ends_the_run(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(4):
        world.fire()
    world.script("alpha", returns(1))
    world.fire()
    assert world.state("alpha").runs == {}
    world.script("alpha", raises("KeyError", "'BR'"))
    for _ in range(4):
        world.fire()
    assert str(world.state("alpha").state) == "enabled"


def test_a_healthy_hook_does_not_hide_a_broken_one(world: World) -> None:
    def on_created_only(envelope: dict[str, Any]) -> Invoked:
        script = raises("KeyError", "'BR'") if envelope["hook"] == "lead_created" else returns(1)
        return script(envelope)

    world.deploy("alpha", on_created_only, hooks=["lead_created", "lead_updated"])
    for _ in range(5):
        world.fire("lead_created")
        world.fire("lead_updated")
    assert str(world.state("alpha").state) == "auto_disabled"
    assert world.state("alpha").evidence.hook == "lead_created"


def test_what_invoke_raises_neither_counts_nor_resets(world: World) -> None:
    def throttled(_: dict[str, Any]) -> Invoked:
        raise NotInvoked("TooManyRequestsException: Rate Exceeded.")

    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(4):
        world.fire()
    world.script("alpha", throttled)
    for _ in range(10):
        answer = world.fire()["alpha"]
        assert (answer["status"], answer["failure"]) == ("error", None)
        assert "TooManyRequestsException" in answer["reason"]
    assert len(world.state("alpha").run("lead_created")) == 4
    world.script("alpha", raises("KeyError", "'BR'"))
    world.fire()
    assert str(world.state("alpha").state) == "auto_disabled"


def test_a_python_that_is_not_here_is_said_and_counts_for_nothing(world: World) -> None:
    def missing(_: dict[str, Any]) -> Invoked:
        raise NotInvoked("InvalidRuntimeException: no", not_run="needs Python 3.13 (pyenv install 3.13)")

    world.deploy("alpha", missing)
    for _ in range(6):
        answer = world.fire()["alpha"]
    assert answer["status"] == "skipped"
    assert answer["reason"] == "not run: needs Python 3.13 (pyenv install 3.13)"
    assert world.state("alpha").runs == {}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"v":1,"ok":true}',
        b'{"v":1,"ok":true,"value":NaN}',
        b'{"v":1,"ok":true,"value":1e999}',
        b'{"v":1,"ok":true,"value":"\\ud800"}',
        b'{"v":1,"ok":true,"value":1,"duration_ms":1' + b"0" * 400 + b"}",
        b'{"v":1,"ok":true,"value":' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"v":1,"ok":true,"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_payload_that_is_no_result_counts_and_spoils_nobody_elses(world: World, payload: bytes) -> None:
    world.deploy("alpha", lambda _: Invoked(200, "", payload))
    world.deploy("beta", returns("fine"))
    answer = world.fire()
    assert answer["alpha"]["status"] == "error"
    assert answer["alpha"]["failure"]["category"] == "response_error"
    assert answer["beta"]["value"] == "fine"
    json.dumps(answer, allow_nan=False).encode()
    assert len(world.state("alpha").run("lead_created")) == 1


def test_values_too_large_together_cost_the_largest_its_place(world: World) -> None:
    world.deploy("alpha", returns("é" * 2_500_000))
    world.deploy("beta", returns("fine"))
    world.deploy("gamma", returns("x" * 3_000_000))
    answer = world.fire()
    assert answer["alpha"]["status"] == "error"
    assert "did not fit" in answer["alpha"]["reason"]
    assert answer["beta"]["value"] == "fine"
    assert len(answer["gamma"]["value"]) == 3_000_000
    assert len(json.dumps(answer)) < 6 * 1024 * 1024
    assert all(str(outcome.outcome) == "success" for outcome in world.sink.messages[0].outcomes)


def test_a_plugin_that_hangs_is_reported_and_not_waited_for(world: World) -> None:
    let_go = threading.Event()

    def hangs(envelope: dict[str, Any]) -> Invoked:
        let_go.wait(30)
        return returns("late")(envelope)

    world.deploy("alpha", hangs)
    world.deploy("beta", returns("fine"))
    try:
        answer = world.fire(budget_ms=50)
    finally:
        let_go.set()
    assert answer["alpha"]["status"] == "error"
    assert "no answer within" in answer["alpha"]["reason"]
    assert answer["beta"]["value"] == "fine"
    assert world.state("alpha").runs == {}


def timed_out(after_s: float, world: World) -> Any:
    """What the runtime answers for a hook that hangs, once its budget is over."""

    def script(envelope: dict[str, Any]) -> Invoked:
        world.clock.now += min(after_s, envelope["budget_ms"] / 1000)
        failure = {
            "type": "HookTimedOut",
            "message": "still running",
            "category": "timeout_error",
            "frames": [{"file": "main.py", "line": 9, "function": "wait", "in_app": True}],
        }
        body = {"errorType": "HookTimedOut", "errorMessage": json.dumps(failure), "stackTrace": []}
        return Invoked(200, "Unhandled", json.dumps(body).encode())

    return script


@pytest.mark.parametrize("budget_ms", [10_000, 12_000, 28_000])
def test_a_plugin_that_always_hangs_is_switched_off(world: World, budget_ms: int) -> None:
    world.deploy("alpha", timed_out(60, world))  # its timeout is 10 s, as the shortest of the budgets
    for _ in range(5):
        answer = world.fire(budget_ms=budget_ms)["alpha"]
        assert answer["failure"]["category"] == "timeout_error"
        assert answer["duration_ms"] < min(budget_ms, 10_000)
    assert str(world.state("alpha").state) == "auto_disabled"


def test_with_every_default_a_plugin_has_all_of_its_own_time(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.fire(budget_ms=int(HOOK_BUDGET_DEFAULT_S * 1000))
    ((_, envelope),) = world.invoker.calls
    assert envelope["budget_ms"] >= PLUGIN_TIMEOUT_DEFAULT_S * 1000 - 101


def test_a_caller_in_a_hurry_does_not_switch_plugins_off(world: World) -> None:
    world.deploy("alpha", timed_out(60, world))
    for _ in range(6):
        answer = world.fire(budget_ms=1000)["alpha"]
    assert (answer["status"], answer["failure"]) == ("error", None)
    assert answer["reason"] == (
        "stopped after 0.9 s, all that this call had left; "
        "the plugin's own limit is 10 s; it was at main.py:9 in wait"
    )
    assert world.state("alpha").runs == {}


def test_a_process_that_had_to_be_ended_is_a_timeout(world: World) -> None:
    def ended(envelope: dict[str, Any]) -> Invoked:
        world.clock.now += envelope["budget_ms"] / 1000 + 0.2
        body = {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: 1 Error: Runtime exited: exit status 1",
        }
        return Invoked(200, "Unhandled", json.dumps(body).encode())

    world.deploy("alpha", ended)
    failure = world.fire(budget_ms=10_000)["alpha"]["failure"]
    assert (failure["type"], failure["category"]) == ("HookTimedOut", "timeout_error")
    assert len(world.state("alpha").run("lead_created")) == 1


def test_a_fault_of_ours_in_one_plugins_part_costs_the_others_nothing(world: World) -> None:
    def broken(_: dict[str, Any]) -> Invoked:
        raise ZeroDivisionError("a bug in the platform")

    world.deploy("alpha", broken)
    world.deploy("beta", returns("fine"))
    answer = world.fire()
    assert answer["beta"]["value"] == "fine"
    assert (answer["alpha"]["status"], answer["alpha"]["failure"]) == ("error", None)
    assert "ZeroDivisionError" in answer["alpha"]["reason"]
    assert any("in broken" in warning for warning in world.warnings)
    assert world.state("alpha").runs == {}


def test_the_same_event_again_counts_once(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(10):
        world.fire(event_id="0190f1e2-0000-7000-8000-000000000000")
    assert len(world.state("alpha").run("lead_created")) == 1
    assert str(world.state("alpha").state) == "enabled"


def test_an_outcome_of_an_older_epoch_counts_for_nothing(world: World) -> None:
    def disabled_meanwhile(envelope: dict[str, Any]) -> Invoked:
        world.switch.disable("alpha", actor="ada", reason="test")
        world.switch.enable("alpha", actor="ada", reason="test")
        return raises("KeyError", "'BR'")(envelope)

    world.deploy("alpha", disabled_meanwhile)
    world.fire()
    state = world.state("alpha")
    assert (state.epoch, state.runs) == (3, {})


def test_a_manual_disable_during_the_confirm_wins_over_the_trip(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(4):
        world.fire()

    def disable() -> None:
        world.clock.on_sleep = lambda: None
        world.switch.disable("alpha", actor="ada", reason="by hand")

    world.clock.on_sleep = disable
    world.fire()
    state = world.state("alpha")
    assert (str(state.state), state.actor, state.epoch) == ("disabled", "ada", 2)
    world.clock.now += 100_000
    assert world.fire()["alpha"]["reason"] == "disabled"


def test_a_success_during_the_confirm_stops_the_trip(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(4):
        world.fire()

    def succeed() -> None:
        world.clock.on_sleep = lambda: None
        state = world.state("alpha")
        world.breakers.clear("alpha", "lead_created", state.run("lead_created"), state.epoch)

    world.clock.on_sleep = succeed
    world.fire()
    assert str(world.state("alpha").state) == "enabled"


def test_probes_wait_then_one_at_a_time_then_three_good_ones_close(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(5):
        world.fire()
    off = world.state("alpha")
    assert 48 <= off.probe_at_s - off.since_s <= 72
    world.clock.now = off.probe_at_s - 1
    assert world.fire()["alpha"]["status"] == "skipped"
    world.clock.now = off.probe_at_s
    assert world.fire()["alpha"]["status"] == "error"
    failed = world.state("alpha")
    assert (str(failed.state), failed.probe_delay_s) == ("auto_disabled", 120.0)
    world.clock.now = failed.probe_at_s
    world.script("alpha", returns(1))
    for expected in ("probing", "probing", "enabled"):
        assert world.fire()["alpha"]["status"] == "ok"
        assert str(world.state("alpha").state) == expected
    assert world.state("alpha").epoch == 3
    world.script("alpha", raises("KeyError", "'BR'"))
    world.fire()
    assert len(world.state("alpha").run("lead_created")) == 1


def test_only_one_of_many_environments_probes(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(5):
        world.fire()
    world.clock.now = world.state("alpha").probe_at_s
    before = world.invoker.reached("alpha")
    inside, go_on = threading.Event(), threading.Event()

    def slow(envelope: dict[str, Any]) -> Invoked:
        inside.set()
        go_on.wait(30)
        return returns(1)(envelope)

    world.script("alpha", slow)
    prober = threading.Thread(target=world.fire)
    prober.start()
    assert inside.wait(30)
    try:
        for _ in range(10):
            answer = world.new_dispatcher()({"v": 1, "hook": "lead_created", "args": SAMPLE})
            assert answer["results"][0]["status"] == "skipped"
    finally:
        go_on.set()
        prober.join(30)
    assert world.invoker.reached("alpha") == before + 1


def test_an_environment_that_missed_the_lease_does_not_probe(world: World) -> None:
    other = world.new_dispatcher()
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(5):
        world.fire()
    request = {"v": 1, "hook": "lead_created", "args": SAMPLE}
    world.clock.now = world.state("alpha").probe_at_s - 0.5
    other(request)
    world.clock.now += 0.6
    before = world.invoker.reached("alpha")
    answers: list[Any] = []

    def while_probed(envelope: dict[str, Any]) -> Invoked:
        answers.append(other(request)["results"][0])
        return returns(1)(envelope)

    world.script("alpha", while_probed)
    world.fire()
    assert [answer["status"] for answer in answers] == ["skipped"]
    assert world.invoker.reached("alpha") == before + 1


def test_an_older_read_never_replaces_a_newer_one(world: World) -> None:
    world.deploy("alpha", returns(1))
    routing = Routing(Routes(world.table), world.breakers, freshness_s=1, now_s=world.clock.now_s, warn=print)
    older = world.state("alpha")
    world.switch.disable("alpha", actor="ada", reason="test")
    newer = world.state("alpha")
    routing.saw("alpha", newer, world.clock.now)
    routing.saw("alpha", older, world.clock.now)
    assert routing.states(["alpha"])["alpha"] == newer


def test_many_failures_at_once_trip_once(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.fire()
    request = {"v": 1, "hook": "lead_created", "args": SAMPLE}
    dispatchers = [world.new_dispatcher() for _ in range(12)]
    threads = [threading.Thread(target=each, args=(request,)) for each in dispatchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    state = world.state("alpha")
    assert (str(state.state), state.epoch) == ("auto_disabled", 2)


def test_without_the_control_plane_what_is_known_goes_on(world: World) -> None:
    world.deploy("alpha", returns("on"))
    world.deploy("beta", returns("off"))
    world.switch.disable("beta", actor="ada", reason="test")
    assert world.fire()["alpha"]["value"] == "on"
    world.client.down = True
    world.sink.refuses = True
    for _ in range(3):
        world.clock.now += 60
        answer = world.fire()
        assert answer["alpha"]["value"] == "on"
        assert answer["beta"]["status"] == "skipped"
    world.script("alpha", raises("KeyError", "'BR'"))
    assert world.fire()["alpha"]["status"] == "error"
    assert world.warnings


def test_nothing_known_and_no_control_plane_is_an_error_not_an_empty_answer(world: World) -> None:
    world.deploy("alpha", returns("on"))
    world.client.down = True
    with pytest.raises(PlatformError) as caught:
        world.fire()
    assert caught.value.retryable


def test_a_healthy_call_writes_nothing_and_reads_one_batch(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.fire()
    world.client.calls.clear()
    world.fire()
    assert world.client.calls == ["batch_get_item"]


def test_a_new_version_is_called_once_its_deploy_was_seen(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.fire()
    world.deploy("alpha", returns(2), version="1.1.0")
    world.fire()
    assert world.fire()["alpha"]["plugin"]["version"] == "1.1.0"
