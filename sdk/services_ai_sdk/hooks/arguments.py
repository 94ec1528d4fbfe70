"""Whether a host's arguments are those of the hook: a host's mistake must never look like a plugin's failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.hooks.spec import HookSpec
from services_ai_sdk.wire.errors import InvalidInputError

_NAMED_AT_MOST = 10
_JSON_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}


def check_arguments(hook: HookSpec, args: Mapping[str, Any]) -> None:
    """Refuses arguments that are missing, unknown, of another JSON type, or without what they always have.

    What else is inside an object is the host's own: plugins are told to expect any other field to be absent.

    Raises:
        InvalidInputError: With code `hook-arguments-invalid`, naming every problem.
    """
    problems = list(_problems(hook, args))
    if not problems:
        return
    shown = problems[:_NAMED_AT_MOST]
    more = f"; and {len(problems) - len(shown)} more" if len(problems) > len(shown) else ""
    raise InvalidInputError(
        f"the arguments of {hook.name} are wrong: {'; '.join(shown)}{more}",
        code="hook-arguments-invalid",
        hint=f"{hook.name} takes {', '.join(f'{each.name}: {each.type}' for each in hook.parameters)}; "
        "no plugin was called",
        details={"problems": shown},
    )


def _problems(hook: HookSpec, args: Mapping[str, Any]) -> Iterator[str]:
    known = hook.parameter_names()
    missing = [name for name in known if name not in args]
    for name in args:
        if name not in known:
            meant = nearest(name, missing, cutoff=0.6)
            yield f"unknown {name[:60]!r}" + (f" (did you mean {meant}?)" if meant else "")
    yield from (f"missing {name!r}" for name in missing)
    for parameter in hook.parameters:
        if parameter.name not in args:
            continue
        value = args[parameter.name]
        if not isinstance(value, dict):
            yield f"{parameter.name!r} must be an object, not {_JSON_NAMES.get(type(value), 'a number')}"
            continue
        yield from (f"{parameter.name!r} has no {field!r}" for field in parameter.has if value.get(field) is None)
