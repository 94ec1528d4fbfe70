"""What the demo has seen: the object of `--json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services_ai_sdk.wire.call import PluginAnswer


@dataclass(slots=True)
class PluginRecord:
    """One plugin that the demo deployed.

    Attributes:
        state: As the control plane has it at the end.
        smoke: `passed`, `not run: …` or `unknown: …`.
    """

    id: str
    version: str
    state: str
    function_arn: str
    layer_arns: list[str]
    role_arn: str
    python: str
    smoke: str
    hooks: list[str] = field(default_factory=list)

    @property
    def runs_here(self) -> bool:
        """Whether this machine has the plugin's Python."""
        return not self.smoke.startswith("not run")


@dataclass(slots=True)
class CallRecord:
    """One plugin's part of one hook call.

    Attributes:
        status: `ok`, `error` or `skipped`; `ok` of the object says the same of the first.
        worker_pid: Host pid of the worker; None where no worker was reached.
    """

    hook: str
    plugin: str
    ok: bool
    status: str
    value: Any
    error: dict[str, Any] | None
    duration_ms: float
    worker_pid: int | None

    @classmethod
    def of(cls, hook: str, answer: PluginAnswer) -> CallRecord:
        """From the dispatcher's answer."""
        error: dict[str, Any] | None = None
        if answer.failure is not None:
            error = answer.failure.to_dict()
        elif answer.status != "ok":
            error = {
                "type": "",
                "message": answer.reason,
                "category": "skipped" if answer.status == "skipped" else "",
            }
        return cls(
            hook=hook,
            plugin=answer.plugin_id,
            ok=answer.status == "ok",
            status=str(answer.status),
            value=answer.value,
            error=error,
            duration_ms=answer.duration_ms,
            worker_pid=answer.debug.get("worker_pid") or None,
        )


@dataclass(slots=True)
class DemoRecord:
    """Everything."""

    ok: bool = False
    plugins: list[PluginRecord] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """For `--json`; `error` only where something failed."""
        plain = asdict(self)
        for call in plain["calls"]:
            call.pop("error" if call["ok"] else "value")
        if self.error is None:
            plain.pop("error")
        return plain
