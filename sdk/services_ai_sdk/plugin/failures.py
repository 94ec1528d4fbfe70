"""From whatever a plugin raised to a `Failure`. Nothing a plugin raises can make this raise."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from services_ai_sdk.plugin.frames import frames_of
from services_ai_sdk.plugin.paths import CodePaths
from services_ai_sdk.plugin.time_limit import HookTimedOut
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.failure import Category, Failure, Frame
from services_ai_sdk.wire.limits import FAILURE_MAX_BYTES
from services_ai_sdk.wire.redact import redact

MESSAGE_MAX_CHARS = 4000

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NOT_NAME = re.compile(r"[^\w.]")


class HookResultError(Exception):
    """A hook returned what cannot be sent: not JSON, or too much."""


class FailureReader:
    """Turns exceptions into failures.

    Args:
        paths: Whose file is whose.
        packages: Names of the declared dependencies.
        known_secrets: Values that must not leave the process.
    """

    def __init__(
        self, paths: CodePaths, packages: Collection[str] = (), known_secrets: Sequence[str] = ()
    ) -> None:
        self._paths = paths
        self._packages = frozenset(_normal(name.split("[")[0]) for name in packages)
        self._known_secrets = tuple(known_secrets)

    def also_secret(self, value: str) -> None:
        """One more value that must not leave the process."""
        if value not in self._known_secrets:
            self._known_secrets = (*self._known_secrets, value)

    def read(self, error: BaseException, *, importing: bool = False) -> Failure:
        """The failure, at most 32 KB as JSON.

        Args:
            error: Anything: `SystemExit`, an exception whose `__str__` raises, one with 10,000 frames.
            importing: Whether the plugin was being imported.
        """
        name = _type_name(error)
        category = Category.RUNTIME_ERROR
        try:
            category = _category(error)
            if category is Category.IMPORT_ERROR or importing:
                category = self._import_category(error, category)
            message = _cut(redact(message_of(error), self._known_secrets))
            frames = frames_of(error, self._paths, self._known_secrets)
            return _fitted(Failure(name, message, category, frames))
        except BaseException:  # noqa: BLE001 - no memory left to read the trace, or an exception that fights back
            return Failure(name, "", category)

    def _import_category(self, error: BaseException, category: Category) -> Category:
        missing = _normal(str(getattr(error, "name", None) or "").split(".")[0])
        if issubclass(type(error), ImportError) and missing in self._packages:
            return Category.DEPENDENCY_ERROR
        if self._paths.in_dependency(_innermost_file(error)):
            return Category.DEPENDENCY_ERROR
        said_little = category in (Category.RUNTIME_ERROR, Category.TIMEOUT_ERROR)
        return Category.IMPORT_ERROR if said_little else category


def message_of(error: BaseException) -> str:
    """The exception's text, cut, whatever its `__str__` does; with that of its direct cause."""
    text = _text(error)
    cause = error.__cause__
    return f"{text} (caused by {_type_name(cause)}: {_text(cause)})" if cause is not None else text


def _text(error: BaseException) -> str:
    try:
        # str.__str__ of a subclass gives a plain copy: no method of the plugin's runs after this.
        text = str.__str__(str(error))
    except BaseException as inner:  # noqa: BLE001 - whatever a plugin's __str__ raises, SystemExit too
        text = f"<its text could not be read: {_type_name(inner)}>"
    # More than is kept: half a secret at the end would no longer be recognised.
    return (
        _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text[: 2 * MESSAGE_MAX_CHARS])
        .encode("utf-8", "replace")
        .decode()
    )


def _cut(text: str) -> str:
    return text if len(text) <= MESSAGE_MAX_CHARS else f"{text[:MESSAGE_MAX_CHARS]}…"


def _type_name(error: BaseException) -> str:
    # type.__getattribute__ reads past a metaclass that redefines __name__.
    name = str.__str__(type.__dict__["__name__"].__get__(type(error)))
    return _NOT_NAME.sub("_", name.encode("ascii", "replace").decode())[:200] or "Exception"


def _category(error: BaseException) -> Category:
    kinds = (
        (HookResultError, Category.RESPONSE_ERROR),
        (HookTimedOut, Category.TIMEOUT_ERROR),
        (MemoryError, Category.OUT_OF_MEMORY),
        (PermissionError, Category.PERMISSION_ERROR),
        (ImportError, Category.IMPORT_ERROR),
    )
    kind_of = type(error)  # isinstance would ask the error's own __class__
    return next((category for kind, category in kinds if issubclass(kind_of, kind)), Category.RUNTIME_ERROR)


def _innermost_file(error: BaseException) -> str:
    file, step = "", error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        file = file if CodePaths.is_ours(name) else name
        step = step.tb_next
    return file


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name.strip()).lower()


def _fitted(failure: Failure) -> Failure:
    """Drops what is worth least until it fits: source of frames outside in, then frames, then text."""
    frames: list[Frame] = list(failure.frames)
    for index in range(len(frames)):
        if _size(failure) <= FAILURE_MAX_BYTES:
            return failure
        frames[index] = replace(frames[index], source=())
        failure = replace(failure, frames=tuple(frames))
    while frames and _size(failure) > FAILURE_MAX_BYTES:
        frames.pop(0)
        failure = replace(failure, frames=tuple(frames))
    return failure


def _size(failure: Failure) -> int:
    return len(jsontext.dumps(failure.to_dict()).encode())
