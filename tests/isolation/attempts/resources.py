"""More of the machine than the function was given."""

import errno
import mmap
import os
import resource
import threading
import time

from .attempt import Stopped, attempt

MB = 1024 * 1024


@attempt("starts 100 processes", "resources", "limits", spec={"memory_mb": 512, "processes_max": 20})
def processes(given):
    children = []
    try:
        while len(children) < 100:
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
        return len(children)
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)


@attempt("starts 100 threads", "resources", "limits", spec={"memory_mb": 512, "processes_max": 20})
def threads(given):
    over = threading.Event()
    started = []
    try:
        while len(started) < 100:
            one = threading.Thread(target=over.wait)
            one.start()
            started.append(one)
        return len(started)
    except RuntimeError as error:
        raise Stopped(str(error)) from None
    finally:
        over.set()
        for one in started:
            one.join()


@attempt("opens 900 files", "resources", "limits", spec={"open_files_max": 64})
def files(given):
    opened = []
    try:
        while len(opened) < 900:
            opened.append(os.open("/dev/null", os.O_RDONLY))
        return len(opened)
    finally:
        for fd in opened:
            os.close(fd)


@attempt("lets the kernel write its memory to disk (core dump)", "resources", "limits")
def core(given):
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise Stopped("RLIMIT_CORE is 0")
    return "core dumps"


@attempt("takes 300 MB of memory in a function of 128 MB", "resources", "memory")
def memory(given):
    held = bytearray(300 * MB)
    held[::4096] = b"x" * len(held[::4096])
    return len(held)


@attempt("takes 300 MB in five processes", "resources", "memory")
def memory_of_children(given):
    children = []
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                held = bytearray(60 * MB)
                held[::4096] = b"x" * len(held[::4096])
                time.sleep(1.5)
                os._exit(0)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
    except BaseException:
        for child in children:
            os.kill(child, 9)
        raise
    if any(codes):
        raise Stopped(f"children ended with {codes}")
    return "5 × 60 MB"


@attempt("takes 300 MB of memory that belongs to no process (memfd)", "resources", "memory")
def memory_file(given):
    fd = os.memfd_create("x")
    try:
        for _ in range(300):
            os.write(fd, b"x" * MB)
        return "300 MB"
    finally:
        os.close(fd)


@attempt("takes 300 MB of memory shared between its processes", "resources", "memory")
def memory_shared(given):
    with mmap.mmap(-1, 300 * MB) as held:
        for at in range(0, 300 * MB, 4096):
            held[at] = 1
    return "300 MB"


@attempt("keeps 300 MB in /tmp, which is memory", "resources", "memory", spec={"tmp_size_mb": 512})
def memory_in_tmp(given):
    return _fills(300)


@attempt("writes 20 MB to a /tmp of 8 MB, in files of 5 MB", "resources", "tmp-size", spec={"tmp_size_mb": 8})
def fills_tmp(given):
    names = [f"/tmp/much{number}" for number in range(4)]
    try:
        for name in names:
            with open(name, "wb", buffering=0) as file:
                if file.write(bytes(5 * MB)) < 5 * MB:
                    raise OSError(errno.ENOSPC, "no more")
    finally:
        for name in names:
            if os.path.exists(name):
                os.unlink(name)
    return "20 MB"


@attempt(
    "sets 20 MB of a /tmp of 8 MB aside in one file", "resources", "tmp-size", "limits", spec={"tmp_size_mb": 8}
)
def allocates_tmp(given):
    fd = os.open("/tmp/aside", os.O_CREAT | os.O_RDWR)
    try:
        os.posix_fallocate(fd, 0, 20 * MB)
    finally:
        os.close(fd)
        os.unlink("/tmp/aside")
    return "20 MB"


def _fills(size_mb):
    try:
        with open("/tmp/much", "wb") as file:
            for _ in range(size_mb):
                file.write(b"x" * MB)
        return f"{size_mb} MB"
    finally:
        os.unlink("/tmp/much")
