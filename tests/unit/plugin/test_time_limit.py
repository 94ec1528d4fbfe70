from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.plugin.execution import safe_hook_execution
from services_ai_sdk.plugin.failures import FailureReader
from services_ai_sdk.plugin.paths import CodePaths
from services_ai_sdk.plugin.time_limit import HookTimedOut, TimeLimit
from services_ai_sdk.wire.failure import Category, Failure
from services_ai_sdk.wire.result import Result

READER = FailureReader(CodePaths(str(Path(__file__).parent)))


def run(method: Any, limit_s: float) -> Result | Failure:
    plugin = type("Plugin", (), {"lead_created": method})()
    return safe_hook_execution(
        plugin, "lead_created", {}, reader=READER, time_limit=TimeLimit("lead_created", limit_s)
    )


def test_a_hook_that_hangs_fails_with_the_line_it_hangs_in() -> None:
    def hangs(self: object) -> None:
        while True:
            try:
                time.sleep(30)
            except Exception:  # noqa: BLE001 - what a careless retry loop does
                continue

    outcome = run(hangs, 0.05)
    assert isinstance(outcome, Failure)
    assert (outcome.type, outcome.category) == ("HookTimedOut", Category.TIMEOUT_ERROR)
    assert outcome.message == "lead_created was still running after 0.1 s"
    top = outcome.top_frame()
    assert top is not None
    assert "time.sleep(30)" in dict(top.source)[top.line]


def test_nothing_rings_after_the_hook() -> None:
    before = signal.getsignal(signal.SIGALRM)
    for _ in range(200):
        assert isinstance(run(lambda self: 1, 0.01), Result)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before
    time.sleep(0.03)


def test_the_limit_of_one_call_is_not_the_next_ones() -> None:
    for delay_s in (0.0, 0.0005, 0.001, 0.0015, 0.002) * 40:
        # The alarm rings before, in and after the method's end; whatever comes, it is an outcome.
        outcome = run(lambda self, delay_s=delay_s: time.sleep(delay_s), 0.001)
        assert isinstance(outcome, Result | Failure)
    assert isinstance(run(lambda self: time.sleep(0.02), 5), Result)


def test_without_a_limit_or_outside_the_main_thread_there_is_no_signal() -> None:
    with TimeLimit("lead_created", None):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(run(lambda self: "fine", 5)))
    thread.start()
    thread.join(30)
    assert outcomes[0].value == "fine"


@pytest.mark.parametrize(
    "hook",
    [
        "while True:\n    try:\n        time.sleep(30)\n    except BaseException:\n        pass",
        "sum(range(10**13))",
        "signal.signal(signal.SIGALRM, signal.SIG_IGN); time.sleep(30)",
    ],
)
def test_what_cannot_be_interrupted_ends_its_process(hook: str) -> None:
    code = textwrap.dedent(
        """
        import signal, time
        from services_ai_sdk.plugin.time_limit import TimeLimit
        def hook():
        {body}
        with TimeLimit("lead_created", 0.2, ends_process=True):
            hook()
        """
    ).format(body=textwrap.indent(hook, "    "))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert "in hook" in ended.stderr


def test_the_process_lives_on_after_a_hook_in_time() -> None:
    code = (
        "import time\nfrom services_ai_sdk.plugin.time_limit import TimeLimit\n"
        "with TimeLimit('h', 0.05, ends_process=True): pass\ntime.sleep(0.3); print('alive')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "alive")


def test_it_is_no_exception_that_plugins_catch() -> None:
    assert not issubclass(HookTimedOut, Exception)
