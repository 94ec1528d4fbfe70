"""Condition blocks: operators, set operators, `…IfExists`, `Null`. Pure.

Sources: IAM User Guide, "IAM JSON policy elements: Condition operators", "Multivalued context keys".
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from infra.local.iam.context import Context
from infra.local.iam.matching import ArnGlob, Glob, Variable, variables_in

Test = Callable[[str, Context], "bool | None"]
"""Whether one value of the request meets one value of the policy; None when that is not understood."""

_Maker = Callable[[str, bool], Test]

_OPERATOR = re.compile(r"(?:(forallvalues|foranyvalue):)?([a-z]+?)(ifexists)?")
_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?")


class ConditionUnreadable(Exception):  # noqa: N818 - names what it is
    """An operator or a value that AWS does not have; the message says which."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator.

    Attributes:
        key: `dynamodb:LeadingKeys`.
        tests: One for each value of the policy.
        negated: Holds when no test does.
        every: `ForAllValues`.
        some: `ForAnyValue`.
        if_exists: Holds when the key is not there.
        null: `Null`: whether the key shall be absent; None for other operators.
        variables: Policy variables in its values.
    """

    key: str
    tests: tuple[Test, ...]
    negated: bool = False
    every: bool = False
    some: bool = False
    if_exists: bool = False
    null: frozenset[bool] | None = None
    variables: tuple[Variable, ...] = ()

    def holds(self, context: Context) -> bool | None:
        """Whether it holds; None when that depends on what is not known here."""
        values = context.get(self.key)
        if values is None:
            return None
        if self.null is not None:
            return (not values) in self.null
        if not values:
            if self.some and self.if_exists:
                return None  # AWS does not say which of the two counts
            return self.if_exists or self.every or (self.negated and not self.some)
        if self.negated and any(not one.has_value(context) for one in self.variables):
            return None  # nothing is equal to no value, and AWS does not say that it is unequal
        if self.every:
            return _all([self._one(value, context) for value in values])
        if self.some:
            return _any([self._one(value, context) for value in values])
        # Several values without a set operator: AWS says that one is required, and not what happens without.
        return self._one(values[0], context) if len(values) == 1 else None

    def _one(self, value: str, context: Context) -> bool | None:
        found = _any([test(value, context) for test in self.tests])
        return found if found is None or not self.negated else not found


def read_condition(written: str, key: str, values: Sequence[str], *, variables: bool) -> Condition:
    """Compiles one key under one operator.

    Raises:
        ConditionUnreadable: No such operator, or a value that does not belong to it.
    """
    match = _OPERATOR.fullmatch(written.lower())
    sets, name, if_exists = match.groups() if match else (None, "", None)
    if name == "null" and not sets and not if_exists:
        if not values or any(one.lower() not in ("true", "false") for one in values):
            raise ConditionUnreadable(f"Null takes true or false, not {values!r}")
        return Condition(key, (), null=frozenset(one.lower() == "true" for one in values))
    negated = name in _NEGATED
    make = _OPERATORS.get(_NEGATED.get(name, name))
    if make is None:
        raise ConditionUnreadable(f"there is no condition operator {written!r}")
    return Condition(
        key,
        tuple(make(one, variables) for one in values),
        negated=negated,
        every=sets == "forallvalues",
        some=sets == "foranyvalue",
        if_exists=if_exists is not None,
        variables=tuple(found for one in values for found in variables_in(one)) if variables else (),
    )


def _any(answers: Sequence[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def _all(answers: Sequence[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _string(text: str, variables: bool) -> Test:
    return Glob(text, wildcards=False, variables=variables).matches


def _string_ignoring_case(text: str, variables: bool) -> Test:
    glob = Glob(text, wildcards=False, variables=variables)
    return lambda value, context: glob.matches(value, context, ignore_case=True)


def _like(text: str, variables: bool) -> Test:
    return Glob(text, variables=variables).matches


def _arn(text: str, variables: bool) -> Test:
    if not text.startswith("arn:") or text.count(":") < 5:
        raise ConditionUnreadable(f"{text!r} is no ARN")
    glob = ArnGlob(text, variables=variables, everywhere=True)
    return lambda value, context: glob.matches(value, context) if value.startswith("arn:") else None


def _exact(text: str, variables: bool) -> Test:
    del variables
    return lambda value, _: value == text


def _boolean(text: str, variables: bool) -> Test:
    del variables
    if text.lower() not in ("true", "false"):
        raise ConditionUnreadable(f"Bool takes true or false, not {text!r}")
    return lambda value, _: value.lower() == text.lower() if value.lower() in ("true", "false") else None


def _compared(read: Callable[[str], Decimal | None], compare: Callable[[Decimal, Decimal], bool]) -> _Maker:
    def make(text: str, variables: bool) -> Test:
        del variables
        bound = read(text)
        if bound is None:
            raise ConditionUnreadable(f"{text!r} does not belong to this operator")
        limit = bound

        def test(value: str, _: Context) -> bool | None:
            found = read(value)
            return None if found is None else compare(found, limit)

        return test

    return make


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        return None


def _moment(text: str) -> Decimal | None:
    """Seconds since 1970: written so, or as ISO 8601 (UTC where it says no zone)."""
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Decimal(str((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def _network(text: str, variables: bool) -> Test:
    del variables
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ConditionUnreadable(f"{text!r} is no address and no range of addresses") from error

    def test(value: str, _: Context) -> bool | None:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return None
        return address in network

    return test


def _comparisons(kind: str, read: Callable[[str], Decimal | None]) -> dict[str, _Maker]:
    signs: dict[str, Callable[[Decimal, Decimal], bool]] = {
        "equals": operator.eq,
        "lessthan": operator.lt,
        "lessthanequals": operator.le,
        "greaterthan": operator.gt,
        "greaterthanequals": operator.ge,
    }
    return {kind + name: _compared(read, compare) for name, compare in signs.items()}


_OPERATORS: dict[str, _Maker] = {
    "stringequals": _string,
    "stringequalsignorecase": _string_ignoring_case,
    "stringlike": _like,
    "arnequals": _arn,
    "arnlike": _arn,
    "bool": _boolean,
    "binaryequals": _exact,
    "ipaddress": _network,
    **_comparisons("numeric", _number),
    **_comparisons("date", _moment),
}
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
