"""Layouts are made once, beside each other, and again after a failure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.emulator.errors import EmulatorError, InvokeRefused
from services_ai_sdk.emulator.layouts import Layouts
from services_ai_sdk.emulator.runtimes import Runtime
from services_ai_sdk.emulator.spec import Artifact, FunctionSpec
from services_ai_sdk.emulator.store import Layout, Tree

HERE = Path("/nowhere")


def spec_of(code: str) -> FunctionSpec:
    artifact = Artifact(code, HERE)
    return FunctionSpec("f", "arn", "1", "1", "m.h", "python3.11", 3, 128, {}, artifact, (), "/f", "role")


class Maker:
    """Takes as long as the test wants."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.may_go_on = {"slow": threading.Event()}
        self.fails = False

    def make(self, spec: FunctionSpec) -> Layout:
        self.made.append(spec.code.sha256)
        if spec.code.sha256 in self.may_go_on:
            assert self.may_go_on[spec.code.sha256].wait(10)
        if self.fails:
            raise EmulatorError("no room", hint="make some")
        return Layout(Runtime("3.11", HERE, HERE), Tree(HERE / spec.code.sha256, HERE), ())


def run(test: Callable[[Layouts, Maker], Coroutine[Any, Any, None]]) -> None:
    maker = Maker()
    layouts = Layouts(maker.make)
    try:
        asyncio.run(asyncio.wait_for(test(layouts, maker), 10))
    finally:
        maker.may_go_on["slow"].set()
        layouts.close()


def test_one_function_does_not_wait_for_another() -> None:
    async def test(layouts: Layouts, maker: Maker) -> None:
        slow = asyncio.ensure_future(layouts.of(spec_of("slow")))
        assert (await layouts.of(spec_of("quick"))).code.files == HERE / "quick"
        assert not slow.done()
        maker.may_go_on["slow"].set()
        assert (await slow).code.files == HERE / "slow"

    run(test)


def test_each_is_made_once() -> None:
    async def test(layouts: Layouts, maker: Maker) -> None:
        wanted = [asyncio.ensure_future(layouts.of(spec_of("slow"))) for _ in range(5)]
        await asyncio.sleep(0.05)
        maker.may_go_on["slow"].set()
        await asyncio.gather(*wanted)
        await layouts.of(spec_of("slow"))
        assert maker.made == ["slow"]

    run(test)


def test_caller_that_goes_away_leaves_it_to_the_others() -> None:
    async def test(layouts: Layouts, maker: Maker) -> None:
        first, second = (asyncio.ensure_future(layouts.of(spec_of("slow"))) for _ in range(2))
        await asyncio.sleep(0.05)
        first.cancel()
        maker.may_go_on["slow"].set()
        assert (await second).code.files == HERE / "slow"
        assert maker.made == ["slow"]

    run(test)


def test_failure_is_told_to_all_and_not_remembered() -> None:
    async def test(layouts: Layouts, maker: Maker) -> None:
        maker.fails = True
        wanted = [asyncio.ensure_future(layouts.of(spec_of("slow"))) for _ in range(2)]
        await asyncio.sleep(0.05)
        maker.may_go_on["slow"].set()
        told = await asyncio.gather(*wanted, return_exceptions=True)
        assert [type(each) for each in told] == [InvokeRefused] * 2
        with pytest.raises(InvokeRefused, match="no room"):
            await layouts.of(spec_of("slow"))
        maker.fails = False
        assert (await layouts.of(spec_of("slow"))).code.files == HERE / "slow"

    run(test)


def test_end_refuses_what_was_not_begun() -> None:
    async def test(layouts: Layouts, maker: Maker) -> None:
        codes = [f"slow-{number}" for number in range(6)]
        maker.may_go_on.update(dict.fromkeys(codes, maker.may_go_on["slow"]))
        wanted = [asyncio.ensure_future(layouts.of(spec_of(code))) for code in codes]
        await asyncio.sleep(0.05)
        layouts.close()
        maker.may_go_on["slow"].set()
        told = await asyncio.gather(*wanted, return_exceptions=True)
        assert [type(each) for each in told] == [Layout] * 4 + [InvokeRefused] * 2

    run(test)
