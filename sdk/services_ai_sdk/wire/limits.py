"""Sizes and times that several parts must agree on. Units are in the names.

Lambda's figures: AWS Lambda Developer Guide, "Lambda quotas".
"""

SYNC_PAYLOAD_MAX_BYTES = 6 * 1024 * 1024
"""Largest request or response of a synchronous Invoke (Lambda quotas)."""

UNZIPPED_MAX_BYTES = 262_144_000
"""Function code and all its layers, unzipped (Lambda quotas: 250 MB)."""

ENVIRONMENT_MAX_BYTES = 4 * 1024
"""All environment variables of a function together (Lambda quotas)."""

LAYERS_MAX = 5
"""Layers of one function (Lambda quotas)."""

SQS_MESSAGE_MAX_BYTES = 256 * 1024
"""What we put in one outcomes message; payloads beyond it go to the artifact bucket by reference."""

FAILURE_MAX_BYTES = 32 * 1024
"""A failure's JSON as it travels in a FunctionError's message."""

PLUGIN_ID_MAX_CHARS = 40
"""It names a function and a role, and both names end at 64 characters."""

LAMBDA_TIMEOUT_MAX_S = 900
"""Longest Timeout of any function (Lambda quotas)."""

HOOK_BUDGET_DEFAULT_S = 12.0
"""What a host waits for all plugins of a hook together unless it says otherwise: a plugin's default time-out and
what a cold start and the way take, so that with the defaults a plugin has all of its own limit."""

PLUGIN_TIMEOUT_DEFAULT_S = 10
"""`limits.timeout_s` of a manifest that does not say."""

PLUGIN_TIMEOUT_MAX_S = 25
"""Upper bound of `limits.timeout_s`: the function's Timeout stays below the caller's read timeout."""

SYNC_ANSWER_MAX_S = 29.0
"""The dispatcher answers a synchronous call before this (an HTTP API cuts at 30 s)."""

HOPS_MAX = 8
"""A hook whose event has come through this many actions or signals is refused."""

CONSECUTIVE_FAILURES_MAX = 5
"""This many failures in a row switch a plugin off."""
