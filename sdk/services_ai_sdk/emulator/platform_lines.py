"""Lambda's own lines around a call, in the format and from the level that the function's logging is set to.

Text is `log_texts`. JSON has no END and can be filtered: `platform.start`, `platform.runtimeDone`,
`platform.report` and `platform.initReport`, each with a level of its own.
Sources: AWS Lambda Developer Guide, "Configuring JSON and plain text log formats", "Log-level filtering";
Telemetry API schema reference.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from services_ai_sdk.emulator import log_texts
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import FunctionSpec

_LEVELS = ("DEBUG", "INFO", "WARN")


def start(spec: FunctionSpec, request_id: str, at_ms: int) -> list[LogLine]:
    """What stands before a call's output."""
    if not spec.logging.is_json:
        return [LogLine(at_ms, log_texts.start(request_id, spec.version))]
    return _json(spec, at_ms, "INFO", "start", {"requestId": request_id, "version": spec.version})


def end(
    spec: FunctionSpec, request_id: str, at_ms: int, status: str, duration_ms: float, init_ms: float, used_mb: int
) -> list[LogLine]:
    """What stands behind it; `init_ms` is 0 on a warm call, `status` one of success, error, timeout, failure."""
    if not spec.logging.is_json:
        texts = log_texts.end(request_id, duration_ms, init_ms, spec.memory_mb, used_mb)
        return [LogLine(at_ms, text) for text in texts]
    good = status == "success"
    done = {"requestId": request_id, "status": status, "metrics": {"durationMs": round(duration_ms, 3)}}
    metrics: dict[str, Any] = {
        "durationMs": round(duration_ms, 3),
        "billedDurationMs": math.ceil(duration_ms + init_ms),
        "memorySizeMB": spec.memory_mb,
        "maxMemoryUsedMB": used_mb,
    }
    if init_ms:
        metrics["initDurationMs"] = round(init_ms, 3)
    return [
        *_json(spec, at_ms, "DEBUG" if good else "WARN", "runtimeDone", done),
        *_json(
            spec,
            at_ms,
            "INFO" if good else "WARN",
            "report",
            {"requestId": request_id, "metrics": metrics, "status": status},
        ),
    ]


def init_failed(spec: FunctionSpec, at_ms: int, duration_ms: float, phase: str, error_type: str) -> list[LogLine]:
    """What stands behind the output of an init that failed; `error_type` is Lambda's or the runtime's."""
    if not spec.logging.is_json:
        return [LogLine(at_ms, log_texts.init_report(duration_ms, phase, error_type))]
    timed_out = error_type == "Sandbox.Timedout"
    record: dict[str, Any] = {
        "initializationType": "on-demand",
        "phase": phase,
        "status": "timeout" if timed_out else "error",
        "metrics": {"durationMs": round(duration_ms, 3)},
    }
    if not timed_out:
        record["errorType"] = error_type
    return _json(spec, at_ms, "WARN", "initReport", record)


def _json(spec: FunctionSpec, at_ms: int, level: str, kind: str, record: dict[str, Any]) -> list[LogLine]:
    if _LEVELS.index(level) < _LEVELS.index(spec.logging.system_level):
        return []
    time = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = json.dumps({"time": time, "type": f"platform.{kind}", "record": record}, separators=(",", ":"))
    return [LogLine(at_ms, text)]
