"""Texts of a policy against texts of a request: wildcards and policy variables. Pure.

Sources: IAM User Guide, "IAM JSON policy elements: Resource", "Variables and tags", "Amazon Resource Names".
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from infra.local.iam.context import Context

_TOKEN = re.compile(r"(\$\{[^}]*\}|[*?])")
_VARIABLE = re.compile(r"\$\{\s*([^,{}\s]+)\s*(?:,\s*'([^']*)'\s*)?\}")
_ESCAPES = {"${*}": "*", "${?}": "?", "${$}": "$"}
_ARN_FIELDS = 6
_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Variable:
    """`${aws:username}`, or `${aws:PrincipalTag/team, 'none'}`."""

    key: str
    default: str | None

    def has_value(self, context: Context) -> bool:
        """Whether this request gives it one."""
        return len(context.get(self.key) or ()) == 1 or (context.get(self.key) == () and self.default is not None)


class Glob:
    """A text of a policy: compiled once, with its variables put in at each request.

    Args:
        text: As written.
        wildcards: `*` and `?` mean something.
        variables: `${…}` means something (policies of version 2012-10-17).
    """

    __slots__ = ("_fixed", "_parts", "text")

    def __init__(self, text: str, *, wildcards: bool = True, variables: bool = True) -> None:
        self.text = text
        self._parts = _parts(text, wildcards=wildcards, variables=variables)
        has_variables = any(isinstance(part, (Variable, _Unreadable)) for part in self._parts)
        self._fixed = None if has_variables else _expression(tuple(str(part) for part in self._parts))

    def matches(self, value: str, context: Context, *, ignore_case: bool = False) -> bool | None:
        """Whether it matches; None when that depends on what is not known here."""
        expression = self._fixed or self._filled(context)
        if expression is None:
            return None
        if ignore_case:
            expression = re.compile(expression.pattern, expression.flags | re.IGNORECASE)
        return expression.fullmatch(value) is not None

    def _filled(self, context: Context) -> re.Pattern[str] | None:
        parts: list[str] = []
        for part in self._parts:
            if isinstance(part, _Unreadable):
                return None
            if isinstance(part, Variable):
                values = context.get(part.key)
                if values is None:
                    return None
                if len(values) != 1:
                    # A variable without a value, or with several, matches nothing; a default stands in for none.
                    if values or part.default is None:
                        return _NOTHING
                    values = (part.default,)
                parts.append(re.escape(values[0]))
            else:
                parts.append(part)
        return _expression(tuple(parts))


def variables_in(text: str) -> tuple[Variable, ...]:
    """The variables that a text has."""
    return tuple(one for one in _parts(text, wildcards=False, variables=True) if isinstance(one, Variable))


class _Unreadable:
    """A variable that is written as AWS does not have it."""


def _parts(text: str, *, wildcards: bool, variables: bool) -> list[str | Variable | _Unreadable]:
    found: list[str | Variable | _Unreadable] = []
    for token in _TOKEN.split(text):
        if token in ("*", "?"):
            found.append(({"*": ".*", "?": "."}[token]) if wildcards else re.escape(token))
        elif token.startswith("${") and token.endswith("}") and variables:
            match = _VARIABLE.fullmatch(token)
            if token in _ESCAPES:
                found.append(re.escape(_ESCAPES[token]))
            else:
                found.append(Variable(match[1], match[2]) if match else _Unreadable())
        elif token.startswith("${") and token.endswith("}"):
            # Before 2012-10-17 it is no variable: what is between the braces may still be a wildcard.
            found += [
                {"*": ".*", "?": "."}.get(one, re.escape(one)) if wildcards else re.escape(one) for one in token
            ]
        elif token:
            found.append(re.escape(token))
    return found


@functools.lru_cache(maxsize=4096)
def _expression(parts: tuple[str, ...]) -> re.Pattern[str]:
    """One regular expression; its cost stays quadratic at worst, however many `*` a hostile pattern has."""
    pieces: list[str] = [""]
    for part in parts:
        if part == ".*":
            pieces.append("")
        else:
            pieces[-1] += part
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL)
    first, *middle, last = pieces
    # The leftmost place of each piece is the best one, so it need not be given up again (an atomic group).
    between = "".join(f"(?>.*?{piece})" for piece in middle if piece)
    return re.compile(f"{first}{between}.*{last}", re.DOTALL)


class ArnGlob:
    """A resource of a policy: `*`, or an ARN of six fields, each matched by itself.

    Missing fields at the end are `*`. Variables count in the last field only, as AWS has it.

    Args:
        text: As written.
        variables: See `Glob`.
        everywhere: Variables count in every field: so in conditions on ARNs.
    """

    __slots__ = ("_all", "_doubtful", "_fields", "text", "variables")

    def __init__(self, text: str, *, variables: bool = True, everywhere: bool = False) -> None:
        self.text = text
        self.variables = variables_in(text) if variables else ()
        self._all = text == "*"
        fields = split_arn(text)
        fields += ["*"] * (_ARN_FIELDS - len(fields))
        misplaced = variables and not everywhere
        self._doubtful = not everywhere and _wild_type(fields[2], fields[-1])
        for at, one in enumerate(fields[:-1]):
            if misplaced and "${" in one:
                self._doubtful, fields[at] = True, "*"
        self._fields = tuple(Glob(one, variables=variables) for one in fields)

    def matches(self, value: str, context: Context) -> bool | None:
        """Whether it matches an ARN, or `*` for a request that names no resource."""
        if self._all:
            return True
        fields = value.split(":", _ARN_FIELDS - 1)
        if len(fields) != _ARN_FIELDS:
            return False
        answer: bool | None = True
        for glob, one in zip(self._fields, fields, strict=True):
            found = glob.matches(one, context)
            if found is False:
                return False
            if found is None:
                answer = None
        return None if self._doubtful else answer


def split_arn(text: str) -> list[str]:
    """The fields of an ARN in a policy; a colon inside `${aws:…}` is none of its own."""
    found = [""]
    for piece in re.split(r"(\$\{[^}]*\}|:)", text):
        if piece == ":" and len(found) < _ARN_FIELDS:
            found.append("")
        else:
            found[-1] += piece
    return found


def _wild_type(service: str, resource: str) -> bool:
    """A wildcard in the part that names a resource's type (`arn:aws:iam::1:u*/x`): AWS calls it wrong."""
    if service == "s3":
        return False
    separators = [at for at in (resource.find("/"), resource.find(":")) if at >= 0]
    return bool(separators) and any(sign in resource[: min(separators)] for sign in "*?")
