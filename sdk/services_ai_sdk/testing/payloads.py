"""Realistic arguments for a hook, with the fields that a test is about."""

from __future__ import annotations

from typing import Any

from services_ai_sdk import hooks
from services_ai_sdk.hooks.arguments import check_arguments
from services_ai_sdk.plugin.payload import wrap


def payload(hook: str, **changes: Any) -> dict[str, Any]:
    """The hook's sample, changed, by parameter name: objects as plugin code gets them.

    `payload("lead_created", lead={"country": None})` changes one field of the lead and keeps the others.

    Args:
        hook: Name from the catalogue.
        changes: By parameter: an object is merged into the sample's, anything else replaces it.

    Raises:
        InvalidInputError: No such hook, or no such parameter.
    """
    spec = hooks.get(hook)
    args = spec.sample
    for name, change in changes.items():
        known = args.get(name)
        args[name] = {**known, **change} if isinstance(known, dict) and isinstance(change, dict) else change
    check_arguments(spec, args)
    return {name: wrap(value) for name, value in args.items()}
