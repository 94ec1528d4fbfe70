"""The host's client."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from services_ai_host.encoding import encode_request
from services_ai_host.results import HookResults
from services_ai_host.transport import LambdaTransport, Transport
from services_ai_sdk.wire.call import HookAnswer, HookCall
from services_ai_sdk.wire.errors import PlatformError, ServicesAIError
from services_ai_sdk.wire.jsontext import loads
from services_ai_sdk.wire.limits import HOOK_BUDGET_DEFAULT_S, SYNC_ANSWER_MAX_S

if TYPE_CHECKING:
    from collections.abc import Mapping

DISPATCHER_VARIABLE = "SERVICES_AI_DISPATCHER"
BUDGET_VARIABLE = "SERVICES_AI_BUDGET_MS"
DEFAULT_BUDGET_MS = int(HOOK_BUDGET_DEFAULT_S * 1000)
ANSWER_MARGIN_S = 1.0
"""The dispatcher answers within the budget; this is for the way there and back."""

_log = logging.getLogger("services_ai_host")
# Whether a library's log is shown is the host's choice, also where it has configured nothing.
_log.addHandler(logging.NullHandler())


class PluginHost:
    """Fires hooks. One instance serves a whole process; it may be used from many threads.

    Args:
        transport: How requests reach the dispatcher.
        budget_ms: What a hook may take, all its plugins together; between 1 and 28,000.
        debug: Ask for `debug` in answers (the local worker's process id).
    """

    def __init__(self, transport: Transport, *, budget_ms: int = DEFAULT_BUDGET_MS, debug: bool = False) -> None:
        self._transport = transport
        self._budget_ms = _checked_budget(budget_ms)
        self._debug = debug

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, debug: bool = False) -> PluginHost:
        """A client from environment variables: `SERVICES_AI_DISPATCHER`, `SERVICES_AI_BUDGET_MS` and boto3's own.

        `eval "$(services-ai-admin local env)"` sets them for the local cloud.

        Raises:
            PlatformError: `SERVICES_AI_DISPATCHER` is not set, the budget is no number, or boto3 is missing.
        """
        environ = os.environ if environ is None else environ
        function_name = environ.get(DISPATCHER_VARIABLE, "")
        if not function_name:
            raise PlatformError(
                f"{DISPATCHER_VARIABLE} is not set",
                code="host-not-configured",
                hint='for the local cloud: eval "$(services-ai-admin local env)"; '
                "in AWS: the stack's output DispatcherFunctionName",
            )
        text = environ.get(BUDGET_VARIABLE, str(DEFAULT_BUDGET_MS))
        budget_ms = _checked_budget(_whole_ms(text))
        client = LambdaTransport.client_for(budget_ms / 1000 + ANSWER_MARGIN_S)
        return cls(LambdaTransport(client, function_name), budget_ms=budget_ms, debug=debug)

    def call_hook(self, hook: str, /, *, tenant: str = "", event_id: str = "", **args: Any) -> HookResults:
        """Fires a hook and waits for its plugins, at most the budget.

        Never raises because of a plugin or the platform: `results.error` says what happened.

        Args:
            hook: Name from the catalogue.
            tenant: Whose data this is about.
            event_id: The host's own id of the event (a UUIDv7); the dispatcher makes one when empty.
            **args: The hook's arguments.
        """
        try:
            call = HookCall(
                hook=hook,
                args=args,
                event_id=event_id,
                tenant=tenant,
                budget_ms=self._budget_ms,
                debug=self._debug,
            )
            payload = self._transport(encode_request(call.to_dict()))
            answer = HookAnswer.from_dict(loads(payload, what="the dispatcher's answer"))
        except ServicesAIError as error:
            _log.warning("hook %s: %s (%s)", hook, error.message, error.code)
            return HookResults(hook=hook, event_id=event_id, error=error)
        return HookResults(hook=hook, event_id=answer.event_id, answers=answer.results)


def _whole_ms(text: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise PlatformError(
            f"{BUDGET_VARIABLE} is {text[:40]!r}, and no whole number of milliseconds",
            code="budget-invalid",
            hint=f"set it to a number, for example {DEFAULT_BUDGET_MS}",
        )
    return int(text)


def _checked_budget(budget_ms: int) -> int:
    maximum = int((SYNC_ANSWER_MAX_S - ANSWER_MARGIN_S) * 1000)
    if not 1 <= budget_ms <= maximum:
        raise PlatformError(
            f"the budget must be between 1 and {maximum} ms",
            code="budget-invalid",
            hint=f"set {BUDGET_VARIABLE}, for example to {DEFAULT_BUDGET_MS}",
        )
    return budget_ms
