"""Which Pythons are on this machine, so that a plugin which names none is built for one that can run it here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from services_ai_sdk.manifest.python import SUPPORTED


def runtimes_here(environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Lambda runtimes that the emulator can run here, oldest first; each is looked for when it is asked for."""
    from services_ai_sdk.emulator.errors import InterpreterMissingError
    from services_ai_sdk.emulator.interpreters import find_interpreter, python_of

    for runtime in SUPPORTED:
        try:
            find_interpreter(python_of(runtime), environ)
        except InterpreterMissingError:
            continue
        yield runtime
