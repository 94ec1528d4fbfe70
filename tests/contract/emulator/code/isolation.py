# ruff: noqa: PTH115, PTH112, PTH113, PTH116, PTH118, PTH123, PTH208, SIM115, PLW1510
"""Handlers that try to reach what is not theirs. Runs inside the sandbox only."""

import ctypes
import errno
import http.client
import os
import signal
import socket
import subprocess
import time

libc = ctypes.CDLL(None, use_errno=True)


def _outcome(call):
    """The value, or the name of the error."""
    try:
        return call()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def _libc(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        return errno.errorcode[ctypes.get_errno()]
    return "done"


def sees(event, context):
    """Which paths can be looked at, and which opened."""
    found = {}
    for path in event:
        found[path] = _outcome(
            lambda path=path: sorted(os.listdir(path)) if os.path.isdir(path) else open(path).read()
        )
    return found


def walks(event, context):
    """Every file of the tree whose content holds a text."""
    hits = []
    for where, folders, files in os.walk("/"):
        if where in ("/proc", "/dev", "/usr", "/var/lang", "/var/runtime"):
            folders.clear()
            continue
        for name in files:
            path = os.path.join(where, name)
            try:
                with open(path, "rb") as file:
                    if event["text"].encode() in file.read():
                        hits.append(path)
            except OSError:
                continue
    return hits


def connects(event, context):
    def tcp(host, port):
        socket.create_connection((host, port), timeout=3).close()
        return "connected"

    def udp(host, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            opened.sendto(event["text"].encode(), (host, port))
        return "sent"

    def named(address):
        with socket.socket(socket.AF_UNIX) as opened:
            opened.connect(address)
        return "connected"

    return {
        "loopback": _outcome(lambda: tcp("127.0.0.1", event["tcp"])),
        "any": _outcome(lambda: tcp("0.0.0.0", event["tcp"])),
        "v6": _outcome(lambda: tcp("::1", event["tcp"])),
        "public": _outcome(lambda: tcp("192.0.2.1", 80)),
        "udp loopback": _outcome(lambda: udp("127.0.0.1", event["udp"])),
        "udp public": _outcome(lambda: udp("192.0.2.1", 53)),
        "abstract": _outcome(lambda: named("\0" + event["abstract"])),
        "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]],
    }


def _files(pid):
    """What a process has open, without what Python opens to tell."""
    targets = (_outcome(lambda fd=fd: os.readlink(f"/proc/{pid}/fd/{fd}")) for fd in range(64))
    return sorted(
        "pipe" if "pipe:" in target else "socket" if "socket:" in target else target
        for target in targets
        if target != "ENOENT"
    )


def processes(event, context):
    others = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {
        "kill": _outcome(lambda: os.kill(event["pid"], signal.SIGKILL)),
        "kill all": _outcome(lambda: os.kill(-1, 0)),
        "seen": sorted(others),
        "own": os.getpid(),
        "init's environment": _outcome(lambda: open("/proc/1/environ").read()),
        "init's memory": _outcome(lambda: open("/proc/1/mem", "rb").read(1)),
        "init's files": _files(1),
        "root": sorted(os.listdir("/")),
        "init's root": _outcome(lambda: sorted(os.listdir("/proc/1/root"))),
        "namespaces": {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")},
        "files": _files("self"),
    }


def _by_number():
    """Calls for which the C library has no function; the numbers are those of x86_64."""
    return {
        "keyctl": _libc("syscall", 250, 0, -3, 0),
        "bpf": _libc("syscall", 321, 0, 0, 0),
        "io_uring": _libc("syscall", 425, 1, 0),
        "userfaultfd": _libc("syscall", 323, 0),
        "perf": _libc("syscall", 298, 0, 0, 0, 0, 0),
        "modify_ldt": _libc("syscall", 154, 0, None, 0),
        "new namespace by clone": _libc("syscall", 56, 0x10000000 | 17, None, None, None, None),
        "clone3": _libc("syscall", 435, None, 0),
        "open_by_handle_at": _libc("syscall", 304, 0, None, 0),
        "pivot_root": _libc("syscall", 155, b"/tmp", b"/tmp"),
        "fsopen": _libc("syscall", 430, b"tmpfs", 0),
        "kexec": _libc("syscall", 246, 0, 0, None, 0),
        "init_module": _libc("syscall", 175, None, 0, b""),
        "pidfd_getfd": _libc("syscall", 438, 0, 0, 0),
        "x32": _libc("syscall", 0x40000000 + 39),
    }


def privileged(event, context):
    child = os.fork()
    if child == 0:
        time.sleep(10)
        os._exit(0)
    fd = os.open("/tmp", os.O_RDONLY)
    try:
        return {
            "mount": _libc("mount", b"none", b"/tmp", b"tmpfs", 0, None),
            "remount": _libc("mount", None, b"/var/task", None, 0x20 | 0x1000, None),
            "umount": _libc("umount2", b"/proc/sys", 0),
            "unshare user": _libc("unshare", 0x10000000),
            "unshare net": _libc("unshare", 0x40000000),
            "setns": _libc("setns", fd, 0),
            "chroot": _outcome(lambda: os.chroot("/tmp")),
            "ptrace": _libc("ptrace", 16, child, None, None),
            "process_vm_readv": _libc("process_vm_readv", child, None, 0, None, 0, 0),
            "setuid": _outcome(lambda: os.setuid(0)),
            "setuid inside": _outcome(lambda: os.setuid(1)),
            "reboot": _libc("reboot", 0),
            "hostname": _outcome(lambda: socket.sethostname("other")),
            "core_pattern": _outcome(lambda: open("/proc/sys/kernel/core_pattern", "w")),
            "sysrq": _outcome(lambda: open("/proc/sysrq-trigger", "w")),
            "kernel memory": _outcome(lambda: open("/dev/mem", "rb")),
            "packet socket": _outcome(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
            "raw socket": _outcome(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
            "vsock": _outcome(lambda: socket.socket(40, socket.SOCK_STREAM)),
            "netlink socket": _outcome(lambda: socket.socket(16, socket.SOCK_RAW, 0)),
            "alg socket": _outcome(lambda: socket.socket(38, socket.SOCK_SEQPACKET)),
            "personality": _libc("personality", 0xFFFFFFFF),
            "clock": _libc("clock_settime", 0, (ctypes.c_long * 2)(0, 0)),
            "raised limit": _libc("setrlimit", 7, (ctypes.c_ulong * 2)(1 << 20, 1 << 20)),
            **(_by_number() if os.uname().machine == "x86_64" else {}),
        }
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def status(event, context):
    wanted = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
    with open("/proc/self/status") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file) if name in wanted}


def memory_that_is_not_mapped(event, context):
    """Whether a function may have any, and how long a file in memory may be."""

    def fills():
        fd = os.memfd_create("kept")
        try:
            os.ftruncate(fd, event["bytes"])
        finally:
            os.close(fd)
        return "kept"

    return [_outcome(fills), _libc("shmget", 0, 4096, 0o1600)]


def set_uid_program(event, context):
    """Programs with the set-uid bit do not help either."""
    found = []
    for folder in ("/usr/bin", "/bin"):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.stat(path).st_mode & 0o4000:
                found.append(name)
    done = subprocess.run(["/usr/bin/su", "-c", "id"], capture_output=True, text=True) if "su" in found else None
    return "uid=0" in (done.stdout if done else "")


def bombs(event, context):
    """Forks until it may not any more."""
    children = []
    try:
        while len(children) < event["most"]:
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
        return [len(children), None]
    except OSError as error:
        return [len(children), errno.errorcode[error.errno]]
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def leaves(event, context):
    """Leaves marks wherever two functions could meet; tells what was there before."""
    mark, found = event["mark"], {}
    for folder in ("/tmp", "/dev/shm", "/dev/mqueue", "/run", "/var/tmp"):
        found[folder] = _outcome(lambda folder=folder: sorted(os.listdir(folder)))
        _outcome(lambda folder=folder: open(f"{folder}/{mark}", "w").close())
    global kept  # noqa: PLW0603 - it must stay open
    kept = socket.socket(socket.AF_UNIX)
    found["abstract"] = _outcome(lambda: kept.bind("\0services-ai-meeting"))
    found["shared memory"] = _libc("shmget", 4711, 4096, 0o666)
    _libc("shmget", 4711, 4096, 0o1666)
    return found


def calls_aws(event, context):
    """One request over the AWS endpoint under an access key."""
    key = event.get("key") or os.environ["AWS_ACCESS_KEY_ID"]
    endpoint = http.client.HTTPConnection(os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"), timeout=10)
    headers = dict(event.get("headers", {}))
    if event.get("signed", True):
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={key}/20250101/us-east-1/s3/aws4_request, "
            "SignedHeaders=host, Signature=0"
        )
    endpoint.request(event.get("method", "GET"), event.get("target", "/bucket/key"), headers=headers)
    response = endpoint.getresponse()
    return [response.status, response.read().decode()]


def invokes(event, context):
    """Another function, over its own endpoint."""
    import boto3

    answer = boto3.client("lambda").invoke(FunctionName=event["function"], Payload=b"{}")
    return answer["Payload"].read().decode()


def floods_runtime_api(event, context):
    """What never ends, over both endpoints."""
    said = []
    for name in ("AWS_LAMBDA_RUNTIME_API", "AWS_ENDPOINT_URL"):
        host, port = os.environ[name].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=1) as opened:
            try:
                opened.sendall(event["begin"].encode())
                for _ in range(event["mb"]):
                    opened.sendall(event["more"].encode() * (1024 * 1024 // len(event["more"])))
                said.append("all taken")
            except OSError as error:
                said.append(type(error).__name__)
    return said
