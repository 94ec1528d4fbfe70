"""Functions with declared hosts: what gets out of the sandbox, by name, and what does not."""

from __future__ import annotations

import asyncio
import http.server
import ipaddress
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services_ai_sdk.emulator.egress import Egress
from services_ai_sdk.emulator.spec import SandboxProfile
from tests.contract.emulator.emulators import CODE, Emulator, wait_until
from tests.contract.lambda_api.stand_ins import cache_folder

HTTPX = "0.28.1"
NAMES = ["api.example.com", "a.shop.example", "other.example.com", "rebinds.example.com"]


class Names:
    """A resolver that knows a few names, and remembers what it was asked."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {name: ["127.0.0.1"] for name in NAMES}
        self.asked: list[str] = []

    async def addresses(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        await asyncio.sleep(0)
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass  # no address: a name
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.known[host]


class Page(http.server.BaseHTTPRequestHandler):
    """Says which name it was asked by, or sends back what it got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(f"here is {self.headers['Host'].partition(':')[0]}".encode())

    def do_POST(self) -> None:
        self._send(self.rfile.read(int(self.headers["Content-Length"])))

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Quiet."""


def certificate(folder: Path) -> tuple[Path, bytes]:
    """Key and certificate in one file, and the certificate, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in NAMES]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + public)
    return path, public


class Threads(http.server.ThreadingHTTPServer):
    """Many connections may wait."""

    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tunnels that end before they have said anything are what some tests make."""


class Server:
    """TLS on loopback."""

    def __init__(self, folder: Path) -> None:
        path, self.ca = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        self._server = Threads(("127.0.0.1", 0), Page)
        # Each connection's thread shakes hands: one that says nothing must not hold up the others.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("tls"))
    yield started
    started.close()


NAMES_OF_THE_TEST = Names()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    egress = Egress(NAMES_OF_THE_TEST, may_reach=lambda address: address == "127.0.0.1", connections_max=8)
    started = Emulator(tmp_path_factory.mktemp("code"), egress=egress)
    yield started
    started.close()
    assert started.loop_errors == []


def add(
    emulator: Emulator,
    server: Server,
    name: str,
    handler: str,
    hosts: list[str],
    network: str = "hosts",
    **more: Any,
) -> None:
    files: dict[str, str | bytes] = {path.name: path.read_bytes() for path in sorted(CODE.glob("*.py"))}
    files["ca.pem"] = server.ca
    profile = SandboxProfile(
        network=network, hosts=tuple(host.replace("PORT", str(server.port)) for host in hosts)
    )
    emulator.add(name, files, handler=f"network.{handler}", profile=profile, timeout_s=20, memory_mb=256, **more)


def site_packages(*names: str) -> dict[str, str | bytes]:
    """Pure Python packages that this environment has, as a layer."""
    found: dict[str, str | bytes] = {}
    for name in names:
        folder = Path(sys.modules["pytest"].__file__ or "").parent.parent / name
        for path in folder.rglob("*"):
            if path.suffix in (".py", ".pem", ".typed"):
                found[f"python/{name}/{path.relative_to(folder)}"] = path.read_bytes()
    return found


def httpx_layer() -> dict[str, str | bytes]:
    """httpx from PyPI, into a folder of its own the first time; fails where it cannot be had."""
    folder = cache_folder() / f"httpx-{HTTPX}"
    if not (folder / ".complete").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), f"httpx=={HTTPX}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.fail(f"httpx {HTTPX} cannot be had from PyPI: {done.stderr.strip().splitlines()[-1:]}")
        (folder / ".complete").touch()
    return {
        f"python/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*.py") if path.is_file()
    } | {f"python/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*.pem")}


def urls(server: Server, *hosts: str) -> list[str]:
    return [f"https://{host}:{server.port}/" for host in hosts]


@pytest.mark.parametrize("client", ["urllib", "requests", "httpx"])
def test_declared_hosts_are_reached_and_no_others(emulator: Emulator, server: Server, client: str) -> None:
    layers = {
        "urllib": [],
        "requests": [site_packages("requests", "urllib3", "idna", "certifi", "charset_normalizer")],
        "httpx": [httpx_layer()] if client == "httpx" else [],
    }[client]
    name = f"client-{client}"
    add(emulator, server, name, f"by_{client}", ["api.example.com:PORT", "*.shop.example:PORT"], layers=layers)
    allowed = urls(server, "api.example.com", "a.shop.example")
    (refused,) = urls(server, "other.example.com")
    answer = emulator.call(name, [*allowed, refused, refused])
    assert answer.error is None, answer.payload
    said = answer.value
    assert [said[url] for url in allowed] == ["here is api.example.com", "here is a.shop.example"]
    # The client's own error says what to do.
    host = f"other.example.com:{server.port}"
    why = f'{host} is refused: the manifest does not name it: add "{host}" to "network" in manifest.json'
    assert said[refused].startswith("! ")
    assert why in said[refused]
    # So does the function's log, once; the status counts.
    assert answer.log.count(f"[network: {why}]") == 1
    (shown,) = [one for one in emulator.engine.status()["functions"] if one["function"] == name]
    assert shown["network_refused"] >= 1
    assert "other.example.com" not in NAMES_OF_THE_TEST.asked


def test_boto3_passes_by_the_proxy(emulator: Emulator, server: Server) -> None:
    add(emulator, server, "by-boto3", "by_boto3", ["api.example.com"])
    emulator.aws.answer = lambda head, body: (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 53\r\n\r\n"
        b"<ListAllMyBucketsResult></ListAllMyBucketsResult>    "
    )
    before = len(emulator.aws.heads)
    answer = emulator.call("by-boto3")
    assert answer.value == "http://127.0.0.1:3128"
    assert len(emulator.aws.heads) == before + 1


def test_any_public_host_where_internet_is_declared(emulator: Emulator, server: Server) -> None:
    add(emulator, server, "internet", "by_urllib", [], "internet")
    (url,) = urls(server, "other.example.com")
    assert emulator.call("internet", [url]).value == {url: "here is other.example.com"}


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("rebinds.example.com", ["10.0.0.1"]),
        ("rebinds.example.com", ["169.254.169.254"]),
        ("rebinds.example.com", ["::ffff:127.0.0.1", "::1"]),
        ("[::1]", []), ("169.254.169.254", []), ("0.0.0.0", []),
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused_whatever_the_name(
    emulator: Emulator, server: Server, host: str, addresses: list[str]
) -> None:
    NAMES_OF_THE_TEST.known["rebinds.example.com"] = addresses
    if ("inward", None) not in emulator.functions.specs:
        add(emulator, server, "inward", "raw", [], "internet")
    answer = emulator.call("inward", {"texts": [f"CONNECT {host}:443 HTTP/1.1\r\n\r\n"]})
    assert answer.value[0].startswith("HTTP/1.1 403 Forbidden: ")
    assert "a plugin reaches public addresses only" in answer.value[0]


def test_without_a_network_there_is_no_proxy_either(emulator: Emulator, server: Server) -> None:
    add(emulator, server, "no-network", "straight", [], "none")
    address, name, proxy, variable = emulator.call(
        "no-network", {"address": "127.0.0.1", "port": server.port}
    ).value
    assert "ConnectionRefusedError" in address
    assert "gaierror" in name
    assert "ConnectionRefusedError" in proxy
    assert variable is None


def test_with_declared_hosts_the_proxy_is_the_only_way(emulator: Emulator, server: Server) -> None:
    add(emulator, server, "only-way", "straight", ["api.example.com:PORT"])
    address, name, proxy, variable = emulator.call("only-way", {"address": "127.0.0.1", "port": server.port}).value
    assert "ConnectionRefusedError" in address
    assert "gaierror" in name
    assert (proxy, variable) == (None, "http://127.0.0.1:3128")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GET http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n", "403"),
        ("CONNECT api.example.com HTTP/1.1\r\n\r\n", "403"),
        ("CONNECT api.example.com:25 HTTP/1.1\r\n\r\n", "403"),
        ("CONNECT API.EXAMPLE.COM.:25 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n", "403"),
        ("CONNECT other.example.com:443\r\nHost: api.example.com:443\r\n\r\n", "403"),
        ("CONNECT api.example.com:443@evil.example:443 HTTP/1.1\r\n\r\n", "403"),
        ("CONNECT \x1b[31mx:443 HTTP/1.1\r\n\r\n", "403"),
        ("CONNECT nowhere.shop.example:443 HTTP/1.1\r\n\r\n", "502"),
        ("CONNECT a.shop.example:443 HTTP/1.1\r\n\r\n", "502"),
        ("CONNECT a.b:443 HTTP/1.1\r\nX: " + "x" * 9000, "431"),
        ("\r\n\r\n", "403"),
    ],
)
def test_what_is_no_tunnel_to_a_declared_host_is_answered_with_the_reason(
    emulator: Emulator, server: Server, text: str, status: str
) -> None:
    if ("asks", None) not in emulator.functions.specs:
        add(emulator, server, "asks", "raw", ["api.example.com:443", "*.shop.example"])
    answer = emulator.call("asks", {"texts": [text]})
    assert answer.value[0].startswith(f"HTTP/1.1 {status} "), answer.value
    assert "\x1b" not in answer.value[0] + answer.log
    assert answer.value[0].isascii()


def test_megabytes_pass_both_ways(emulator: Emulator, server: Server) -> None:
    add(emulator, server, "bulk", "bulk", ["api.example.com:PORT"])
    answer = emulator.call("bulk", {"port": server.port, "bytes": 20_000_000})
    assert answer.value == 20_000_000


def test_a_worker_has_so_many_connections_and_they_end_with_it(emulator: Emulator, server: Server) -> None:
    add(emulator, server, "many", "many", ["api.example.com:PORT"])
    to = f"api.example.com:{server.port}"
    assert emulator.call("many", {"count": 10, "to": to}).value == ["200"] * 8 + ["503"] * 2
    # Those that were closed make room.
    assert emulator.call("many", {"count": 8, "to": to}).value == ["200"] * 8
    emulator.call("many", {"count": 8, "to": to, "dies": True})

    def open_to_the_server() -> int:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        fields = [line.split() for line in lines]
        return sum(one[2].endswith(f":{server.port:04X}") and one[3] == "01" for one in fields)

    wait_until(lambda: open_to_the_server() == 0, "no connection of a worker that has died is open")


def test_a_tunnel_in_which_nothing_moves_is_closed(make_emulator: Callable[..., Emulator], server: Server) -> None:
    names = Names()
    emulator = make_emulator(egress=Egress(names, may_reach=lambda _: True, idle_max_s=0.3))
    add(emulator, server, "waits", "waits", ["api.example.com:PORT"])
    head, end = emulator.call("waits", {"to": f"api.example.com:{server.port}"}).value
    assert head == "HTTP/1.1 200 Connection established"
    assert end == "" or "ConnectionResetError" in end
    short = make_emulator(egress=Egress(names, may_reach=lambda _: True, lasts_max_s=0.3))
    add(short, server, "lasts", "waits", ["api.example.com:PORT"])
    head, end = short.call("lasts", {"to": f"api.example.com:{server.port}"}).value
    assert (head, "TimeoutError" in end) == ("HTTP/1.1 200 Connection established", False)


def test_a_loop_of_refusals_fills_no_log(emulator: Emulator, server: Server) -> None:
    add(emulator, server, "loops", "raw", ["api.example.com"])
    texts = [f"CONNECT h{number}.example.org:443 HTTP/1.1\r\n\r\n" for number in range(130)]
    answer = emulator.call("loops", {"texts": texts})
    assert len(answer.value) == 130
    assert emulator.engine.status()["functions"]
    (shown,) = [one for one in emulator.engine.status()["functions"] if one["function"] == "loops"]
    assert shown["network_refused"] == 130
    said = [line for line in emulator.log.of("loops") if line.startswith("[network: ")]
    assert len(said) == 100


def test_another_profile_is_another_worker(emulator: Emulator, server: Server) -> None:
    """A worker keeps what it was started with: with less it is not used again."""
    add(emulator, server, "changes", "by_urllib", ["api.example.com:PORT"])
    (url,) = urls(server, "api.example.com")
    assert emulator.call("changes", [url]).value == {url: "here is api.example.com"}
    add(emulator, server, "changes", "by_urllib", ["other.example.com:PORT"])
    assert "is refused" in json.dumps(emulator.call("changes", [url]).value)
