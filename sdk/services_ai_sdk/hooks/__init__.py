"""The hook catalogue as data: names, kinds, parameters, samples; and the permissions that a host knows.

`get` and `names` load the catalogue when first asked for: plugin code in Lambda never pays for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services_ai_sdk.hooks.catalogue import get, names
    from services_ai_sdk.hooks.spec import HookSpec, Parameter

__all__ = ["HookSpec", "Parameter", "get", "names"]

_HOMES = {
    "get": "services_ai_sdk.hooks.catalogue",
    "names": "services_ai_sdk.hooks.catalogue",
    "HookSpec": "services_ai_sdk.hooks.spec",
    "Parameter": "services_ai_sdk.hooks.spec",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
