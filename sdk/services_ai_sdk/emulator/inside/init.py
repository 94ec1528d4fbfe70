"""The first thing in a worker: opens its listeners, hands them out, waits, becomes the runtime client.

Standard library only, and no import of ours: this file is alone in the sandbox. `init.py CHANNEL_FD OPTIONS_JSON`.
The listeners are opened here because this process alone is inside the worker's network namespace.
"""

import json
import os
import resource
import socket
import sys


def listen(port: int) -> socket.socket:
    """A listening socket on this namespace's own loopback; port 0 picks one."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("127.0.0.1", port))
    opened.listen(128)
    return opened


def main() -> None:
    """Runs the function's handler for ever."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    options = json.loads(sys.argv[2])
    opened = [listen(port) for port in options["ports"]]
    runtime_api, aws = opened[:2]
    os.environ["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{runtime_api.getsockname()[1]}"
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{aws.getsockname()[1]}"
    socket.send_fds(channel, [b"listening"], [each.fileno() for each in opened])
    for each in opened:
        each.close()
    *own, runtime = options["sys_path"]
    # While the engine puts this process into its memory group: the runtime client, nothing of the function, whose
    # modules may bear the names of those that the client imports.
    sys.path.insert(0, runtime)
    import site

    from awslambdaric.__main__ import main as run

    site.setquit()
    site.setcopyright()
    site.sethelper()
    if channel.recv(1) != b"g":
        sys.exit(1)
    channel.close()
    for name, value in options["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    sys.path[:0] = own
    run(["awslambdaric", os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
