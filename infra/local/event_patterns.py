"""Lambda's filter patterns: what a mapping's FilterCriteria may say, and which values match it.

Sources: AWS Lambda Developer Guide, "Control which events Lambda sends to your function" (its table of operators);
EventBridge User Guide, "Comparison operators for use in event patterns". moto has a matcher for event buses: it
checks no pattern, does not look into lists of objects, and takes `true` for 1; so it is the tests' second opinion.
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

PATTERN_BYTES_MAX = 4096
LEVELS_MAX = 100
NUMBER_MAX = 5_000_000_000
"""EventBridge compares numbers from minus this to this."""

Test = Callable[[Any], bool]
_COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class PatternError(ValueError):
    """A pattern that Lambda does not take, and why."""


class _Missing:
    """What a field that is not there has for a value."""


MISSING = _Missing()


def compile_pattern(text: str) -> tuple[dict[str, Any], Test]:
    """The pattern as data, and what decides whether a record matches it.

    Raises:
        PatternError: It is none.
    """
    if len(text.encode("utf-8", "surrogatepass")) > PATTERN_BYTES_MAX:
        raise PatternError(f"a pattern has at most {PATTERN_BYTES_MAX} bytes")
    try:
        pattern = read_json(text)
    except (ValueError, RecursionError) as error:
        raise PatternError(f"it is not JSON ({error})") from error
    if not isinstance(pattern, dict):
        raise PatternError("it must be an object")
    return pattern, _fields(pattern, "the pattern", 1)


def read_json(text: str) -> Any:
    """Strict JSON.

    Raises:
        ValueError: It is none; NaN and Infinity are none either.
        RecursionError: It is too deep.
    """
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _fields(pattern: dict[str, Any], where: str, level: int) -> Test:
    """Every field must match, in one and the same object where the event has a list of them."""
    if not pattern:
        raise PatternError(f"{where} is an empty object")
    if level > LEVELS_MAX:
        raise PatternError(f"it is more than {LEVELS_MAX} levels deep")
    choices: list[Test] = []
    tests: dict[str, tuple[Test, bool]] = {}
    for name, rule in pattern.items():
        inside = f"{where}: {name}" if level > 1 else name
        if name == "$or":
            choices = _choices(rule, inside, level)
        elif isinstance(rule, dict):
            tests[name] = _fields(rule, inside, level + 1), False
        elif isinstance(rule, list):
            tests[name] = _leaf(rule, inside), True
        else:
            raise PatternError(f"{inside} must be an object or an array")

    def one(value: Any) -> bool:
        fields = value if isinstance(value, dict) else {}
        for name, (test, is_leaf) in tests.items():
            found = fields.get(name, MISSING)
            if not (any(map(test, _leaves(found))) if is_leaf else test(found)):
                return False
        return not choices or any(choice(fields) for choice in choices)

    def matches(value: Any) -> bool:
        if not isinstance(value, list):
            return one(value)
        return any(one(each) for each in _elements(value)) or (not value and one(MISSING))

    return matches


def _choices(rule: Any, where: str, level: int) -> list[Test]:
    if not isinstance(rule, list) or len(rule) < 2 or not all(isinstance(each, dict) for each in rule):
        raise PatternError(f"{where} must be an array of at least two objects")
    return [_fields(each, f"{where}[{index}]", level + 1) for index, each in enumerate(rule)]


def _elements(values: list[Any]) -> Iterator[Any]:
    """Of a list, and of the lists in it. No recursion: how deep it goes is up to whoever sent the event."""
    left = [iter(values)]
    while left:
        for each in left[-1]:
            if isinstance(each, list):
                left.append(iter(each))
                break
            yield each
        else:
            left.pop()


def _leaves(value: Any) -> Iterator[Any]:
    """What a rule for a leaf sees: the value, each element of a list; an object is no leaf."""
    empty = True
    for each in _elements(value) if isinstance(value, list) else (value,):
        if not isinstance(each, dict):
            empty = False
            yield each
    if empty:
        yield MISSING


def _leaf(rules: list[Any], where: str) -> Test:
    if not rules:
        raise PatternError(f"{where} is an empty array")
    tests = [_rule(rule, where) for rule in rules]
    return lambda value: any(test(value) for test in tests)


def _rule(rule: Any, where: str) -> Test:
    if isinstance(rule, list):
        raise PatternError(f"{where} has an array in an array")
    if not isinstance(rule, dict):
        return functools.partial(_is_same, rule)
    if len(rule) != 1:
        raise PatternError(f"{where} has {len(rule)} operators in one object: one is allowed")
    ((name, argument),) = rule.items()
    make = _OPERATORS.get(name)
    if make is None:
        known = ", ".join(_OPERATORS)
        raise PatternError(f"{where} has the operator {name[:40]!r}, which is none of Lambda's ({known})")
    return make(argument, f"{where}: {name}")


def _is_same(wanted: Any, value: Any) -> bool:
    """As written: 1, 1.0, true and "1" are four values."""
    return type(value) is type(wanted) and bool(value == wanted)


def _exists(argument: Any, where: str) -> Test:
    if not isinstance(argument, bool):
        raise PatternError(f"{where} must be true or false")
    return lambda value: (value is not MISSING) is argument


def _equals_ignore_case(argument: Any, where: str) -> Test:
    wanted = _string(argument, where).casefold()
    return lambda value: isinstance(value, str) and value.casefold() == wanted


def _prefix(argument: Any, where: str) -> Test:
    return _part(argument, where, str.startswith)


def _suffix(argument: Any, where: str) -> Test:
    return _part(argument, where, str.endswith)


def _part(argument: Any, where: str, has: Callable[[str, str], bool]) -> Test:
    if isinstance(argument, dict):
        if list(argument) != ["equals-ignore-case"]:
            raise PatternError(f"{where} must be a string, or an object with equals-ignore-case")
        folded = _string(argument["equals-ignore-case"], where).casefold()
        return lambda value: isinstance(value, str) and has(value.casefold(), folded)
    part = _string(argument, where)
    return lambda value: isinstance(value, str) and has(value, part)


def _anything_but(argument: Any, where: str) -> Test:
    """A value that is there and is none of these; of a list, one such element is enough."""
    if isinstance(argument, dict):
        return _none_of(_nested(argument, where))
    unwanted = argument if isinstance(argument, list) else [argument]
    is_number = [_is_number(each) for each in unwanted]
    if not unwanted or not (all(is_number) or all(isinstance(each, str) for each in unwanted)):
        raise PatternError(f"{where} takes strings, or numbers, or an object with one operator")
    return _none_of([functools.partial(_is_same, each) for each in unwanted])


def _nested(argument: dict[str, Any], where: str) -> list[Test]:
    if len(argument) != 1 or not set(argument) <= {"prefix", "suffix", "equals-ignore-case"}:
        raise PatternError(f"{where} takes one of prefix, suffix, equals-ignore-case")
    ((name, value),) = argument.items()
    values = value if isinstance(value, list) else [value]
    if not values:
        raise PatternError(f"{where}: {name} is an empty array")
    return [_OPERATORS[name](each, f"{where}: {name}") for each in values]


def _none_of(tests: list[Test]) -> Test:
    return lambda value: value is not MISSING and not any(test(value) for test in tests)


def _numeric(argument: Any, where: str) -> Test:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise PatternError(f'{where} must be an array like [">", 0] or [">=", 0, "<", 10]')
    signs, numbers = argument[::2], argument[1::2]
    for sign, number in zip(signs, numbers, strict=True):
        if not isinstance(sign, str) or sign not in _COMPARES:
            raise PatternError(f"{where} has {json.dumps(sign)[:40]} for one of {' '.join(_COMPARES)}")
        if not _is_number(number) or not -NUMBER_MAX <= number <= NUMBER_MAX:
            raise PatternError(f"{where} takes numbers from -{NUMBER_MAX} to {NUMBER_MAX}")
    if len(signs) == 2 and not (signs[0].startswith(">") and signs[1].startswith("<") and numbers[0] < numbers[1]):
        raise PatternError(f"{where} as a range takes > or >=, then < or <=, the smaller number first")
    tests = [(_COMPARES[sign], number) for sign, number in zip(signs, numbers, strict=True)]
    return lambda value: _is_number(value) and all(compare(value, number) for compare, number in tests)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _string(argument: Any, where: str) -> str:
    if not isinstance(argument, str):
        raise PatternError(f"{where} must be a string")
    return argument


_OPERATORS: dict[str, Callable[[Any, str], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
}
