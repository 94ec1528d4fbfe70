"""System V objects: whoever knows their number may open them, if their mode lets everybody."""

import ctypes
import errno
import os

from .attempt import attempt

libc = ctypes.CDLL(None, use_errno=True)


def _checked(value):
    if value == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return value


@attempt("reads shared memory of a program of the machine", "state", "own-ipc")
def reads_shared(given):
    found = _checked(libc.shmget(given["ipc_key"], 0, 0))
    libc.shmat.restype = ctypes.c_void_p
    address = libc.shmat(found, None, 0o10000)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(errno.EACCES, "shmat")
    text = ctypes.string_at(address, 10)
    libc.shmdt(ctypes.c_void_p(address))
    return text


@attempt("opens a semaphore of a program of the machine", "state", "own-ipc")
def opens_semaphore(given):
    return _checked(libc.semget(given["ipc_key"], 0, 0))


@attempt("reads a message queue of the machine", "state", "own-ipc")
def reads_queue(given):
    return _checked(libc.msgget(given["ipc_key"], 0))
