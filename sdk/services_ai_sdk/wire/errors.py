"""The one root of everything we raise on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ServicesAIError(Exception):
    """Something went wrong and we know what.

    Args:
        message: What happened and where, for a person.
        code: Stable, machine-readable, kebab-case: `manifest-invalid`, `package-unsafe`, `hook-unknown` …
        hint: What to do about it; empty when there is nothing to do.
        details: Plain JSON-able data: AWS's own code, findings, ids.
        retryable: Whether the same call may succeed later without a change.
    """

    code = "internal-error"
    exit_code = 4
    """Of a command that ends with this error: 1 findings, 2 invalid input, 3 environment or AWS, 4 internal."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        details: Mapping[str, Any] | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint
        self.details = dict(details or {})
        self.retryable = retryable

    def to_dict(self) -> dict[str, Any]:
        """The error as the `error` object of every `--json` answer and HTTP body."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "details": self.details,
            "retryable": self.retryable,
        }


class FindingsError(ServicesAIError):
    """A check ran and found problems in what it was given."""

    code = "findings"
    exit_code = 1


class InvalidInputError(ServicesAIError):
    """What was handed in cannot be used: a malformed envelope, package, argument."""

    code = "invalid-input"
    exit_code = 2


class PlatformError(ServicesAIError):
    """The surroundings refused: AWS, the network, a missing program."""

    code = "environment"
    exit_code = 3


class HookFailed(ServicesAIError):  # noqa: N818 - the name is part of the contract; the record of it is PluginError
    """A hook of a plugin failed; `details` carries the failure as the wire has it."""

    code = "hook-failed"
    exit_code = 1
