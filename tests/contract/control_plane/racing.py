"""A breaker that several environments race for: how a test sets it up, and what must hold whatever they do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from control_plane.operations.clock import Clock
from control_plane.operations.dispatch import Dispatcher
from control_plane.operations.notify import alert_for
from control_plane.operations.plugin_call import Surroundings
from control_plane.operations.ports import Alert, Invoked
from control_plane.operations.routing import Routing
from control_plane.operations.switch import Switch
from control_plane.rules.breaker import BreakerState, State
from control_plane.table import keys
from control_plane.table.breakers import Breakers, state_from_item
from control_plane.table.codec import decode_item
from control_plane.table.dynamo import Table
from control_plane.table.plugins import Plugins
from control_plane.table.routes import Routes
from services_ai_sdk.wire.limits import CONSECUTIVE_FAILURES_MAX
from tests.contract.control_plane.fakes import FakeInvoker, MemorySink, raises, returns
from tests.contract.control_plane.interleaving import InPlace, Interleaving, Stepping
from tests.contract.control_plane.world import SAMPLE, TABLE, World

HOOK = "lead_created"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:services-ai-plugin-alpha:live"
Script = Callable[[dict[str, Any]], Invoked]
FAILS, WORKS = raises("KeyError", "'BR'"), returns(1)


class Race:
    """One plugin, `alpha`, and environments that call it in the order of an interleaving.

    Args:
        world: With `alpha` deployed and in the state that the race starts from.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._start = self._items()
        self._started_s = world.clock.now
        self._stream = _Stream()
        self.steps = Interleaving(lambda _: 0)
        self.sink = MemorySink()
        self.warnings: list[str] = []
        self.reached: list[str] = []
        self.inside = 0
        self.most_inside = 0
        self._ids = itertools.count()

    def again(self, steps: Interleaving) -> None:
        """Puts everything of the plugin back to where the race starts."""
        items = self._items()
        for name in items.keys() - self._start.keys():
            key = {part: items[name][part] for part in ("pk", "sk")}
            self.world.client.delete_item(TableName=TABLE, Key=key)
        for name, item in self._start.items():
            if item != items.get(name):
                self.world.client.put_item(TableName=TABLE, Item=item)
        self.world.clock.now = self._started_s
        self._stream.forget()
        self.steps = steps
        self.sink.bodies.clear()
        self.warnings.clear()
        self.reached.clear()
        self.inside = self.most_inside = 0

    def environment(self, script: Script, *, ahead_s: float = 0.0, knows: bool = True) -> Callable[..., Any]:
        """One environment; called, it serves one hook call.

        Args:
            script: What the plugin answers there.
            ahead_s: How far its clock is ahead of the others.
            knows: Whether it has read routes and state before the race.
        """
        world, breakers, clock = self.world, self._breakers(), self._clock(ahead_s)
        invoker = FakeInvoker()
        invoker.scripts[ARN] = self._watched(script)
        routing = Routing(
            Routes(self._table()), breakers, freshness_s=1e9, now_s=clock.now_s, warn=self.warnings.append
        )
        if knows:
            routing.listeners(HOOK)
            routing.refresh(["alpha"])
        around = Surroundings(routing, breakers, invoker, clock, lambda: 0.5, self.warnings.append)
        dispatcher = Dispatcher(
            around, self.sink, InPlace(), lambda size: world.new_id().encode().ljust(size, b"x")[:size]
        )
        return lambda **fields: dispatcher({"v": 1, "hook": HOOK, "args": SAMPLE, **fields})["results"][0]

    def switch(self) -> Switch:
        """An admin beside it."""
        return Switch(
            self._breakers(), Plugins(self._table(), self._breakers()), self._clock(0), self.world.new_id
        )

    def deploy(self, version: str) -> None:
        """A release of the same code beside it, as `approve` writes it; the function is there already."""
        self.world.submit("alpha", version)
        self.world.approve("alpha", version)

    def state(self) -> BreakerState:
        found = self.world.state("alpha")
        assert isinstance(found, BreakerState)
        return found

    def alerts(self) -> list[Alert]:
        """What the notifier makes of every change of the race; each change is held against the rules."""
        found = []
        for old, new in self._stream.changes():
            held_against_the_rules(state_from_item(decode_item(old)), state_from_item(decode_item(new)))
            alert = alert_for(old, new)
            if alert is not None:
                found.append(alert)
        return found

    def _items(self) -> dict[str, dict[str, Any]]:
        found = self.world.client.query(
            TableName=TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.plugin("alpha")}},
        )["Items"]
        return {item["sk"]["S"]: item for item in found}

    def _watched(self, script: Script) -> Script:
        def watched(envelope: dict[str, Any]) -> Invoked:
            self.reached.append(envelope["invocation_id"])
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            try:
                self.steps.give_way()
                return script(envelope)
            finally:
                self.inside -= 1

        return watched

    def _table(self) -> Table:
        client, clock = Stepping(self.world.client, self.steps), self.world.clock
        return Table(client, TABLE, now_s=clock.now_s, sleep=clock.sleep)

    def _breakers(self) -> Breakers:
        return Breakers(self._table())

    def _clock(self, ahead_s: float) -> Clock:
        clock = self.world.clock

        def sleep(seconds: float) -> None:
            self.steps.give_way()
            clock.sleep(seconds)

        return Clock(lambda: clock.now + ahead_s, clock.now_s, sleep)


def held_against_the_rules(before: BreakerState, after: BreakerState) -> None:
    """What no schedule, crash or clock may do to a breaker."""
    assert after.revision > before.revision, "a write without a revision"
    assert all(len(run) <= CONSECUTIVE_FAILURES_MAX for run in after.runs.values()), "a run is bounded"
    match before.state, after.state:
        case State.ENABLED, State.ENABLED if after.epoch == before.epoch:
            pass
        case State.ENABLED, State.AUTO_DISABLED:
            assert after.evidence is not None
            run = before.run(after.evidence.hook)
            assert len(run) == CONSECUTIVE_FAILURES_MAX, "it tripped on less than five"
            assert frozenset(after.evidence.invocation_ids) == run, "it tripped on others than those that stood"
            assert after.epoch == before.epoch + 1
        case (State.AUTO_DISABLED | State.PROBING, State.PROBING) if after.lease is not None:
            assert after.epoch == before.epoch
            assert after.lease != before.lease
        case State.PROBING, State.PROBING:
            assert before.lease is not None, "a probe ended twice"
            assert after.probe_successes - before.probe_successes in (0, 1)
        case State.PROBING, State.ENABLED if after.actor == "breaker":
            assert before.lease is not None
            assert before.probe_successes == 2, "it closed on less than three"
            assert after.epoch == before.epoch + 1
        case State.PROBING, State.AUTO_DISABLED:
            assert before.lease is not None
            assert after.probe_failed_id == before.lease.holder, "another's probe was ended"
        case _:
            assert after.actor != "breaker", f"the breaker made {before.state} {after.state}"
            assert after.epoch == before.epoch + 1


class _Stream:
    """The breaker's changes, as moto's stream has them.

    Each look takes an iterator of its own: a transaction that moto takes back leaves the older ones behind.
    """

    def __init__(self) -> None:
        self._client = boto3.client("dynamodbstreams", config=Config(account_id_endpoint_mode="disabled"))
        (stream,) = self._client.list_streams(TableName=TABLE)["Streams"]
        self._arn = stream["StreamArn"]
        found = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"][0]
        self._shard_id = found["ShardId"]
        self._last = ""
        self.forget()

    def forget(self) -> None:
        """What was until now is no part of the race."""
        self._records()

    def changes(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Old and new image of each since the last look."""
        return [
            (record["OldImage"], record["NewImage"])
            for record in self._records()
            if record["Keys"]["sk"]["S"] == keys.BREAKER and "OldImage" in record
        ]

    def _records(self) -> list[dict[str, Any]]:
        kind = "AFTER_SEQUENCE_NUMBER" if self._last else "TRIM_HORIZON"
        place = {"SequenceNumber": self._last} if self._last else {}
        iterator = self._client.get_shard_iterator(
            StreamArn=self._arn, ShardId=self._shard_id, ShardIteratorType=kind, **place
        )["ShardIterator"]
        records = [record["dynamodb"] for record in self._client.get_records(ShardIterator=iterator)["Records"]]
        if records:
            self._last = records[-1]["SequenceNumber"]
        return records
