"""Runs inside the emulator beside a plugin's code and layer: imports what it is told to, and says what came of it.

Its text goes into a layer as it is (`import_check`), so it needs nothing but the runtime layer.
"""

from __future__ import annotations

from typing import Any


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Imports modules one after the other.

    Args:
        event: `{"modules": […], "packages": […], "module_max_s": …}`.

    Returns:
        The failures as the wire has them, by module.
    """
    import functools
    import importlib

    from services_ai_sdk.plugin.failures import FailureReader
    from services_ai_sdk.plugin.paths import CodePaths
    from services_ai_sdk.plugin.time_limit import TimeLimit

    reader = FailureReader(CodePaths("/var/task"), event["packages"])
    failures: dict[str, Any] = {}
    for name in event["modules"]:
        limit = TimeLimit(f"importing {name}", event["module_max_s"])
        try:
            limit.run(functools.partial(importlib.import_module, name))
        except BaseException as error:  # noqa: BLE001 - sys.exit() at import is a failed import
            failures[name] = reader.read(error, importing=True).to_dict()
    return failures
