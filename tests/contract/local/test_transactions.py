"""Transactions as DynamoDB documents them: tokens, and what is refused."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.local.gaps import gap
from tests.contract.local.moto_process import running_moto


def table(moto: Any) -> tuple[Any, str]:
    dynamodb = moto.client("dynamodb")
    name = f"t-{uuid.uuid4().hex[:8]}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return dynamodb, name


def add(name: str, key: str = "a", number: int = 1, condition: str | None = None) -> list[dict[str, Any]]:
    update: dict[str, Any] = {
        "TableName": name,
        "Key": {"pk": {"S": key}},
        "UpdateExpression": "ADD v :n",
        "ExpressionAttributeValues": {":n": {"N": str(number)}},
    }
    return [{"Update": update | ({"ConditionExpression": condition} if condition else {})}]


def value(dynamodb: Any, name: str, key: str = "a") -> int:
    found = dynamodb.get_item(TableName=name, Key={"pk": {"S": key}})
    return int(found["Item"]["v"]["N"]) if "Item" in found else 0


@gap("client_tokens", "assert 2 == 1")
def test_a_token_that_comes_again_does_nothing_again(moto: Any) -> None:
    dynamodb, name = table(moto)
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=add(name), ClientRequestToken="once")
    assert value(dynamodb, name) == 1
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException, match="the token once"):
        dynamodb.transact_write_items(TransactItems=add(name, number=2), ClientRequestToken="once")
    dynamodb.transact_write_items(TransactItems=add(name), ClientRequestToken="twice")
    dynamodb.transact_write_items(TransactItems=add(name))
    assert value(dynamodb, name) == 3
    with pytest.raises(ClientError, match="length less than or equal to 36"):
        dynamodb.transact_write_items(TransactItems=add(name), ClientRequestToken="x" * 37)
    binary = [
        {"Put": {"TableName": name, "Item": {"pk": {"S": "b"}, "v": {"B": b"\0\xff"}, "s": {"BS": [b"1", b"2"]}}}}
    ]
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=binary, ClientRequestToken="binary")


def test_a_transaction_that_failed_may_be_tried_again_with_its_token(moto: Any) -> None:
    dynamodb, name = table(moto)
    request = {"TransactItems": add(name, condition="attribute_exists(pk)"), "ClientRequestToken": "again"}
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(**request)
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}})
    for _ in range(2):
        dynamodb.transact_write_items(**request)
    assert value(dynamodb, name) == 1


def test_tokens_hold_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_moto(tmp_path, state) as moto:
        dynamodb, name = table(moto)
        dynamodb.transact_write_items(TransactItems=add(name), ClientRequestToken="once")
    with running_moto(tmp_path, state) as moto:
        dynamodb = moto.client("dynamodb")
        dynamodb.transact_write_items(TransactItems=add(name), ClientRequestToken="once")
        assert value(dynamodb, name) == 1


def test_tokens_end_after_ten_minutes_and_the_oldest_of_very_many_are_forgotten(moto: Any) -> None:
    printed = moto.python("""
from types import SimpleNamespace
from infra.local.moto_patches import client_tokens

backend = SimpleNamespace()
now = [1000.0]
client_tokens.time = SimpleNamespace(time=lambda: now[0])
for number in range(client_tokens.KEPT_TOKENS + 5):
    client_tokens._valid_tokens(backend)[str(number)] = (b"", now[0] + client_tokens.VALID_S)
print(len(backend.client_tokens), next(iter(backend.client_tokens)))
now[0] += client_tokens.VALID_S - 1
client_tokens._valid_tokens(backend)["new"] = (b"", now[0] + client_tokens.VALID_S)
print(len(backend.client_tokens))
now[0] += 1
print(list(client_tokens._valid_tokens(backend)))
""")
    assert printed == "10000 5\n10000\n['new']\n"
