"""Handlers that want out, by every client that plugins use. Runs inside the sandbox only."""

import http.client
import os
import socket
import ssl
import urllib.request

CA = "/var/task/ca.pem"


def _said(call):
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what the test looks at
        return f"! {type(error).__name__}: {error}"


def by_urllib(event, context):
    trusted = ssl.create_default_context(cafile=CA)
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=trusted), urllib.request.ProxyHandler()
    )
    return {url: _said(lambda url=url: opener.open(url, timeout=5).read().decode()) for url in event}


def by_requests(event, context):
    import requests

    return {url: _said(lambda url=url: requests.get(url, verify=CA, timeout=5).text) for url in event}


def by_httpx(event, context):
    import httpx

    trusted = ssl.create_default_context(cafile=CA)
    return {url: _said(lambda url=url: httpx.get(url, verify=trusted, timeout=5).text) for url in event}


def by_boto3(event, context):
    """Its own endpoint, beside the proxy."""
    import boto3

    boto3.client("s3").list_buckets()
    return os.environ["HTTPS_PROXY"]


def raw(event, context):
    """What each text gets from the proxy: status line and body."""
    said = []
    for text in event["texts"]:
        with socket.create_connection(("127.0.0.1", 3128), timeout=5) as opened:
            opened.sendall(text.encode("latin-1"))
            said.append(_said(lambda opened=opened: _all(opened)))
    return said


def _all(opened):
    data = b""
    while len(data) < 1 << 20 and (piece := opened.recv(65536)):
        data += piece
    return data.decode("latin-1")


def straight(event, context):
    """Without the proxy: to an address, and by name."""
    return [
        _said(lambda: socket.create_connection((event["address"], event["port"]), timeout=3).close()),
        _said(lambda: socket.getaddrinfo("api.example.com", 443) and None),
        _said(lambda: socket.create_connection(("127.0.0.1", 3128), timeout=3).close()),
        os.environ.get("HTTPS_PROXY"),
    ]


def many(event, context):
    """So many tunnels at once; the status of each."""
    opened, said = [], []
    for _ in range(event["count"]):
        tunnel = socket.create_connection(("127.0.0.1", 3128), timeout=5)
        tunnel.sendall(f"CONNECT {event['to']} HTTP/1.1\r\n\r\n".encode())
        opened.append(tunnel)
        said.append(tunnel.recv(4096).split(b" ")[1].decode())
    if event.get("dies"):
        os._exit(1)
    for tunnel in opened:
        tunnel.close()
    return said


def bulk(event, context):
    """Megabytes both ways, and an end of one side before the other's."""
    trusted = ssl.create_default_context(cafile=CA)
    connection = http.client.HTTPSConnection("127.0.0.1", 3128, timeout=20, context=trusted)
    connection.set_tunnel("api.example.com", event["port"])
    connection.request("POST", "/echo", body=b"x" * event["bytes"])
    return len(connection.getresponse().read())


def waits(event, context):
    """How a tunnel in which nobody says anything ends."""
    tunnel = socket.create_connection(("127.0.0.1", 3128), timeout=10)
    tunnel.sendall(f"CONNECT {event['to']} HTTP/1.1\r\n\r\n".encode())
    head = tunnel.recv(4096)
    return [head.split(b"\r\n")[0].decode(), _said(lambda: tunnel.recv(10).decode())]
