"""The order of versions, held against `packaging`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from control_plane.rules.versions import at_least, order

NUMBERS = st.lists(st.integers(0, 30).map(str), min_size=1, max_size=4).map(".".join)
EARLY = st.builds(
    lambda kind, number: f"{kind}{number}", st.sampled_from(["a", "b", "rc", ".dev"]), st.integers(0, 9)
)
LATER = st.builds(lambda number: f".post{number}", st.integers(0, 9))
VERSIONS = st.builds(str.__add__, NUMBERS, st.one_of(st.just(""), EARLY, LATER))


@given(VERSIONS, VERSIONS)
def test_it_is_that_of_packaging(one: str, other: str) -> None:
    expected = (Version(one) > Version(other)) - (Version(one) < Version(other))
    assert (order(one) > order(other)) - (order(one) < order(other)) == expected


@pytest.mark.parametrize(
    ("later", "earlier"), [("1.10.0", "1.9.0"), ("1.0.0", "1.0.0-rc.1"), ("1.0.0+2", "1.0.0"), ("2", "1.9.9")]
)
def test_versions_as_other_ecosystems_write_them(later: str, earlier: str) -> None:
    assert at_least(later, earlier)
    assert not at_least(earlier, later)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_has_a_place(one: str, other: str) -> None:
    assert at_least(one, other) or at_least(other, one)
