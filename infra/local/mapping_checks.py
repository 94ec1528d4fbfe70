"""What Lambda refuses of an event source mapping before it makes or changes one.

Sources: Lambda API Reference, "CreateEventSourceMapping", and botocore's model (ranges); Developer Guide, "Using
Lambda with Amazon SQS" and "… DynamoDB"; the texts that others report from AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.local.batch_failures import REPORT
from infra.local.event_filters import make_filter
from infra.local.event_patterns import PatternError

_RANGES = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "ParallelizationFactor": (1, 10),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
    "TumblingWindowInSeconds": (0, 900),
}
_FOR_STREAMS = (
    "StartingPosition",
    "StartingPositionTimestamp",
    "ParallelizationFactor",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
)
CONCURRENCY_RANGE = (2, 1000)
FIFO_BATCH_MAX = 10
BATCH_WITHOUT_WINDOW_MAX = 10
RECORD_AGE_MIN_S = 60


class MappingRefused(ValueError):  # noqa: N818 - an answer of Lambda's, not a defect
    """Lambda does not take the mapping; the text is what it answers.

    Attributes:
        code: Lambda's error.
    """

    def __init__(self, message: str, code: str = "InvalidParameterValueException") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ends:
    """What a mapping joins.

    Attributes:
        source_arn: A queue or a table's stream.
        function_timeout_s: The function's Timeout.
        visibility_s: The queue's visibility timeout; 0 for a stream.
    """

    source_arn: str
    function_timeout_s: int
    visibility_s: int = 0


def check_mapping(settings: dict[str, Any], ends: Ends) -> None:
    """Looks at all settings of a mapping, as they would be.

    Raises:
        MappingRefused: Lambda would not take them.
    """
    for name, (low, high) in _RANGES.items():
        _check_range(settings.get(name), name, low, high)
    concurrency = (settings.get("ScalingConfig") or {}).get("MaximumConcurrency")
    _check_range(concurrency, "ScalingConfig.MaximumConcurrency", *CONCURRENCY_RANGE)
    types = settings.get("FunctionResponseTypes") or []
    if [one for one in types if one != REPORT]:
        raise MappingRefused(f"FunctionResponseTypes {types} : {REPORT} is the only one", "ValidationException")
    if ":sqs:" in ends.source_arn:
        _check_queue(settings, ends)
    elif ":dynamodb:" in ends.source_arn:
        _check_stream(settings, concurrency)
    try:
        make_filter(settings.get("FilterCriteria"), ends.source_arn)
    except PatternError as error:
        raise MappingRefused(f"Invalid filter pattern definition. ({error})") from error


def _check_range(value: Any, name: str, low: int, high: int) -> None:
    if value is None or low <= int(value) <= high:
        return
    bound = f"greater than or equal to {low}" if int(value) < low else f"less than or equal to {high}"
    raise MappingRefused(
        f"1 validation error detected: Value '{value}' at '{name[0].lower()}{name[1:]}' failed to satisfy"
        f" constraint: Member must have value {bound}",
        "ValidationException",
    )


def _check_queue(settings: dict[str, Any], ends: Ends) -> None:
    unsupported = [name for name in _FOR_STREAMS if settings.get(name) not in (None, {}, False)]
    if unsupported:
        raise MappingRefused(f"Unsupported parameters for an SQS event source: {', '.join(unsupported)}")
    batch, window_s = _int(settings, "BatchSize", 10), _int(settings, "MaximumBatchingWindowInSeconds", 0)
    if ends.source_arn.endswith(".fifo"):
        if batch > FIFO_BATCH_MAX:
            raise MappingRefused(f"BatchSize of a FIFO queue is at most {FIFO_BATCH_MAX}, not {batch}")
        if window_s:
            raise MappingRefused("MaximumBatchingWindowInSeconds is not supported for FIFO queues")
    elif batch > BATCH_WITHOUT_WINDOW_MAX and not window_s:
        raise MappingRefused(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than"
            f" {BATCH_WITHOUT_WINDOW_MAX}"
        )
    if ends.visibility_s < ends.function_timeout_s:
        raise MappingRefused(
            f"Queue visibility timeout: {ends.visibility_s} seconds is less than Function timeout:"
            f" {ends.function_timeout_s} seconds"
        )


def _check_stream(settings: dict[str, Any], concurrency: Any) -> None:
    if concurrency is not None:
        raise MappingRefused("ScalingConfig is supported for SQS event sources only")
    position = settings.get("StartingPosition")
    if position not in ("TRIM_HORIZON", "LATEST"):
        what = f"StartingPosition {position} is not supported" if position else "StartingPosition is required"
        raise MappingRefused(f"{what} for DynamoDB streams: TRIM_HORIZON or LATEST")
    age_s = _int(settings, "MaximumRecordAgeInSeconds", -1)
    if -1 < age_s < RECORD_AGE_MIN_S:
        raise MappingRefused(f"MaximumRecordAgeInSeconds must be -1 or at least {RECORD_AGE_MIN_S}, not {age_s}")
    if _int(settings, "TumblingWindowInSeconds", 0):
        raise MappingRefused("the local cloud has no tumbling windows: leave TumblingWindowInSeconds out here")
    destinations = settings.get("DestinationConfig") or {}
    if (destinations.get("OnSuccess") or {}).get("Destination"):
        raise MappingRefused("a DynamoDB event source has OnFailure destinations only")
    target = (destinations.get("OnFailure") or {}).get("Destination") or ""
    if target and not target.startswith(("arn:aws:sqs:", "arn:aws:sns:")):
        raise MappingRefused(f"the OnFailure destination {target[:200]} is not one here: use a queue or a topic")
    if target.endswith(".fifo"):
        raise MappingRefused(f"the OnFailure destination {target[:200]} is FIFO: use a standard queue or topic")


def _int(settings: dict[str, Any], name: str, default: int) -> int:
    value = settings.get(name)
    return default if value is None else int(value)
