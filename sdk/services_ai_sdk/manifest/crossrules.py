"""Rules over a manifest whose fields are well-formed one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from services_ai_sdk.hooks.catalogue import NOT_FIRED_YET, names, suggest
from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.hooks.permissions import PERMISSIONS
from services_ai_sdk.manifest.findings import Severity
from services_ai_sdk.manifest.model import Manifest


class CrossFinding(NamedTuple):
    """A finding that still needs its place in the text."""

    path: tuple[str | int, ...]
    code: str
    message: str
    severity: Severity = Severity.ERROR
    fix: str = ""


def cross_findings(manifest: Manifest) -> Iterator[CrossFinding]:
    """Everything that is wrong between fields, or against the catalogue."""
    yield from _hooks(manifest)
    yield from _permissions(manifest)
    for name, setting in manifest.settings.items():
        if setting.type == "select" and not setting.options:
            yield CrossFinding(
                ("settings", name),
                "setting-no-options",
                f"the select {name!r} has no options",
                fix='add "options": […]',
            )


def _hooks(manifest: Manifest) -> Iterator[CrossFinding]:
    counts = Counter(hook.name for hook in manifest.hooks)
    for index, hook in enumerate(manifest.hooks):
        path = ("hooks", index)
        if counts[hook.name] > 1:
            yield CrossFinding(path, "hook-duplicate", f"the hook {hook.name!r} is listed twice", fix="keep one")
            counts[hook.name] = 0
        finding = unknown_hook(hook.name)
        if finding:
            yield finding._replace(path=path)


def unknown_hook(name: str) -> CrossFinding | None:
    """What to say about a hook name; None for one of the catalogue. The path is empty."""
    if name in names():
        return None
    meant = suggest(name)
    if meant:
        return CrossFinding((), "hook-misspelt", f"there is no hook {name!r}", fix=f"did you mean {meant}?")
    if name in NOT_FIRED_YET:
        text = f"the hook {name!r} is not fired by this platform yet; it will not be called"
    else:
        text = f"the hook {name!r} is not in the catalogue; it will never be called"
    return CrossFinding((), "hook-unknown", text, Severity.WARNING, f"the hooks are {', '.join(names())}")


def _permissions(manifest: Manifest) -> Iterator[CrossFinding]:
    for index, permission in enumerate(manifest.permissions):
        if permission in PERMISSIONS:
            continue
        meant = nearest(permission, PERMISSIONS)
        if meant:
            yield CrossFinding(
                ("permissions", index),
                "permission-misspelt",
                f"there is no permission {permission!r}",
                fix=f"did you mean {meant}?",
            )
        else:
            yield CrossFinding(
                ("permissions", index),
                "permission-unknown",
                f"the host knows no permission {permission!r}; it grants nothing",
                Severity.WARNING,
                f"the permissions are {', '.join(PERMISSIONS)}",
            )
