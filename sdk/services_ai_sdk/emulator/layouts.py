"""Layouts in memory: each made once, however many calls want it, and several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services_ai_sdk.emulator.errors import (
    EmulatorError,
    InterpreterMissingError,
    InvokeRefused,
    UnsafeArchiveError,
)
from services_ai_sdk.emulator.spec import FunctionSpec
from services_ai_sdk.emulator.store import Layout

_AT_ONCE = 4
"""Unpacking and compiling are work for a whole core each: more threads than this would only share them."""


class Layouts:
    """What functions are made of, as far as it was asked for.

    Args:
        make: Makes one; blocks.
    """

    def __init__(self, make: Callable[[FunctionSpec], Layout]) -> None:
        self._make = make
        # Threads of their own: what waits for the loop's other threads must not wait for an unzip.
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="layout")
        self._known: dict[tuple[str, ...], Layout] = {}
        self._unfinished: dict[tuple[str, ...], asyncio.Future[Layout]] = {}

    async def of(self, spec: FunctionSpec) -> Layout:
        """A function's layout.

        Raises:
            InvokeRefused: It cannot be made; the next call tries again.
        """
        key = (spec.runtime, spec.code.sha256, *(layer.sha256 for layer in spec.layers))
        known = self._known.get(key)
        if known is not None:
            return known
        unfinished = self._unfinished.get(key)
        if unfinished is None:
            unfinished = asyncio.get_running_loop().run_in_executor(self._threads, self._make, spec)
            self._unfinished[key] = unfinished

            def finished(made: asyncio.Future[Layout]) -> None:
                del self._unfinished[key]
                if not made.cancelled() and made.exception() is None:
                    self._known[key] = made.result()

            unfinished.add_done_callback(finished)
        try:
            # Whoever goes away leaves it to the others.
            return await asyncio.shield(unfinished)
        except asyncio.CancelledError:
            if unfinished.cancelled():
                raise InvokeRefused(503, "ServiceUnavailableException", "the local cloud is ending") from None
            raise
        except EmulatorError as error:
            raise _refusal(spec, error) from error

    def close(self) -> None:
        """Begins no more of them."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _refusal(spec: FunctionSpec, error: EmulatorError) -> InvokeRefused:
    match error:
        case InterpreterMissingError():
            return InvokeRefused(
                502,
                "InvalidRuntimeException",
                f"{spec.function_name} {error.message}",
                headers={"x-services-ai-not-run": f"needs Python {error.python} ({error.hint})"},
            )
        case UnsafeArchiveError():
            return InvokeRefused(502, "InvalidZipFileException", error.message)
        case _:
            return InvokeRefused(500, "ServiceException", f"{error.message} ({error.hint})")
