"""What is deployed: plugin records, approved versions, and the one transaction that makes a deploy take effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from control_plane.rules.breaker import BreakerState
from control_plane.table import keys
from control_plane.table.audit import AuditRow, audit_put
from control_plane.table.breakers import Breakers
from control_plane.table.codec import Item
from control_plane.table.dynamo import ConditionFailed, Delete, Put, Table
from control_plane.table.expressions import Key, Update
from control_plane.table.routes import Route, route_put
from control_plane.table.settings import StoredSettings, read_settings, settings_unchanged, settings_write
from services_ai_sdk.access.grants import Grants
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import PlatformError

_DEPLOY_ATTEMPTS = 5
_UNINSTALLED = "uninstalled_at_ms"


@dataclass(frozen=True, slots=True)
class PluginDependency:
    """One package that a plugin needs.

    Attributes:
        spec: As the manifest has it; empty for one that came along.
        status: `pending` while its deploy goes on, then `installed` or `failed`.
        size_bytes: Unzipped, in the layer.
        license: As the package states it; empty when it does not.
        import_names: What can be imported from it.
        reason: Why it failed.
    """

    package: str
    version: str
    spec: str
    status: str
    size_bytes: int = 0
    license: str = ""
    import_names: tuple[str, ...] = ()
    reason: str = ""

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> PluginDependency:
        """What `asdict` made of one."""
        return cls(**{**raw, "import_names": tuple(raw.get("import_names", ()))})


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """What is deployed under a plugin's id.

    Attributes:
        python: Lambda runtime.
        smoke: `passed`, `not run: …` or `unknown: …`; of the deploy that made this release live.
        hooks: Name and priority.
        grants: What an admin granted of what it asks for.
        deployed_at_ms: Unix milliseconds.
        asked: What its manifest asks for.
        policy: Statements of its role, each with its reason as `Why`.
    """

    plugin_id: str
    version: str
    name: str
    description: str
    author: str
    package_sha256: str
    layer_sha256: str
    function_arn: str
    alias_arn: str
    function_version: str
    role_arn: str
    layer_arns: tuple[str, ...]
    python: str
    smoke: str
    hooks: tuple[tuple[str, int], ...]
    grants: Grants
    network: str
    memory_mb: int
    timeout_s: int
    dependencies: tuple[PluginDependency, ...]
    deployed_at_ms: int
    deployed_by: str
    warnings: tuple[str, ...] = field(default=())
    asked: Grants = field(default_factory=Grants)
    policy: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            **asdict(self),
            "grants": self.grants.to_dict(),
            "asked": self.asked.to_dict(),
            "hooks": [{"name": name, "priority": priority} for name, priority in self.hooks],
        }


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deploy made live, to the last grant: what a rollback restores."""

    record: PluginRecord
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One version that an admin approved.

    Attributes:
        status: `approved`, `deployed` or `failed`; `rejected`, `uninstalled`.
        error: Why the deploy failed, or why it was rejected; empty otherwise.
        failure: What the plugin answered the smoke call with, as the wire has it; None where that is not why.
        manifest: As packaged.
        grants: What the admin granted; None in records of earlier versions.
        dependencies: Its packages; which of them failed, where one did.
        deployed: What its deploy made live; None before, and for what an older version of the platform deployed.
    """

    plugin_id: str
    version: str
    package_sha256: str
    status: str
    actor: str
    at_ms: int
    manifest: dict[str, Any]
    error: str = ""
    failure: dict[str, Any] | None = None
    grants: Grants | None = None
    dependencies: tuple[PluginDependency, ...] = ()
    deployed: Deployed | None = None


class Plugins:
    """Reads and writes plugin records.

    Args:
        table: The control plane's table.
        breakers: For the breaker's part of a deploy.
    """

    def __init__(self, table: Table, breakers: Breakers) -> None:
        self._table = table
        self._breakers = breakers

    def get(self, plugin_id: str) -> PluginRecord | None:
        """Strongly consistent."""
        item = self._table.get(keys.record(plugin_id), consistent=True)
        return _record(item) if item and _UNINSTALLED not in item else None

    def fleet(self) -> list[PluginRecord]:
        """Every plugin, by id."""
        ids = [item["plugin_id"] for item in self._table.query(keys.FLEET, index=keys.GSI)]
        records = [_record(item) for item in self._table.get_many([keys.record(plugin_id) for plugin_id in ids])]
        return sorted(records, key=lambda record: record.plugin_id)

    def releases(self, plugin_id: str) -> Iterator[ReleaseRecord]:
        """In order of version text."""
        for item in self._table.query(keys.plugin(plugin_id), prefix=keys.RELEASE):
            raw = jsontext.loads(item["doc"], what="a release")
            known = tuple(map(PluginDependency.from_dict, raw.get("dependencies", ())))
            decided = None if raw.get("grants") is None else Grants.from_dict(raw["grants"])
            deployed = _deployed(raw.get("deployed"))
            yield ReleaseRecord(**{**raw, "grants": decided, "dependencies": known, "deployed": deployed})

    def manifest_of(self, record: PluginRecord) -> dict[str, Any]:
        """The manifest of what is live; empty where its release is not recorded."""
        found = (one for one in self.releases(record.plugin_id) if one.package_sha256 == record.package_sha256)
        return next((one.manifest for one in found), {})

    def settings(self, plugin_id: str) -> StoredSettings:
        """What admins have set; strongly consistent."""
        return read_settings(self._table, plugin_id)

    def change_settings(
        self,
        plugin_id: str,
        change: Callable[[StoredSettings], StoredSettings],
        on_routes: Callable[[dict[str, Any], StoredSettings], dict[str, Any]],
        audit: AuditRow,
    ) -> StoredSettings:
        """Settings, the plugin's routes, which carry them, and the audit row in one transaction.

        Args:
            plugin_id: Of a plugin that is live.
            change: From what is set to what shall be.
            on_routes: From the live version's manifest and what is set to what its routes carry.
            audit: Who.

        Raises:
            PlatformError: It kept changing, or DynamoDB refused.
        """
        for _ in range(_DEPLOY_ATTEMPTS):
            record, found = self.get(plugin_id), self.settings(plugin_id)
            changed = change(found)
            writes: list[Put | Update | Delete] = [settings_write(plugin_id, found, changed), audit_put(audit)]
            if record is not None:
                carried = jsontext.dumps(on_routes(self.manifest_of(record), changed))
                # A route of another version is written by the deploy that makes it live, which reads them itself.
                writes += [
                    Update(keys.route(hook, priority, plugin_id))
                    .set("settings", carried)
                    .if_equal("version", record.version)
                    for hook, priority in record.hooks
                ]
            try:
                self._table.transact(writes)
            except ConditionFailed:
                continue
            return replace(changed, revision=found.revision + 1)
        raise PlatformError(
            f"the settings of {plugin_id} kept changing",
            code="settings-busy",
            hint="run the command again",
            retryable=True,
        )

    def write_release(self, release: ReleaseRecord, audit: AuditRow) -> None:
        """An approval, or that its deploy failed, with its audit row; what an earlier one made live is kept."""
        item = self._table.get(_release_key(release), consistent=True)
        if item is not None:
            raw = jsontext.loads(item["doc"], what="a release")
            release = replace(release, deployed=_deployed(raw.get("deployed")))
        self._table.transact([_release_put(release), audit_put(audit)])

    def deployed(
        self,
        record: PluginRecord,
        make_routes: Callable[[StoredSettings], Sequence[Route]],
        release: ReleaseRecord,
        audit: AuditRow,
        transition: Callable[[BreakerState], BreakerState],
    ) -> BreakerState:
        """Makes a deploy take effect at once: record, routes, release, audit row and breaker in one transaction.

        Args:
            record: What is deployed now.
            make_routes: All routes of the plugin, with what admins have set; those of hooks that it no longer has
                are removed.
            release: Now `deployed`; what is made live is kept with it.
            audit: Who and why.
            transition: What the deploy does to the breaker.

        Raises:
            PlatformError: The breaker kept changing, or DynamoDB refused.
        """
        for _ in range(_DEPLOY_ATTEMPTS):
            old, settings = self.get(record.plugin_id), self.settings(record.plugin_id)
            routes = make_routes(settings)
            wanted = {(route.hook, route.priority) for route in routes}
            gone = [place for place in (old.hooks if old else ()) if place not in wanted]
            breaker, state = self._breakers.deploy_write(record.plugin_id, record.version, transition)
            writes: list[Put | Update | Delete] = [
                _record_put(record),
                breaker,
                settings_unchanged(record.plugin_id, settings),
                _release_put(replace(release, deployed=Deployed(record, tuple(routes)))),
                audit_put(audit),
                *(route_put(route) for route in routes),
                *(Delete(keys.route(hook, priority, record.plugin_id)) for hook, priority in gone),
            ]
            try:
                self._table.transact(writes)
            except ConditionFailed:
                continue
            return state
        raise _busy(record.plugin_id, "its deploy was being recorded")

    def withdraw(
        self, record: PluginRecord, audit: AuditRow, transition: Callable[[BreakerState], BreakerState]
    ) -> None:
        """No hook reaches the plugin any more: its routes go, and it is switched off, at once.

        Raises:
            PlatformError: The breaker kept changing, or DynamoDB refused.
        """
        routes = [Delete(keys.route(hook, priority, record.plugin_id)) for hook, priority in record.hooks]
        for _ in range(_DEPLOY_ATTEMPTS):
            breaker = self._breakers.withdraw_write(record.plugin_id, transition)
            try:
                self._table.transact([*routes, audit_put(audit), *([breaker] if breaker else [])])
            except ConditionFailed:
                continue
            return
        raise _busy(record.plugin_id, "it was being switched off")

    def forget(
        self, plugin_id: str, record: PluginRecord | None, releases: Sequence[ReleaseRecord], audit: AuditRow
    ) -> None:
        """Marks all of a plugin as uninstalled: it is in the fleet no more, and nothing can be rolled back to.

        Raises:
            PlatformError: DynamoDB refused.
        """
        for release in releases:
            if release.status not in ("uninstalled", "rejected"):
                self._table.put(_release_put(replace(release, status="uninstalled", deployed=None)))
        marks: list[Put | Update | Delete] = [audit_put(audit)]
        if record is not None:
            item = Update(keys.record(plugin_id)).set(_UNINSTALLED, audit.at_ms)
            marks += [item.remove("gsi1pk").remove("gsi1sk")]
            marks += [self._breakers.uninstalled_write(plugin_id, audit.at_ms)]
        self._table.transact(marks)


def _record_put(record: PluginRecord) -> Put:
    item: Item = {
        **keys.record(record.plugin_id),
        "gsi1pk": keys.FLEET,
        "gsi1sk": record.plugin_id,
        "plugin_id": record.plugin_id,
        "version": record.version,
        "doc": jsontext.dumps(asdict(record)),
    }
    return Put(item)


def _busy(plugin_id: str, during: str) -> PlatformError:
    return PlatformError(
        f"the state of {plugin_id} kept changing while {during}",
        code="breaker-busy",
        hint="run the command again",
        retryable=True,
    )


def _deployed(raw: dict[str, Any] | None) -> Deployed | None:
    if raw is None:
        return None
    routes = (Route(**{**route, "permissions": tuple(route["permissions"])}) for route in raw["routes"])
    return Deployed(_record_of(raw["record"]), tuple(routes))


def _record(item: Item) -> PluginRecord:
    return _record_of(jsontext.loads(item["doc"], what="a plugin's record"))


def _record_of(raw: dict[str, Any]) -> PluginRecord:
    return PluginRecord(
        **{
            **raw,
            "layer_arns": tuple(raw["layer_arns"]),
            "hooks": tuple((name, priority) for name, priority in raw["hooks"]),
            "grants": Grants.from_dict(raw["grants"]),
            # Records of earlier versions: all that was asked for was granted, and no policy was kept.
            "asked": Grants.from_dict(raw.get("asked", raw["grants"])),
            "policy": tuple(raw.get("policy", ())),
            "dependencies": tuple(map(PluginDependency.from_dict, raw["dependencies"])),
            "warnings": tuple(raw["warnings"]),
        }
    )


def _release_key(release: ReleaseRecord) -> Key:
    return keys.release(release.plugin_id, release.version, release.package_sha256)


def _release_put(release: ReleaseRecord) -> Put:
    item: Item = {
        **_release_key(release),
        "plugin_id": release.plugin_id,
        "version": release.version,
        "status": release.status,
        "at_ms": release.at_ms,
        "error": release.error,
        "doc": jsontext.dumps(asdict(release)),
    }
    return Put(item)
