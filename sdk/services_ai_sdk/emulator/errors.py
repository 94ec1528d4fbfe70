"""What the emulator raises on purpose."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping


class EmulatorError(Exception):
    """Something here cannot work and we know what.

    Args:
        message: What, for a person.
        hint: What to do about it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SandboxUnavailableError(EmulatorError):
    """This machine lacks the means to run functions in a sandbox."""


class UnsafeArchiveError(EmulatorError):
    """A zip is broken, too large, or names files outside its own tree."""


class InterpreterMissingError(EmulatorError):
    """No Python of the version a function needs runs on this machine."""

    def __init__(self, python: str) -> None:
        super().__init__(
            f"needs Python {python}, which is not on this machine",
            hint=f"run `{_uv()} python install {python}`, which the next call finds;"
            " or name its folder or binary in SERVICES_AI_PYTHONS, which is read when the local cloud starts",
        )
        self.python = python


def _uv() -> str:
    """The uv that a person has: our own comes with the tools, and is not on everybody's PATH."""
    own = f"{sys.executable} -m uv"
    # The hint travels in a header too, which takes ASCII only.
    return "uv" if shutil.which("uv") or not own.isascii() else own


class InvokeRefused(Exception):  # noqa: N818 (an answer of Lambda's, not a defect)
    """Lambda's answer to an Invoke that did not run the function.

    Args:
        status: HTTP status.
        error_type: AWS's name: `ResourceNotFoundException`, `TooManyRequestsException` …
        message: AWS's text.
        headers: More headers for the answer.
        reason: The `Reason` member that throttles carry.
    """

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(f"{error_type}: {message}")
        self.status = status
        self.error_type = error_type
        self.message = message
        self.headers = dict(headers or {})
        self.reason = reason
