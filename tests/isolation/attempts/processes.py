"""Processes of the machine, of the engine, and another worker of the same function, which has the same user."""

import os
import resource
import signal
from pathlib import Path

from .attempt import Stopped, attempt

PID = "own-processes"


@attempt("sees the machine's processes", "processes", PID)
def sees(given):
    if not os.path.exists(f"/proc/{given['engine']}"):
        raise Stopped("ENOENT")
    return Path(f"/proc/{given['engine']}/status").read_text().splitlines()[0]


@attempt("reads the command lines of the machine's programs", "processes", PID)
def command_lines(given):
    return Path(f"/proc/{given['engine']}/cmdline").read_text()


@attempt("counts what else runs on the machine", "processes", PID)
def counts(given):
    seen = [name for name in os.listdir("/proc") if name.isdigit()]
    if len(seen) <= 3:
        raise Stopped(f"only its own: {len(seen)}")
    return len(seen)


@attempt("sends a signal to another worker, which runs another tenant's call", "processes", PID)
def signals(given):
    os.kill(given["other_worker"], 0)
    return "could"


@attempt("stops another worker's process", "processes", PID)
def stops(given):
    os.kill(given["other_worker"], signal.SIGCONT)
    return "could"


@attempt("takes the processor from another worker (priority)", "processes", PID)
def priority(given):
    os.setpriority(os.PRIO_PROCESS, given["other_worker"], 19)
    return "could"


@attempt("lowers the limits of another worker", "processes", PID)
def others_limits(given):
    now = resource.prlimit(given["other_worker"], resource.RLIMIT_NOFILE)
    resource.prlimit(given["other_worker"], resource.RLIMIT_NOFILE, now)
    return now


@attempt("sends a signal to the engine", "processes", PID, "own-user")
def signals_engine(given):
    os.kill(given["engine"], 0)
    return "could"


@attempt("learns the machine's name", "processes", "own-host-name")
def host_name(given):
    if os.uname().nodename != given["host_name"]:
        raise Stopped(os.uname().nodename)
    return os.uname().nodename
