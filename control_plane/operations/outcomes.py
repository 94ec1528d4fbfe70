"""From parts to what the recorder and the host are told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from control_plane.operations.plugin_call import Part
from control_plane.rules.classify import number
from control_plane.rules.redaction import redacted
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.call import HookCall, PluginAnswer, Status
from services_ai_sdk.wire.limits import SQS_MESSAGE_MAX_BYTES, SYNC_PAYLOAD_MAX_BYTES
from services_ai_sdk.wire.outcome import Outcome, OutcomeClass, OutcomesMessage

ANSWER_MAX_BYTES = SYNC_PAYLOAD_MAX_BYTES - 256 * 1024
"""For all values of one answer together; the rest is names, durations and failures."""


def message_of(call: HookCall, event_id: str, at_ms: int, parts: Sequence[Part]) -> OutcomesMessage:
    """One call's outcomes. Arguments travel only with a failure, redacted."""
    outcomes = tuple(_outcome(part) for part in parts)
    failed = any(outcome.failure is not None for outcome in outcomes)
    return OutcomesMessage(
        event_id=event_id,
        hook=call.hook,
        mode="sync",
        tenant=call.tenant,
        occurred_at_ms=at_ms,
        outcomes=outcomes,
        args=redacted(call.args) if failed else None,
    )


def split(message: OutcomesMessage) -> list[OutcomesMessage]:
    """The message in as few pieces as fit the queue; only many large failures need more than one."""
    if len(encoded(message)) <= SQS_MESSAGE_MAX_BYTES or len(message.outcomes) < 2:
        return [message]
    half = len(message.outcomes) // 2
    first, second = message.outcomes[:half], message.outcomes[half:]
    return [*split(replace(message, outcomes=first)), *split(replace(message, outcomes=second))]


def encoded(message: OutcomesMessage) -> bytes:
    """As it goes over the wire.

    SQS refuses a message with one of the two code points that are no characters; in JSON they can be escaped.
    """
    text = jsontext.dumps(message.to_dict())
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff").encode("utf-8")


def answers_of(parts: Sequence[Part], *, debug: bool) -> tuple[PluginAnswer, ...]:
    """For the host, in the order of `parts`. The largest values give way where all together are too large."""
    answers = [_answer(part, debug=debug) for part in parts]
    # Non-ASCII text may be escaped on its way, to three times its size at most.
    if sum(part.size_bytes for part in parts) * 3 <= ANSWER_MAX_BYTES:
        return tuple(answers)
    sizes = {at: len(json.dumps([answer.value, answer.actions])) for at, answer in enumerate(answers)}
    while sum(sizes.values()) > ANSWER_MAX_BYTES:
        at = max(sizes, key=sizes.__getitem__)
        reason = f"its value of {sizes.pop(at) / 1e6:.1f} MB did not fit the answer beside the others'"
        answers[at] = replace(answers[at], status=Status.ERROR, value=None, actions=[], reason=reason)
    return tuple(answers)


def _outcome(part: Part) -> Outcome:
    result = part.what.result
    kind = OutcomeClass.SKIPPED if part.skipped else part.what.outcome
    return Outcome(
        invocation_id=part.invocation_id,
        plugin_id=part.route.plugin_id,
        plugin_version=part.route.version,
        epoch=part.epoch,
        outcome=kind,
        duration_ms=part.duration_ms,
        init_ms=number(result.init_ms) if result else 0.0,
        max_memory_mb=number(result.max_memory_mb) if result else 0.0,
        failure=part.what.failure,
        reason=part.skipped or part.what.reason,
        worker_pid=part.worker_pid,
    )


def _answer(part: Part, *, debug: bool) -> PluginAnswer:
    result = part.what.result
    answered = Status.OK if result is not None else Status.ERROR
    return PluginAnswer(
        plugin_id=part.route.plugin_id,
        plugin_version=part.route.version,
        status=Status.SKIPPED if part.skipped else answered,
        value=result.value if result else None,
        actions=result.actions if result else [],
        failure=part.what.failure,
        reason=part.skipped or part.what.reason,
        duration_ms=part.duration_ms,
        debug={"worker_pid": part.worker_pid} if debug and part.worker_pid else {},
    )
