"""Whether a function's role may do what Lambda does for the function under it: read sources, send outcomes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from infra.local.iam.callers import Caller, context_of, read_caller
from infra.local.iam.decision import Question, decide
from infra.local.iam.documents import read_or_deny
from infra.local.iam.knowledge import Knowledge
from infra.local.iam.reading import Call
from infra.local.moto_client import MotoRefused
from services_ai_sdk.emulator.http import HttpRequest

_WITH_POLICIES = ("sqs", "sns", "lambda")


class Roles:
    """Asks the policies of a function's execution role.

    Args:
        knowledge: What is attached to roles.
        account: The local cloud's.
        now: The time.
    """

    def __init__(self, knowledge: Knowledge, account: str, now: Callable[[], datetime]) -> None:
        self._knowledge = knowledge
        self._account = account
        self._now = now

    async def refuses(self, role_arn: str, function_arn: str, action: str, resource: str) -> str:
        """Why the role may not, in AWS's words; empty where it may.

        Args:
            role_arn: The role.
            function_arn: The function that has it.
            action: `sqs:ReceiveMessage`.
            resource: An ARN.
        """
        name = function_arn.split(":")[6] if function_arn.count(":") >= 6 else function_arn
        try:
            found = await self._knowledge("iam/role", role_arn=role_arn, session_name=name)
        except MotoRefused as error:
            return error.message
        caller: Caller = read_caller(found)
        service, region = resource.split(":")[2], resource.split(":")[3]
        call = Call(service, "", region, self._account, {}, HttpRequest("POST", "/"), "", function_arn)
        question = Question(action, resource, context_of(caller, call, call.request, self._now(), {}))
        policy = None
        if service in _WITH_POLICIES:
            document = await self._knowledge("iam/resource-policy", arn=resource)
            policy = read_or_deny(f"policy of {resource}", document, of_resource=True) if document else None
        answer = decide(question, caller.attached, caller.principal, policy)
        if answer.allowed:
            return ""
        because = answer.because.format(action=action)
        who = caller.principal.arn
        return f"User: {who} is not authorized to perform: {action} on resource: {resource} {because}"
