"""First code of a worker: `start.py SOCKET CONFIG`. Runs the real runtime client once the engine says go.

Until then nothing of the function's own is on sys.path. The order: limits on this process; listeners in this
network namespace, handed to the engine over the inherited socket; the runtime client imported while the engine
puts the process under its memory limit; go.
"""

import sys


def _set_limits(limits):  # type: ignore[no-untyped-def]
    import resource

    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def _listen(port):  # type: ignore[no-untyped-def]
    import _socket

    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    return listener


def _hand_over(control, listeners):  # type: ignore[no-untyped-def]
    import _socket
    import struct

    fds = struct.pack("%di" % len(listeners), *[listener.fileno() for listener in listeners])
    control.sendmsg([b"r"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])


def _main():  # type: ignore[no-untyped-def]
    import _socket
    import json
    import os

    control = _socket.socket(fileno=int(sys.argv[1]))
    control.setblocking(True)
    config = json.loads(sys.argv[2])
    _set_limits(config["limits"])
    listeners = [_listen(port) for port in config["ports"]]
    if not config["ports"][0]:  # without a network namespace of its own every worker needs other ports
        api, aws = ["127.0.0.1:%d" % listener.getsockname()[1] for listener in listeners]
        os.environ["AWS_LAMBDA_RUNTIME_API"] = api
        os.environ["AWS_ENDPOINT_URL"] = "http://" + aws
    _hand_over(control, listeners)
    for listener in listeners:
        listener.close()

    standard = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]
    sys.path[:] = [config["runtime"], *standard]
    from awslambdaric.__main__ import main

    if control.recv(1) != b"g":
        os._exit(0)
    control.close()

    own = [entry for entry in os.environ.get("PYTHONPATH", "").split(":") if entry and entry != config["runtime"]]
    sys.path[:] = [*config["path"], *own, config["runtime"], *standard]
    sys.argv[:] = [config["runtime"] + "/bootstrap.py", config["handler"]]

    # Started with -S, so the names that `site` puts into builtins are set here.
    import _sitebuiltins
    import builtins

    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
    builtins.help = _sitebuiltins._Helper()
    main(sys.argv)


_main()
