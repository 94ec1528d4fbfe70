"""The moto process: `python -m infra.local.moto_main`, started by the daemon and ended with it.

Reads one JSON line from standard input (`{"front_key": …, "private_key": …, "store": …}`, and `"state"` where its
state shall be kept), then answers `{"port": …, "found": …}` on standard output.
`--without PATCH` leaves a patch of moto out: a test sees so whether it is still needed.
It ends when standard input closes, and the kernel kills it when the daemon dies.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import functools
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.snapshots.kept_state import KeptState
from infra.local.wsgi_server import BODY_MAX_BYTES

if TYPE_CHECKING:
    from infra.local.moto_app import Operation

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Runs until the daemon is gone."""
    _die_with_parent()
    request = json.loads(sys.stdin.readline())
    # Imports make no garbage worth collecting: a quarter of the start's time.
    gc.disable()
    kept = KeptState()
    watchers = [kept.changed]

    def changed() -> None:
        for watcher in watchers:
            watcher()

    app = make_app(
        str(request["front_key"]), str(request["private_key"]), Path(request["store"]), changed, _without()
    )
    found = kept.open(Path(request["state"])) if request.get("state") else {}
    gc.freeze()
    gc.enable()
    try:
        asyncio.run(_serve(app, kept, found, watchers))
    except KeyboardInterrupt:
        pass  # Ctrl-C reaches the whole terminal; the daemon decides about the end


def make_app(
    front_key: str, private_key: str, store: Path, changed: Callable[[], None], without: Collection[str] = ()
) -> Any:
    """Imports moto, closes its gaps but those of the patches named, and puts our private operations beside it.

    `changed` is called after whatever may have changed something.
    """
    # Backends read these at import or at first use; nothing here may reach a real account.
    os.environ.update(
        {
            "MOTO_LAMBDA_STUB_ECR": "true",
            "AWS_ACCESS_KEY_ID": "moto",
            "AWS_SECRET_ACCESS_KEY": "moto",
            # In memory: a copy of this process would move the position in a file that both have open.
            "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(BODY_MAX_BYTES + 1),
        }
    )
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

    import moto.cloudformation.parsing  # noqa: F401 - every model of every service: not inside somebody's first call
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from infra.local import moto_patches
    from infra.local.moto_app import MotoApp
    from infra.local.moto_ops import functions, identities, logs, positions, queues, topics, triggered
    from infra.local.snapshots.changes import counted, counted_operation

    default_user_config["core"]["reset_boto3_session"] = False
    moto_patches.apply_all(without)
    application = counted(DomainDispatcherApplication(create_backend_app), changed)
    operations: dict[str, Operation] = {
        "function": functools.partial(functions.describe_function, store),
        "credentials": functions.assume_role,
        "iam/caller": identities.caller,
        "iam/role": identities.role,
        "iam/function-role": identities.function_role,
        "iam/path": identities.path,
        "iam/table-key": identities.table_key,
        "iam/secret-arn": identities.secret_arn,
        "iam/resource-policy": identities.resource_policy,
        "mappings": positions.list_mappings,
        "queues": queues.list_queues,
        "queue/receive": queues.receive,
        "queue/settle": queues.settle,
        "queue/send": queues.send,
        "queue/wait": queues.wait_time,
        "topic/publish": topics.publish,
        "triggered": triggered.take,
        "stream/read": functools.partial(positions.read, changed),
        "logs": logs.put,
    }
    return MotoApp(
        application,
        front_key,
        private_key,
        {name: counted_operation(name, operation, changed) for name, operation in operations.items()},
    )


def _without() -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m infra.local.moto_main")
    parser.add_argument("--without", metavar="PATCH", action="append", default=[])
    found: list[str] = parser.parse_args().without
    return found


async def _serve(app: Any, kept: KeptState, found: dict[str, Any], watchers: list[Callable[[], None]]) -> None:
    from infra.local.expiry import Sweeper, all_tables
    from infra.local.wsgi_server import WsgiProtocol

    sweeper = Sweeper(all_tables, kept.changed)
    watchers.append(sweeper.something_changed)
    sweeper.start()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: WsgiProtocol(app), "127.0.0.1", 0)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1], "found": found}) + "\n")
    sys.stdout.flush()
    ended = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, functools.partial(_finish, ended))
    loop.add_reader(sys.stdin.fileno(), functools.partial(_on_stdin, ended))
    async with server:
        await ended
    kept.finish()


def _on_stdin(ended: asyncio.Future[None]) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        _finish(ended)


def _finish(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _die_with_parent() -> None:
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    main()
