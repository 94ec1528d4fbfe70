"""Services AI plugins: what an author imports.

Importing this costs nothing but this file; each name is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services_ai_sdk.plugin.base import ServicesAIPlugin
    from services_ai_sdk.plugin.hookimpl import hookimpl
    from services_ai_sdk.plugin.sandbox import PluginSandbox
    from services_ai_sdk.wire.errors import ServicesAIError

__all__ = ["PluginSandbox", "ServicesAIError", "ServicesAIPlugin", "hookimpl"]
__version__ = "0.1.0"

_HOMES = {
    "PluginSandbox": "services_ai_sdk.plugin.sandbox",
    "ServicesAIPlugin": "services_ai_sdk.plugin.base",
    "hookimpl": "services_ai_sdk.plugin.hookimpl",
    "ServicesAIError": "services_ai_sdk.wire.errors",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
