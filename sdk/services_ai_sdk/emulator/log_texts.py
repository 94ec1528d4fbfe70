"""The lines that Lambda writes around a call.

Source: AWS Lambda Developer Guide, "Working with Lambda function logs".
"""

from __future__ import annotations

import math


def start(request_id: str, version: str) -> str:
    """The first line."""
    return f"START RequestId: {request_id} Version: {version}"


def end(request_id: str, duration_ms: float, init_ms: float, memory_mb: int, used_mb: int) -> list[str]:
    """The last two lines; `init_ms` is 0 on a warm call."""
    init = f"Init Duration: {init_ms:.2f} ms\t" if init_ms else ""
    return [
        f"END RequestId: {request_id}",
        (
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
            f"Billed Duration: {math.ceil(duration_ms + init_ms)} ms\t"
            f"Memory Size: {memory_mb} MB\tMax Memory Used: {used_mb} MB\t{init}"
        ),
    ]


def init_report(duration_ms: float, phase: str, error_type: str) -> str:
    """The line on an init that failed; `error_type` is Lambda's or the runtime's."""
    status = "timeout" if error_type == "Sandbox.Timedout" else f"error\tError Type: {error_type}"
    return f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}\tStatus: {status}"


def trace_id(request_id: str, now_ms: int) -> str:
    """An X-Ray trace header that is not sampled."""
    first, second, third, fourth, last = request_id.split("-")
    return f"Root=1-{now_ms // 1000:08x}-{first}{second}{third}{fourth}{last[:4]};Parent={fourth}{last};Sampled=0"
