"""Gaps of moto that we close, one file each: why in its docstring.

Each file has `apply()`. All run once, in the moto process, before the first request. Each has two tests: one that
fails without it, and one that fails when moto no longer needs it (tests/contract/local/test_moto_gaps.py).
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

NAMES = (
    "nothing_leaves",
    "templates_are_data",
    "http_subscriptions",
    "triggers_delivered",
    "receiving_never_waits",
    "fair_groups",
    "fifo_groups",
    "instance_tracking",
    "functions_not_run",
    "mapping_checks",
    "requests_follow_the_model",
    "function_limits",
    "function_properties",
    "logging_config",
    "lambda_answers",
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
    "user_boundaries",
    "table_properties",
    "bucket_properties",
    "stream_records",
    "time_to_live",
    "item_sizes",
    "refused_updates",
    "key_limits",
    "batch_limits",
    "query_by_key",
    "cheap_transactions",
    "transaction_limits",
    "client_tokens",
    "consumed_capacity",
)


def apply_all(without: Collection[str] = ()) -> None:
    """Applies every patch but those named.

    Raises:
        ValueError: There is no patch of such a name.
    """
    unknown = set(without) - set(NAMES)
    if unknown:
        raise ValueError(f"no such patch: {', '.join(sorted(unknown))}")
    for name in NAMES:
        if name in without:
            continue
        import_module(f"infra.local.moto_patches.{name}").apply()
