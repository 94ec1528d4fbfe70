"""Where the outcomes of asynchronous calls go in the local cloud: queues and topics of moto."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from infra.local.bells import Bells
from infra.local.iam.roles import Roles
from infra.local.moto_client import MotoRefused, Operations
from services_ai_sdk.emulator.event_queue import EventWaits
from services_ai_sdk.wire.errors import PlatformError

_SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
LOCAL_WAITS = EventWaits(error_share=1 / 60, refused_max_s=5.0)
"""Whoever waits for a retry here gets it after 1 s and 2 s; Lambda's one and two minutes count for the age."""


class MotoDestinations:
    """`Destinations` of the emulator.

    Args:
        moto: Private operations.
        bells: `queues` rings when one got a message.
        roles: What the functions' roles may do; None where nobody is held against policies.
    """

    def __init__(self, moto: Operations, bells: Bells, roles: Roles | None = None) -> None:
        self._roles = roles
        self._moto = moto
        self._bells = bells

    async def send(self, arn: str, body: str, attributes: Mapping[str, tuple[str, str]]) -> None:
        """Sends one message; what cannot be delivered is said in the local cloud's log."""
        service = arn.split(":")[2] if arn.count(":") >= 5 else ""
        try:
            if service == "sqs":
                await self._moto.call("queue/send", queue_arn=arn, body=body, attributes=dict(attributes))
            elif service == "sns":
                await self._moto.call("topic/publish", topic_arn=arn, body=body, attributes=dict(attributes))
            else:
                self.lost(arn, "the local cloud delivers to queues, topics and functions")
                return
        except (MotoRefused, PlatformError) as error:
            self.lost(arn, str(error))
            return
        self._bells.queues.ring()

    async def refuses(self, role_arn: str, function_arn: str, arn: str) -> str:
        """What the role's policies say; as Lambda, which sends under the function's role."""
        action = _SENDING.get(arn.split(":")[2] if arn.count(":") >= 5 else "", "")
        if self._roles is None or not action:
            return ""
        return await self._roles.refuses(role_arn, function_arn, action, arn)

    def lost(self, arn: str, why: str) -> None:
        """Says so in the local cloud's log."""
        sys.stderr.write(f"not delivered: {arn}: {why}\n")
