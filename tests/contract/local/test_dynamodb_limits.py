"""What DynamoDB refuses is refused, and what was refused has changed nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.local.gaps import gap
from tests.contract.local.test_transactions import table

EMPTY_KEY = "The AttributeValue for a key attribute cannot contain an empty string value"
NO_KEY = "The provided key element does not match the schema"


def refused(why: str, call: Callable[..., Any], **request: Any) -> None:
    with pytest.raises(ClientError, match=re.escape(why)) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def text(key: str, content: str = "") -> dict[str, Any]:
    return {"pk": {"S": key}, "v": {"S": content}}


def key(value: Any) -> dict[str, Any]:
    return {"pk": value if isinstance(value, dict) else {"S": value}}


@gap("item_sizes", "Item size has exceeded")
def test_an_item_has_400_kb(moto: Any) -> None:
    dynamodb, name = table(moto)
    frame = len("pk" + "a" + "v")
    dynamodb.put_item(TableName=name, Item=text("a", "x" * (409_600 - frame)))
    refused(
        "Item size has exceeded the maximum allowed size",
        dynamodb.put_item, TableName=name, Item=text("a", "x" * (409_601 - frame)),
    )  # fmt: skip
    for grow in (
        {"UpdateExpression": "SET w = :w", "ExpressionAttributeValues": {":w": {"S": "x"}}},
        {"AttributeUpdates": {"w": {"Value": {"S": "x"}, "Action": "PUT"}}},
    ):
        refused(
            "Item size to update has exceeded the maximum allowed size",
            dynamodb.update_item, TableName=name, Key=key("a"), **grow,
        )  # fmt: skip
    assert set(dynamodb.get_item(TableName=name, Key=key("a"))["Item"]) == {"pk", "v"}


@gap("refused_updates", "assert {.*'first'")
def test_a_refused_update_changes_nothing(moto: Any) -> None:
    dynamodb, name = table(moto)
    before = text("a", "x" * 300_000)
    dynamodb.put_item(TableName=name, Item=before)
    for which in ("a", "new"):
        refused(
            "Item size to update has exceeded the maximum allowed size",
            dynamodb.update_item, TableName=name, Key=key(which), UpdateExpression="SET #f = :f, w = :l",
            ExpressionAttributeNames={"#f": "first"},
            ExpressionAttributeValues={":f": {"S": "1"}, ":l": {"S": "x" * 409_600}},
        )  # fmt: skip
    assert {one["pk"]["S"]: set(one) for one in dynamodb.scan(TableName=name)["Items"]} == {"a": {"pk", "v"}}


@gap("key_limits", "DID NOT RAISE")
def test_keys_that_no_item_may_have(moto: Any) -> None:
    dynamodb, name = table(moto)
    update = {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}}
    for call, more in (
        (dynamodb.update_item, update),
        (dynamodb.delete_item, {}),
        (dynamodb.get_item, {}),
    ):
        refused(EMPTY_KEY, call, TableName=name, Key=key(""), **more)
        refused(
            EMPTY_KEY if call == dynamodb.get_item else NO_KEY, call, TableName=name, Key=key({"B": b""}), **more
        )
        refused(NO_KEY, call, TableName=name, Key=key({"N": "1"}), **more)
        refused("Size of hashkey has exceeded", call, TableName=name, Key=key("k" * 2049), **more)
        call(TableName=name, Key=key("k" * 2048), **more)


@gap("batch_limits", "DID NOT RAISE")
def test_batches_are_written_wholly_or_refused(moto: Any) -> None:
    dynamodb, name = table(moto)

    def put(*items: dict[str, Any]) -> dict[str, Any]:
        return {"RequestItems": {name: [{"PutRequest": {"Item": item}} for item in items]}}

    write = dynamodb.batch_write_item
    refused(
        "Too many items requested for the BatchWriteItem call", write, **put(*(text(str(n)) for n in range(26)))
    )
    twice = "Provided list of item keys contains duplicates"
    refused(twice, write, **put(text("a"), text("a", "other")))
    both = [{"PutRequest": {"Item": text("a")}}, {"DeleteRequest": {"Key": key("a")}}]
    refused(twice, write, RequestItems={name: both})
    refused("Item size has exceeded", write, **put(text("a"), text("b", "x" * 409_600)))
    refused("Missing the key pk in the item", write, **put(text("a"), {"v": {"S": ""}}))
    assert dynamodb.scan(TableName=name)["Items"] == []
    write(**put(*(text(str(number)) for number in range(25))))
    keys = [key(str(number)) for number in range(101)]
    refused(
        "Member must have length less than or equal to 100",
        dynamodb.batch_get_item, RequestItems={name: {"Keys": keys}},
    )  # fmt: skip
    found = dynamodb.batch_get_item(RequestItems={name: {"Keys": keys[:100]}})["Responses"][name]
    assert len(found) == 25


@gap("transaction_limits", "less than or equal to 25")
def test_transactions_have_100_items_and_4_mb(moto: Any) -> None:
    dynamodb, name = table(moto)

    def reads(*keys: str) -> dict[str, Any]:
        return {"TransactItems": [{"Get": {"TableName": name, "Key": key(one)}} for one in keys]}

    def puts(*items: dict[str, Any], where: str = name) -> dict[str, Any]:
        return {"TransactItems": [{"Put": {"TableName": where, "Item": item}} for item in items]}

    get, write = dynamodb.transact_get_items, dynamodb.transact_write_items
    many = [str(number) for number in range(101)]
    assert get(**reads(*many[:100]))["Responses"] == [{}] * 100
    write(**puts(*(text(one) for one in many[:100])))
    assert [one["Item"]["pk"]["S"] for one in get(**reads(*many[:100]))["Responses"]] == many[:100]
    refused("less than or equal to 100", get, **reads(*many))
    refused("less than or equal to 100", write, **puts(*(text(one) for one in many)))
    twice = "Transaction request cannot include multiple operations on one item"
    refused(twice, get, **reads("a", "a"))
    refused(twice, write, **puts(text("a"), text("a", "other")))
    eleven = [text(f"large-{number}", "x" * 380_000) for number in range(12)]
    refused("exceeds the limit of 4194304 bytes", write, **puts(*eleven))
    for item in eleven:
        dynamodb.put_item(TableName=name, Item=item)
    refused("exceeds the limit of 4194304 bytes", get, **reads(*(item["pk"]["S"] for item in eleven)))
    refused("Missing the key pk in the item", write, **puts({"v": {"S": ""}}))
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        write(TransactItems=[{"Delete": {"TableName": "nobody", "Key": key("a")}}])
