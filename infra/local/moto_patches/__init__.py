"""Gaps of moto that we close, one file each: why in its docstring, a test that fails without it beside the others.

Each file has `apply()`. All run once, in the moto process, before the first request.
"""

from __future__ import annotations

from importlib import import_module

NAMES = (
    "nothing_leaves",
    "templates_are_data",
    "http_subscriptions",
    "receiving_never_waits",
    "instance_tracking",
    "functions_not_run",
    "requests_follow_the_model",
    "function_limits",
    "function_properties",
    "alias_routing",
    "revisions",
    "versions_and_aliases",
    "lists_in_pages",
    "permissions",
    "reserved_concurrency",
    "event_settings",
    "event_settings_resource",
    "layer_properties",
    "layers_outlive_deletion",
    "layer_answers",
    "retained_resources",
    "failing_resource_named",
    "updates_not_supported",
    "role_properties",
    "table_properties",
    "bucket_properties",
    "stream_records",
    "cheap_transactions",
)


def apply_all() -> None:
    """Applies every patch."""
    for name in NAMES:
        import_module(f"infra.local.moto_patches.{name}").apply()
