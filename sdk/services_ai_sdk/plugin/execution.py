"""Runs one hook and turns everything that can come of it into a `Result` or a `Failure`."""

from __future__ import annotations

import inspect
import json
import os
import resource
import time
from collections.abc import Callable, Mapping
from typing import Any

from services_ai_sdk.plugin.api import PluginAPI
from services_ai_sdk.plugin.base import ServicesAIPlugin
from services_ai_sdk.plugin.failures import FailureReader, HookResultError
from services_ai_sdk.plugin.payload import Payload, wrap
from services_ai_sdk.plugin.time_limit import TimeLimit
from services_ai_sdk.wire.failure import Failure
from services_ai_sdk.wire.limits import SYNC_PAYLOAD_MAX_BYTES
from services_ai_sdk.wire.result import Result

_RAW_UTF8 = {f"AWS_Lambda_python3.{minor}" for minor in range(12, 16)}


def safe_hook_execution(
    plugin: object,
    hook: str,
    args: Mapping[str, Any],
    *,
    reader: FailureReader,
    plugin_id: str = "",
    settings: Mapping[str, Any] | None = None,
    permissions: frozenset[str] = frozenset(),
    resources: Mapping[str, Any] | None = None,
    clock: Callable[[], float] = time.perf_counter,
    time_limit: TimeLimit | None = None,
) -> Result | Failure:
    """Calls the plugin's method for one hook. Whatever the plugin does in it, this returns.

    Args:
        plugin: An instance of the plugin's class, which need not extend ours.
        hook: Name of the hook and of the method.
        args: By parameter name, plain JSON; the method gets those it takes.
        reader: Turns what is raised into a failure.
        plugin_id: For methods that take it.
        settings: For `self.settings`.
        permissions: What an admin granted.
        resources: For `self.resources`.
        clock: Seconds, of any start.
        time_limit: What ends a method that takes too long; none when left out.
    """
    limit = time_limit or TimeLimit(hook, None)
    api = PluginAPI(permissions)
    started_s = clock()
    try:
        method = getattr(plugin, hook, None)
        if not callable(method):
            raise TypeError(f"{type(plugin).__name__} has no method for the hook {hook!r}")
        if isinstance(plugin, ServicesAIPlugin):
            known = settings if isinstance(settings, Payload) else wrap(dict(settings or {}))
            plugin.bind_call(known, api, permissions, wrap(dict(resources or {})))
        arguments = _arguments(method, hook, {**wrap(dict(args))}, {"api": api, "plugin_id": plugin_id})
        started_s = clock()
        value = limit.run(lambda: method(**arguments))
        duration_ms = (clock() - started_s) * 1000
        result = Result(value, api.actions, round(duration_ms, 3), 0.0, peak_memory_mb())
        _check_sendable(hook, result)
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are the plugin's failure too
        return reader.read(error)
    return result


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far (getrusage counts KiB on Linux)."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _arguments(
    method: Callable[..., Any], hook: str, args: dict[str, Any], injected: dict[str, Any]
) -> dict[str, Any]:
    """Those of `args` that the method takes."""
    offered = {**injected, **args}
    chosen: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            return {**args, **chosen}
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if name in offered and parameter.kind is not parameter.POSITIONAL_ONLY:
            chosen[name] = offered[name]
        elif parameter.default is parameter.empty:
            raise TypeError(f"the hook {hook!r} has no parameter {name!r}; it has {', '.join(offered)}")
    return chosen


def _check_sendable(hook: str, result: Result) -> None:
    """Lambda's client writes the answer once more; what it would choke on must be the plugin's failure here.

    It escapes what is not ASCII before Python 3.12 (awslambdaric 4.2.2, lambda_runtime_marshaller.py), and the
    limit counts what is sent.

    Raises:
        HookResultError: Not JSON, or more than 6 MB.
    """
    if inspect.iscoroutine(result.value):
        result.value.close()
        raise HookResultError(f"{hook} returned a coroutine: hooks are plain functions, not async")
    try:
        text = json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False)
        size_bytes = len(text.encode())  # refuses half a surrogate pair, which the escaped form would let through
        if not text.isascii() and os.environ.get("AWS_EXECUTION_ENV") not in _RAW_UTF8:
            size_bytes = len(json.dumps(result.to_dict()))
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise HookResultError(f"{hook} returned what is not JSON: {error}") from None
    except RecursionError:
        raise HookResultError(f"{hook} returned what is not JSON: it is nested too deeply") from None
    if size_bytes > SYNC_PAYLOAD_MAX_BYTES:
        raise HookResultError(
            f"{hook} returned {size_bytes:,} bytes of JSON; Lambda's limit is {SYNC_PAYLOAD_MAX_BYTES:,}"
        )
