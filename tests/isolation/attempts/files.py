"""Files of the machine, of other functions, and the function's own code."""

import os
import socket
from pathlib import Path

from .attempt import Stopped, attempt

HOST = "own-files"


@attempt("reads a file of the machine that every user may read", "files", HOST)
def reads(given):
    return Path(given["secret_file"]).read_text()


@attempt("reads a file of the machine through a link of its own", "files", HOST)
def reads_by_link(given):
    link = Path("/tmp/link")
    link.unlink(missing_ok=True)
    link.symlink_to(given["secret_file"])
    return link.read_text()


@attempt("reads a file of the machine by a path that climbs out of its code", "files", HOST)
def climbs_out(given):
    return Path("/var/task/../../.." + given["secret_file"]).read_text()


@attempt("lists a folder of the machine", "files", HOST)
def lists(given):
    return os.listdir(os.path.dirname(given["secret_file"]))


@attempt("writes into a folder of the machine that is open to everybody", "files", HOST)
def writes(given):
    path = Path(given["open_folder"], "planted")
    path.write_text("x")
    path.unlink()
    return path


@attempt("reads the code of another function", "files", HOST)
def reads_code(given):
    return Path(given["other_code"]).read_text()


@attempt("reads what identifies the machine (/etc/machine-id or /etc/os-release)", "files", HOST)
def reads_machine_id(given):
    for name in ("/etc/machine-id", "/etc/os-release"):
        if os.path.exists(name):
            return Path(name).read_text()
    raise Stopped("ENOENT")


@attempt("looks at the machine's devices (/sys)", "files", HOST)
def reads_sys(given):
    return os.listdir("/sys/class")


@attempt("talks to a program of the machine by its socket in a folder", "files", HOST)
def connects_by_path(given):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.connect(given["unix_socket"])
    return "connected"


def _plants(path):
    # Beneath a mount of its own it would be the mount's; the folder itself is made by the sandbox.
    Path(path).write_text("x")
    os.unlink(path)
    return path


@attempt("leaves a file in /, which all of the worker's calls see", "files", "read-only-files")
def plants_at_the_top(given):
    return _plants("/planted")


@attempt("leaves a library that every program loads (/etc/ld.so.preload)", "files", "read-only-files")
def plants_preload(given):
    return _plants("/etc/ld.so.preload")


@attempt("leaves a file in /var", "files", "read-only-files")
def plants_in_var(given):
    return _plants("/var/planted")


@attempt("leaves a file in /dev, which has no size of its own", "files", "read-only-files")
def plants_in_dev(given):
    return _plants("/dev/planted")


@attempt("leaves a file in /dev/shm", "files", "read-only-files")
def plants_in_shm(given):
    return _plants("/dev/shm/planted")


@attempt("makes a layer's folder where it has none (/opt/python)", "files", "read-only-files")
def plants_layer(given):
    os.mkdir("/opt/planted")
    os.rmdir("/opt/planted")
    return "/opt/planted"


@attempt("changes its own code for the calls that come", "files", "read-only-files", "own-user")
def changes_code(given):
    path = Path("/var/task/main.py")
    text = path.read_text()
    path.write_text(text + "\n")
    return path


@attempt("puts a module beside its code that was never reviewed", "files", "read-only-files")
def adds_code(given):
    return _plants("/var/task/planted.py")
