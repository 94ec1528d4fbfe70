"""Sizes by the rules of DynamoDB's Developer Guide ("DynamoDB item sizes and formats")."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.item_sizes import item_size_bytes, value_size_bytes


@pytest.mark.parametrize(
    ("value", "size_bytes"),
    [
        ({"S": "äx"}, 3),
        ({"S": ""}, 0),
        ({"N": "0"}, 1),
        ({"N": "100"}, 2),
        ({"N": "12345"}, 4),
        ({"N": "-27"}, 3),
        ({"N": "1.50"}, 2),
        ({"N": "1E+20"}, 2),
        ({"N": "1" * 38}, 20),
        ({"B": b"\0\1\2"}, 3),
        ({"B": "AAEC"}, 3),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "22"]}, 4),
        ({"BS": [b"a"]}, 1),
        ({"L": []}, 3),
        ({"L": [{"S": "a"}, {"BOOL": True}]}, 7),
        ({"M": {}}, 3),
        ({"M": {"ab": {"S": "c"}}}, 7),
    ],
)
def test_a_value(value: dict[str, Any], size_bytes: int) -> None:
    from moto.dynamodb.models.dynamo_type import DynamoType

    assert value_size_bytes(value) == size_bytes
    assert value_size_bytes(DynamoType(value)) == size_bytes


def test_an_item() -> None:
    assert item_size_bytes({"pk": {"S": "key"}, "n": {"N": "1"}}) == 2 + 3 + 1 + 2
