"""The function that both servers run: a trivial handler under the real runtime client."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import Artifact, Credentials, FunctionSpec

CODE = "def handle(event, context):\n    return event\n"
PAYLOAD = b'{"lead": "' + b"x" * 1000 + b'"}'


def code_zip(code: str = CODE) -> bytes:
    """A function's zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), code)
    return buffer.getvalue()


class OneFunction:
    """A source with one function; a name of another revision gives a cold start.

    Args:
        folder: For its zip.
        python: `3.11`.
    """

    def __init__(self, folder: Path, python: str) -> None:
        data = code_zip()
        path = folder / "code.zip"
        path.write_bytes(data)
        self._code = Artifact(hashlib.sha256(data).hexdigest(), path)
        self._python = python

    def spec(self, function: str = "bench") -> FunctionSpec:
        """The function."""
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        return FunctionSpec(
            function, arn, "$LATEST", "1", "main.handle", f"python{self._python}", 10, 128, {}, self._code, (),
            f"/aws/lambda/{function}", "arn:aws:iam::123456789012:role/bench",
        )  # fmt: skip

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        """The emulator's."""
        return self.spec(function)

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        """The emulator's."""
        return Credentials("key", "secret", "token")


class KeepLog:
    """Takes lines as the local cloud's sink does: a list that is emptied now and then."""

    def __init__(self) -> None:
        self._kept: list[LogLine] = []

    def write(self, spec: FunctionSpec, stream: str, lines: list[LogLine]) -> None:
        """The emulator's."""
        self._kept += lines
        if len(self._kept) > 10_000:
            self._kept.clear()
