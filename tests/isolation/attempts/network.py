"""What listens on the machine, and its other end."""

import socket
from pathlib import Path

from .attempt import Stopped, attempt

NET = "own-network"


def _tcp(host, port):
    socket.create_connection((host, port), timeout=3).close()
    return "connected"


@attempt("connects to a port of the machine's loopback", "network", NET)
def loopback(given):
    return _tcp("127.0.0.1", given["tcp"])


@attempt("connects to the machine by the address 0.0.0.0", "network", NET)
def any_address(given):
    return _tcp("0.0.0.0", given["tcp"])


@attempt("connects to the machine by an IPv6 address that means an IPv4 one", "network", NET)
def mapped(given):
    return _tcp("::ffff:127.0.0.1", given["tcp"])


@attempt("connects to the local cloud's own port, where everybody is an administrator", "network", NET)
def cloud_port(given):
    return _tcp("127.0.0.1", given["front"])


@attempt("connects to AWS's stand-in past the local cloud", "network", NET)
def upstream_port(given):
    return _tcp("127.0.0.1", given["upstream"])


@attempt("sends a datagram to the machine's loopback, and is answered", "network", NET)
def udp(given):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.settimeout(1)
        opened.connect(("127.0.0.1", given["udp"]))
        opened.send(b"out")
        return opened.recv(10)


@attempt("connects to an abstract Unix socket of the machine", "network", NET)
def abstract(given):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.connect("\0" + given["abstract"])
    return "connected"


@attempt("reads which ports the machine listens on (/proc/net/tcp)", "network", NET)
def ports(given):
    listening = f":{given['tcp']:04X} "
    if listening not in Path("/proc/net/tcp").read_text():
        raise Stopped("not among them")
    return listening


@attempt("reads which Unix sockets there are on the machine (/proc/net/unix)", "network", NET)
def unix_sockets(given):
    if given["abstract"] not in Path("/proc/net/unix").read_text():
        raise Stopped("not among them")
    return given["abstract"]


@attempt("takes a name in the abstract namespace, where the machine's programs would meet it", "network", NET)
def takes_name(given):
    # It is the machine's where the machine's program has it already.
    with socket.socket(socket.AF_UNIX) as opened:
        try:
            opened.bind("\0" + given["abstract"])
        except OSError:
            return "met the machine's"
    raise Stopped("a namespace of its own")
