"""Runs the commands that people run, and reads their `--json`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError, ServicesAIError

Say = Callable[[str], None]

_KINDS: dict[int, type[ServicesAIError]] = {
    kind.exit_code: kind for kind in (FindingsError, InvalidInputError, PlatformError)
}
"""What a command's exit code says of its error; any other is a fault of ours."""


class Commands:
    """`services-ai-plugin` and `services-ai-admin` as processes of their own.

    Args:
        environment: Their whole environment.
        say: Takes the lines that they print as progress.
    """

    def __init__(self, environment: Mapping[str, str], say: Say) -> None:
        self._environment = dict(environment)
        self._say = say
        self._bin = Path(sys.executable).parent

    def with_environment(self, extra: Mapping[str, str]) -> Commands:
        """The same with more variables."""
        return Commands({**self._environment, **extra}, self._say)

    def labelled(self, label: str) -> Commands:
        """The same with a word before each line of progress: several commands run at once."""
        return Commands(self._environment, lambda line: self._say(f"{label}: {line}"))

    @property
    def environment(self) -> dict[str, str]:
        """What the commands see."""
        return dict(self._environment)

    def data(self, *command: str) -> dict[str, Any]:
        """Runs a command with `--json` and returns its object.

        Raises:
            ServicesAIError: The command failed; its own exit code, code, message and hint are kept.
        """
        code, out = self._run([*command, "--json"])
        try:
            answer = json.loads(out)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise _KINDS.get(code, ServicesAIError)(
                f"{' '.join(command)} ended with {code} and printed no JSON: {out.strip()[:300] or 'nothing'}",
                code="command-failed",
                hint=f"run it by hand: ./dev run {' '.join(command)}",
            )
        if code != 0:
            raise _error_of(answer, command, code)
        return answer

    def text(self, *command: str) -> str:
        """Runs a command as a person does and returns what it prints.

        Raises:
            ServicesAIError: It failed; its exit code is kept.
        """
        code, out = self._run([*command])
        if code != 0:
            raise _KINDS.get(code, ServicesAIError)(
                f"{' '.join(command)} ended with {code}: {out.strip()[-500:]}",
                code="command-failed",
                hint=f"run it by hand: ./dev run {' '.join(command)}",
            )
        return out

    def _run(self, command: list[str]) -> tuple[int, str]:
        """Exit code and standard output; standard error is passed on line by line as it comes."""
        process = subprocess.Popen(
            [str(self._bin / command[0]), *command[1:]],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C ends the demo, not the local cloud it started
        )
        assert process.stdout is not None
        assert process.stderr is not None
        from threading import Thread

        def relay(stream: Any) -> None:
            for line in stream:
                if line.strip():
                    self._say(line.strip().removeprefix("· "))

        thread = Thread(target=relay, args=(process.stderr,), daemon=True)
        thread.start()
        out = process.stdout.read()
        code = process.wait()
        # A detached child may hold the other end of standard error: what it says later is not waited for.
        thread.join(timeout=2.0)
        return code, out


def _error_of(answer: dict[str, Any], command: tuple[str, ...], code: int) -> ServicesAIError:
    error = answer.get("error")
    if not isinstance(error, dict):
        error = {"message": json.dumps(answer)[:500]}
    return _KINDS.get(code, ServicesAIError)(
        f"{' '.join(command)}: {error.get('message', f'ended with {code}')}",
        code=str(error.get("code", "command-failed")),
        hint=str(error.get("hint") or f"run it by hand: ./dev run {' '.join(command)}"),
        details=error.get("details") if isinstance(error.get("details"), dict) else None,
    )


def base_environment() -> dict[str, str]:
    """This process's environment without the user's own AWS settings: a demo must never reach a real account."""
    return {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
