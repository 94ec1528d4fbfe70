"""One loopback port for everything: Invoke is answered by the engine, the rest goes upstream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs
from weakref import WeakValueDictionary

from services_ai_sdk.emulator.body_budget import BodyBudget
from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse, Middleware
from services_ai_sdk.emulator.invoke_api import function_of, invoke, invoked_by, refused, try_invoke
from services_ai_sdk.emulator.server import ServerConnection
from services_ai_sdk.emulator.spec import Credentials, FunctionSpec
from services_ai_sdk.emulator.upstream import Upstream
from services_ai_sdk.emulator.whole_request import Whole

_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)/[^,\s]+,\s*SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]+"
)


WORKER_REQUEST_BYTES_MAX = 16 * 1024 * 1024
"""The largest that AWS takes of what functions here call: a batch for DynamoDB; Invoke takes 6 MB."""
WORKER_HELD_BYTES_MAX = 2 * WORKER_REQUEST_BYTES_MAX
"""Of one worker, on all its connections."""


class Front:
    """The port, and every worker's AWS endpoint, which answers the same under the worker's own identity.

    Args:
        engine: Runs functions.
        upstream: Host and port of what answers all other AWS calls.
        middleware: Each sees every request that is not an Invoke; the first is the outermost.
        worker_guards: Each sees every request of a worker before that, an Invoke too.
        guards: Each sees every request from outside before that, an Invoke too, unless `trusted` knows it.
        trusted: Whether a request from outside may pass the guards by; then a warm Invoke takes the short way.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        upstream: tuple[str, int],
        middleware: Sequence[Middleware] = (),
        worker_guards: Sequence[Middleware] = (),
        guards: Sequence[Middleware] = (),
        trusted: Callable[[HttpRequest], bool] = lambda _: True,
    ) -> None:
        self._engine = engine
        self._upstream = Upstream(*upstream)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.AbstractServer | None = None
        forward: Forward = self._upstream
        for layer in reversed(middleware):
            forward = _wrapped(layer, forward)
        self._forward = forward
        from_worker: Forward = self._from_outside
        for guard in reversed(worker_guards):
            from_worker = _wrapped(guard, from_worker)
        self._from_worker = from_worker
        from_strangers: Forward = self._from_outside
        for guard in reversed(guards):
            from_strangers = _wrapped(guard, from_strangers)
        self._from_strangers = from_strangers
        self._guarded = bool(guards)
        self._trusted = trusted
        # By access key, of which each worker has its own; a budget lives as long as connections that use it.
        self._budgets: WeakValueDictionary[str, BodyBudget] = WeakValueDictionary()
        engine.serve_aws(self._worker_connection)

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which matters where 0 was asked for.

        Raises:
            OSError: The port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ServerConnection(self._from_host, self._tasks, self._short_way), host, port, backlog=1024
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stops listening and ends what runs."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._upstream.close()

    def _short_way(self, request: Whole, respond: Callable[[bytes], None]) -> bool:
        invoked = invoked_by(request)
        if invoked is None or (self._guarded and not self._trusted(request.request())):
            return False
        return try_invoke(self._engine, *invoked, request, respond)

    async def _from_host(self, request: HttpRequest) -> HttpResponse:
        return await (self._from_outside if self._trusted(request) else self._from_strangers)(request)

    async def _from_outside(self, request: HttpRequest) -> HttpResponse:
        function = function_of(request)
        if function is not None:
            return await invoke(self._engine, function, request)
        return await self._forward(request)

    def _worker_connection(self, spec: FunctionSpec, credentials: Credentials) -> asyncio.Protocol:
        async def handle(request: HttpRequest) -> HttpResponse:
            request.identity = spec
            if self._engine.checks.own_keys and _access_keys(request) != {credentials.access_key_id}:
                return refused(
                    InvokeRefused(
                        403,
                        "UnrecognizedClientException",
                        "The security token included in the request is invalid: a function may only use the "
                        "credentials of its own role.",
                    )
                )
            return await self._from_worker(request)

        budget = self._budgets.get(credentials.access_key_id)
        if budget is None:
            budget = BodyBudget(WORKER_REQUEST_BYTES_MAX, WORKER_HELD_BYTES_MAX)
            self._budgets[credentials.access_key_id] = budget
        return ServerConnection(handle, self._tasks, budget=budget)


def _wrapped(layer: Middleware, forward: Forward) -> Forward:
    async def through(request: HttpRequest) -> HttpResponse:
        return await layer(request, forward)

    return through


def _access_keys(request: HttpRequest) -> set[str]:
    """Every access key that a request names, "" for what is not signed as it should be.

    All of them count, because whoever answers may look at another one than the first.
    """
    keys = set()
    signed = False
    for name, value in request.headers:
        if name.lower() == b"authorization":
            match = _SIGNED.fullmatch(value.decode("latin-1").strip())
            keys.add(match[1] if match else "")
            signed = True
    query = parse_qs(request.target.partition("?")[2])
    keys.update(credential.partition("/")[0] for credential in query.get("X-Amz-Credential", []))
    keys.update(query.get("AWSAccessKeyId", []))
    if not signed and request.method == "POST":
        # An address signed beforehand is for reading and writing objects; a form could name a key in its body.
        keys.add("")
    return keys
