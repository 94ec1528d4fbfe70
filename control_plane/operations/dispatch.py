"""A hook call: who listens, all of them in parallel, one answer, every outcome written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from typing import Any

from control_plane.operations.outcomes import answers_of, message_of
from control_plane.operations.plugin_call import Part, PluginCall, Surroundings
from control_plane.operations.ports import OutcomesSink
from control_plane.rules import breaker as rules
from control_plane.table.routes import Route
from services_ai_sdk import hooks
from services_ai_sdk.hooks.arguments import check_arguments
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.call import HookAnswer, HookCall
from services_ai_sdk.wire.envelope import Envelope
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError
from services_ai_sdk.wire.ids import invocation_id, uuid7
from services_ai_sdk.wire.limits import SYNC_PAYLOAD_MAX_BYTES
from services_ai_sdk.wire.outcome import OutcomeClass

INVOKE_MAX_S = 27.0
"""Above every function's timeout (25 s), and leaves two seconds of the answer's 29 to write outcomes."""
_ENVELOPE_ROOM_BYTES = 64 * 1024


class Dispatcher:
    """Serves hook calls; one object an environment.

    Args:
        around: Routing, breakers, invoker, clock.
        outcomes: Where outcomes go.
        pool: Runs the plugins' parts; as many at once as it has threads.
        random_bytes: For event ids.
    """

    def __init__(
        self,
        around: Surroundings,
        outcomes: OutcomesSink,
        pool: Executor,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._around = around
        self._outcomes = outcomes
        self._pool = pool
        self._random_bytes = random_bytes

    def __call__(self, raw: Any) -> dict[str, Any]:
        """Serves one request, `wire.call.HookCall` in and `HookAnswer` out, both as plain JSON.

        Raises:
            InvalidInputError: The request is malformed, there is no such hook, or it has other parameters.
            PlatformError: The control plane cannot be read and nothing is known yet.
        """
        call = HookCall.from_dict(raw)
        check_arguments(hooks.get(call.hook), call.args)
        args_json = _args_json(call)
        clock = self._around.clock
        started_s, at_ms = clock.ticks_s(), clock.now_ms()
        event_id = call.event_id or uuid7(at_ms, self._random_bytes)
        deadline_s = started_s + min(call.budget_ms / 1000, INVOKE_MAX_S)
        calls = self._calls(call, event_id, args_json, deadline_s)
        for each in calls:
            self._pool.submit(each.run)
        parts = self._collect(calls, deadline_s)
        if parts:
            self._finish(call, calls, parts, message=(event_id, at_ms))
        return HookAnswer(event_id, call.hook, answers_of(parts, debug=call.debug)).to_dict()

    def _calls(self, call: HookCall, event_id: str, args_json: str, deadline_s: float) -> list[PluginCall]:
        routes = self._around.routing.listeners(call.hook)
        states = self._around.routing.states([route.plugin_id for route in routes])
        calls = []
        for route in routes:
            state = states[route.plugin_id]
            if state is None:
                # Its breaker is gone, so it is being taken away, and its route will be.
                continue
            call_id = invocation_id(event_id, route.plugin_id)
            payload = self._payload(call, event_id, call_id, route, args_json)
            calls.append(PluginCall(self._around, route, state, call_id, payload, deadline_s))
        return calls

    def _payload(
        self, call: HookCall, event_id: str, call_id: str, route: Route, args_json: str
    ) -> Callable[[int, int], bytes]:
        """The envelope as bytes, made when the epoch is known; arguments are serialised once for all plugins."""

        def build(epoch: int, budget_ms: int) -> bytes:
            envelope = Envelope(
                invocation_id=call_id,
                event_id=event_id,
                hook=call.hook,
                mode="sync",
                plugin_id=route.plugin_id,
                plugin_version=route.version,
                epoch=epoch,
                args={},
                settings=route.settings,
                permissions=route.permissions,
                resources=route.resources,
                tenant=call.tenant,
                budget_ms=budget_ms,
                hops=call.hops,
                cause=call.cause,
            ).to_dict()
            del envelope["args"]
            return f'{jsontext.dumps(envelope)[:-1]},"args":{args_json}}}'.encode()

        return build

    def _collect(self, calls: Sequence[PluginCall], deadline_s: float) -> list[Part]:
        left_s = max(0.0, deadline_s - self._around.clock.ticks_s())
        wait([each.answered for each in calls], timeout=left_s)
        return [each.answered.result() if each.answered.done() else each.late() for each in calls]

    def _finish(
        self, call: HookCall, calls: Sequence[PluginCall], parts: Sequence[Part], *, message: tuple[str, int]
    ) -> None:
        """The outcomes message, and beside it the end-of-call read with the clears; then every write is done."""
        sent = self._pool.submit(self._outcomes.send, message_of(call, *message, parts))
        clears: list[Future[Any]] = []
        called = [part for part in parts if not part.skipped]
        if called:
            try:
                states = self._around.routing.refresh([part.route.plugin_id for part in called])
                clears = [
                    self._pool.submit(
                        self._around.breakers.clear, part.route.plugin_id, call.hook, found, part.epoch
                    )
                    for part in called
                    if part.what.outcome is OutcomeClass.SUCCESS
                    and (state := states[part.route.plugin_id]) is not None
                    and (found := rules.needs_clear(state, call.hook, part.epoch))
                ]
            except PlatformError as error:
                self._around.warn(f"states were not read at the end of a call: {error.message}")
        recorded = [each.recorded for each in calls if each.answered.done()]
        for written in [*recorded, *clears, sent]:
            try:
                written.result()
            except PlatformError as error:
                # A hook never fails because recording failed.
                self._around.warn(f"an outcome of {call.hook} was not recorded: {error.message}")


def _args_json(call: HookCall) -> str:
    """The arguments as JSON.

    Raises:
        InvalidInputError: They cannot travel, or are too large for a function.
    """
    try:
        text = jsontext.dumps(call.args)
        size_bytes = len(text.encode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"'args' of the request cannot be passed on: {error}") from error
    if size_bytes > SYNC_PAYLOAD_MAX_BYTES - _ENVELOPE_ROOM_BYTES:
        raise InvalidInputError(
            f"'args' of the request are {size_bytes:,} bytes; a function takes 6 MB together with its envelope",
            code="payload-too-large",
            hint="send ids and let plugins read what they need",
        )
    return text
