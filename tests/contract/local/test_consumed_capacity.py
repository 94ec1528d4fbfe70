"""ConsumedCapacity by AWS's rules: Developer Guide, "DynamoDB read and write operations"."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.contract.local.gaps import gap


@pytest.fixture(scope="module")
def indexed(moto: Any) -> tuple[Any, str]:
    return make(moto)


def make(moto: Any) -> tuple[Any, str]:
    dynamodb = moto.client("dynamodb")
    name = f"capacity-{uuid.uuid4().hex[:8]}"
    dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk", "g", "l")],
        GlobalSecondaryIndexes=[{
            "IndexName": "global", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }],
        LocalSecondaryIndexes=[{
            "IndexName": "local", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "l", "KeyType": "RANGE"}],
        }],
    )  # fmt: skip
    return dynamodb, name


def item(key: str, size_bytes: int, **more: str) -> dict[str, Any]:
    """Of exactly that size, with its partition `p`."""
    made = {"pk": {"S": "p"}, "sk": {"S": key}} | {name: {"S": text} for name, text in more.items()}
    taken = sum(len(name) + len(value["S"]) for name, value in made.items())
    return made | {"v": {"S": "x" * (size_bytes - taken - 1)}}


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": "p"}, "sk": {"S": name}}


def units(answer: Any) -> Any:
    found = answer["ConsumedCapacity"]
    return [one["CapacityUnits"] for one in found] if isinstance(found, list) else found["CapacityUnits"]


@gap("consumed_capacity", "assert 1.0 == 3.0")
def test_single_items(moto: Any) -> None:
    dynamodb, name = make(moto)
    total = {"TableName": name, "ReturnConsumedCapacity": "TOTAL"}
    assert units(dynamodb.put_item(Item=item("a", 2049), **total)) == 3.0
    assert units(dynamodb.put_item(Item=item("a", 1024), **total)) == 3.0  # as large as what was there
    assert units(dynamodb.put_item(Item=item("a", 8193), **total)) == 9.0
    assert units(dynamodb.get_item(Key=key("a"), **total)) == 1.5
    assert units(dynamodb.get_item(Key=key("a"), ProjectionExpression="sk", **total)) == 1.5
    assert units(dynamodb.get_item(Key=key("a"), ConsistentRead=True, **total)) == 3.0
    assert units(dynamodb.get_item(Key=key("nobody"), **total)) == 0.5
    shrink = {"UpdateExpression": "REMOVE v"}
    assert units(dynamodb.update_item(Key=key("a"), **shrink, **total)) == 9.0
    assert units(dynamodb.update_item(Key=key("new"), **shrink, **total)) == 1.0
    assert units(dynamodb.delete_item(Key=key("a"), **total)) == 1.0
    assert units(dynamodb.delete_item(Key=key("a"), **total)) == 1.0
    for call, more in (
        (dynamodb.put_item, {"Item": key("a")}),
        (dynamodb.update_item, {"Key": key("a"), **shrink}),
        (dynamodb.get_item, {"Key": key("a")}),
        (dynamodb.delete_item, {"Key": key("a")}),
        (dynamodb.scan, {}),
    ):
        assert "ConsumedCapacity" not in call(TableName=name, **more)


def test_indexes(indexed: tuple[Any, str]) -> None:
    dynamodb, name = indexed
    asked = {"TableName": name, "ReturnConsumedCapacity": "INDEXES"}

    def put(made: dict[str, Any]) -> tuple[float, float, float, float]:
        found = dynamodb.put_item(Item=made, **asked)["ConsumedCapacity"]
        assert found["TableName"] == name
        of_global = found.get("GlobalSecondaryIndexes", {}).get("global", {}).get("CapacityUnits", 0)
        of_local = found.get("LocalSecondaryIndexes", {}).get("local", {}).get("CapacityUnits", 0)
        return found["CapacityUnits"], found["Table"]["CapacityUnits"], of_global, of_local

    assert put(item("i", 2000)) == (2, 2, 0, 0)
    assert put(item("i", 2000, g="1", l="1")) == (5, 2, 1, 2)
    assert put(item("i", 3000, g="1", l="1")) == (6, 3, 0, 3)  # the global index has keys only
    assert put(item("i", 3000, g="2", l="1")) == (8, 3, 2, 3)
    assert put(item("i", 3000, g="2")) == (6, 3, 0, 3)
    assert put(item("i", 3000, g="2")) == (3, 3, 0, 0)
    query = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "2"}}}
    found = dynamodb.query(IndexName="global", **query, **asked)["ConsumedCapacity"]
    assert found == {
        "TableName": name,
        "CapacityUnits": 0.5,
        "Table": {"CapacityUnits": 0.0},
        "GlobalSecondaryIndexes": {"global": {"CapacityUnits": 0.5}},
    }


def test_many_items(moto: Any) -> None:
    dynamodb, name = make(moto)
    items = [item(str(number), 3000) for number in range(4)]
    puts = {name: [{"PutRequest": {"Item": one}} for one in items]}
    assert units(dynamodb.batch_write_item(RequestItems=puts, ReturnConsumedCapacity="TOTAL")) == [12.0]
    assert "ConsumedCapacity" not in dynamodb.batch_write_item(RequestItems=puts)
    gets = {name: {"Keys": [key(str(number)) for number in range(5)]}}
    assert units(dynamodb.batch_get_item(RequestItems=gets, ReturnConsumedCapacity="TOTAL")) == [2.5]
    gets[name]["ConsistentRead"] = True  # type: ignore[assignment]
    assert units(dynamodb.batch_get_item(RequestItems=gets, ReturnConsumedCapacity="TOTAL")) == [5.0]
    assert "ConsumedCapacity" not in dynamodb.batch_get_item(RequestItems=gets)
    query = {
        "TableName": name, "KeyConditionExpression": "pk = :p", "FilterExpression": "sk = :s",
        "ExpressionAttributeValues": {":p": {"S": "p"}, ":s": {"S": "1"}}, "ReturnConsumedCapacity": "TOTAL",
    }  # fmt: skip
    found = dynamodb.query(**query, ProjectionExpression="sk")
    assert (found["Items"], found["ScannedCount"]) == ([{"sk": {"S": "1"}}], 4)
    assert units(found) == 1.5  # 12,000 bytes were read, together
    assert units(dynamodb.query(**query, ConsistentRead=True)) == 3.0
    assert units(dynamodb.query(**query, Limit=1)) == 0.5
    assert units(dynamodb.scan(TableName=name, ReturnConsumedCapacity="TOTAL", Select="COUNT")) == 1.5
    assert dynamodb.scan(TableName=name, Select="COUNT")["Count"] == 4


def test_transactions(moto: Any) -> None:
    dynamodb, name = make(moto)
    writes = [{"Put": {"TableName": name, "Item": item(str(number), 1500)}} for number in range(2)]
    asked = {"ReturnConsumedCapacity": "TOTAL", "ClientRequestToken": name}
    first = dynamodb.transact_write_items(TransactItems=writes, **asked)["ConsumedCapacity"]
    assert first == [{"TableName": name, "CapacityUnits": 8.0, "WriteCapacityUnits": 8.0}]
    again = dynamodb.transact_write_items(TransactItems=writes, **asked)["ConsumedCapacity"]
    assert again == [{"TableName": name, "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}]
    reads = [{"Get": {"TableName": name, "Key": key(str(number))}} for number in range(3)]
    found = dynamodb.transact_get_items(TransactItems=reads, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    six = {"CapacityUnits": 6.0, "ReadCapacityUnits": 6.0}
    assert found == [{"TableName": name, **six, "Table": six}]
    for call, operations in ((dynamodb.transact_write_items, writes), (dynamodb.transact_get_items, reads)):
        assert "ConsumedCapacity" not in call(TransactItems=operations)
