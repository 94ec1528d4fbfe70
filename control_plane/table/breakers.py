"""The breaker item: `control_plane.rules.breaker` as conditional writes, one item a plugin.

A run of failures is a set attribute that carries epoch and hook in its name, so that a failure of an older epoch
can never be found in a newer one, even when its write raced the change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from control_plane.rules import breaker as rules
from control_plane.rules.breaker import BreakerState, Evidence, Lease, State
from control_plane.table import keys
from control_plane.table.audit import AuditRow, audit_put
from control_plane.table.codec import Item
from control_plane.table.dynamo import ConditionFailed, Put, Table
from control_plane.table.expressions import Update
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError
from services_ai_sdk.wire.limits import CONSECUTIVE_FAILURES_MAX

_RUN = "run:"
_UNINSTALLED = "uninstalled_at_ms"
_CHANGE_ATTEMPTS = 8


def run_attribute(epoch: int, hook: str) -> str:
    """Name of the set that holds a hook's run."""
    return f"{_RUN}{epoch}:{hook}"


def state_from_item(item: Item) -> BreakerState:
    """Reads a breaker item, of the table or of a stream record."""
    epoch = item["epoch"]
    own = run_attribute(epoch, "")
    evidence = item.get("evidence")
    return BreakerState(
        state=State(item["state"]),
        epoch=epoch,
        runs={name.removeprefix(own): ids for name, ids in item.items() if name.startswith(own)},
        since_s=float(item.get("since_s", 0)),
        reason=item.get("reason", ""),
        actor=item.get("actor", ""),
        probe_at_s=float(item.get("probe_at_s", 0)),
        probe_delay_s=float(item.get("probe_delay_s", 0)),
        probe_successes=item.get("probe_successes", 0),
        probes_failed=item.get("probes_failed", 0),
        probe_failed_at_s=float(item.get("probe_failed_at_s", 0)),
        probe_failed_id=item.get("probe_failed_id", ""),
        lease=Lease(item["lease_holder"], float(item["lease_until_s"])) if "lease_holder" in item else None,
        evidence=_evidence(evidence) if evidence else None,
        revision=item.get("revision", 0),
    )


def write_state(update: Update, state: BreakerState) -> Update:
    """Everything but the runs, onto an update."""
    lease = state.lease
    return (
        update.set("state", str(state.state))
        .set("epoch", state.epoch)
        .set("since_s", state.since_s)
        .set("reason", state.reason)
        .set("actor", state.actor)
        .set("probe_at_s", state.probe_at_s or None)
        .set("probe_delay_s", state.probe_delay_s or None)
        .set("probe_successes", state.probe_successes or None)
        .set("probes_failed", state.probes_failed or None)
        .set("probe_failed_at_s", state.probe_failed_at_s or None)
        .set("probe_failed_id", state.probe_failed_id or None)
        .set("lease_holder", lease.holder if lease else None)
        .set("lease_until_s", lease.until_s if lease else None)
        .set("evidence", jsontext.dumps(asdict(state.evidence)) if state.evidence else None)
        .add("revision", 1)
    )


class Breakers:
    """Reads and conditional writes of breaker items. Each write returns the state that the database then had.

    Args:
        table: The control plane's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, plugin_ids: Sequence[str]) -> dict[str, BreakerState]:
        """Strongly consistent; plugins without an item are left out."""
        items = self._table.get_many([keys.breaker(plugin_id) for plugin_id in plugin_ids], consistent=True)
        return {item["plugin_id"]: state_from_item(item) for item in items if _UNINSTALLED not in item}

    def add_failure(self, plugin_id: str, hook: str, invocation_id: str, epoch: int) -> BreakerState | None:
        """Writes a failure through: `rules.record_failure`. None where there is no such plugin any more."""
        run = run_attribute(epoch, hook)
        update = (
            Update(keys.breaker(plugin_id))
            .add(run, frozenset({invocation_id}))
            .add("revision", 1)
            .if_equal("state", str(State.ENABLED))
            .if_equal("epoch", epoch)
            .if_smaller(run, CONSECUTIVE_FAILURES_MAX)
        )
        return self._try(update)[1]

    def clear(self, plugin_id: str, hook: str, found: frozenset[str], epoch: int) -> BreakerState | None:
        """A success takes out the failures that its read found: `rules.clear`."""
        update = (
            Update(keys.breaker(plugin_id))
            .take_out(run_attribute(epoch, hook), found)
            .add("revision", 1)
            .if_equal("state", str(State.ENABLED))
            .if_equal("epoch", epoch)
        )
        return self._try(update)[1]

    def trip(
        self, plugin_id: str, seen: BreakerState, evidence: Evidence, now_s: float, jitter: float
    ) -> tuple[bool, BreakerState | None]:
        """Switches the plugin off if the run of `seen` still stands; whether this very call did it."""
        after = rules.trip(seen, evidence, now_s, jitter)
        update = write_state(Update(keys.breaker(plugin_id)), after)
        for hook in seen.runs:
            update.remove(run_attribute(seen.epoch, hook))
        update.if_equal("state", str(State.ENABLED)).if_equal("epoch", seen.epoch)
        update.if_exactly(run_attribute(seen.epoch, evidence.hook), evidence.invocation_ids)
        return self._try(update)

    def take_lease(
        self, plugin_id: str, seen: BreakerState, holder: str, now_s: float
    ) -> tuple[bool, BreakerState | None]:
        """Takes the one lease, if nobody took it since `seen` was read; whether this call got it."""
        after = rules.take_lease(seen, holder, now_s)
        update = write_state(Update(keys.breaker(plugin_id)), after)
        update.if_equal("state", str(seen.state)).if_equal("epoch", seen.epoch)
        # The revision says that nothing was written since: no other lease, and no other probe's end.
        update.if_equal("revision", seen.revision)
        won, now = self._try(update)
        # A write whose answer was lost is sent again, and then meets what it wrote the first time.
        return won or (now is not None and (now.revision, now.lease) == (after.revision, after.lease)), now

    def end_probe(
        self, plugin_id: str, leased: BreakerState, after: BreakerState
    ) -> tuple[bool, BreakerState | None]:
        """Writes a probe's end, if `leased` still holds the lease.

        Args:
            plugin_id: Whose.
            leased: As `take_lease` returned it.
            after: What `rules.probe_succeeded`, `probe_failed` or `probe_uncounted` make of it.
        """
        if leased.lease is None:
            raise ValueError("there is no probe to end: the state holds no lease")
        update = write_state(Update(keys.breaker(plugin_id)), after)
        update.if_equal("state", str(State.PROBING)).if_equal("epoch", leased.epoch)
        update.if_equal("lease_holder", leased.lease.holder)
        return self._try(update)

    def change(
        self, plugin_id: str, transition: Callable[[BreakerState], BreakerState], audit: AuditRow
    ) -> tuple[BreakerState, BreakerState]:
        """An admin's change, together with its audit row: read, decide, write if state and epoch still stand.

        Returns:
            The state before and after; the same object twice, and no audit row, when nothing changes.

        Raises:
            InvalidInputError: There is no such plugin.
            PlatformError: The item kept changing.
        """
        for _ in range(_CHANGE_ATTEMPTS):
            item = self._table.get(keys.breaker(plugin_id), consistent=True)
            if item is None or _UNINSTALLED in item:
                raise InvalidInputError(
                    f"there is no plugin {plugin_id!r}",
                    code="plugin-unknown",
                    hint="services-ai-admin status lists them",
                )
            before = state_from_item(item)
            after = transition(before)
            if after is before:
                return before, before
            row = replace(audit, before=str(before.state), after=str(after.state))
            try:
                self._table.transact([_transition(plugin_id, item, before, after), audit_put(row)])
            except ConditionFailed:
                continue
            return before, after
        raise PlatformError(
            f"the state of {plugin_id} kept changing while it was being written",
            code="breaker-busy",
            hint="run the command again",
            retryable=True,
        )

    def deploy_write(
        self, plugin_id: str, version: str, transition: Callable[[BreakerState], BreakerState]
    ) -> tuple[Put | Update, BreakerState]:
        """The breaker's part of a deploy's transaction: a new item, or the next epoch of the one that is there."""
        item = self._table.get(keys.breaker(plugin_id), consistent=True)
        if item is None:
            state = replace(transition(BreakerState(epoch=0)), epoch=1)
            fresh: Item = {
                **keys.breaker(plugin_id),
                "plugin_id": plugin_id,
                "version": version,
                "state": str(state.state),
                "epoch": state.epoch,
                "since_s": state.since_s,
                "reason": state.reason,
                "actor": state.actor,
                "revision": 1,
            }
            return Put(fresh, only_new=True), state
        before = state_from_item(item)
        # One that was uninstalled starts anew, but for the epoch: late outcomes of the old one count for nothing.
        begins = replace(BreakerState(), epoch=before.epoch, revision=before.revision)
        after = transition(begins if _UNINSTALLED in item else before)
        if after is before:
            same = Update(keys.breaker(plugin_id)).set("version", version).add("revision", 1)
            return same.if_equal("state", str(before.state)).if_equal("epoch", before.epoch), before
        return _transition(plugin_id, item, before, after).set("version", version).remove(_UNINSTALLED), after

    def withdraw_write(self, plugin_id: str, transition: Callable[[BreakerState], BreakerState]) -> Update | None:
        """The breaker's part of switching a plugin off for good; None where it is off, or not there."""
        item = self._table.get(keys.breaker(plugin_id), consistent=True)
        before = state_from_item(item) if item else None
        after = transition(before) if before else None
        if item is None or before is None or after is None or after is before:
            return None
        return _transition(plugin_id, item, before, after)

    def uninstalled_write(self, plugin_id: str, at_ms: int) -> Update:
        """Nobody reads it any more; its epoch stays, for whatever is deployed under this id later."""
        return Update(keys.breaker(plugin_id)).set(_UNINSTALLED, at_ms).if_equal("plugin_id", plugin_id)

    def _try(self, update: Update) -> tuple[bool, BreakerState | None]:
        try:
            return True, state_from_item(self._table.update(update))
        except ConditionFailed as other:
            return False, state_from_item(other.item) if other.item else None


def _transition(plugin_id: str, item: Item, before: BreakerState, after: BreakerState) -> Update:
    update = write_state(Update(keys.breaker(plugin_id)), after)
    for name in item:
        if name.startswith(_RUN):
            update.remove(name)
    return update.if_equal("state", str(before.state)).if_equal("epoch", before.epoch)


def _evidence(text: str) -> Evidence:
    raw = jsontext.loads(text, what="the breaker's evidence")
    return Evidence(**{**raw, "invocation_ids": tuple(raw["invocation_ids"])})
