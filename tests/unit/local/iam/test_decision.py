"""What a policy says where the oracle has no word or a wrong one, and what it must never say."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from infra.local.iam.context import Context
from infra.local.iam.decision import Answer, Attached, Kind, Principal, Question, decide, trusts
from infra.local.iam.documents import PolicyInvalid, read_or_deny, read_policy

USER = Principal("arn:aws:iam::123456789012:user/alice", "123456789012")
ROLE_ARN = "arn:aws:iam::123456789012:role/r"
SESSION = Principal("arn:aws:sts::123456789012:assumed-role/r/f", "123456789012", ROLE_ARN)
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t"


def doc(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def asked(
    *statements: dict[str, Any],
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::b/k",
    known: bool = True,
    boundary: Any = None,
    session: Any = None,
    closed: bool = True,
    who: Principal = SESSION,
    of_resource: Any = None,
    version: str = "2012-10-17",
    **values: Any,
) -> Answer:
    context = Context(
        {
            key.replace("__", ":").lower(): (value,) if isinstance(value, str) else value
            for key, value in values.items()
        },
        absent=("aws:principaltag/",),
        closed=closed,
    )
    attached = Attached(
        (read_policy("p", doc(*statements, version=version)),),
        None if boundary is None else read_policy("b", doc(*boundary)),
        None if session is None else read_policy("s", doc(*session)),
    )
    policy = None if of_resource is None else read_policy("q", doc(*of_resource), of_resource=True)
    return decide(Question(action, resource, context, known), attached, who, policy)


def test_the_answer_says_which_statement_decided() -> None:
    assert asked(allow("sqs:*"), allow("s3:Get*", Sid="Read")) == Answer(
        True, Kind.IDENTITY, "p, statement 2 (Sid Read)"
    )
    denied = asked(allow(), boundary=[deny("s3:*")])
    assert (denied.statement, denied.because) == (
        "b, statement 1",
        "with an explicit deny in a permissions boundary",
    )
    assert asked(allow("sqs:*")).because == "because no identity-based policy allows the {action} action"
    assert asked(allow(), boundary=[allow("x:*")]).because == (
        "because no permissions boundary allows the {action} action"
    )
    assert asked(allow(), session=[allow("x:*")]).because == "because no session policy allows the {action} action"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:ResourceTag/team": "a"}},
        {"StringNotEquals": {"aws:ResourceTag/team": "a"}},
        {"StringEqualsIfExists": {"aws:ResourceTag/team": "a"}},
        {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}},
        {"Null": {"aws:ResourceTag/team": "true"}},
        {"Null": {"aws:ResourceTag/team": "false"}},
        {"StringEquals": {"aws:RequestedRegion": "${aws:ResourceTag/team}"}},
        {"StringNotEquals": {"aws:RequestedRegion": "${aws:PrincipalTag/none}"}},
        {"StringEquals": {"several": "a"}},
        {"StringNotEquals": {"several": "c"}},
        {"ForAnyValue:StringEqualsIfExists": {"aws:PrincipalTag/none": "a"}},
        {"StringEquals": {"aws:RequestedRegion": "${aws:no such}"}},
        {"NumericLessThan": {"aws:RequestedRegion": "5"}},
        {"NumericNotEquals": {"aws:RequestedRegion": "5"}},
        {"IpAddress": {"aws:RequestedRegion": "10.0.0.0/8"}},
        {"DateLessThan": {"aws:RequestedRegion": "2026-01-01T00:00:00Z"}},
        {"Bool": {"aws:RequestedRegion": "true"}},
        {"ArnLike": {"aws:RequestedRegion": "arn:aws:s3:::b"}},
    ],
)
def test_a_condition_that_is_not_understood_never_allows_and_always_denies(condition: Any) -> None:
    known: dict[str, Any] = {"aws__RequestedRegion": "us-east-1", "several": ("a", "b"), "closed": False}
    assert not asked(allow(Condition=condition), **known).allowed
    answer = asked(allow(), deny(Condition=condition), **known)
    assert (answer.allowed, answer.statement) == (False, "p, statement 2")


@pytest.mark.parametrize(
    "resource",
    ["arn:aws:s3:::${aws:nobody/knows}", "arn:aws:s3:${aws:RequestedRegion}::b/k", "arn:aws:s3:::${a b}"],
)
def test_a_resource_that_is_not_understood_never_allows_and_always_denies(resource: str) -> None:
    assert not asked(allow("*", resource), closed=False, aws__RequestedRegion="").allowed
    assert asked(allow(), deny("*", resource), closed=False, aws__RequestedRegion="").statement == "p, statement 2"


@pytest.mark.parametrize("effect", [True, False])
def test_everything_but_a_resource_that_has_no_value(effect: bool) -> None:
    others = {"Action": "*", "NotResource": "arn:aws:s3:::b/${aws:username}/*"}
    if effect:
        assert not asked({"Effect": "Allow", **others}).allowed
        assert asked({"Effect": "Allow", **others}, aws__username="x").allowed
    else:
        assert not asked(allow(), {"Effect": "Deny", **others}).allowed


def test_a_resource_that_is_not_known() -> None:
    def unknown(*statements: dict[str, Any]) -> bool:
        return asked(*statements, action="x:Do", resource="*", known=False).allowed

    assert unknown(allow())
    assert not unknown(allow("*", "arn:aws:s3:::b"))
    assert not unknown(allow("*", "arn:*:*:*:*:*"))
    assert not unknown(allow(), deny("*", "arn:aws:s3:::b"))
    assert not unknown(allow(), deny("*", "*"))
    assert not unknown({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"})
    assert not unknown(allow(), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::b"})
    # An action that has no resource is not in doubt.
    assert asked(allow(), deny("*", "arn:aws:s3:::b"), action="s3:ListAllMyBuckets", resource="*").allowed


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b/${?}${$}", "arn:aws:s3:::b/?$", True),
        ("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/anything", False),
        ("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/a*", True),
        ("arn:aws:s3:::b/${aws:PrincipalTag/x, 'd'}/k", "arn:aws:s3:::b/d/k", True),
        ("arn:aws:s3", "arn:aws:s3:::b/k", True),
        ("arn:aws:sqs", "arn:aws:s3:::b/k", False),
        ("arn:aws:sqs:*:q", "arn:aws:sqs:us-east-1:123456789012:q", False),
        ("arn:aws:logs:*:*:log-group:a", "arn:aws:logs:us-east-1:1:log-group:a:b", False),
        ("arn:aws:lambda:us-east-1:1:f*:x", "arn:aws:lambda:us-east-1:1:function:x", False),
        ("arn:aws:s3:::B/k", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/line\nbreak", True),
        ("arn:aws:s3:::b.k", "arn:aws:s3:::b/k", False),
    ],
)
def test_resources(pattern: str, value: str, expected: bool) -> None:
    assert asked(allow("*", pattern), resource=value, aws__username="a*").allowed is expected


def test_before_2012_there_are_no_variables() -> None:
    statement = allow("*", "arn:aws:s3:::b/${aws:username}")
    assert not asked(statement, resource="arn:aws:s3:::b/a", version="2008-10-17", aws__username="a").allowed
    assert asked(statement, resource="arn:aws:s3:::b/${aws:username}", version="2008-10-17").allowed


def test_seconds_are_a_date() -> None:
    condition = {"DateGreaterThan": {"aws:CurrentTime": "1767225600"}}
    assert asked(allow(Condition=condition), aws__CurrentTime="2026-01-01T00:00:01Z").allowed
    assert not asked(allow(Condition=condition), aws__CurrentTime="2026-01-01T00:00:00Z").allowed


def test_a_partition_of_a_table() -> None:
    own = {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "${aws:username}"},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    for keys, expected in ((("a",), True), (("a", "a"), True), (("a", "b"), False), ((), False)):
        assert (
            asked(
                allow("dynamodb:*", TABLE, Condition=own),
                action="dynamodb:Query",
                resource=TABLE,
                aws__username="a",
                dynamodb__LeadingKeys=keys,
            ).allowed
            is expected
        )
    # Without the guard, no key is as good as the right one (FACTS, and so in AWS).
    del own["Null"]
    assert asked(
        allow("dynamodb:*", TABLE, Condition=own),
        action="dynamodb:Scan",
        resource=TABLE,
        aws__username="a",
    ).allowed


def test_policies_of_resources() -> None:
    def to(principal: Any, **more: Any) -> Answer:
        return asked(allow("sqs:*"), of_resource=[allow(Principal=principal)], **more)

    assert to("*").allowed
    assert to({"AWS": ROLE_ARN}).allowed
    assert to({"AWS": SESSION.arn}).allowed
    assert to({"AWS": USER.arn}, who=USER).allowed
    # The account stands for whoever in it has the permission by a policy of their own.
    assert not to({"AWS": "123456789012"}).allowed
    assert not to({"AWS": USER.arn}).allowed
    # A boundary's silence bounds a role and everyone, not a user or a session that is named.
    other = [allow("sqs:*")]
    assert not to({"AWS": ROLE_ARN}, boundary=other).allowed
    assert not to("*", boundary=other).allowed
    assert to({"AWS": SESSION.arn}, boundary=other).allowed
    assert to({"AWS": USER.arn}, who=USER, boundary=other).allowed
    assert not to({"AWS": SESSION.arn}, boundary=[deny()]).allowed
    answer = asked(allow(), of_resource=[deny("s3:*", Principal={"AWS": ROLE_ARN})])
    assert answer.because == "with an explicit deny in a resource-based policy"
    # NotPrincipal is not understood.
    assert not asked(allow(), of_resource=[deny(NotPrincipal={"AWS": ROLE_ARN})]).allowed
    assert not asked(allow("x:*"), of_resource=[allow(NotPrincipal={"AWS": USER.arn})]).allowed


def test_who_may_assume_a_role() -> None:
    question = Question("sts:AssumeRole", ROLE_ARN, Context({"sts:externalid": ("7",)}, closed=True))

    def trusted(principal: Principal, **statement: Any) -> bool:
        statements = {"Effect": "Allow", "Action": "sts:AssumeRole", **statement}
        return trusts(read_policy("trust", doc(statements), trust=True), principal, question).allowed

    assert trusted(USER, Principal={"AWS": "arn:aws:iam::123456789012:root"})
    assert trusted(USER, Principal={"AWS": USER.arn}, Condition={"StringEquals": {"sts:ExternalId": 7}})
    assert not trusted(USER, Principal={"AWS": USER.arn}, Condition={"StringEquals": {"sts:ExternalId": 8}})
    assert not trusted(USER, Principal={"Service": "lambda.amazonaws.com"})
    assert trusted(Principal("", "", "", "lambda.amazonaws.com"), Principal={"Service": "lambda.amazonaws.com"})
    assert not trusted(Principal("", "", "", "ec2.amazonaws.com"), Principal={"Service": "lambda.amazonaws.com"})


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "null",
        "7",
        '"x"',
        "{",
        "[" * 100_000,
        '{"Statement": 3}',
        '{"Statement": [[]]}',
        "{}",
        '{"Version": "2030-01-01", "Statement": []}',
        '{"Statement": [], "Extra": 1}',
        '{"Statement": [], "Statement": []}',
        '{"Statement": {"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}}',
        " " * 200_000,
        *(
            doc(one)
            for one in (
                {"Effect": "allow", "Action": "*", "Resource": "*"},
                {"Effect": "Allow", "Action": "*"},
                {"Effect": "Allow", "Resource": "*"},
                allow(NotAction="x:y"),
                allow(NotResource="*"),
                allow([]),
                allow("*", []),
                allow("s3"),
                allow("s3:Get Object"),
                allow("*", "b"),
                allow(None),
                allow(7),
                allow("*", {}),
                allow(Principal="*"),
                allow(Conditions={}),
                allow(Condition=[]),
                allow(Condition={"StringEquals": []}),
                allow(Condition={"StringEquals": {"a": {}}}),
                allow(Condition={"StringEquals": {"a": []}}),
                allow(Condition={"StringIs": {"a": "b"}}),
                allow(Condition={"NullIfExists": {"a": "true"}}),
                allow(Condition={"Null": {"a": "maybe"}}),
                allow(Condition={"ForSome:StringEquals": {"a": "b"}}),
                allow(Condition={"IpAddress": {"a": "1.2.3"}}),
                allow(Condition={"NumericEquals": {"a": "1e9999999"}}),
                allow(Condition={"Bool": {"a": "yes"}}),
                allow(Condition={"DateEquals": {"a": "soon"}}),
                allow(Condition={"ArnLike": {"a": "*"}}),
            )
        ),
    ],
)
def test_what_is_no_policy_is_refused_and_denies_everything(document: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^it.*: "):
        read_policy("it", document)
    attached = Attached((read_policy("p", doc(allow())), read_or_deny("it", document)))
    answer = decide(Question("a:B", "*", Context()), attached, USER)
    assert not answer.allowed
    assert answer.statement.startswith("it")


def test_a_hostile_pattern_is_no_slower_than_its_length() -> None:
    pattern = "arn:aws:s3:::" + "*a" * 2000 + "b"
    since = time.process_time()
    assert not asked(allow("*", pattern), resource="arn:aws:s3:::" + "a" * 5000).allowed
    assert time.process_time() - since < 5  # minutes and more where a pattern is tried every way there is
