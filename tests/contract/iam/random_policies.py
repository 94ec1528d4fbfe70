"""Random policies and requests, close enough to one another that every answer occurs often.

Left out, because oracle 0.1.173 is wrong or AWS does not say (we then never allow and always deny; see
tests/unit/local/iam): `*:*` as an action and `${*}` in StringEquals, which the oracle never matches; `*` in a
request's ARN, which it takes for a pattern; dates as seconds, which it takes for milliseconds; a boundary beside a
resource's policy for everyone, where the oracle ignores its silence; `ForAnyValue:…IfExists`; a variable
without a value under `…Not…` and in NotResource; several values without a set operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

ACCOUNT = "123456789012"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/f"

_REQUESTS = [
    ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/plugins"),
    ("dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:123456789012:table/plugins"),
    ("dynamodb:Query", "arn:aws:dynamodb:us-east-1:123456789012:table/plugins/index/gsi1"),
    ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:123456789012:table/other"),
    ("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:outcomes"),
    ("sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:123456789012:outcomes-dead"),
    ("s3:GetObject", "arn:aws:s3:::artifacts/payloads/a.json"),
    ("s3:PutObject", "arn:aws:s3:::artifacts/alice/b c.txt"),
    ("s3:ListBucket", "arn:aws:s3:::artifacts"),
    ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:plugin-a:live"),
    ("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/f:log-stream:s"),
]
_ACTIONS = [
    "*",
    "dynamodb:*",
    "dynamodb:GetItem",
    "DYNAMODB:getitem",
    "dynamodb:*Item",
    "dynamodb:?etItem",
    "sqs:*",
    "sqs:SendMessage",
    "s3:Get*",
    "s3:*Object",
    "s3:*",
    "s3:List*",
    "lambda:Invoke*",
    "logs:Put*Events",
    "iam:*",
]
_RESOURCES = [
    "*",
    "arn:aws:dynamodb:*:*:table/plugins",
    "arn:aws:dynamodb:us-east-1:123456789012:table/*",
    "arn:aws:dynamodb:us-east-1:123456789012:table/plugins/index/*",
    "arn:aws:dynamodb:*:*:table/p?ugins",
    "arn:aws:dynamodb:us-east-1:999999999999:table/plugins",
    "arn:aws:sqs:us-east-1:123456789012:outcomes",
    "arn:aws:sqs:*:*:out*",
    "arn:aws:sqs:us-*:123456789012:*-dead",
    "arn:aws:s3:::artifacts",
    "arn:aws:s3:::artifacts/*",
    "arn:aws:s3:::artifacts/payloads/?.json",
    "arn:aws:s3:::artifacts/${aws:username}/*",
    "arn:aws:s3:::artifacts/alice/b ${?}.txt",
    "arn:aws:s3:::*",
    "arn:aws:s3:::artifacts/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::artifacts/${aws:PrincipalTag/none, 'alice'}/*",
    "arn:aws:lambda:us-east-1:123456789012:function:*",
    "arn:aws:lambda:us-east-1:123456789012:function:plugin-*:live",
    "arn:aws:logs:*:*:log-group:/aws/lambda/f:*",
    "arn:aws:*:us-east-1:123456789012:*",
    "arn:*:*:*:*:*",
]
# key: values that requests have, values that policies name, operators.
_STRINGS = (
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
)
_NUMBERS = tuple(
    f"Numeric{one}"
    for one in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
)
_DATES = tuple(one.replace("Numeric", "Date") for one in _NUMBERS)
_ARNS = ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")
_KEYS: dict[str, tuple[tuple[str, ...], tuple[Any, ...], tuple[str, ...]]] = {
    "aws:RequestedRegion": (("us-east-1", "eu-west-1"), ("us-east-1", "eu-*", "US-EAST-1", "us-?ast-1"), _STRINGS),
    "aws:username": (("alice", "bob"), ("alice", "al*", "${aws:PrincipalTag/team}", "Alice"), _STRINGS),
    "aws:PrincipalTag/team": (("alice", "red"), ("red", "alice", "r?d*", "${aws:username}"), _STRINGS),
    "s3:prefix": (("payloads/", "alice/"), ("payloads/*", "${aws:username}/*", "alice/"), _STRINGS),
    "aws:SecureTransport": (("true", "false"), ("true", "false", True, False), ("Bool",)),
    "aws:CurrentTime": (
        ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-06-01T14:00:00+02:00"),
        _DATES,
    ),
    "s3:max-keys": (("10", "100", "2.5"), ("10", 100, "50", "2.50"), _NUMBERS),
    "aws:SourceIp": (
        ("127.0.0.1", "10.1.2.3"),
        ("127.0.0.0/8", "10.1.2.3/32", "10.0.0.0/9", "192.168.0.1"),
        ("IpAddress", "NotIpAddress"),
    ),
    "aws:SourceArn": (
        ("arn:aws:sns:us-east-1:123456789012:alerts", "arn:aws:s3:::artifacts"),
        (
            "arn:aws:sns:*:*:alerts",
            "arn:aws:s3:::artifacts",
            "arn:aws:s3:::*",
            "arn:aws:sns:us-east-1:123456789012:${aws:username}",
        ),
        _ARNS,
    ),
    "lambda:Digest": (("YQ==", "Yg=="), ("YQ==", "Yg=="), ("BinaryEquals",)),
}
_LEADING = (("A",), ("A", "B"), ("A", "A"), ("alice",), ("tenant#1", "tenant#2"))
_LEADING_POLICY = ("A", "B", "${aws:username}", "tenant#*", "alice")


@dataclass(frozen=True)
class Case:
    """One request under some policies."""

    action: str
    resource: str
    principal: str
    context: dict[str, str | list[str]]
    identity: list[dict[str, Any]]
    boundary: dict[str, Any] | None
    of_resource: dict[str, Any] | None


def random_case(random: Random) -> Case:
    action, resource = random.choice(_REQUESTS)
    context: dict[str, str | list[str]] = {
        key: random.choice(values) for key, (values, _, _) in _KEYS.items() if random.random() < 0.7
    }
    if action.startswith("dynamodb:") and random.random() < 0.8:
        context["dynamodb:LeadingKeys"] = list(random.choice(_LEADING))
    bounded = random.random() < 0.35
    return Case(
        action,
        resource,
        random.choice((USER, SESSION)),
        context,
        [_document(random, action, resource) for _ in range(random.choice((0, 1, 1, 2)))],
        _document(random, action, resource) if bounded else None,
        _document(random, action, resource, everyone=not bounded) if random.random() < 0.3 else None,
    )


def _document(random: Random, action: str, resource: str, *, everyone: bool | None = None) -> dict[str, Any]:
    """Of a resource where `everyone` is not None, and then with principals that may be everyone."""
    statements = [_statement(random, action, resource, everyone) for _ in range(random.choice((1, 1, 2, 3)))]
    alone = statements[0] if len(statements) == 1 and random.random() < 0.5 else statements
    return {"Version": "2012-10-17", "Statement": alone}


def _statement(random: Random, action: str, resource: str, everyone: bool | None) -> dict[str, Any]:
    # Half of all statements are about this very service: others decide nothing.
    service = action.partition(":")[0]
    near = [one for one in _ACTIONS if one.lower().startswith((service, "*"))]
    actions = random.sample(near if random.random() < 0.8 else _ACTIONS, random.choice((1, 1, 2)))
    close = [one for one in _RESOURCES if f":{service}:" in one or one in ("*", "arn:*:*:*:*:*")] + [resource]
    resources = random.sample(close if random.random() < 0.8 else _RESOURCES, random.choice((1, 1, 2)))
    made: dict[str, Any] = {
        "Effect": "Deny" if random.random() < 0.25 else "Allow",
        "NotAction" if random.random() < 0.12 else "Action": actions[0] if random.random() < 0.4 else actions,
    }
    others = random.random() < 0.12
    if others:
        resources = [one for one in resources if "${aws:username" not in one and "Tag/team" not in one] or ["*"]
    made["NotResource" if others else "Resource"] = resources[0] if random.random() < 0.4 else resources
    if everyone is not None:
        made["Principal"] = random.choice(
            (["*", {"AWS": "*"}] if everyone else [])
            + [
                {"AWS": USER},
                {"AWS": [ROLE]},
                {"AWS": SESSION},
                {"AWS": ACCOUNT},
                {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                {"Service": "sns.amazonaws.com"},
            ]
        )
    if random.random() < 0.5:
        made["Condition"] = _conditions(random, service)
    return made


def _conditions(random: Random, service: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(random.choice((1, 1, 2))):
        if service == "dynamodb" and random.random() < 0.6:
            operator = random.choice(("ForAllValues:", "ForAnyValue:")) + random.choice(_STRINGS)
            values = tuple(one for one in _LEADING_POLICY if "Not" not in operator or "${" not in one)
            found.setdefault(operator, {})["dynamodb:LeadingKeys"] = _some(random, values)
            if random.random() < 0.5:
                found.setdefault("Null", {})["dynamodb:LeadingKeys"] = random.choice(("true", "false"))
            continue
        key = random.choice(list(_KEYS))
        _, policy, operators = _KEYS[key]
        operator = "Null" if random.random() < 0.1 else random.choice(operators)
        if operator == "Null":
            policy = ("true", "false")
        elif random.random() < 0.15:
            operator = random.choice(("ForAllValues:", "ForAnyValue:")) + operator
        if "Not" in operator:
            policy = tuple(one for one in policy if "${" not in str(one))
        if operator != "Null" and "ForAny" not in operator and random.random() < 0.2:
            operator += "IfExists"
        written = key if random.random() < 0.8 else key.upper() if "Tag" not in key else key
        found.setdefault(operator, {})[written] = _some(random, policy)
    return found


def _some(random: Random, values: tuple[Any, ...]) -> Any:
    chosen = random.sample(values, random.choice((1, 1, 2)))
    return chosen[0] if len(chosen) == 1 and random.random() < 0.6 else chosen
