"""What the engine asks of moto beyond the AWS API, run inside the moto process on its one thread."""

from __future__ import annotations


class OperationFailed(Exception):  # noqa: N818 - names what happened, as HookFailed does
    """A private operation refused, in the words that Lambda itself would use.

    Args:
        status: HTTP status.
        code: Lambda's error code: `ResourceNotFoundException` …
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
