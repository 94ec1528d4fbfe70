"""A control plane on moto with everything outside it faked: what dispatch, record and admin tests start from."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from control_plane.operations.approve import Approval, Approver
from control_plane.operations.clock import Clock
from control_plane.operations.dispatch import Dispatcher
from control_plane.operations.errors import ErrorReader
from control_plane.operations.granting import grant_all_new
from control_plane.operations.plugin_call import Surroundings
from control_plane.operations.record import Fold
from control_plane.operations.reject import Reject
from control_plane.operations.rollback import Rollback
from control_plane.operations.routing import Routing
from control_plane.operations.settings import SettingsDesk
from control_plane.operations.status import Fleet
from control_plane.operations.switch import Switch
from control_plane.operations.triage import Triage
from control_plane.operations.uninstall import Uninstall
from control_plane.operations.unrecorded import Unrecorded
from control_plane.operations.why import Why
from control_plane.table.activity import ActivityTable
from control_plane.table.breakers import Breakers
from control_plane.table.dynamo import Table
from control_plane.table.errors import Errors
from control_plane.table.plugins import Plugins
from control_plane.table.routes import Routes
from services_ai_sdk import hooks
from tests.contract.control_plane.fakes import (
    FakeDeployer,
    FakeInvoker,
    JsonInspector,
    ManualClock,
    MemorySecrets,
    MemorySink,
    MemoryStore,
)

TABLE = "control"
SAMPLE = {"lead": {"id": 7, "email": "ada@example.com"}, "context": {"tenant": "t1"}}


def create_table(client: Any, name: str = TABLE) -> None:
    """As template.yaml has it."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"} for attribute in ("pk", "sk", "gsi1pk", "gsi1sk")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "gsi1",
                "KeySchema": [
                    {"AttributeName": "gsi1pk", "KeyType": "HASH"},
                    {"AttributeName": "gsi1sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


def secrets_path(plugin_id: str) -> str:
    return f"stack/plugins/{plugin_id}/settings/"


class OneAtATime:
    """A DynamoDB client whose calls never overlap: moto is not atomic under threads, DynamoDB is."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self.calls: list[str] = []
        self.down = False

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def locked(**arguments: Any) -> Any:
            from botocore.exceptions import EndpointConnectionError

            with self._lock:
                self.calls.append(name)
                if self.down:
                    raise EndpointConnectionError(endpoint_url="https://dynamodb")
                return call(**arguments)

        return locked


class World:
    """One control plane."""

    def __init__(self, client: Any, freshness_s: float = 1.0) -> None:
        self.client = OneAtATime(client)
        create_table(self.client)
        self.clock = ManualClock()
        self.ticks = self.clock.now_s
        self.table = Table(self.client, TABLE, now_s=self.clock.now_s, sleep=self.clock.sleep)
        self.breakers = Breakers(self.table)
        self.plugins = Plugins(self.table, self.breakers)
        self.errors = Errors(self.table)
        self.activity = ActivityTable(self.table)
        self.invoker = FakeInvoker()
        self.sink = MemorySink()
        self.store = MemoryStore()
        self.secrets = MemorySecrets()
        self.deployer = FakeDeployer()
        self.inspector = JsonInspector()
        self.warnings: list[str] = []
        self._ids = itertools.count()
        self._pool = ThreadPoolExecutor(16)
        self._freshness_s = freshness_s
        self.dispatcher = self.new_dispatcher()

    def close(self) -> None:
        self._pool.shutdown()

    def _clock(self) -> Clock:
        return Clock(self.clock.now_s, self.clock.now_s, self.clock.sleep)

    def new_dispatcher(self) -> Dispatcher:
        """Another environment, with caches of its own."""
        routing = Routing(
            Routes(self.table),
            self.breakers,
            freshness_s=self._freshness_s,
            now_s=self.clock.now_s,
            warn=self.warnings.append,
        )
        around = Surroundings(
            routing, self.breakers, self.invoker, self._clock(), lambda: 0.5, self.warnings.append
        )
        return Dispatcher(
            around, self.sink, self._pool, lambda size: self.new_id().encode().ljust(size, b"x")[:size]
        )

    def new_id(self) -> str:
        return f"id{next(self._ids)}"

    @property
    def approver(self) -> Approver:
        return Approver(
            self.store, self.inspector, self.deployer, self.plugins, self._clock(), self.new_id, secrets_path
        )

    @property
    def desk(self) -> SettingsDesk:
        return SettingsDesk(self.plugins, self.secrets, secrets_path, self._clock(), self.new_id)

    @property
    def switch(self) -> Switch:
        return Switch(self.breakers, self.plugins, self._clock(), self.new_id)

    @property
    def triage(self) -> Triage:
        return Triage(self.errors, self.plugins, self._clock(), self.new_id)

    @property
    def rollback(self) -> Rollback:
        return Rollback(self.plugins, self.deployer, self._clock(), self.new_id, secrets_path)

    @property
    def uninstall(self) -> Uninstall:
        return Uninstall(self.plugins, self.deployer, self._clock(), self.new_id)

    @property
    def reject(self) -> Reject:
        return Reject(self.store, self.plugins, self._clock(), self.new_id)

    @property
    def fleet(self) -> Fleet:
        return Fleet(self.plugins, self.breakers, self.activity, self.errors, self._clock())

    @property
    def why(self) -> Why:
        return Why(self.fleet, self.errors, self._clock())

    @property
    def unrecorded(self) -> Unrecorded:
        return Unrecorded(self.breakers, self.errors, self._clock())

    @property
    def error_reader(self) -> ErrorReader:
        return ErrorReader(self.errors, self.plugins)

    def submit(self, plugin_id: str, version: str = "1.0.0", **fields: Any) -> str:
        """Puts a package into the bucket; returns its digest."""
        manifest = {
            "name": plugin_id,
            "id": plugin_id,
            "version": version,
            "description": "d",
            "author": "Ada",
            "email": "ada@example.com",
            "plugin_class": "Plugin",
            "python": "python3.11",
            "hooks": [{"name": "lead_created", "priority": 50}],
            **fields,
        }
        body = json.dumps(manifest).encode()
        sha256 = hashlib.sha256(body).hexdigest()
        at = f"2026-01-01T00:00:{next(self._ids) % 60:02d}+00:00"
        self.store.put(f"submissions/{plugin_id}/{version}/{sha256}/package.zip", body, at)
        return sha256

    def approve(self, plugin_id: str, version: str | None = None, **options: Any) -> Approval:
        options.setdefault("decide", grant_all_new)
        return self.approver.approve(plugin_id, version=version, actor="ada", progress=lambda _: None, **options)

    def deploy(self, plugin_id: str, script: Any, **fields: Any) -> Approval:
        """Submits, approves, and lets the function answer by `script`."""
        self.submit(plugin_id, **fields)
        done = self.approve(plugin_id)
        assert done.record is not None
        self.invoker.scripts[done.record.alias_arn] = script
        return done

    def script(self, plugin_id: str, script: Any) -> None:
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:services-ai-plugin-{plugin_id}:live"
        assert arn in self.invoker.scripts
        self.invoker.scripts[arn] = script

    def fire(self, hook: str = "lead_created", **fields: Any) -> dict[str, dict[str, Any]]:
        """One call; its results by plugin."""
        args = SAMPLE if hook == "lead_created" else hooks.get(hook).sample
        answer = self.dispatcher({"v": 1, "hook": hook, "args": args, **fields})
        return {result["plugin"]["id"]: result for result in answer["results"]}

    def state(self, plugin_id: str) -> Any:
        return self.breakers.read([plugin_id])[plugin_id]

    def record(self) -> None:
        """What the recorder does with everything sent so far."""
        fold = Fold(self.errors, self.activity)
        for body in self.sink.bodies:
            fold.take(body)
        fold.flush()
        self.sink.bodies.clear()
