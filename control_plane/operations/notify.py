"""A change in the table → an alert that a person can act on. The stream is the outbox: pure up to the publish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from control_plane.operations.ports import Alert
from control_plane.rules.breaker import BreakerState, State
from control_plane.rules.moments import moment
from control_plane.rules.text import one_line, plain
from control_plane.rules.triage import GroupState
from control_plane.rules.wording import headline
from control_plane.table import keys
from control_plane.table.breakers import state_from_item
from control_plane.table.codec import Item, decode_item
from control_plane.table.errors import ErrorGroup, group_from_item

SUBJECT_MAX_CHARS = 99
"""SNS takes fewer than 100, ASCII, no control characters."""
BODY_MAX_CHARS = 8000


def alert_for(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Alert | None:
    """The alert that a stream record is worth, or None.

    Args:
        old: `OldImage` as the stream has it; None for an insert.
        new: `NewImage`; None for a removal, which is never news.
    """
    if not new:
        return None
    after, before = decode_item(new), decode_item(old) if old else None
    sort_key = str(after.get("sk", ""))
    if sort_key == keys.BREAKER:
        return _breaker_alert(before, after)
    if sort_key.startswith(keys.GROUP) and "group_id" in after and "group_id" not in (before or {}):
        return _group_alert(group_from_item(after))
    if sort_key.startswith(keys.GROUP) and "group_id" in after and before is not None:
        return _again_alert(group_from_item(before), group_from_item(after))
    if sort_key.startswith(keys.RELEASE) and after.get("status") == "failed":
        again = before is not None and before.get("at_ms") == after.get("at_ms")
        return None if again else _deploy_alert(after)
    return None


def _breaker_alert(before: Item | None, after: Item) -> Alert | None:
    if before is None:
        return None
    was, now = state_from_item(before), state_from_item(after)
    if was.state is now.state:
        return None
    plugin_id, version = str(after["plugin_id"]), str(after.get("version", ""))
    if now.state is State.AUTO_DISABLED and was.state is State.ENABLED:
        return _tripped(plugin_id, version, now)
    if now.state is State.ENABLED and was.state is State.PROBING and now.actor == "breaker":
        return _alert(
            "recovered",
            plugin_id,
            "info",
            key=str(now.epoch),
            subject=f"Plugin {plugin_id} has recovered and is on again",
            lines=[
                f"Plugin {plugin_id} {version} is on again: {now.reason}.",
                f"Since {moment(now.since_s)}.",
                "",
                f"How it is doing:  services-ai-admin status {plugin_id}",
            ],
        )
    return None


def _tripped(plugin_id: str, version: str, now: BreakerState) -> Alert:
    evidence = now.evidence
    lines = [f"Plugin {plugin_id} {version} was switched off: {now.reason}.", f"Since {moment(now.since_s)}.", ""]
    if evidence is not None:
        lines.append(f"Last failure:  {headline(evidence.type, evidence.message)}")
        if evidence.where:
            lines.append(f"Top frame:     {evidence.where}")
        if evidence.source:
            lines.append(f"                 {evidence.source}")
    lines += [
        "",
        "The host goes on without it. A first probe runs with the next call after",
        f"{moment(now.probe_at_s)}; three good ones in a row switch it on again.",
        "",
        f"What happened:     services-ai-admin why {plugin_id}",
        f"Its errors:        services-ai-admin errors {plugin_id}",
        f"On again at once:  services-ai-admin enable {plugin_id}",
    ]
    return _alert(
        "auto_disabled",
        plugin_id,
        "critical",
        key=str(now.epoch),
        subject=f"Plugin {plugin_id} was switched off",
        lines=lines,
    )


def _group_alert(group: ErrorGroup) -> Alert:
    lines = [
        f"Plugin {group.plugin_id} {group.first_version} fails in a new way on {group.hook}.",
        f"Since {moment(group.first_at_ms / 1000)}.",
        "",
        *_what_and_where(group),
        "",
        f"Trace and arguments:  services-ai-admin error {group.group_id}",
    ]
    return _alert(
        "new_error",
        group.plugin_id,
        "warning",
        key=group.group_id,
        subject=f"New error in plugin {group.plugin_id}: {group.type}",
        lines=lines,
    )


def _again_alert(was: ErrorGroup, group: ErrorGroup) -> Alert | None:
    """Of a group that is heard of again by itself: it regressed, or the time that it was ignored for is over."""
    decision = group.decision
    if decision.revision == was.decision.revision or decision.actor != "recorder":
        return None
    regressed = decision.state is GroupState.REGRESSED
    what = "is back" if regressed else "goes on"
    lines = [
        f"An error of plugin {group.plugin_id} on {group.hook} {what}: {decision.reason}.",
        f"At {moment(decision.at_ms / 1000)}; {group.count} times in all.",
        "",
        *_what_and_where(group),
        "",
        f"Trace and arguments:  services-ai-admin error {group.group_id}",
    ]
    if regressed:
        lines.append(f"Back to what worked:  services-ai-admin rollback {group.plugin_id}")
    return _alert(
        "regression",
        group.plugin_id,
        "warning",
        key=f"{group.group_id}:{decision.revision}",
        subject=f"Error in plugin {group.plugin_id} {what}: {group.type}",
        lines=lines,
    )


def _what_and_where(group: ErrorGroup) -> list[str]:
    lines = [one_line(headline(group.type, group.message), 600)]
    if group.where:
        lines.append(f"Top frame:  {group.where}")
    if group.source:
        lines.append(f"              {group.source}")
    return lines


def _deploy_alert(release: Item) -> Alert:
    plugin_id, version = str(release["plugin_id"]), str(release["version"])
    return _alert(
        "deploy_failed",
        plugin_id,
        "critical",
        key=f"{version}:{release['at_ms']}",
        subject=f"Deploy of plugin {plugin_id} {version} failed",
        lines=[
            f"Version {version} of plugin {plugin_id} was approved, and its deploy failed.",
            f"At {moment(release['at_ms'] / 1000)}. What was live before is still live.",
            "",
            plain(str(release.get("error", "")), 2000),
            "",
            f"Once the cause is gone:  services-ai-admin approve {plugin_id} --version {version}",
        ],
    )


def _alert(kind: str, plugin_id: str, severity: str, *, key: str, subject: str, lines: list[str]) -> Alert:
    ascii_subject = one_line(f"Services AI: {subject}", 200).encode("ascii", "replace").decode()
    return Alert(
        alert_id=f"{kind}:{plugin_id}:{key}",
        kind=kind,
        subject=ascii_subject[:SUBJECT_MAX_CHARS],
        body=plain("\n".join(lines), BODY_MAX_CHARS) + "\n",
        attributes={"plugin": plugin_id, "kind": kind, "severity": severity},
    )
