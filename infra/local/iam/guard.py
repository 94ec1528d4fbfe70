"""Every request of everyone but the local cloud's own administrator, checked before it goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from infra.local.clients import LOCAL_KEY
from infra.local.denials import Refusal, refusal
from infra.local.iam.callers import ANONYMOUS, Caller, context_of, read_caller, read_trust
from infra.local.iam.decision import Answer, Kind, Question, decide, trusts
from infra.local.iam.documents import Policy, read_or_deny
from infra.local.iam.knowledge import Knowledge
from infra.local.iam.reading import Ambiguous, Call, Credential, credential_of, read_request
from infra.local.iam.services.need import Need
from infra.local.iam.services.table import needs_of
from infra.local.moto_client import MotoRefused
from infra.local.status_page import STATUS_PATH
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse
from services_ai_sdk.emulator.spec import FunctionSpec

_OWNER = f"Credential={LOCAL_KEY}/".encode()
_ROLE = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]+")
_WITH_POLICIES = ("sqs", "sns", "s3", "lambda")


def is_owner(request: HttpRequest) -> bool:
    """Whether it is the administrator's: who has what `local env` prints, on this machine and in no sandbox."""
    for name, value in request.headers:
        if name.lower() == b"authorization":
            return _OWNER in value
    target = request.target
    if "?" in target and (
        f"X-Amz-Credential={LOCAL_KEY}%2F" in target or f"AWSAccessKeyId={LOCAL_KEY}&" in f"{target}&"
    ):
        return True
    return target == STATUS_PATH and request.method == "GET"


class IamGuard:
    """Lets through what the caller's policies allow, written anew from what was checked.

    Args:
        knowledge: Who they are, and what is attached to them.
        account: The local cloud's.
        now: The time.
    """

    def __init__(self, knowledge: Knowledge, account: str, now: Callable[[], datetime]) -> None:
        self._knowledge = knowledge
        self._account = account
        self._now = now
        self._callers: dict[int, tuple[object, Caller]] = {}

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards or refuses."""
        if request.identity is None and is_owner(request):
            return await forward(request)
        try:
            credential = credential_of(request)
            caller = await self._caller(request, credential)
            if isinstance(caller, Refusal):
                return refusal(request, credential.service, caller)
            call = read_request(request, credential, self._account)
            needs = await needs_of(call, self._knowledge)
        except Ambiguous as error:
            text = f"The local cloud does not let a request on that could be read in two ways: {error}"
            return refusal(request, "", Refusal("AccessDenied", text))
        if caller.principal.role_arn and (call.service, call.operation) == ("sts", "GetSessionToken"):
            # No policy decides on it: a session makes no session (STS API Reference, "GetSessionToken").
            text = "Cannot call GetSessionToken with session credentials"
            return refusal(request, call.service, Refusal("AccessDenied", text))
        for need in needs:
            answer = await self._decide(caller, call, request, need)
            if not answer.allowed:
                return refusal(request, call.service, _denied(caller, need, answer))
        checked = call.request
        # The very object, written over: whoever answers learns by it that the caller has hung up.
        request.method, request.target = checked.method, checked.target
        request.headers, request.body = checked.headers, checked.body
        return await forward(request)

    async def _caller(self, request: HttpRequest, credential: Credential) -> Caller | Refusal:
        spec = request.identity
        try:
            if spec is not None:
                found = await self._knowledge("iam/role", role_arn=spec.role_arn, session_name=spec.function_name)
            elif not credential.key:
                return ANONYMOUS if _is_object(request) else Refusal("Anonymous", "")
            else:
                found = await self._knowledge("iam/caller", access_key=credential.key)
        except MotoRefused as error:
            if error.code not in ("NoSuchEntity", "InvalidClientTokenId"):
                raise
            if spec is None:
                return Refusal("UnknownKey", "")
            found = _without_role(spec)
        caller = self._read(found)
        if caller.expires_at_s is not None and self._now().timestamp() > caller.expires_at_s:
            return Refusal("Expired", "")
        return caller

    def _read(self, found: dict[str, object]) -> Caller:
        """Policies are read once for each answer of moto that is kept: the very object says which."""
        kept = self._callers.get(id(found))
        if kept is not None and kept[0] is found:
            return kept[1]
        if len(self._callers) > 256:
            self._callers.clear()
        caller = read_caller(found)
        self._callers[id(found)] = (found, caller)
        return caller

    async def _decide(self, caller: Caller, call: Call, request: HttpRequest, need: Need) -> Answer:
        context = context_of(caller, call, request, self._now(), dict(need.values))
        question = Question(need.action, need.resource, context, need.known)
        policy = await self._policy_of(need)
        if need.action == "sts:AssumeRole":
            if not _ROLE.fullmatch(need.resource):
                return Answer(False, Kind.IDENTITY)
            policy = await self._trust_of(need.resource)
            trusted = trusts(policy, caller.principal, question)
            if not trusted.allowed:
                return trusted
        return decide(question, caller.attached, caller.principal, policy)

    async def _policy_of(self, need: Need) -> Policy | None:
        service = need.resource.split(":")[2] if need.resource.startswith("arn:") else ""
        if service not in _WITH_POLICIES:
            return None
        owner = need.resource
        if service == "s3":
            owner = owner.partition("/")[0]
        document = await self._knowledge("iam/resource-policy", arn=owner)
        return read_or_deny(f"policy of {owner}", document, of_resource=True) if document else None

    async def _trust_of(self, role_arn: str) -> Policy:
        try:
            found = await self._knowledge("iam/role", role_arn=role_arn, session_name="")
        except MotoRefused as error:
            if error.code != "NoSuchEntity":
                raise
            return Policy("no such role", ())
        return read_trust(found)


def _without_role(spec: FunctionSpec) -> dict[str, object]:
    """A function whose role is gone: it may do nothing."""
    name = spec.role_arn.rpartition("/")[2]
    return {
        "arn": f"arn:aws:sts::{spec.account_id}:assumed-role/{name}/{spec.function_name}",
        "account": spec.account_id,
        "user_id": "",
        "role_arn": spec.role_arn,
        "tags": {},
        "identity": [],
    }


def _is_object(request: HttpRequest) -> bool:
    """An object or a bucket may be open to everyone; nothing else is."""
    signs = (b"x-amz-target", b"authorization")
    return not any(name.lower() in signs for name, _ in request.headers) and request.method in (
        "GET",
        "HEAD",
        "PUT",
    )


def _denied(caller: Caller, need: Need, answer: Answer) -> Refusal:
    who = caller.principal.arn or "anonymous"
    because = answer.because.format(action=need.action)
    text = f"User: {who} is not authorized to perform: {need.action} on resource: {need.resource} {because}"
    return Refusal("AccessDenied", text)
