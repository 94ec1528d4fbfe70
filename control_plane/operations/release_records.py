"""From what was checked and deployed to what is recorded of it."""

from __future__ import annotations

from dataclasses import replace

from control_plane.operations.ports import Deployment
from control_plane.rules.settings import for_plugin
from control_plane.rules.text import one_line
from control_plane.table.plugins import PluginDependency, PluginRecord
from control_plane.table.routes import Route
from control_plane.table.settings import StoredSettings
from services_ai_sdk.access.grants import Grants
from services_ai_sdk.manifest.inspected import InspectedPackage
from services_ai_sdk.manifest.model import Manifest
from services_ai_sdk.wire.failure import Category, Failure


def dependencies_of(inspected: InspectedPackage, status: str) -> tuple[PluginDependency, ...]:
    """A record a package, all of one status."""
    return tuple(
        PluginDependency(
            package=row.get("name", ""),
            version=row.get("version", ""),
            spec=row.get("spec", ""),
            status=status,
            size_bytes=row.get("size_bytes", 0),
            license=row.get("license", ""),
            import_names=tuple(row.get("import_names", ())),
        )
        for row in inspected.dependencies
    )


def with_failed(known: tuple[PluginDependency, ...], raw: object) -> tuple[PluginDependency, ...]:
    """The packages of a deploy that failed: the one in whose code it did, where it was one's, has failed."""
    if not isinstance(raw, dict):
        return known
    failure = Failure.from_dict(raw)
    last = failure.frames[-1] if failure.frames and failure.category is Category.DEPENDENCY_ERROR else None
    name = last.file.partition("/")[0].removesuffix(".py") if last else ""
    return tuple(
        replace(one, status="failed", reason=one_line(f"{failure.type}: {failure.message}", 300))
        if name and name in one.import_names
        else one
        for one in known
    )


def record_of(
    inspected: InspectedPackage, deployment: Deployment, grants: Grants, actor: str, at_ms: int
) -> PluginRecord:
    """What is live from now on."""
    manifest = inspected.manifest
    return PluginRecord(
        plugin_id=manifest.plugin_id,
        version=manifest.version,
        name=manifest.name,
        description=manifest.description,
        author=manifest.author,
        package_sha256=inspected.package_sha256,
        layer_sha256=inspected.layer_sha256,
        function_arn=deployment.function_arn,
        alias_arn=deployment.alias_arn,
        function_version=deployment.function_version,
        role_arn=deployment.role_arn,
        layer_arns=deployment.layer_arns,
        python=deployment.python,
        smoke=deployment.smoke,
        hooks=tuple((hook.name, hook.priority) for hook in manifest.hooks),
        grants=grants,
        network=deployment.network,
        memory_mb=manifest.limits.memory_mb,
        timeout_s=manifest.limits.timeout_s,
        dependencies=dependencies_of(inspected, "installed"),
        deployed_at_ms=at_ms,
        deployed_by=actor,
        warnings=deployment.warnings,
        asked=Grants.asked_by(manifest),
        policy=deployment.policy,
    )


def routes_of(
    manifest: Manifest, record: PluginRecord, deployment: Deployment, stored: StoredSettings, secrets_path: str
) -> list[Route]:
    """One a hook: all that a dispatcher needs to call it."""
    declared = {name: setting.model_dump(mode="json") for name, setting in manifest.settings.items()}
    settings = for_plugin(declared, stored.values, stored.secrets, secrets_path)
    return [
        Route(
            hook=hook.name,
            plugin_id=record.plugin_id,
            version=record.version,
            priority=hook.priority,
            alias_arn=deployment.alias_arn,
            timeout_s=record.timeout_s,
            permissions=record.grants.permissions,
            resources=deployment.resources,
            settings=settings,
        )
        for hook in manifest.hooks
    ]
