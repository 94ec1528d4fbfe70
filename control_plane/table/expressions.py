"""Builds an update with its condition: names and values always go through placeholders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from control_plane.table.codec import Plain, encode

Key = dict[str, str]


class Update:
    """One conditional update of one item. Methods return the object itself.

    Args:
        key: `pk` and `sk`.
    """

    def __init__(self, key: Key) -> None:
        self.key = key
        self._clauses: dict[str, list[str]] = {}
        self._conditions: list[str] = []
        self._names: dict[str, str] = {}
        self._values: dict[str, dict[str, Any]] = {}

    def set(self, name: str, value: Plain) -> Update:
        """Writes an attribute; an empty string or None removes it, so that items stay small."""
        if value is None or value == "":
            return self.remove(name)
        return self._clause("SET", f"{self._name(name)} = {self._value(value)}")

    def set_once(self, name: str, value: Plain) -> Update:
        """Writes an attribute unless it is there."""
        place = self._name(name)
        return self._clause("SET", f"{place} = if_not_exists({place}, {self._value(value)})")

    def add(self, name: str, value: float | frozenset[str]) -> Update:
        """Adds to a number or a set; both start by themselves."""
        return self._clause("ADD", f"{self._name(name)} {self._value(value)}")

    def remove(self, name: str) -> Update:
        """Removes an attribute."""
        return self._clause("REMOVE", self._name(name))

    def take_out(self, name: str, values: frozenset[str]) -> Update:
        """Removes elements from a set; an empty set is no attribute."""
        return self._clause("DELETE", f"{self._name(name)} {self._value(values)}")

    def if_equal(self, name: str, value: Plain) -> Update:
        """Only if the attribute has this value."""
        return self._condition(f"{self._name(name)} = {self._value(value)}")

    def if_missing(self, name: str) -> Update:
        """Only if there is no such attribute."""
        return self._condition(f"attribute_not_exists({self._name(name)})")

    def if_unset(self, name: str) -> Update:
        """Only if there is no such attribute, or it is 0."""
        place = self._name(name)
        return self._condition(f"(attribute_not_exists({place}) OR {place} = {self._value(0)})")

    def if_smaller(self, name: str, size: int) -> Update:
        """Only if the set has fewer elements, or is not there."""
        place = self._name(name)
        return self._condition(f"(attribute_not_exists({place}) OR size({place}) < {self._value(size)})")

    def if_exactly(self, name: str, values: Iterable[str]) -> Update:
        """Only if the set has exactly these elements."""
        wanted = sorted(values)
        place = self._name(name)
        self._condition(f"size({place}) = {self._value(len(wanted))}")
        for value in wanted:
            self._condition(f"contains({place}, {self._value(value)})")
        return self

    def arguments(self) -> dict[str, Any]:
        """For UpdateItem, and for `Update` in a transaction."""
        expression = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in self._clauses.items())
        arguments: dict[str, Any] = {
            "Key": {name: encode(value) for name, value in self.key.items()},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": self._names,
        }
        if self._values:
            arguments["ExpressionAttributeValues"] = self._values
        if self._conditions:
            arguments["ConditionExpression"] = " AND ".join(self._conditions)
        return arguments

    def _clause(self, verb: str, text: str) -> Update:
        self._clauses.setdefault(verb, []).append(text)
        return self

    def _condition(self, text: str) -> Update:
        self._conditions.append(text)
        return self

    def _name(self, name: str) -> str:
        for place, known in self._names.items():
            if known == name:
                return place
        place = f"#n{len(self._names)}"
        self._names[place] = name
        return place

    def _value(self, value: Plain) -> str:
        place = f":v{len(self._values)}"
        self._values[place] = encode(value)
        return place
