from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services_ai_sdk.manifest.positions import locate

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(value=values, indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans())
def test_it_reads_what_json_writes(value: Any, indent: int | None, ascii_only: bool) -> None:
    located = locate(json.dumps(value, indent=indent, ensure_ascii=ascii_only))
    assert not located.broken
    assert located.value == value


@settings(deadline=None)
@given(text=st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \\u\n', max_size=60))
def test_it_accepts_what_json_accepts_and_nothing_else(text: str) -> None:
    located = locate(text)
    try:
        expected = json.loads(text)
    except ValueError:
        assert located.broken
    else:
        assert not located.broken
        if not located.problems:
            assert located.value == expected


@settings(deadline=None)
@given(value=values)
def test_every_value_is_where_it_says(value: Any) -> None:
    located = locate(json.dumps(value))
    for start, end in located.values.values():
        json.loads(located.text[start:end])


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ('{\n  "a": 1,\n}', 3, 1),
        ('{"a" 1}', 1, 6),
        ('{"a": 1 "b": 2}', 1, 9),
        ('{"a": tru}', 1, 7),
        ("{} {}", 1, 4),
        ('{"ä": "\\x"}', 1, 8),
        ("[" * 100_000, 1, 52),
        ("9" * 10_000, 1, 1),
    ],
)
def test_broken_syntax_has_its_place(text: str, line: int, column: int) -> None:
    located = locate(text)
    assert located.broken
    assert located.line_column(located.problems[-1].offset) == (line, column)


def test_it_goes_on_after_a_duplicate_key_and_after_nan() -> None:
    located = locate('{"a": NaN, "a": 2, "b": [-Infinity]}')
    assert [problem.code for problem in located.problems] == ["json-nan", "json-duplicate-key", "json-nan"]
    assert located.value == {"a": 2, "b": [None]}


def test_half_a_surrogate_pair_is_a_problem() -> None:
    located = locate('{"a": "\\ud800"}')
    assert [problem.code for problem in located.problems] == ["json-surrogate"]
    located.value["a"].encode()
