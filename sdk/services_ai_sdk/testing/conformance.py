"""Every hook of a plugin with its sample and with odd arguments, run where production's rules hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services_ai_sdk import hooks
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.testing.edge_payloads import edge_payloads
from services_ai_sdk.testing.hook_run import HookRun
from services_ai_sdk.wire.failure import Category

SAMPLE = "sample"
_THE_SAME_EACH_TIME = frozenset({Category.TIMEOUT_ERROR, Category.IMPORT_ERROR, Category.DEPENDENCY_ERROR})


class Firing(Protocol):
    """What is needed of `hook_run.PluginProcess`."""

    def fire(self, hook: str, args: dict[str, Any]) -> HookRun:
        """Calls one hook."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call of the conformance run.

    Attributes:
        payload: What is odd about the arguments; `sample` for the catalogue's own.
    """

    hook: str
    payload: str
    run: HookRun

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"payload": self.payload, **self.run.to_dict()}


def findings_of(cases: Sequence[Case], *, strict: bool = False) -> list[Finding]:
    """What is wrong, one finding a place in the plugin's code, what stops the plugin first.

    Args:
        cases: All of a run.
        strict: Whether odd arguments stop the plugin as the sample does.
    """
    by_place: dict[tuple[str, str, str, int], list[Case]] = {}
    for case in cases:
        if failure := case.run.failure:
            top = failure.top_frame()
            place = (top.file, top.line) if top is not None and top.in_app else ("main.py", 0)
            by_place.setdefault((case.hook, failure.type, *place), []).append(case)
    found = [_finding(*place, group, strict=strict) for place, group in by_place.items()]
    return sorted(found, key=lambda each: each.severity is not Severity.ERROR)


def _finding(hook: str, kind: str, file: str, line: int, cases: Sequence[Case], *, strict: bool) -> Finding:
    stops = strict or any(case.payload == SAMPLE for case in cases)
    failure = cases[0].run.failure
    text = failure.message.strip().partition("\n")[0][:200] if failure else ""
    return Finding(
        code="hook-failed",
        severity=Severity.ERROR if stops else Severity.WARNING,
        message=f"{hook} fails with {'; '.join(case.payload for case in cases)}: {kind}: {text}",
        file=file,
        line=line,
        fix=cases[0].run.fix
        or ("" if stops else "hosts send this sooner or later: take the field with .get(…) and a default"),
    )


def conformance(plugin: Firing, hook_names: list[str]) -> Iterator[Case]:
    """Runs all cases; each is given out as soon as it is known. A hook that hangs, or does not start, is left.

    Args:
        plugin: Ready to be called.
        hook_names: Those that the plugin implements.
    """
    for name in hook_names:
        for payload, args in edge_payloads(hooks.get(name)):
            case = Case(name, payload, plugin.fire(name, args))
            yield case
            failure = case.run.failure
            if failure is not None and failure.category in _THE_SAME_EACH_TIME:
                break
