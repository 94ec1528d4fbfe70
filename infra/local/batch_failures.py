"""Reading a function's report of partial failures as Lambda's pollers read it."""

from __future__ import annotations

import json
from typing import Any

REPORT = "ReportBatchItemFailures"


def failed_items(payload: bytes, known: set[str]) -> set[str]:
    """The identifiers a function reported as failed.

    Lambda Developer Guide, "Success and failure conditions": nothing, null, an empty object or list is success; a
    report that cannot be understood, or an identifier that is empty or not of this batch, fails the whole batch.

    Args:
        payload: The function's answer.
        known: The identifiers of the batch; returned whole where the batch failed.
    """
    try:
        answer: Any = json.loads(payload) if payload.strip() else None
    except ValueError:
        return set(known)
    if answer is None or answer == {}:
        return set()
    if not isinstance(answer, dict):
        return set(known)
    failures = answer.get("batchItemFailures", [])
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return set(known)
    failed: set[str] = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in known:
            return set(known)
        failed.add(identifier)
    return failed
