from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from control_plane.operations.notify import alert_for
from control_plane.rules import breaker
from control_plane.rules.breaker import BreakerState, Evidence, State
from control_plane.table.breakers import write_state
from control_plane.table.codec import encode_item
from control_plane.table.expressions import Update


def image(state: BreakerState, plugin_id: str = "alpha") -> dict[str, Any]:
    """The breaker's item as a stream has it, made by the table's own writer."""
    arguments = write_state(Update({"pk": f"PLUGIN#{plugin_id}", "sk": "BREAKER"}), state).arguments()
    names, values = arguments["ExpressionAttributeNames"], arguments["ExpressionAttributeValues"]
    clauses = arguments["UpdateExpression"].split(" REMOVE ")[0].split(" ADD ")[0].removeprefix("SET ")
    written = dict(clause.split(" = ") for clause in clauses.split(", "))
    item = {names[name]: values[value] for name, value in written.items()}
    key = {"pk": f"PLUGIN#{plugin_id}", "sk": "BREAKER"}
    return {**encode_item({**key, "plugin_id": plugin_id, "version": "1.0.0"}), **item}


ON = BreakerState(epoch=1, since_s=100.0)
EVIDENCE = Evidence(
    "lead_created", ("a", "b", "c", "d", "e"), "KeyError", "'BR'", "main.py:31 in route", "x = T[c]"
)
OFF = breaker.trip(ON, EVIDENCE, 1_772_373_909.0, 0.5)
PROBING = breaker.take_lease(OFF, "me", OFF.probe_at_s)


def group(**fields: Any) -> dict[str, Any]:
    item = {
        "pk": "PLUGIN#alpha", "sk": "GROUP#0123456789ab", "group_id": "0123456789ab", "plugin_id": "alpha",
        "type": "KeyError", "message": "'BR'", "category": "runtime_error", "where": "main.py:31 in route",
        "source": "x = T[c]", "hook": "lead_created", "status": "open", "count": 1,
        "first_at_ms": 1_772_373_909_000, "last_at_ms": 1_772_373_909_000,
        "first_version": "1.0.0", "last_version": "1.0.0", "last_invocation_id": "a",
    }  # fmt: skip
    return encode_item({**item, **fields})


def test_a_trip_says_what_since_when_where_and_what_next() -> None:
    alert = alert_for(image(ON), image(OFF))
    assert alert is not None
    assert (alert.kind, alert.alert_id) == ("auto_disabled", "auto_disabled:alpha:2")
    assert alert.attributes == {"plugin": "alpha", "kind": "auto_disabled", "severity": "critical"}
    for part in (
        "5 failures in a row on lead_created",
        "2026-03-01 14:05:09 UTC",
        "KeyError: 'BR'",
        "main.py:31 in route",
        "x = T[c]",
        "services-ai-admin why alpha",
        "services-ai-admin enable alpha",
    ):
        assert part in alert.body


def test_a_repeat_has_the_same_id_and_a_later_trip_another() -> None:
    first, again = alert_for(image(ON), image(OFF)), alert_for(image(ON), image(OFF))
    assert first == again
    on_again = breaker.enable(OFF, 1.0, "ada", "")
    later = alert_for(image(on_again), image(breaker.trip(on_again, EVIDENCE, 2.0, 0.5)))
    assert later is not None
    assert first is not None
    assert later.alert_id != first.alert_id


def test_recovery_is_news() -> None:
    two = breaker.probe_succeeded(breaker.take_lease(breaker.probe_succeeded(PROBING, 1), "b", 1), 2)
    leased = breaker.take_lease(two, "c", 3)
    alert = alert_for(image(leased), image(breaker.probe_succeeded(leased, 4)))
    assert alert is not None
    assert alert.kind == "recovered"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ON),
        (ON, ON),
        (ON, breaker.disable(ON, 1, "ada", "no")),
        (OFF, breaker.enable(OFF, 1, "ada", "yes")),
        (OFF, PROBING),
        (PROBING, breaker.probe_failed(PROBING, 1, 0.5)),
        (PROBING, breaker.disable(PROBING, 1, "ada", "no")),
        (OFF, breaker.deploy(OFF, 1, "ada", "1.1")),
        (PROBING, breaker.deploy(PROBING, 1, "ada", "1.1")),
    ],
)
def test_what_is_no_news(before: BreakerState | None, after: BreakerState) -> None:
    assert alert_for(image(before) if before else None, image(after)) is None


def test_a_new_group_is_news_its_next_failure_is_not() -> None:
    alert = alert_for(None, group())
    assert alert is not None
    assert alert.alert_id == "new_error:alpha:0123456789ab"
    assert "services-ai-admin error 0123456789ab" in alert.body
    assert "main.py:31 in route" in alert.body
    assert alert_for(group(), group(count=2)) is None


def test_a_failed_deploy_is_news_once() -> None:
    item = {
        "pk": "PLUGIN#alpha", "sk": "RELEASE#1.1.0#abc", "plugin_id": "alpha", "version": "1.1.0",
        "status": "failed", "at_ms": 1_772_373_909_000, "error": "the smoke call failed",
    }  # fmt: skip
    alert = alert_for(None, encode_item(item))
    assert alert is not None
    assert "the smoke call failed" in alert.body
    assert alert_for(encode_item(item), encode_item(item)) is None
    assert (
        alert_for(encode_item({**item, "status": "approved"}), encode_item({**item, "status": "deployed"})) is None
    )


@pytest.mark.parametrize("sk", ["RECORD", "MINUTE#1", "LOG#1#x", "AUDIT#1#x", "FAILURE", "050#alpha"])
def test_other_items_and_removals_are_no_news(sk: str) -> None:
    assert alert_for(None, encode_item({"pk": "X", "sk": sk})) is None
    assert alert_for(image(ON), None) is None


@pytest.mark.parametrize("kind", ["E" * 500, "Fehler\n\x00\x1b[31m", "Ошибка", "\u202e"])
def test_subjects_are_what_sns_takes(kind: str) -> None:
    alert = alert_for(None, group(type=kind, message="x" * 5000))
    assert alert is not None
    assert 0 < len(alert.subject) < 100
    assert alert.subject.isascii()
    assert alert.subject.isprintable()
    assert len(alert.body.encode()) < 256 * 1024


def test_states_people_see() -> None:
    assert [str(state) for state in State] == ["enabled", "probing", "auto_disabled", "disabled"]


def test_an_alert_has_no_request_id_in_it() -> None:
    message = "RequestId: 0190f1e2-0000-7000-8000-000000000000 Error: Runtime exited with error: exit status 3"
    off = replace(OFF, evidence=replace(EVIDENCE, type="Runtime.ExitError", message=message))
    for alert in (
        alert_for(image(ON), image(off)),
        alert_for(None, group(type="Runtime.ExitError", message=message)),
    ):
        assert alert is not None
        assert "Runtime.ExitError: the process ended itself with exit status 3" in alert.body
        assert "RequestId" not in alert.body


RESOLVED = {"status": "resolved", "resolved_in": "1.0.1", "status_revision": 1, "status_by": "ada"}
REGRESSED = {
    "status": "regressed", "resolved_in": "1.0.1", "status_revision": 2, "status_by": "recorder",
    "status_at_ms": 1_772_373_909_000, "status_reason": "it happened again in 1.0.2, and was resolved in 1.0.1",
}  # fmt: skip


def test_a_regression_alerts_once_with_the_version_and_what_to_do() -> None:
    alert = alert_for(group(**RESOLVED), group(**REGRESSED))
    assert alert is not None
    assert (alert.kind, alert.alert_id) == ("regression", "regression:alpha:0123456789ab:2")
    assert alert.attributes["severity"] == "warning"
    for part in ("it happened again in 1.0.2", "KeyError: 'BR'", "main.py:31 in route", "rollback alpha"):
        assert part in alert.body
    assert alert_for(group(**REGRESSED), group(**REGRESSED, count=7)) is None, "later failures are no news"


def test_what_was_ignored_until_a_time_alerts_when_it_goes_on() -> None:
    ignored = {"status": "ignored", "status_revision": 1, "status_by": "ada"}
    lapsed = {"status_revision": 2, "status_by": "recorder", "status_reason": "the time … is over"}
    alert = alert_for(group(**ignored), group(**lapsed))
    assert alert is not None
    assert alert.kind == "regression"
    assert "goes on" in alert.subject


@pytest.mark.parametrize("status", ["resolved", "ignored", "open"])
def test_what_people_decide_is_no_news(status: str) -> None:
    assert alert_for(group(), group(status=status, status_revision=1, status_by="ada")) is None
