"""Lambda's filter patterns against its documentation, against hostile ones, and against moto's own matcher."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from moto.events.models import EventPattern

from infra.local.event_filters import make_filter
from infra.local.event_patterns import PatternError, compile_pattern

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026"


def matches(pattern: dict[str, Any], event: Any) -> bool:
    return compile_pattern(json.dumps(pattern))[1](event)


DOCUMENTED = [
    # Lambda Developer Guide, "Filter rule syntax", row by row: pattern, what matches, what does not.
    ({"UserID": [None]}, {"UserID": None}, {"UserID": ""}),
    ({"LastName": [""]}, {"LastName": ""}, {"LastName": "x"}),
    ({"Name": ["Alice"]}, {"Name": "Alice"}, {"Name": "alice"}),
    ({"Name": [{"equals-ignore-case": "alice"}]}, {"Name": "ALICE"}, {"Name": "Alic"}),
    ({"Location": ["New York"], "Day": ["Monday"]}, {"Location": "New York", "Day": "Monday"}, {"Day": "Monday"}),
    ({"PaymentType": ["Credit", "Debit"]}, {"PaymentType": "Debit"}, {"PaymentType": "Cash"}),
    ({"$or": [{"Location": ["New York"]}, {"Day": ["Monday"]}]}, {"Day": "Monday"}, {"Day": "Sunday"}),
    ({"Weather": [{"anything-but": ["Raining"]}]}, {"Weather": "Sunny"}, {"Weather": "Raining"}),
    ({"Price": [{"numeric": ["=", 100]}]}, {"Price": 100.0}, {"Price": "100"}),
    ({"Price": [{"numeric": [">", 10, "<=", 20]}]}, {"Price": 20}, {"Price": 10}),
    ({"ProductName": [{"exists": True}]}, {"ProductName": None}, {"Other": 1}),
    ({"ProductName": [{"exists": False}]}, {"Other": 1}, {"ProductName": "x"}),
    ({"Region": [{"prefix": "us-"}]}, {"Region": "us-east-1"}, {"Region": "eu-us-"}),
    ({"FileName": [{"suffix": ".png"}]}, {"FileName": "a.png"}, {"FileName": "a.png.txt"}),
    # EventBridge: nested anything-but, and case.
    ({"a": [{"anything-but": {"prefix": "us-"}}]}, {"a": "eu-1"}, {"a": "us-1"}),
    ({"a": [{"anything-but": {"suffix": [".png", ".gif"]}}]}, {"a": "x.txt"}, {"a": "x.gif"}),
    ({"a": [{"anything-but": {"equals-ignore-case": "x"}}]}, {"a": "y"}, {"a": "X"}),
    ({"a": [{"anything-but": 3}]}, {"a": 4}, {"a": 3}),
    ({"a": [{"prefix": {"equals-ignore-case": "eventb"}}]}, {"a": "EventBridge"}, {"a": "bridge"}),
    # A field that is not there is not "anything but".
    ({"a": [{"anything-but": "x"}]}, {"a": None}, {}),
    # As written.
    ({"a": [True]}, {"a": True}, {"a": 1}),
    ({"a": [1]}, {"a": 1}, {"a": 1.0}),
    ({"a": [{"numeric": [">", 0]}]}, {"a": 1}, {"a": True}),
    # Lists: one element is enough; fields of one object belong together.
    ({"a": ["x"]}, {"a": ["y", "x"]}, {"a": ["y"]}),
    ({"a": [{"anything-but": "x"}]}, {"a": ["x", "y"]}, {"a": ["x"]}),
    ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}, {"c": 2}]}),
    ({"a": {"b": [{"exists": False}]}}, {"a": []}, {"a": {"b": 1}}),
    # An object is no leaf.
    ({"a": [{"exists": False}]}, {"a": {"b": 1}}, {"a": 1}),
]


@pytest.mark.parametrize(("pattern", "yes", "no"), DOCUMENTED, ids=lambda value: json.dumps(value)[:40])
def test_documented_rules(pattern: dict[str, Any], yes: Any, no: Any) -> None:
    assert matches(pattern, yes)
    assert not matches(pattern, no)


KINDS = ["same", "prefix", "suffix", "case", "but", "but-list", "but-part", "numeric", "exists"]
HOSTILE = [
    "", "x", "[]", "1", "null", "{}", '{"a": 1}', '{"a": "x"}', '{"a": []}', '{"a": {}}', '{"a": [[1]]}',
    '{"a": [{}]}', '{"a": [{"prefix": "a", "suffix": "b"}]}', '{"a": [{"wildcard": "*"}]}',
    '{"a": [{"cidr": "x"}]}',
    '{"a": [{"prefix": 1}]}', '{"a": [{"suffix": null}]}', '{"a": [{"prefix": {"suffix": "x"}}]}',
    '{"a": [{"equals-ignore-case": ["x"]}]}', '{"a": [{"exists": "true"}]}', '{"a": [{"exists": 1}]}',
    '{"a": [{"numeric": []}]}', '{"a": [{"numeric": [">"]}]}', '{"a": [{"numeric": [">", "1"]}]}',
    '{"a": [{"numeric": [">", true]}]}', '{"a": [{"numeric": ["!", 1]}]}', '{"a": [{"numeric": [[], 1]}]}',
    '{"a": [{"numeric": ["<", 1, ">", 0]}]}', '{"a": [{"numeric": [">", 2, "<", 1]}]}',
    '{"a": [{"numeric": ["=", 1, "=", 1]}]}', '{"a": [{"numeric": ["=", 1e300]}]}',
    '{"a": [{"numeric": ["=", NaN]}]}',
    '{"a": [{"anything-but": []}]}', '{"a": [{"anything-but": ["x", 1]}]}', '{"a": [{"anything-but": null}]}',
    '{"a": [{"anything-but": [true]}]}', '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}',
    '{"a": [{"anything-but": {}}]}', '{"a": [{"anything-but": {"prefix": []}}]}', '{"$or": {"a": [1]}}',
    '{"$or": [{"a": [1]}]}', '{"$or": [1, 2]}', '{"$or": [{}, {}]}', '{"a": [NaN]}', '{"a": [' + "9" * 4200 + "]}",
    '{"a":' * 101 + "[1]" + "}" * 101, '{"a":' * 800 + "[1]" + "}" * 10, "[" * 4000, '{"a": ["\\ud800"], "b": 0}',
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:30])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(text)


def test_hostile_events_are_only_not_wanted() -> None:
    wanted = make_filter({"Filters": [{"Pattern": '{"body": {"a": {"b": ["x"]}}}'}]}, QUEUE)
    assert wanted is not None
    for body in (
        "[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "9" * 5000, "NaN", '{"a": NaN}', "", "\ud800",
        '{"a": ' + "[" * 500 + "]" * 500 + "}", '{"a": {"b": ' + "9" * 5000 + "}}",
    ):  # fmt: skip
        assert not wanted({"body": body})
    assert wanted({"body": '{"a": ' + "[" * 500 + '{"b": "x"}' + "]" * 500 + "}"})


@pytest.mark.parametrize(
    ("pattern", "body", "expected"),
    [
        # Lambda Developer Guide, "Properly filtering Amazon SQS messages".
        ({"body": [{"prefix": "Result: "}]}, "Result: 1", True),
        ({"body": [{"prefix": "Result: "}]}, "Other", False),
        ({"body": [{"prefix": "{"}]}, '{"a": 1}', False),
        ({"body": {"a": [1]}}, '{"a": 1}', True),
        ({"body": {"a": [1]}}, "a", False),
        ({"body": {"a": [{"exists": False}]}}, "text", False),
        ({"body": ["5"]}, "5", True),
    ],
)
def test_bodies_of_messages(pattern: dict[str, Any], body: str, expected: bool) -> None:
    wanted = make_filter({"Filters": [{"Pattern": json.dumps(pattern)}]}, QUEUE)
    assert wanted is not None
    assert wanted({"messageId": "1", "body": body}) is expected


def test_one_filter_of_several_is_enough_and_none_is_all() -> None:
    filters = [{"Pattern": json.dumps({"dynamodb": {"Keys": {"pk": {"S": [name]}}}})} for name in "ab"]
    wanted = make_filter({"Filters": filters}, STREAM)
    assert wanted is not None
    assert [wanted({"dynamodb": {"Keys": {"pk": {"S": name}}}}) for name in "abc"] == [True, True, False]
    assert make_filter(None, STREAM) is make_filter({"Filters": []}, STREAM) is make_filter({}, QUEUE) is None


@pytest.mark.parametrize(
    ("source", "filters", "text"),
    [
        (QUEUE, [{"Pattern": '{"attributes": {"a": ["x"]}}'}], "filter 1: attributes: of an SQS message"),
        (QUEUE, [{"Pattern": '{"$or": [{"body": ["x"]}, {"body": ["y"]}]}'}], "by body only"),
        (STREAM, [{"Pattern": '{"eventName": ["INSERT"]}'}, {"Pattern": '{"data": ["x"]}'}], "filter 2: data"),
        (STREAM, [{"Pattern": '{"eventName": ["INSERT"]}'}] * 6, "at most 5"),
        (STREAM, [{}], "filter 1: it is not JSON"),
    ],
)
def test_criteria_that_lambda_does_not_take(source: str, filters: list[dict[str, Any]], text: str) -> None:
    with pytest.raises(PatternError, match=text.replace("(", r"\(")):
        make_filter({"Filters": filters}, source)


def test_random_patterns_are_decided_as_by_moto() -> None:
    """Where moto's matcher is right: no lists of objects, no boolean beside 0 and 1, no 1.0 beside 1."""
    draw = random.Random(5)
    words = ["", "a", "ab", "AB", "b", "x.png"]
    numbers = [-3, 2, 5, 7]

    def rule() -> Any:
        kind = draw.choice(KINDS)
        word, number = draw.choice(words), draw.choice(numbers)
        low, high = sorted(draw.sample(numbers, 2))
        return {
            "same": draw.choice([word, number, None]),
            "prefix": {"prefix": word},
            "suffix": {"suffix": {"equals-ignore-case": word}},
            "case": {"equals-ignore-case": word},
            "but": {"anything-but": draw.choice([word, number])},
            "but-list": {"anything-but": draw.sample(words, 2)},
            "but-part": {"anything-but": {draw.choice(["prefix", "suffix"]): word}},
            "numeric": {"numeric": draw.choice([["=", number], [">", low, "<=", high], ["<", number]])},
            "exists": {"exists": draw.choice([True, False])},
        }[kind]

    def pattern(level: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name in draw.sample(["p", "q", "r"], draw.randint(1, 2)):
            deeper = level < 3 and draw.random() < 0.4
            made[name] = pattern(level + 1) if deeper else [rule() for _ in range(draw.randint(1, 2))]
        if draw.random() < 0.2:
            made["$or"] = [pattern(3), pattern(3)]
        return made

    def event(level: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name in draw.sample(["p", "q", "r"], draw.randint(1, 3)):
            scalar = [*words, *numbers, None]
            deeper = level < 3 and draw.random() < 0.4
            flat = draw.choice([draw.choice(scalar), draw.sample(scalar, 2)])
            made[name] = event(level + 1) if deeper else flat
        return made

    decided = {True: 0, False: 0}
    for _ in range(20_000):
        rules, found = pattern(1), event(1)
        expected = EventPattern.load(json.dumps(rules)).matches_event(found)
        assert matches(rules, found) is expected, (rules, found)
        decided[expected] += 1
    assert min(decided.values()) > 1_500
