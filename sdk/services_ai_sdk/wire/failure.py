"""What went wrong in a hook, as it travels: the FunctionError's message, or read off Lambda's own texts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.fields import as_object
from services_ai_sdk.wire.fields import field as read

VERSION = 1


class Category(StrEnum):
    """Whose fault and what kind: decides the words an admin reads, not whether it counts."""

    RUNTIME_ERROR = "runtime_error"
    IMPORT_ERROR = "import_error"
    PERMISSION_ERROR = "permission_error"
    TIMEOUT_ERROR = "timeout_error"
    DEPENDENCY_ERROR = "dependency_error"
    OUT_OF_MEMORY = "out_of_memory"
    RESPONSE_ERROR = "response_error"


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack trace, innermost last.

    Attributes:
        file: Relative to the plugin's folder for its own files, else the module's path below its layer.
        line: 1-based.
        function: Qualified name as the interpreter gives it.
        in_app: Whether the file is the plugin's own.
        source: Up to five lines before and after as `[[number, text], …]`; empty for files not the plugin's own.
    """

    file: str
    line: int
    function: str
    in_app: bool = False
    source: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed hook.

    Attributes:
        type: The exception's class name, or Lambda's error type.
        message: Its text, redacted and cut.
        category: See `Category`.
        frames: Outermost first; empty where the process itself died.
    """

    type: str
    message: str
    category: Category
    frames: tuple[Frame, ...] = ()

    def top_frame(self) -> Frame | None:
        """The innermost frame of the plugin's own code, else the innermost one."""
        own = [frame for frame in self.frames if frame.in_app] or self.frames
        return own[-1] if own else None

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire: plain JSON, which `from_dict` reads again."""
        frames = [{**asdict(frame), "source": [list(line) for line in frame.source]} for frame in self.frames]
        return {
            "v": VERSION,
            "type": self.type,
            "message": self.message,
            "category": str(self.category),
            "frames": frames,
        }

    @classmethod
    def from_dict(cls, raw: Any) -> Failure:
        """Reads and checks a failure; an unknown category becomes `runtime_error`.

        Raises:
            InvalidInputError: A field is missing or mistyped.
        """
        what = "the failure"
        source = as_object(raw, what)
        category = read(source, "category", str, what, "")
        return cls(
            type=read(source, "type", str, what),
            message=read(source, "message", str, what),
            category=Category(category) if category in set(Category) else Category.RUNTIME_ERROR,
            frames=tuple(_frame(frame) for frame in read(source, "frames", list, what, [])),
        )


def _frame(raw: Any) -> Frame:
    what = "a frame"
    source = as_object(raw, what)
    lines = []
    for pair in read(source, "source", list, what, []):
        match pair:
            case [int(number), str(text)]:
                lines.append((number, text))
            case _:
                raise InvalidInputError("'source' of a frame must be pairs of line number and text")
    return Frame(
        file=read(source, "file", str, what),
        line=read(source, "line", int, what),
        function=read(source, "function", str, what, ""),
        in_app=read(source, "in_app", bool, what, False),
        source=tuple(lines),
    )
