"""Whether one action on one resource is allowed, and which statement decided. Pure.

Source: IAM User Guide, "Policy evaluation logic" for a caller of the same account.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from infra.local.iam.context import Context
from infra.local.iam.documents import Policy, Statement


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    Attributes:
        arn: `arn:aws:sts::1:assumed-role/r/session`, `arn:aws:iam::1:user/u`.
        account: Its account's number.
        role_arn: Of a role's session; empty for users.
        service: `lambda.amazonaws.com`, where a service calls; `arn` is empty then.
    """

    arn: str
    account: str
    role_arn: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        action: `dynamodb:PutItem`.
        resource: An ARN; `*` for an action that has none, or whose resource is not known here.
        context: Its condition keys.
        resource_known: False where the resource is not known: only `Resource: "*"` allows, and every deny counts.
    """

    action: str
    resource: str
    context: Context
    resource_known: bool = True


@dataclass(frozen=True, slots=True)
class Attached:
    """What decides about a caller.

    Attributes:
        identity: Its own policies.
        boundary: Its permissions boundary.
        session: The policy its session was made with.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: Policy | None = None


class Kind(Enum):
    """Kinds of policies, in the words of AWS's messages."""

    IDENTITY = "an identity-based policy"
    BOUNDARY = "a permissions boundary"
    SESSION = "a session policy"
    RESOURCE = "a resource-based policy"


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision.

    Attributes:
        allowed: Whether it may go on.
        kind: Which kind of policy decided, or was missing.
        statement: Which statement decided; empty when none allowed.
    """

    allowed: bool
    kind: Kind
    statement: str = ""

    @property
    def because(self) -> str:
        """The end of AWS's message about a refusal; `{action}` is to be filled in."""
        if self.statement:
            return f"with an explicit deny in {self.kind.value}"
        return f"because no {self.kind.value.partition(' ')[2]} allows the {{action}} action"


def decide(
    question: Question, attached: Attached, principal: Principal, of_resource: Policy | None = None
) -> Answer:
    """Decides, where caller and resource are of one account.

    Args:
        question: What is asked.
        attached: The caller's policies.
        principal: The caller.
        of_resource: The resource's own policy.
    """
    layers = [(Kind.IDENTITY, attached.identity)]
    layers += [
        (kind, (policy,))
        for kind, policy in ((Kind.BOUNDARY, attached.boundary), (Kind.SESSION, attached.session))
        if policy is not None
    ]
    for kind, policies in layers:
        for statement in _statements(policies):
            if statement.deny and _about(statement, question) is not False:
                return Answer(False, kind, statement.where)
    granted, grant = _Grant.NONE, ""
    for statement in _statements(() if of_resource is None else (of_resource,)):
        about = _about(statement, question)
        whom = _Grant.NONE if about is False else _grant(statement, principal)
        if statement.deny and (whom is not _Grant.NONE or (statement.unread and about is not False)):
            return Answer(False, Kind.RESOURCE, statement.where)
        if not statement.deny and about and not statement.unread and whom.value > granted.value:
            granted, grant = whom, statement.where
    if granted is _Grant.SESSION:
        return Answer(True, Kind.RESOURCE, grant)
    allowed = Answer(True, Kind.RESOURCE, grant)
    for kind, policies in layers:
        found = next((one.where for one in _statements(policies) if not one.deny and _about(one, question)), None)
        if found is not None:
            allowed = Answer(True, kind, found) if kind is Kind.IDENTITY else allowed
        elif kind is not Kind.IDENTITY or granted.value < _Grant.CALLER.value:
            return Answer(False, kind)
    return allowed


def trusts(policy: Policy, principal: Principal, question: Question) -> Answer:
    """Whether a role's trust policy lets somebody assume it.

    A principal that is the caller's account stands for whoever of that account has the permission: whether the
    caller has it is asked elsewhere.
    """
    granted = ""
    for statement in policy.statements:
        about = _about(statement, question)
        whom = _Grant.NONE if about is False else _grant(statement, principal)
        if statement.deny and (whom is not _Grant.NONE or statement.unread):
            return Answer(False, Kind.RESOURCE, statement.where)
        if not statement.deny and about and not statement.unread and whom is not _Grant.NONE:
            granted = statement.where
    return Answer(bool(granted), Kind.RESOURCE, granted)


class _Grant(Enum):
    """To whom a statement of a resource is made, as far as the caller is one of them."""

    NONE = 0
    ACCOUNT = 1
    CALLER = 2
    """It needs no policy of its own; a boundary still bounds it."""
    SESSION = 3
    """A user, or a role's session by name: a boundary's silence does not take it back."""


def _grant(statement: Statement, principal: Principal) -> _Grant:
    found = _Grant.NONE
    principals = statement.principals or {}
    if principal.service:
        return _Grant.SESSION if principal.service in principals.get("Service", ()) else _Grant.NONE
    for one in principals.get("AWS", ()):
        grant = _Grant.NONE
        if one == principal.arn:
            grant = _Grant.SESSION
        elif one in ("*", principal.role_arn):
            grant = _Grant.CALLER
        elif one in (principal.account, f"arn:aws:iam::{principal.account}:root"):
            grant = _Grant.ACCOUNT
        if grant.value > found.value:
            found = grant
    return found


def _statements(policies: Iterable[Policy]) -> Iterable[Statement]:
    return (statement for policy in policies for statement in policy.statements)


def _about(statement: Statement, question: Question) -> bool | None:
    """Whether a statement is about what is asked; None when that is not known."""
    action = question.action.lower()
    if any(one.matches(action, question.context) for one in statement.actions) is statement.not_actions:
        return False
    answer = _about_resource(statement, question)
    if answer is False:
        return False
    for condition in statement.conditions:
        holds = condition.holds(question.context)
        if holds is False:
            return False
        if holds is None:
            answer = None
    return answer


def _about_resource(statement: Statement, question: Question) -> bool | None:
    if statement.resources is None:
        return True
    if not question.resource_known:
        everything = any(one.text == "*" for one in statement.resources)
        return (not statement.not_resources) if everything else None
    found: bool | None = False
    for one in statement.resources:
        matches = one.matches(question.resource, question.context)
        if matches:
            found = True
            break
        if matches is None or (
            # Nothing is like no value, and AWS does not say that everything is other than it.
            statement.not_resources and any(not variable.has_value(question.context) for variable in one.variables)
        ):
            found = None
    return found if found is None or not statement.not_resources else not found
