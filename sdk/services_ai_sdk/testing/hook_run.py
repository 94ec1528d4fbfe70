"""Fires hooks of a built package in the emulator, as the platform would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services_ai_sdk import hooks
from services_ai_sdk.access.profile import process_profile
from services_ai_sdk.bundler.local_function import Running, local_function
from services_ai_sdk.hooks.arguments import check_arguments
from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.hooks.permissions import PERMISSIONS
from services_ai_sdk.testing.network_fix import network_fix
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.envelope import Envelope
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.failure import Category, Failure
from services_ai_sdk.wire.lambda_errors import CATEGORY_BY_TYPE
from services_ai_sdk.wire.limits import SYNC_PAYLOAD_MAX_BYTES
from services_ai_sdk.wire.result import Result

if TYPE_CHECKING:
    from services_ai_sdk.bundler.package import BuiltPackage
    from services_ai_sdk.emulator.session import Ran

HANDLER = "services_ai_sdk.plugin.handler.handle"
_TIMEOUT_MARGIN_S = 0.1


@dataclass(frozen=True, slots=True)
class HookRun:
    """What one hook did.

    Attributes:
        value: What it returned; None also where it failed.
        actions: What it asked the host for.
        failure: Why it failed, or None.
        lines: What it printed and logged.
        duration_ms: Of the call.
        init_ms: Of the start before it; 0 when the process was there already.
        max_memory_mb: Highest resident memory of its process so far.
    """

    hook: str
    value: Any = None
    actions: list[dict[str, Any]] = field(default_factory=list)
    failure: Failure | None = None
    lines: tuple[str, ...] = ()
    duration_ms: float = 0.0
    init_ms: float = 0.0
    max_memory_mb: int = 0

    @property
    def ok(self) -> bool:
        """Whether it returned."""
        return self.failure is None

    @property
    def fix(self) -> str:
        """The edit that would mend its failure, where one is known."""
        return network_fix(self.failure.message) if self.failure is not None else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "hook": self.hook,
            "ok": self.ok,
            "value": self.value,
            "actions": self.actions,
            "failure": self.failure.to_dict() if self.failure else None,
            "fix": self.fix,
            "logs": list(self.lines),
            "duration_ms": self.duration_ms,
            "init_ms": self.init_ms,
            "max_memory_mb": self.max_memory_mb,
        }


class PluginProcess:
    """One built plugin, ready to be called.

    Args:
        built: What `package` made.
        session: An open emulator.
        workspace: A folder that outlives this object.
        settings: In place of the manifest's defaults.
        permissions: What counts as granted; all that the manifest asks for when left out.

    Raises:
        InvalidInputError: A setting that the manifest does not have, or a permission that nobody knows.
    """

    def __init__(
        self,
        built: BuiltPackage,
        session: Running,
        workspace: Path,
        *,
        settings: Mapping[str, Any] | None = None,
        permissions: Iterable[str] | None = None,
    ) -> None:
        manifest = built.manifest
        assert manifest.python is not None
        self._manifest = manifest
        self._session = session
        self._settings = dict(settings or {})
        _known("setting", self._settings, manifest.settings)
        _known("permission", permissions or (), PERMISSIONS)
        granted = manifest.permissions if permissions is None else permissions
        self._permissions = tuple(str(each) for each in granted)
        self._calls = 0
        self.spec = local_function(
            name=f"plugin-{manifest.plugin_id}",
            handler=HANDLER,
            python=manifest.python,
            timeout_s=manifest.limits.timeout_s,
            memory_mb=manifest.limits.memory_mb,
            code=(built.package_sha256, built.package),
            layer=(built.layer_sha256, built.layer) if built.layer else None,
            workspace=workspace,
            profile=process_profile(manifest),
        )

    def fire(self, hook: str, args: Mapping[str, Any]) -> HookRun:
        """Calls one hook.

        Raises:
            InvalidInputError: The plugin has no such hook, or the arguments are not the hook's.
            InvokeRefused: It could not be run here.
        """
        known = [each.name for each in self._manifest.hooks]
        if hook not in known:
            hooks.get(hook)
            raise InvalidInputError(
                f"{self._manifest.plugin_id} has no hook {hook}",
                code="hook-not-implemented",
                hint=f"it has {', '.join(known) or 'none'}",
            )
        check_arguments(hooks.get(hook), args)
        self._calls += 1
        payload = jsontext.dumps(self._envelope(hook, args).to_dict()).encode()
        if len(payload) > SYNC_PAYLOAD_MAX_BYTES:
            raise InvalidInputError(
                f"the call has {len(payload):,} bytes; a function takes {SYNC_PAYLOAD_MAX_BYTES:,}",
                code="payload-too-large",
            )
        return _hook_run(hook, self._session.invoke(self.spec, payload))

    def _envelope(self, hook: str, args: Mapping[str, Any]) -> Envelope:
        manifest = self._manifest
        return Envelope(
            invocation_id=f"local-{self._calls}",
            event_id=f"local-{self._calls}",
            hook=hook,
            mode="sync",
            plugin_id=manifest.plugin_id,
            plugin_version=manifest.version,
            epoch=1,
            args=dict(args),
            settings=self._settings,
            permissions=self._permissions,
            tenant="local",
            budget_ms=int((manifest.limits.timeout_s - _TIMEOUT_MARGIN_S) * 1000),
        )


def _known(what: str, asked: Iterable[str], known: Iterable[str]) -> None:
    for name in asked:
        if name not in known:
            meant = nearest(name, known)
            raise InvalidInputError(
                f"there is no {what} {name[:100]!r}",
                code=f"{what}-unknown",
                hint=f"did you mean {meant}?" if meant else f"there is {', '.join(known) or 'none'}",
            )


def _hook_run(hook: str, ran: Ran) -> HookRun:
    value: Any = None
    actions: list[dict[str, Any]] = []
    failure: Failure | None = None
    try:
        answer = jsontext.loads(ran.answer.payload, what="the plugin's answer")
        if ran.answer.function_error:
            failure = _failure(answer)
        else:
            result = Result.from_dict(answer)
            value, actions = result.value, result.actions
    except InvalidInputError as error:
        failure = Failure("ResponseError", error.message, Category.RESPONSE_ERROR)
    # The runtime client logs what it was given to raise: that is the failure as JSON, for the platform.
    lines = tuple(line for line in ran.lines if failure is None or f" {failure.type}: {{" not in line[:300])
    return HookRun(hook, value, actions, failure, lines, ran.duration_ms, ran.init_ms, ran.max_memory_mb)


def _failure(answer: Any) -> Failure:
    fields = answer if isinstance(answer, dict) else {}
    kind, message = str(fields.get("errorType", "Unhandled")), str(fields.get("errorMessage", ""))
    if message.startswith("{"):
        return Failure.from_dict(jsontext.loads(message, what="the failure"))
    return Failure(kind, message, CATEGORY_BY_TYPE.get(kind, Category.RUNTIME_ERROR))
