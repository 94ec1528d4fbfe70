"""System calls that Python never needs, each made so that it works where no filter stands in its way."""

import ctypes
import mmap
import os
import platform
import socket
import time

from .attempt import Stopped, attempt

libc = ctypes.CDLL(None, use_errno=True)
_NUMBERS = {
    "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425), "kcmp": (312, 272), "keyctl": (250, 219), "move_pages": (279, 239),
    "name_to_handle_at": (303, 264), "open_tree": (428, 428), "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438), "pidfd_open": (434, 434), "process_vm_readv": (310, 270), "ptrace": (101, 117),
    "request_key": (249, 218), "unshare": (272, 97), "userfaultfd": (323, 282), "vmsplice": (278, 75),
}  # fmt: skip


def _call(name, *arguments):
    number = _NUMBERS[name][platform.machine() != "x86_64"]
    found = libc.syscall(number, *(ctypes.c_long(part) if isinstance(part, int) else part for part in arguments))
    if found == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found


class _Child:
    """A process of the worker's own, to be looked into."""

    def __enter__(self):
        self.pid = os.fork()
        if self.pid == 0:
            time.sleep(30)
            os._exit(0)
        return self.pid

    def __exit__(self, *_):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


@attempt("keeps a text in the kernel's keyring, which outlives the worker", "kernel", "seccomp")
def add_key(given):
    return _call("add_key", b"user", b"kept", b"text", 4, -5)


@attempt("opens the keyring of its session", "kernel", "seccomp")
def keyctl(given):
    return _call("keyctl", 0, -3, 1, 0, 0)


@attempt("stops itself in the middle of a page (userfaultfd)", "kernel", "seccomp")
def userfaultfd(given):
    fd = _call("userfaultfd", 1)
    os.close(fd)
    return "a file of it"


@attempt("sends requests past system calls (io_uring)", "kernel", "seccomp")
def io_uring(given):
    fd = _call("io_uring_setup", 4, ctypes.create_string_buffer(120))
    os.close(fd)
    return "a ring"


@attempt("debugs a process (ptrace)", "kernel", "seccomp")
def ptrace(given):
    with _Child() as pid:
        _call("ptrace", 16, pid, 0, 0)
        return "attached"


@attempt("reads another process's memory (process_vm_readv)", "kernel", "seccomp")
def process_vm_readv(given):
    with _Child() as pid:
        text = ctypes.create_string_buffer(b"from the other process")
        into = ctypes.create_string_buffer(8)
        here = (ctypes.c_size_t * 2)(ctypes.addressof(into), 8)
        there = (ctypes.c_size_t * 2)(ctypes.addressof(text), 8)
        return _call("process_vm_readv", pid, here, 1, there, 1, 0)


@attempt("takes an open file from another process (pidfd_getfd)", "kernel", "seccomp")
def pidfd_getfd(given):
    with _Child() as pid:
        whose = _call("pidfd_open", pid, 0)
        try:
            os.close(_call("pidfd_getfd", whose, 1, 0))
        finally:
            os.close(whose)
    return "its standard output"


@attempt("compares kernel addresses of two processes (kcmp)", "kernel", "seccomp")
def kcmp(given):
    with _Child() as pid:
        return _call("kcmp", os.getpid(), pid, 0, 1, 1)


@attempt("learns handles of files, by which they can be opened past folders", "kernel", "seccomp")
def file_handles(given):
    handle = ctypes.create_string_buffer(136)
    handle[0:4] = (128).to_bytes(4, "little")
    _call("name_to_handle_at", -100, b"/tmp", handle, ctypes.byref(ctypes.c_int()), 0)
    return handle.raw[:16].hex()


@attempt("hands pages of memory to a pipe (vmsplice)", "kernel", "seccomp")
def vmsplice(given):
    reading, writing = os.pipe()
    try:
        text = ctypes.create_string_buffer(b"pages")
        return _call("vmsplice", writing, (ctypes.c_size_t * 2)(ctypes.addressof(text), 5), 1, 0)
    finally:
        os.close(reading)
        os.close(writing)


@attempt("moves pages of memory between processors", "kernel", "seccomp")
def move_pages(given):
    with mmap.mmap(-1, 4096) as page:
        page[0] = 1
        address = ctypes.c_char.from_buffer(page)
        pages = (ctypes.c_void_p * 1)(ctypes.addressof(address))
        state = (ctypes.c_int * 1)()
        try:
            return _call("move_pages", 0, 1, pages, 0, state, 0)
        finally:
            del address


@attempt("takes a mount by a file descriptor (open_tree)", "kernel", "seccomp")
def open_tree(given):
    fd = _call("open_tree", -100, b"/tmp", 0)
    os.close(fd)
    return "a tree"


@attempt("watches what the processor counts (perf_event_open)", "kernel", "seccomp")
def perf(given):
    # A software clock, in user mode only: what the kernel lets everybody have at its usual setting.
    wanted = bytearray(128)
    wanted[0:4] = (1).to_bytes(4, "little")
    wanted[4:8] = (128).to_bytes(4, "little")
    wanted[40:48] = (1 << 5 | 1 << 6).to_bytes(8, "little")
    buffer = (ctypes.c_char * 128).from_buffer(wanted)
    fd = _call("perf_event_open", buffer, 0, -1, -1, 0)
    os.close(fd)
    return "a counter"


@attempt("watches the files of the machine (fanotify)", "kernel", "seccomp")
def fanotify(given):
    fd = _call("fanotify_init", 0x200, 0)
    os.close(fd)
    return "a watch"


@attempt("reads how the kernel sets its clock (adjtimex)", "kernel", "seccomp")
def adjtimex(given):
    return _call("adjtimex", ctypes.create_string_buffer(256))


@attempt("opens a socket to the machine under this one (AF_VSOCK)", "kernel", "seccomp")
def vsock(given):
    socket.socket(40, socket.SOCK_STREAM).close()
    return "a socket"


@attempt(
    "makes system calls by the 32-bit door, whose numbers no filter of 64-bit ones knows", "kernel", "seccomp"
)
def old_door(given):
    if platform.machine() != "x86_64":
        raise Stopped("not on this processor")
    # mov eax, 20 (getpid); int 0x80; ret
    code = b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3"
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(code)
        held = ctypes.c_char.from_buffer(page)
        found = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(held))()
        del held
    if found != os.getpid():
        raise Stopped(os.strerror(-found) if found < 0 else str(found))
    return "getpid"


@attempt("becomes root in a user namespace of its own", "kernel", "seccomp", "no-new-namespaces")
def user_namespace(given):
    return _in_child(lambda: _call("unshare", 0x10000000))


@attempt("mounts what it likes in a mount namespace of its own", "kernel", "seccomp", "no-new-namespaces")
def mounts(given):
    def mount():
        _call("unshare", 0x10000000 | 0x00020000)
        if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == -1:
            raise OSError(ctypes.get_errno(), "mount")

    return _in_child(mount)


def _in_child(work):
    """For what a process cannot undo: its error is the child's exit code."""
    child = os.fork()
    if child == 0:
        code = 255
        try:
            work()
            code = 0
        except OSError as error:
            code = error.errno
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))
    return "done"
