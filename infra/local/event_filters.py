"""A mapping's FilterCriteria: which records of a queue or a stream its function sees.

Source: AWS Lambda Developer Guide, "Using event filtering with an Amazon SQS event source" and "… DynamoDB event
source": of a message only `body` can be filtered, of a stream record everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.event_patterns import PatternError, Test, compile_pattern, read_json

FILTERS_MAX = 5
"""Lambda's quota before one asks for more."""
_RECORD_FIELDS = frozenset(
    {
        "eventID",
        "eventName",
        "eventVersion",
        "eventSource",
        "awsRegion",
        "dynamodb",
        "eventSourceARN",
        "userIdentity",
    }
)

Filter = Callable[[dict[str, Any]], bool]


def make_filter(criteria: dict[str, Any] | None, source_arn: str) -> Filter | None:
    """What decides whether a record is wanted: one pattern that matches is enough. None where all are.

    Raises:
        PatternError: Lambda would not take these criteria.
    """
    patterns = [each.get("Pattern") for each in (criteria or {}).get("Filters") or ()]
    if len(patterns) > FILTERS_MAX:
        raise PatternError(f"{len(patterns)} filters: at most {FILTERS_MAX} are allowed")
    make = _message_test if ":sqs:" in source_arn else _record_test
    tests = []
    for number, text in enumerate(patterns, 1):
        try:
            tests.append(make(*compile_pattern(text or "")))
        except PatternError as error:
            raise PatternError(f"filter {number}: {error}") from error
    return (lambda record: any(test(record) for test in tests)) if tests else None


def _message_test(pattern: dict[str, Any], test: Test) -> Filter:
    if list(pattern) != ["body"]:
        others = ", ".join(sorted(set(pattern) - {"body"}))[:80]
        raise PatternError(f"{others}: of an SQS message Lambda filters by body only")
    wants_text = isinstance(pattern["body"], list)

    def matches(record: dict[str, Any]) -> bool:
        body = _parsed(record["body"])
        # A pattern for text drops JSON, and the other way round.
        if isinstance(body, str) != wants_text:
            return False
        return test({"body": body})

    return matches


def _record_test(pattern: dict[str, Any], test: Test) -> Filter:
    unknown = sorted(set(pattern) - _RECORD_FIELDS - {"$or"})
    if unknown:
        raise PatternError(f"{', '.join(unknown)[:80]}: a stream record has no such field")
    return test


def _parsed(body: str) -> Any:
    """An object or a list where the body is one, else the body."""
    try:
        parsed = read_json(body)
    except (ValueError, RecursionError):
        return body
    return parsed if isinstance(parsed, (dict, list)) else body
