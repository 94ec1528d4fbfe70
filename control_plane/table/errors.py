"""Failures and their groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from control_plane.rules import histogram
from control_plane.rules.triage import Decision, GroupState
from control_plane.table import keys
from control_plane.table.activity import bucket_attribute
from control_plane.table.audit import AuditRow, audit_put
from control_plane.table.codec import Item
from control_plane.table.dynamo import ConditionFailed, Put, Table
from control_plane.table.expressions import Update
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import PlatformError
from services_ai_sdk.wire.failure import Failure

_CHANGE_ATTEMPTS = 8
_DAY_S = 86_400
FAILURE_KEPT_S = 30 * _DAY_S
GROUP_KEPT_S = 90 * _DAY_S
MINUTE_KEPT_S = 3 * _DAY_S


@dataclass(frozen=True, slots=True)
class PluginError:
    """One failure of one hook.

    Attributes:
        args: The call's arguments, redacted; None when they lie at `args_ref`, or were not kept.
    """

    invocation_id: str
    event_id: str
    group_id: str
    plugin_id: str
    plugin_version: str
    hook: str
    tenant: str
    occurred_at_ms: int
    duration_ms: float
    failure: Failure
    args: dict[str, Any] | None = None
    args_ref: str = ""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Failures that are the same news.

    Attributes:
        decision: What people have decided about it.
        message: Of the latest failure that was recorded; `where` and `source` likewise.
        where: `main.py:31 in route`; empty where the process itself died.
        source: The line of code there.
        first_version: Version of the first failure; `last_version` of the latest.
    """

    group_id: str
    plugin_id: str
    type: str
    message: str
    category: str
    where: str
    source: str
    hook: str
    count: int
    first_at_ms: int
    last_at_ms: int
    first_version: str
    last_version: str
    last_invocation_id: str
    decision: Decision = field(default_factory=Decision)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the id is called what the commands call it."""
        raw = asdict(self)
        del raw["decision"]
        decision = self.decision
        return {
            "error": raw.pop("group_id"),
            **raw,
            "status": str(decision.state),
            "resolved_in": decision.resolved_in,
            "ignored_until_ms": decision.ignored_until_ms or None,
            "status_at_ms": decision.at_ms or None,
            "status_by": decision.actor,
            "status_reason": decision.reason,
        }


class Errors:
    """Reads and writes failures.

    Args:
        table: The control plane's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def record(self, error: PluginError, *, ignored: bool = False) -> bool:
        """Failure, group and the minute's count in one transaction; False for one that is recorded already.

        Args:
            error: The failure.
            ignored: Nobody wants to hear of it: it is counted as such, too.
        """
        at_s = error.occurred_at_ms // 1000
        where, source = place(error.failure)
        group = (
            Update(keys.group(error.plugin_id, error.group_id))
            .add("count", 1)
            .set("last_at_ms", error.occurred_at_ms)
            .set("last_version", error.plugin_version)
            .set("last_invocation_id", error.invocation_id)
            .set("message", error.failure.message[:500])
            .set("where", where)
            .set("source", source[:300])
            .set("expires_at", at_s + GROUP_KEPT_S)
        )
        for name, value in _first_of_group(error).items():
            group.set_once(name, value)
        minute = (
            Update(keys.minute(error.plugin_id, at_s // 60))
            .add("failures", 1)
            .add(bucket_attribute(histogram.bucket(error.duration_ms)), 1)
            .set("expires_at", at_s + MINUTE_KEPT_S)
        )
        if ignored:
            minute.add("ignored", 1)
        try:
            self._table.transact([_failure_put(error, at_s), group, minute])
        except ConditionFailed:
            return False
        return True

    def groups(self, plugin_id: str) -> list[ErrorGroup]:
        """Of one plugin, latest first."""
        items = self._table.query(keys.plugin(plugin_id), prefix=keys.GROUP)
        return sorted((group_from_item(item) for item in items), key=lambda group: -group.last_at_ms)

    def group(self, group_id: str) -> ErrorGroup | None:
        """By its id alone."""
        for item in self._table.query(keys.group_index(group_id), index=keys.GSI, prefix=keys.GROUP_MARK):
            return group_from_item(item)
        return None

    def known(self, plugin_id: str, group_id: str) -> ErrorGroup | None:
        """By its key; strongly consistent."""
        item = self._table.get(keys.group(plugin_id, group_id), consistent=True)
        return group_from_item(item) if item and "group_id" in item else None

    def decide(
        self, plugin_id: str, group_id: str, rule: Callable[[Decision], Decision], audit: AuditRow | None
    ) -> tuple[ErrorGroup, ErrorGroup] | None:
        """Changes what is decided about a group, with an audit row; read, decide, write if nobody else did.

        Args:
            plugin_id: Whose.
            group_id: Which.
            rule: One of `rules.triage`; where it changes nothing, nothing is written.
            audit: Gets the state before and after; None for what no person did.

        Returns:
            The group before and after; None where it is not there.

        Raises:
            PlatformError: It kept changing, or DynamoDB refused.
        """
        for _ in range(_CHANGE_ATTEMPTS):
            before = self.known(plugin_id, group_id)
            if before is None:
                return None
            decision = rule(before.decision)
            if decision == before.decision:
                return before, before
            update = _write_decision(Update(keys.group(plugin_id, group_id)), decision)
            if before.decision.revision:
                update.if_equal("status_revision", before.decision.revision)
            else:
                update.if_missing("status_revision").if_equal("group_id", group_id)
            row = audit and replace(audit, before=str(before.decision.state), after=str(decision.state))
            try:
                self._table.transact([update, audit_put(row)] if row else [update])
            except ConditionFailed:
                continue
            return before, replace(before, decision=decision)
        raise PlatformError(
            f"the error {group_id} kept changing while it was being written",
            code="error-busy",
            hint="run the command again",
            retryable=True,
        )

    def failures(self, group_id: str) -> Iterator[PluginError]:
        """Of one group, latest first."""
        for item in self._table.query(keys.group_index(group_id), index=keys.GSI, newest_first=True, page_size=20):
            if item["sk"] == "FAILURE":
                yield _error(item)

    def by_invocation(self, invocation_ids: list[str]) -> list[PluginError]:
        """Those that are recorded, oldest first."""
        items = self._table.get_many([keys.failure(invocation_id) for invocation_id in invocation_ids])
        return sorted((_error(item) for item in items), key=lambda error: error.occurred_at_ms)


def place(failure: Failure) -> tuple[str, str]:
    """Where it happened, `main.py:31 in route`, and the line of code; empty where no frame is known."""
    frame = failure.top_frame()
    if frame is None:
        return "", ""
    code = next((text.strip() for number, text in frame.source if number == frame.line), "")
    return (
        f"{frame.file}:{frame.line} in {frame.function}" if frame.function else f"{frame.file}:{frame.line}",
        code,
    )


def group_from_item(item: Item) -> ErrorGroup:
    """Reads a group, of the table or of a stream record."""
    return ErrorGroup(
        group_id=item["group_id"],
        plugin_id=item["plugin_id"],
        type=item["type"],
        message=item.get("message", ""),
        category=item["category"],
        where=item.get("where", ""),
        source=item.get("source", ""),
        hook=item["hook"],
        count=item["count"],
        first_at_ms=item["first_at_ms"],
        last_at_ms=item["last_at_ms"],
        first_version=item["first_version"],
        last_version=item["last_version"],
        last_invocation_id=item["last_invocation_id"],
        decision=Decision(
            state=GroupState(item["status"]),
            resolved_in=item.get("resolved_in", ""),
            ignored_until_ms=item.get("ignored_until_ms", 0),
            at_ms=item.get("status_at_ms", 0),
            actor=item.get("status_by", ""),
            reason=item.get("status_reason", ""),
            revision=item.get("status_revision", 0),
        ),
    )


def _write_decision(update: Update, decision: Decision) -> Update:
    return (
        update.set("status", str(decision.state))
        .set("resolved_in", decision.resolved_in)
        .set("ignored_until_ms", decision.ignored_until_ms or None)
        .set("status_at_ms", decision.at_ms)
        .set("status_by", decision.actor)
        .set("status_reason", decision.reason)
        .set("status_revision", decision.revision)
    )


def _first_of_group(error: PluginError) -> Item:
    item: Item = {
        "gsi1pk": keys.group_index(error.group_id),
        "gsi1sk": keys.GROUP_MARK,
        "group_id": error.group_id,
        "plugin_id": error.plugin_id,
        "type": error.failure.type,
        "category": str(error.failure.category),
        "hook": error.hook,
        "status": "open",
        "first_at_ms": error.occurred_at_ms,
        "first_version": error.plugin_version,
    }
    return {name: value for name, value in item.items() if value != ""}


def _failure_put(error: PluginError, at_s: int) -> Put:
    item: Item = {
        **keys.failure(error.invocation_id),
        "gsi1pk": keys.group_index(error.group_id),
        "gsi1sk": f"{keys.time_text(error.occurred_at_ms)}#{error.invocation_id}",
        "invocation_id": error.invocation_id,
        "event_id": error.event_id,
        "group_id": error.group_id,
        "plugin_id": error.plugin_id,
        "plugin_version": error.plugin_version,
        "hook": error.hook,
        "tenant": error.tenant,
        "occurred_at_ms": error.occurred_at_ms,
        "duration_ms": error.duration_ms,
        "failure": jsontext.dumps(error.failure.to_dict()),
        "args": None if error.args is None else jsontext.dumps(error.args),
        "args_ref": error.args_ref,
        "expires_at": at_s + FAILURE_KEPT_S,
    }
    return Put(item, only_new=True)


def _error(item: Item) -> PluginError:
    return PluginError(
        invocation_id=item["invocation_id"],
        event_id=item["event_id"],
        group_id=item["group_id"],
        plugin_id=item["plugin_id"],
        plugin_version=item["plugin_version"],
        hook=item["hook"],
        tenant=item.get("tenant", ""),
        occurred_at_ms=item["occurred_at_ms"],
        duration_ms=float(item["duration_ms"]),
        failure=Failure.from_dict(jsontext.loads(item["failure"], what="a failure")),
        args=jsontext.loads(item["args"], what="a failure's arguments") if "args" in item else None,
        args_ref=item.get("args_ref", ""),
    )
