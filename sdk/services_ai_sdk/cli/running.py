"""Runs a typer application: every way it can end becomes an exit code and words.

0 ok, 1 findings, 2 usage or invalid input, 3 environment or AWS, 4 internal.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from services_ai_sdk.cli.errors import print_error
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError, ServicesAIError

if TYPE_CHECKING:
    import typer

USAGE, INTERRUPTED = 2, 130


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Runs one command.

    Args:
        app: The application.
        arguments: Without the program's name.

    Returns:
        The exit code.
    """
    as_json = "--json" in arguments or "--format=json" in arguments or _follows(arguments, "--format", "json")
    try:
        code = app(list(arguments), standalone_mode=False)
    except ServicesAIError as error:
        print_error(error, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        raise  # the process's end, not the command's error: see `pipes`
    except Exception as error:  # noqa: BLE001 - a command never ends in a trace; SERVICES_AI_DEBUG shows it
        return _other(error, as_json=as_json)
    return code if isinstance(code, int) else 0


def _follows(arguments: Sequence[str], option: str, value: str) -> bool:
    return (option, value) in pairwise(arguments)


def _other(error: Exception, *, as_json: bool) -> int:
    """Typer's own errors, and whatever nobody expected."""
    if type(error).__name__ == "Abort":
        return INTERRUPTED
    if type(error).__name__ == "NoArgsIsHelpError" and not as_json:
        print(str(error), file=sys.stderr)
        return USAGE
    show = getattr(error, "format_message", None)
    if callable(show):
        return _usage(error, str(show()), as_json=as_json)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        print_error(PlatformError(f"{where}{error.strerror or error}"), as_json=as_json)
        return PlatformError.exit_code
    import os

    if os.environ.get("SERVICES_AI_DEBUG"):
        raise error
    internal = ServicesAIError(
        f"this is a bug in services-ai: {type(error).__name__}: {error}",
        hint="run it again with SERVICES_AI_DEBUG=1 and report the trace",
    )
    print_error(internal, as_json=as_json)
    return internal.exit_code


def _usage(error: Exception, message: str, *, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else ""
    print_error(InvalidInputError(message, code="usage", hint=hint), as_json=as_json)
    return USAGE
