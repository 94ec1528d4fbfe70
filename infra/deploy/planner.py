"""From a release and what is there to the steps between them. Pure: nothing is read or written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from control_plane.operations.ports import Release, StoredObject
from infra.deploy.current import Current, FunctionState
from infra.deploy.plan import Action, DeployPlan, Step
from infra.names import LIVE_ALIAS, PLUGIN_HANDLER, described
from services_ai_sdk.access.digest import canonical_digest
from services_ai_sdk.access.grants import granted_manifest
from services_ai_sdk.access.network import in_words, interface_statements, is_isolated
from services_ai_sdk.access.policy import role_policy, role_statements, trust_policy
from services_ai_sdk.access.profile import process_profile
from services_ai_sdk.access.statement import Statement
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from infra.deploy.platform import Isolation, Platform

LOG_RETENTION_DAYS = 30
QUEUE_ATTRIBUTES = {"MessageRetentionPeriod": "1209600", "SqsManagedSseEnabled": "true", "VisibilityTimeout": "30"}
"""14 days, and longer invisible than a call of a plugin may take."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything a release should look like in AWS, derived from it alone."""

    function_name: str
    function_arn: str
    role_name: str
    role_arn: str
    policy: dict[str, Any]
    trust: dict[str, Any]
    log_group: str
    profile: dict[str, Any]
    profile_key: str
    layer_name: str
    queue_name: str
    statements: tuple[Statement, ...]
    resources: dict[str, dict[str, str]]
    isolation: Isolation | None
    network: str


def wanted(release: Release, platform: Platform) -> Wanted:
    """Names, policies and profile of a release."""
    manifest = release.manifest
    own = platform.own(manifest.plugin_id)
    identity = own.identity
    secret_settings = any(setting.secret for setting in manifest.settings.values())
    isolated = is_isolated(release.grants.network, subnets=platform.isolation is not None)
    statements = role_statements(own, release.grants.capabilities, has_secret_settings=secret_settings)
    if isolated:
        statements = (*statements, *interface_statements(identity))
    policy, trust = role_policy(statements), trust_policy(identity)
    names = platform.names
    role_name = names.role(manifest.plugin_id, canonical_digest(policy, trust, platform.boundary_arn))
    profile = process_profile(granted_manifest(manifest, release.grants))
    return Wanted(
        function_name=identity.function_name,
        function_arn=identity.function_arn,
        role_name=role_name,
        role_arn=f"arn:{platform.partition}:iam::{platform.account_id}:role{names.role_path}{role_name}",
        policy=policy,
        trust=trust,
        log_group=identity.log_group,
        profile=profile,
        profile_key=names.profile_key(canonical_digest(profile)),
        layer_name=names.dependency_layer(release.layer.sha256) if release.layer else "",
        queue_name=own.queue_name,
        statements=statements,
        # Of all that it asks for: what was not granted fails in AWS, by name, and not for want of a name.
        resources=own.described(manifest.capabilities),
        isolation=platform.isolation if isolated else None,
        network=in_words(release.grants.network, subnets=platform.isolation is not None),
    )


def make_plan(release: Release, platform: Platform, want: Wanted, current: Current) -> DeployPlan:
    """The steps from `current` to `want`.

    Raises:
        InvalidInputError: The manifest names no Python: only a packaged manifest can be deployed.
    """
    if not release.manifest.python:
        raise InvalidInputError(
            f"the manifest of {release.manifest.plugin_id} names no Python",
            hint="services-ai-plugin package fills it in",
        )
    layers = tuple(arn for arn in (platform.runtime_layer_arn, current.layer_arn or want.layer_name) if arn)
    target = FunctionState(
        code_sha256=release.package.sha256,
        runtime=release.manifest.python,
        handler=PLUGIN_HANDLER,
        role_arn=want.role_arn,
        layers=layers,
        memory_mb=release.manifest.limits.memory_mb,
        timeout_s=release.manifest.limits.timeout_s,
        profile_key=want.profile_key,
        subnet_ids=want.isolation.subnet_ids if want.isolation else (),
        security_group_ids=want.isolation.security_group_ids if want.isolation else (),
    )
    done = current.live is not None and current.live == target
    steps = [
        *_surroundings(release, platform, want, current),
        *_function_steps(release, platform, want, current, target),
        *([] if done else _release_steps(release, want, current)),
        *_leftovers(release, want, current),
    ]
    return DeployPlan(
        release=release,
        function_name=want.function_name,
        function_arn=want.function_arn,
        role_arn=want.role_arn,
        runtime_layer_arn=platform.runtime_layer_arn,
        layer_arn=current.layer_arn,
        live_version=current.live_version if done else "",
        steps=tuple(steps),
        warnings=tuple(_unreachable(release, want)),
        network=want.network,
        resources=want.resources,
        policy=want.statements,
    )


def _surroundings(release: Release, platform: Platform, want: Wanted, current: Current) -> list[Step]:
    steps = []
    plugin_tags = {"services-ai:plugin": release.manifest.plugin_id, "services-ai:stack": platform.names.stack}
    if not current.role_whole:
        steps.append(
            Step(
                Action.CREATE_ROLE,
                want.role_name,
                "no role carries exactly these grants, under the boundary",
                {
                    "Path": platform.names.role_path,
                    "AssumeRolePolicyDocument": want.trust,
                    "PermissionsBoundary": platform.boundary_arn,
                    "PolicyDocument": want.policy,
                    "Tags": plugin_tags,
                },
            )
        )
    if not current.log_group_whole:
        steps.append(
            Step(
                Action.CREATE_LOG_GROUP,
                want.log_group,
                "the plugin may write to its own log group, not create one",
                {"RetentionInDays": LOG_RETENTION_DAYS, "Tags": plugin_tags},
            )
        )
    if "queue" in release.grants.capabilities and not current.queue_exists:
        steps.append(
            Step(
                Action.CREATE_QUEUE,
                want.queue_name,
                "the plugin may use its own queue, not create one",
                {"Attributes": QUEUE_ATTRIBUTES, "Tags": plugin_tags},
            )
        )
    if release.layer and not current.layer_arn:
        steps.append(
            Step(
                Action.PUBLISH_LAYER,
                want.layer_name,
                "no layer has exactly these dependencies",
                {**_content(release.layer), "CompatibleRuntimes": [release.manifest.python]},
            )
        )
    if not current.profile_exists:
        steps.append(
            Step(
                Action.PUT_PROFILE,
                want.profile_key,
                "the process profile for the sandbox on one machine",
                {"Bucket": platform.bucket, "Body": want.profile},
            )
        )
    return steps


def _function_steps(
    release: Release, platform: Platform, want: Wanted, current: Current, target: FunctionState
) -> list[Step]:
    configuration = {
        "Runtime": target.runtime,
        "Handler": target.handler,
        "Role": target.role_arn,
        "Layers": list(target.layers),
        "MemorySize": target.memory_mb,
        "Timeout": target.timeout_s,
        "Description": described(f"Plugin {release.manifest.plugin_id}", want.profile_key),
        "VpcConfig": target.vpc,
    }
    name = want.function_name
    if current.function is None:
        return [
            Step(
                Action.CREATE_FUNCTION,
                name,
                "the plugin has no function yet",
                {
                    **configuration,
                    "Code": _content(release.package),
                    "Architectures": [platform.architecture],
                    "Tags": {
                        "services-ai:plugin": release.manifest.plugin_id,
                        "services-ai:stack": platform.names.stack,
                    },
                },
            )
        ]
    steps = []
    if current.function.code_sha256 != target.code_sha256:
        steps.append(Step(Action.UPDATE_CODE, name, "the package differs", _content(release.package)))
    changed = sorted(
        aws_name
        for aws_name, attribute in _COMPARED.items()
        if getattr(current.function, attribute) != getattr(target, attribute)
    )
    if changed:
        steps.append(Step(Action.UPDATE_CONFIGURATION, name, f"differs: {', '.join(changed)}", configuration))
    return steps


_COMPARED = {
    "Runtime": "runtime",
    "Handler": "handler",
    "Role": "role_arn",
    "Layers": "layers",
    "MemorySize": "memory_mb",
    "Timeout": "timeout_s",
    "Description": "profile_key",
    "VpcConfig": "vpc",
}


def _release_steps(release: Release, want: Wanted, current: Current) -> list[Step]:
    why = (
        f"{LIVE_ALIAS} points to version {current.live_version}"
        if current.live_version
        else f"no {LIVE_ALIAS} yet"
    )
    return [
        Step(
            Action.PUBLISH_VERSION,
            want.function_name,
            "a Lambda version is what can be rolled back to",
            {
                "Description": described(
                    f"{release.manifest.plugin_id} {release.manifest.version}", want.profile_key
                )
            },
        ),
        Step(
            Action.SMOKE_CALL, want.function_name, f"imports the plugin before {LIVE_ALIAS} moves; calls no hook"
        ),
        Step(Action.MOVE_LIVE, f"{want.function_name}:{LIVE_ALIAS}", why),
    ]


def _leftovers(release: Release, want: Wanted, current: Current) -> list[Step]:
    """What goes once `live` has moved: the version before may use it until then."""
    if current.queue_exists and "queue" not in release.grants.capabilities:
        why = "the capability queue is no longer granted; messages in it are lost"
        return [Step(Action.DELETE_QUEUE, want.queue_name, why)]
    return []


def _unreachable(release: Release, want: Wanted) -> list[str]:
    """Capabilities whose service the template makes no endpoint for."""
    if want.isolation is not None and "email" in release.grants.capabilities:
        return [
            "email from the isolated subnets needs an endpoint of SES there, which template.yaml does not make"
        ]
    return []


def _content(stored: StoredObject) -> dict[str, str]:
    return {"S3Bucket": stored.bucket, "S3Key": stored.key}
