"""The report of partial failures, as Lambda's pollers read it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.batch_failures import failed_items

KNOWN = {"a", "b", "c"}


@pytest.mark.parametrize(
    "payload", [b"", b"  ", b"null", b"{}", b'{"batchItemFailures":[]}', b'{"batchItemFailures":null}']
)
def test_nothing_reported_is_success(payload: bytes) -> None:
    assert failed_items(payload, KNOWN) == set()


def test_reported_items_failed() -> None:
    payload = json.dumps({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]}).encode()
    assert failed_items(payload, KNOWN) == {"b", "c"}


@pytest.mark.parametrize(
    "payload",
    [
        b'{"batchItemFailures":[{"itemIdentifier":""}]}',
        b'{"batchItemFailures":[{"itemIdentifier":null}]}',
        b'{"batchItemFailures":[{"itemIdentifier":"nobody"}]}',
        b'{"batchItemFailures":[{"wrongKey":"a"}]}',
        b'{"batchItemFailures":["a"]}',
        b'{"batchItemFailures":"a"}',
        b'"text"',
        b"[1]",
        b"not json",
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_understood_fails_the_batch(payload: bytes) -> None:
    assert failed_items(payload, KNOWN) == KNOWN


@given(
    st.binary()
    | st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists).map(
        lambda v: json.dumps(v).encode()
    )
)
def test_any_answer_gives_a_part_of_the_batch(payload: bytes) -> None:
    assert failed_items(payload, KNOWN) <= KNOWN
