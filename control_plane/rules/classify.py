"""What one Invoke of a plugin means: success, a failure that counts, or nothing that can be held against it.

Lambda's texts: AWS Lambda Developer Guide, "Troubleshoot invocation issues" and the runtime client's error types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from control_plane.rules.text import plain
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.failure import Category, Failure, Frame
from services_ai_sdk.wire.lambda_errors import CATEGORY_BY_TYPE
from services_ai_sdk.wire.limits import FAILURE_MAX_BYTES
from services_ai_sdk.wire.outcome import OutcomeClass
from services_ai_sdk.wire.redact import redact
from services_ai_sdk.wire.result import Result

NESTING_MAX = 200
MESSAGE_MAX_CHARS = 4000
FRAMES_MAX = 60
SOURCE_LINE_MAX_CHARS = 300
_NUMBER_MAX = 1e9

_BY_TYPE = {
    **CATEGORY_BY_TYPE,
    "ImportError": Category.IMPORT_ERROR,
    "ModuleNotFoundError": Category.IMPORT_ERROR,
    "SyntaxError": Category.IMPORT_ERROR,
    "PermissionError": Category.PERMISSION_ERROR,
    "MemoryError": Category.OUT_OF_MEMORY,
    "TimeoutError": Category.TIMEOUT_ERROR,
}
_BY_TEXT = (
    (re.compile(r"Task timed out after [\d.]+ seconds"), "Sandbox.Timedout", Category.TIMEOUT_ERROR),
    (re.compile(r"Runtime exited with error: signal: killed"), "Runtime.ExitError", Category.OUT_OF_MEMORY),
    (re.compile(r"Runtime exited"), "Runtime.ExitError", Category.RUNTIME_ERROR),
    (re.compile(r"Response payload size .* exceeded"), "Function.ResponseSizeTooLarge", Category.RESPONSE_ERROR),
)
_TRACE_LINE = re.compile(r'\s*File "([^"\n]{1,500})", line (\d{1,9}), in ([^\n]{1,200})(?:\n\s*([^\n]*))?')
_TASK_ROOT = "/var/task/"


@dataclass(frozen=True, slots=True)
class Classified:
    """What an Invoke meant.

    Attributes:
        result: Set for a success.
        failure: Set for a failure.
        reason: For what was not counted.
    """

    outcome: OutcomeClass
    result: Result | None = None
    failure: Failure | None = None
    reason: str = ""


def classify(status_code: int, function_error: str, payload: bytes) -> Classified:
    """Reads an Invoke that returned.

    Args:
        status_code: HTTP status of the answer.
        function_error: The header `X-Amz-Function-Error`; empty without one.
        payload: As it came.
    """
    if status_code != 200:
        return uncounted(f"Invoke answered {status_code}")
    if function_error:
        return Classified(OutcomeClass.FAILURE, failure=_failure(payload))
    try:
        result = Result.from_dict(jsontext.loads(payload, what="the plugin's answer"))
        _sendable(result.value, result.actions)
    except InvalidInputError as error:
        failure = Failure("ResponseError", _kept(error.message), Category.RESPONSE_ERROR)
        return Classified(OutcomeClass.FAILURE, failure=failure)
    return Classified(OutcomeClass.SUCCESS, result=result)


def uncounted(reason: str) -> Classified:
    """Invoke itself raised, or never answered: not the plugin's doing as far as anyone can tell."""
    return Classified(OutcomeClass.UNCOUNTED, reason=plain(reason, 500))


def number(value: float) -> float:
    """A figure that a plugin reported about itself, within reason."""
    return min(max(value, 0.0), _NUMBER_MAX) if value == value else 0.0


def bounded(failure: Failure) -> Failure:
    """A failure that is safe to store and show, whoever wrote it: Lambda's own texts have passed no redaction."""
    frames = failure.frames
    if len(frames) > FRAMES_MAX:
        frames = (*frames[:10], *frames[-(FRAMES_MAX - 10) :])
    clean = Failure(
        type=plain(failure.type, 200) or "Error",
        message=plain(failure.message, MESSAGE_MAX_CHARS),
        category=failure.category,
        frames=tuple(_bounded_frame(frame) for frame in frames),
    )
    for shorter in (clean, _without_code(clean, keep=5), _without_code(clean, keep=0)):
        # Looked through only once it is small: a mask may be longer than what it hides.
        if _fits(shorter) and _fits(masked := _redacted(shorter)):
            return masked
    last = replace(clean, message=plain(clean.message, 1000), frames=_without_code(clean, keep=0).frames[-10:])
    return _redacted(last)


def _fits(failure: Failure) -> bool:
    return len(jsontext.dumps(failure.to_dict()).encode()) <= FAILURE_MAX_BYTES


def _redacted(failure: Failure) -> Failure:
    frames = (
        replace(frame, source=tuple((line, redact(text, source=True)) for line, text in frame.source))
        for frame in failure.frames
    )
    return replace(failure, message=redact(failure.message), frames=tuple(frames))


def _kept(message: str) -> str:
    return redact(plain(message, MESSAGE_MAX_CHARS))


def _without_code(failure: Failure, *, keep: int) -> Failure:
    """Source lines of the innermost frames only."""
    last = len(failure.frames) - keep
    frames = (replace(frame, source=()) if at < last else frame for at, frame in enumerate(failure.frames))
    return replace(failure, frames=tuple(frames))


def _bounded_frame(frame: Frame) -> Frame:
    source = [(line, plain(text, SOURCE_LINE_MAX_CHARS)) for line, text in frame.source[:11] if 0 <= line < 10**9]
    line = min(max(frame.line, 0), 10**9)
    return Frame(plain(frame.file, 300), line, plain(frame.function, 200), frame.in_app, tuple(source))


def _sendable(value: Any, actions: list[dict[str, Any]]) -> None:
    """Refuses what would break the answer that other plugins' values travel in.

    Raises:
        InvalidInputError: Nested too deeply, a number that JSON has not, or text that UTF-8 has not.
    """
    level = [value, actions]
    for _ in range(NESTING_MAX):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            break
    else:
        raise InvalidInputError(f"the plugin's answer is nested more than {NESTING_MAX} levels deep")
    try:
        jsontext.dumps([value, actions]).encode("utf-8")
    except ValueError as error:  # UnicodeEncodeError is one
        raise InvalidInputError(f"the plugin's answer cannot be passed on: {error}") from error


def _failure(payload: bytes) -> Failure:
    text = payload.decode("utf-8", "replace")
    try:
        raw = jsontext.loads(text, what="the error")
    except InvalidInputError:
        return Failure("Unhandled", _kept(text), Category.RUNTIME_ERROR)
    if not isinstance(raw, dict):
        return Failure("Unhandled", _kept(text), Category.RUNTIME_ERROR)
    message, kind = raw.get("errorMessage"), raw.get("errorType")
    message = message if isinstance(message, str) else ""
    return _ours(message) or _lambdas(message, kind if isinstance(kind, str) else "", raw.get("stackTrace"))


def _ours(message: str) -> Failure | None:
    """The failure that our handler put into the error's message, or None."""
    if not message.startswith("{"):
        return None
    try:
        return bounded(Failure.from_dict(jsontext.loads(message, what="the failure")))
    except InvalidInputError:
        return None


def _lambdas(message: str, kind: str, trace: Any) -> Failure:
    category = _BY_TYPE.get(kind)
    # Lambda's own types have a dot, and older records have none at all; a plugin's exception may say anything.
    if category is None and (not kind or "." in kind):
        for pattern, name, by_text in _BY_TEXT:
            if pattern.search(message[:2000]):
                kind, category = kind or name, by_text
                break
    return bounded(Failure(kind or "Unhandled", message, category or Category.RUNTIME_ERROR, _frames(trace)))


def _frames(trace: Any) -> tuple[Frame, ...]:
    frames = []
    for line in trace if isinstance(trace, list) else []:
        found = _TRACE_LINE.match(line) if isinstance(line, str) else None
        if found:
            file, number_, function, code = found.groups()
            source = ((int(number_), code),) if code else ()
            frames.append(
                Frame(file.removeprefix(_TASK_ROOT), int(number_), function, file.startswith(_TASK_ROOT), source)
            )
    return tuple(frames)
