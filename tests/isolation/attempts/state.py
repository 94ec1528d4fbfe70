"""What a call leaves for the next one, which may be another tenant's."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from .attempt import Stopped, attempt

_PID = Path("/tmp/left-behind")
_OVER = threading.Event()


def _thread(given):
    threading.Thread(target=_OVER.wait, args=(60,), name="spy", daemon=True).start()


@attempt("watches the next tenant's call from a thread", "state", "left-behind", before=_thread)
def thread(given):
    if not any(one.name == "spy" for one in threading.enumerate()):
        raise Stopped("its worker was replaced")
    _OVER.set()
    return "a thread of the call before"


def _timer(given):
    one = threading.Timer(60, print)
    one.name, one.daemon = "late", True
    one.start()


@attempt("has something done when the next tenant's call runs (timer)", "state", "left-behind", before=_timer)
def timer(given):
    found = [one for one in threading.enumerate() if one.name == "late"]
    if not found:
        raise Stopped("its worker was replaced")
    for one in found:
        one.cancel()
    return "a timer of the call before"


def _process(given):
    _PID.write_text(str(subprocess.Popen(["/usr/bin/sleep", "60"]).pid))


def _still_runs(given):
    if not _PID.exists():
        raise Stopped("its worker was replaced")
    pid = int(_PID.read_text())
    _PID.unlink()
    os.kill(pid, signal.SIGKILL)
    return "a process of the call before"


@attempt("leaves a process running", "state", "left-behind", before=_process)
def process(given):
    return _still_runs(given)


def _daemon(given):
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)
        _PID.write_text(str(grandchild))
        os._exit(0)
    os.waitpid(child, 0)


@attempt("leaves a process running that has left its parent (daemon)", "state", "left-behind", before=_daemon)
def daemon(given):
    return _still_runs(given)
