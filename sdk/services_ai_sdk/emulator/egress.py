"""The one way out of a sandbox: a proxy that opens connections to declared hosts, and to nothing else.

A worker has no network. With declared hosts it has a third listener inside its namespace, at which it may ask, as
of any HTTPS proxy, for a tunnel: `CONNECT api.example.com:443`. The name is held against the list, looked up here,
and the connection goes to the very address that was judged: a name that changes it in between gains nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from services_ai_sdk.emulator.addresses import is_public
from services_ai_sdk.emulator.network_rules import NetworkRules, host_and_port
from services_ai_sdk.emulator.resolver import Resolver, SystemResolver
from services_ai_sdk.emulator.tunnel import InnerEnd, OuterEnd

SAID_MAX = 100
"""Of one worker: a log is no place for every attempt of a loop."""
_TRIED_MAX = 4


@dataclass(frozen=True, slots=True)
class Egress:
    """What the proxies of all workers have in common.

    Args:
        resolver: Looks names up.
        may_reach: Judges each address that a name resolved to.
        connections_max: Of one worker at a time.
        asks_within_s: For the request.
        connects_within_s: For the look-up, and for each connection.
        idle_max_s: A tunnel in which nothing moves is closed.
        lasts_max_s: So is one that has lasted this long: the longest a function may run on Lambda.
    """

    resolver: Resolver = field(default_factory=SystemResolver)
    may_reach: Callable[[str], bool] = is_public
    connections_max: int = 64
    asks_within_s: float = 10.0
    connects_within_s: float = 10.0
    idle_max_s: float = 120.0
    lasts_max_s: float = 900.0


class WorkerEgress:
    """One worker's proxy.

    Args:
        rules: Of its function.
        egress: What it shares.
        counts: Told each refusal.
        says: Told in words what is refused, once of each host and port.
    """

    def __init__(
        self, rules: NetworkRules, egress: Egress, counts: Callable[[], None], says: Callable[[str], None]
    ) -> None:
        self._rules = rules
        self._egress = egress
        self._counts = counts
        self._says = says
        self._said: set[str] = set()
        self._ends: set[InnerEnd] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection(self) -> asyncio.Protocol:
        """For one connection from inside."""
        egress = self._egress
        return InnerEnd(
            self._ask,
            self._ends,
            connections_max=egress.connections_max,
            asks_within_s=egress.asks_within_s,
            idle_max_s=egress.idle_max_s,
            lasts_max_s=egress.lasts_max_s,
        )

    def close(self) -> None:
        """The worker has ended: so do its tunnels."""
        for task in self._tasks:
            task.cancel()
        for end in list(self._ends):
            end.abort()

    def _ask(self, end: InnerEnd, method: str, target: str) -> None:
        asked = host_and_port(target) if method == "CONNECT" else None
        if asked is None:
            what = f"{method} {target}"[:200]
            why = "only https passes: this proxy opens tunnels (CONNECT host:port), and forwards no requests"
            self._refuse(end, what, why)
            return
        task = asyncio.get_running_loop().create_task(self._open(end, *asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, end: InnerEnd, host: str, port: int) -> None:
        what = f"{host}:{port}"
        if why := self._rules.refusal(host, port):
            self._refuse(end, what, why)
            return
        try:
            async with asyncio.timeout(self._egress.connects_within_s):
                found = await self._egress.resolver.addresses(host, port)
        except (OSError, UnicodeError) as error:
            end.answer(502, f"{what}: the name cannot be resolved here: {str(error) or 'it takes too long'}")
            return
        reachable = [address for address in found if self._egress.may_reach(address)]
        if not reachable:
            where = ", ".join(found[:_TRIED_MAX]) or "nothing"
            self._refuse(end, what, f"it is at {where}, and a plugin reaches public addresses only")
            return
        why = ""
        for address in reachable[:_TRIED_MAX]:
            try:
                async with asyncio.timeout(self._egress.connects_within_s):
                    _, outer = await asyncio.get_running_loop().create_connection(OuterEnd, address, port)
            except OSError as error:
                why = str(error) or f"no answer within {self._egress.connects_within_s:.0f} s"
                continue
            end.joins(outer)
            return
        end.answer(502, f"{what} does not answer: {why}")

    def _refuse(self, end: InnerEnd, what: str, why: str) -> None:
        self._counts()
        if what not in self._said and len(self._said) < SAID_MAX:
            self._said.add(what)
            self._says(f"[network: {what} is refused: {why}]")
        end.answer(403, f"{what} is refused: {why}")
