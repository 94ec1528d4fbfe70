"""The system-call filter, run by a small interpreter of the kernel's classic BPF, for both processors."""

from __future__ import annotations

import struct

import pytest

from services_ai_sdk.emulator.errors import SandboxUnavailableError
from services_ai_sdk.emulator.seccomp import seccomp_filter

ALLOW, EPERM, ENOSYS, EAFNOSUPPORT = "allow", 1, 38, 97
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# From asm/unistd_64.h and asm-generic/unistd.h, copied anew here.
NUMBERS = {
    "x86_64": {"read": 0, "write": 1, "mmap": 9, "ioctl": 16, "socket": 41, "clone": 56, "fork": 57, "execve": 59,
               "ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "bpf": 321, "clone3": 435, "chroot": 161,
               "keyctl": 250, "io_uring_setup": 425, "umount2": 166, "pidfd_getfd": 438, "futex": 202,
               "openat": 257, "userfaultfd": 323, "process_vm_readv": 310, "open_by_handle_at": 304,
               "personality": 135, "socketpair": 53, "memfd_create": 319, "shmget": 29, "sethostname": 170,
               "modify_ldt": 154},
    "aarch64": {"read": 63, "write": 64, "mmap": 222, "ioctl": 29, "socket": 198, "clone": 220, "execve": 221,
                "ptrace": 117, "mount": 40, "unshare": 97, "setns": 268, "bpf": 280, "clone3": 435, "chroot": 51,
                "keyctl": 219, "io_uring_setup": 425, "umount2": 39, "pidfd_getfd": 438, "futex": 98,
                "openat": 56, "userfaultfd": 282, "process_vm_readv": 270, "open_by_handle_at": 265,
                "personality": 92, "socketpair": 199, "memfd_create": 279, "shmget": 194, "sethostname": 161},
}  # fmt: skip
machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def run(program: bytes, number: int, arch: int, *arguments: int) -> object:
    """What the kernel would do."""
    data = struct.pack("<IIQ", number & 0xFFFFFFFF, arch, 0)
    data += b"".join(struct.pack("<Q", argument) for argument in (*arguments, *[0] * (6 - len(arguments))))
    steps = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    place, accumulator = 0, 0
    for _ in range(len(steps)):
        code, if_true, if_false, k = steps[place]
        place += 1
        match code:
            case 0x20:
                assert k % 4 == 0
                accumulator = struct.unpack_from("<I", data, k)[0]
            case 0x06:
                return ALLOW if k == 0x7FFF0000 else k & 0xFFFF if k >> 16 == 5 else hex(k)
            case 0x15 | 0x35 | 0x45:
                taken = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}[code]
                place += if_true if taken else if_false
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")
    raise AssertionError("the program does not end")


def call(machine: str, name: str, *arguments: int) -> object:
    return run(seccomp_filter(machine), NUMBERS[machine][name], ARCH[machine], *arguments)


@machines
def test_every_jump_stays_in_the_program(machine: str) -> None:
    program = seccomp_filter(machine)
    assert len(program) % 8 == 0
    count = len(program) // 8
    assert count <= 4096
    for place in range(count):
        code, if_true, if_false, _ = struct.unpack_from("=HBBI", program, place * 8)
        if code & 0x07 == 0x05:
            assert place + 1 + max(if_true, if_false) < count
    assert struct.unpack_from("=HBBI", program, len(program) - 8)[0] == 0x06


@machines
@pytest.mark.parametrize("name", ["read", "write", "mmap", "execve", "futex", "openat"])
def test_what_programs_need_is_allowed(machine: str, name: str) -> None:
    assert call(machine, name) == ALLOW


@machines
@pytest.mark.parametrize(
    "name",
    ["ptrace", "mount", "umount2", "unshare", "setns", "bpf", "chroot", "keyctl", "io_uring_setup", "pidfd_getfd",
     "userfaultfd", "process_vm_readv", "open_by_handle_at", "personality", "sethostname"],
)  # fmt: skip
def test_what_is_dangerous_is_refused(machine: str, name: str) -> None:
    assert call(machine, name) == EPERM


@machines
@pytest.mark.parametrize(
    "flag", [0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000]
)
def test_clone_makes_no_namespaces(machine: str, flag: int) -> None:
    assert call(machine, "clone", flag | 17) == EPERM


@machines
def test_clone_makes_processes_and_threads(machine: str) -> None:
    assert call(machine, "clone", 17) == ALLOW
    assert call(machine, "clone", 0x003D0F00) == ALLOW


@machines
def test_clone3_is_said_not_to_exist(machine: str) -> None:
    """So that the C library falls back to `clone`, whose flags can be read."""
    assert call(machine, "clone3") == ENOSYS


@machines
@pytest.mark.parametrize("family", range(46))
def test_socket_families(machine: str, family: int) -> None:
    for name in ("socket", "socketpair"):
        assert call(machine, name, family) == (ALLOW if family in (1, 2, 10) else EAFNOSUPPORT)


@machines
def test_memory_that_nothing_would_count_is_refused(machine: str) -> None:
    for name in ("memfd_create", "shmget"):
        assert call(machine, name) == ALLOW
        assert run(seccomp_filter(machine, memory_in_group=False), NUMBERS[machine][name], ARCH[machine]) == EPERM


@machines
@pytest.mark.parametrize(
    ("request_", "outcome"), [(0x5412, EPERM), (0x541C, EPERM), (0x5401, ALLOW), (0x5413, ALLOW)]
)
def test_terminal_requests(machine: str, request_: int, outcome: object) -> None:
    assert call(machine, "ioctl", 0, request_) == outcome
    # The kernel looks at 32 bits only: so does the filter.
    assert call(machine, "ioctl", 0, request_ | 1 << 32) == outcome


@machines
def test_calls_of_another_architecture_are_refused(machine: str) -> None:
    other = ARCH["aarch64" if machine == "x86_64" else "x86_64"]
    for arch in (other, 0x40000003, 0x40000028, 0):
        assert run(seccomp_filter(machine), NUMBERS[machine]["read"], arch) == EPERM


def test_x32_calls_do_not_exist() -> None:
    program = seccomp_filter("x86_64")
    for number in (0x40000000, 0x40000000 | 165, 0x40000000 | 520, 0xFFFFFFFF):
        assert run(program, number, ARCH["x86_64"]) == ENOSYS


def test_names_of_the_processor() -> None:
    assert seccomp_filter("arm64") == seccomp_filter("aarch64")
    assert seccomp_filter() in (seccomp_filter("x86_64"), seccomp_filter("aarch64"))
    with pytest.raises(SandboxUnavailableError, match="riscv64"):
        seccomp_filter("riscv64")
