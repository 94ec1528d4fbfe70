"""Lambda's states over time: which function or version is Pending or being updated, which role is too young.

Source: AWS Lambda Developer Guide, "Lambda function states".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.faults.calls import FunctionKey
from infra.local.faults.profile import FunctionDelays

LATEST = "$LATEST"
_CREATING = ("The function is being created.", "Creating")


class FunctionLife:
    """States of the functions that were made or changed lately; all others are Active and up to date.

    Args:
        delays: How long states last.
        clock: Monotonic seconds.
    """

    def __init__(self, delays: FunctionDelays, clock: Callable[[], float]) -> None:
        self.delays = delays
        self._clock = clock
        self._pending: dict[tuple[FunctionKey, str], float] = {}
        self._updating: dict[FunctionKey, float] = {}
        self._published: set[tuple[FunctionKey, str]] = set()

    def created(self, key: FunctionKey, version: str) -> None:
        """A function was made, with a first version where one was asked for."""
        for one in {LATEST, version}:
            self._pending[key, one] = self._clock() + self.delays.create_s
        self._published.add((key, version))

    def published(self, key: FunctionKey, version: str) -> None:
        """A version was made; one that is there already, as where nothing has changed, stays as it is."""
        if (key, version) not in self._published:
            self._published.add((key, version))
            self._pending[key, version] = self._clock() + self.delays.publish_s

    def update_begins(self, key: FunctionKey) -> None:
        """From now on another update is refused."""
        self._updating[key] = self._clock() + self.delays.update_s

    def update_refused(self, key: FunctionKey) -> None:
        """It was none."""
        self._updating.pop(key, None)

    def deleted(self, key: FunctionKey) -> None:
        """Another function may get its name."""
        self._updating.pop(key, None)
        for found in [one for one in self._pending if one[0] == key]:
            del self._pending[found]
        self._published = {one for one in self._published if one[0] != key}

    def is_pending(self, key: FunctionKey, version: str = LATEST) -> bool:
        """Whether it cannot be called yet."""
        return self._pending.get((key, version), 0.0) > self._clock()

    def is_updating(self, key: FunctionKey) -> bool:
        """Whether `$LATEST` still runs what it was."""
        return self._updating.get(key, 0.0) > self._clock()

    def conflict(self, key: FunctionKey, account_id: str) -> str:
        """Why the function cannot be changed now, in Lambda's words; empty when it can."""
        cannot = "The operation cannot be performed at this time."
        if self.is_pending(key):
            return f"{cannot} The function is currently in the following state: Pending"
        if self.is_updating(key):
            arn = f"arn:aws:lambda:{key.region}:{account_id}:function:{key.name}"
            return f"{cannot} An update is in progress for resource: {arn}"
        return ""

    @property
    def all_settled(self) -> bool:
        """Whether there is nothing to show."""
        now_s = self._clock()
        self._pending = {one: until_s for one, until_s in self._pending.items() if until_s > now_s}
        self._updating = {one: until_s for one, until_s in self._updating.items() if until_s > now_s}
        return not self._pending and not self._updating

    def show(self, configuration: dict[str, Any]) -> None:
        """Writes the state into a function's configuration as Lambda answers it."""
        key = FunctionKey.from_reference(str(configuration.get("FunctionArn", "")), "")
        version = str(configuration.get("Version", LATEST))
        if key is None:
            return
        if self.is_pending(key, version):
            reason, code = _CREATING
            configuration.update(State="Pending", StateReason=reason, StateReasonCode=code)
            configuration.pop("LastUpdateStatus", None)
        elif version == LATEST and self.is_updating(key):
            reason, code = _CREATING
            configuration.update(
                LastUpdateStatus="InProgress", LastUpdateStatusReason=reason, LastUpdateStatusReasonCode=code
            )


class RoleAges:
    """Roles that were made lately.

    Args:
        spreads_s: Lambda cannot use a younger one.
        clock: Monotonic seconds.
    """

    def __init__(self, spreads_s: float, clock: Callable[[], float]) -> None:
        self._spreads_s = spreads_s
        self._clock = clock
        self._usable_at_s: dict[str, float] = {}

    def created(self, name: str) -> None:
        """One was made."""
        self._usable_at_s[name] = self._clock() + self._spreads_s

    def is_too_young(self, arn: str) -> bool:
        """Whether Lambda cannot assume it yet."""
        return self._usable_at_s.get(arn.rpartition("/")[2], 0.0) > self._clock()
