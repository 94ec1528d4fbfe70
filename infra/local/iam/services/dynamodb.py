"""DynamoDB and its streams. Source: Service Authorization Reference, "Amazon DynamoDB"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from infra.local.iam.reading import Ambiguous, Call
from infra.local.iam.services.need import Facts, Need, of_arn_or_name

_KEY = "dynamodb:leadingkeys"
_NO_TABLE = frozenset(
    {"ListTables", "DescribeLimits", "DescribeEndpoints", "ListBackups", "ListStreams", "ListExports"}
)
_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
# No quotes before FROM: what is inside them could look like another FROM.
_STATEMENT = re.compile(
    r"\s*(?:(SELECT)\s[\w\s,.*\[\]]+?\sFROM|(INSERT)\s+INTO|(UPDATE)|(DELETE)\s+FROM)\s+"
    r"(\"[^\"]+\"|[A-Za-z0-9_.-]+)(?:\.(\"[^\"]+\"))?(?:\s.*)?",
    re.IGNORECASE | re.DOTALL,
)
_EQUAL = re.compile(r"([#\w][\w.-]*)\s*=\s*(:\w+)")


async def needs(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request needs."""
    fields, operation = call.fields, call.operation
    if operation in ("BatchGetItem", "BatchWriteItem"):
        tables = _objects(fields.get("RequestItems"))
        return [
            Need(
                f"dynamodb:{operation}",
                _table(call, table),
                values={_KEY: keys} if (keys := await _keys_of(call, facts, table, _batched(wanted))) else {},
            )
            for table, wanted in tables.items()
        ]
    if operation in ("TransactGetItems", "TransactWriteItems"):
        found = []
        for item in _list(fields.get("TransactItems")):
            ((kind, wanted),) = _objects(item).items() if len(_objects(item)) == 1 else [("", {})]
            if kind not in _TRANSACTIONS:
                raise Ambiguous("an element of TransactItems with more or less than one action")
            one = await _of_item(call, facts, _TRANSACTIONS[kind], _objects(wanted))
            found.append(
                Need(one.action, one.resource, values={**one.values, "dynamodb:enclosingoperation": (operation,)})
            )
        return found
    if operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        statements = {"BatchExecuteStatement": "Statements", "ExecuteTransaction": "TransactStatements"}
        wanted = _list(fields.get(statements[operation])) if operation in statements else [fields]
        return [_of_statement(call, str(_objects(one).get("Statement", ""))) for one in wanted]
    if operation in ("DescribeStream", "GetShardIterator"):
        return [Need(f"dynamodb:{operation}", of_arn_or_name(call, call.text("StreamArn"), "table/"))]
    if operation == "GetRecords":
        stream = call.text("ShardIterator").partition("|")[0]
        return [Need("dynamodb:GetRecords", of_arn_or_name(call, stream, "table/"))]
    if operation in _NO_TABLE:
        return [Need(f"dynamodb:{operation}")]
    if "TableName" in fields:
        return [await _of_item(call, facts, operation, fields)]
    if "ResourceArn" in fields:
        return [Need(f"dynamodb:{operation}", of_arn_or_name(call, call.text("ResourceArn"), "table/"))]
    return [Need(f"dynamodb:{operation}", known=False)]


async def _of_item(call: Call, facts: Facts, operation: str, fields: dict[str, Any]) -> Need:
    name = fields.get("TableName")
    if not isinstance(name, str):
        raise Ambiguous("TableName is no text")
    table = resource = _table(call, name)
    index = fields.get("IndexName")
    if isinstance(index, str) and operation in ("Query", "Scan"):
        resource = f"{table}/index/{index}"
    values: dict[str, tuple[str, ...]] = {"dynamodb:enclosingoperation": ()}
    for parameter in ("Select", "ReturnValues", "ReturnConsumedCapacity"):
        given = fields.get(parameter)
        values[f"dynamodb:{parameter.lower()}"] = (given,) if isinstance(given, str) else ()
    items: list[Any] = []
    if operation == "Scan":
        values[_KEY] = ()
    elif operation == "Query":
        key = await _key_name(call, facts, table, index if isinstance(index, str) else "")
        found = _queried(fields, key)
        if found is not None:
            values[_KEY] = (found,)
    elif operation in ("GetItem", "DeleteItem", "UpdateItem", "ConditionCheckItem"):
        items = [fields.get("Key")]
    elif operation == "PutItem":
        items = [fields.get("Item")]
    keys = await _keys_of(call, facts, name, items) if items else ()
    if keys:
        values[_KEY] = keys
    return Need(f"dynamodb:{operation}", resource, values=values)


def _table(call: Call, name: str) -> str:
    return of_arn_or_name(call, name, "table/")


async def _key_name(call: Call, facts: Facts, table: str, index: str = "") -> str:
    name = table.rpartition("table/")[2]
    return str(await facts("iam/table-key", table=name, index=index, region=call.region, account=call.account))


async def _keys_of(call: Call, facts: Facts, table: str, items: Iterable[Any]) -> tuple[str, ...]:
    """The partition keys of items; none where one of them cannot be read: the others are not all."""
    key = await _key_name(call, facts, _table(call, table))
    found = [_scalar(_objects(item).get(key)) for item in items]
    return tuple(one for one in found if one is not None) if key and None not in found else ()


def _batched(wanted: Any) -> list[Any]:
    if isinstance(wanted, dict):
        return _list(wanted.get("Keys"))
    found = []
    for request in _list(wanted):
        ((kind, one),) = _objects(request).items() if len(_objects(request)) == 1 else [("", None)]
        found.append(_objects(one).get({"PutRequest": "Item", "DeleteRequest": "Key"}.get(kind, "")))
    return found


def _queried(fields: dict[str, Any], key: str) -> str | None:
    """The partition key that a query names; None where it is not plain to see."""
    if not key or "KeyConditions" in fields:
        return None
    names, values = (
        _objects(fields.get("ExpressionAttributeNames")),
        _objects(fields.get("ExpressionAttributeValues")),
    )
    found = [
        value
        for name, value in _EQUAL.findall(str(fields.get("KeyConditionExpression", "")))
        if names.get(name, name) == key
    ]
    return _scalar(values.get(found[0])) if len(found) == 1 else None


def _scalar(value: Any) -> str | None:
    if isinstance(value, dict) and len(value) == 1:
        ((kind, one),) = value.items()
        if kind in ("S", "N", "B") and isinstance(one, str):
            return one
    return None


def _of_statement(call: Call, statement: str) -> Need:
    """PartiQL; its keys are not read, so that a condition on them never allows."""
    match = _STATEMENT.fullmatch(statement)
    if match is None:
        return Need("dynamodb:PartiQLStatement", known=False)
    verb = next(one for one in match.groups()[:4] if one).capitalize()
    resource = call.arn("table/" + match[5].strip('"'))
    return Need(f"dynamodb:PartiQL{verb}", resource + (f"/index/{match[6].strip(chr(34))}" if match[6] else ""))


def _objects(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
