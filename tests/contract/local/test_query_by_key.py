"""Queries that look at their own items find what moto finds when it looks at all."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.local.gaps import gap
from tests.contract.local.moto_process import patched_python

TABLE = """
import json, random
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType

def schema(*names):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]

def index(name, *names):
    return {"IndexName": name, "KeySchema": schema(*names), "Projection": {"ProjectionType": "ALL"}}

def make(*names):
    backend = DynamoDBBackend("us-east-1", "123456789012")
    table = backend.create_table(
        name="t", schema=schema(*names),
        attr=[{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
        throughput=None, billing_mode="PAY_PER_REQUEST", streams=None, sse_specification=None, tags=[],
        global_indexes=[index("one", "g"), index("two", "g", "n")], indexes=[index("local", names[0], "n")],
        deletion_protection_enabled=False, warm_throughput=None,
    )
    return backend, table

types = {"pk": "S", "sk": "N", "g": "N", "n": "S"}
"""

EVERYTHING = """
chance = random.Random(7)
spellings = ["1", "1.0", "2", "10", "-3", "1e1"]

for names in (("pk", "sk"), ("pk",)):
    backend, table = make(*names)
    keys = "abc" if len(names) == 2 else "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for _ in range(120):
        item = {"pk": {"S": chance.choice(keys)}, "sk": {"N": str(chance.randrange(40))}}
        if chance.random() < 0.8:
            item["g"] = {"N": chance.choice(spellings)}
        if chance.random() < 0.8:
            item["n"] = {"S": chance.choice("xyz")}
        table.put_item(item)
    for _ in range(30):
        victim = chance.choice(table.all_items())
        table.delete_item(victim.hash_key, victim.range_key)
    for _ in range(300):
        name = chance.choice([None, "one", "two", "local"])
        hash_name = "pk" if name in (None, "local") else "g"
        value = {"S": chance.choice(keys + "!")} if hash_name == "pk" else {"N": chance.choice(spellings)}
        comparison, values = chance.choice([(None, []), (">", [{"N": "5"}])]) if name is None else (None, [])
        if len(names) == 1:
            comparison, values = None, []
        start, limit, forward = None, chance.choice([2, 7, None]), chance.random() < 0.5
        for _ in range(3):
            items, scanned, start = table.query(
                DynamoType(value), comparison, [DynamoType(each) for each in values], limit, start, forward, None,
                index_name=name, hash_key_conditions=[(hash_name, DynamoType(value))], range_key_conditions=[],
            )
            print(json.dumps([[item.to_json() for item in items], scanned, str(start)]))
            if start is None:
                break
    items, _, last = table.scan({}, 10, None)
    print(json.dumps([item.to_json() for item in items + table.scan({}, None, last)[0]]))
"""

COUNTED = """
backend, table = make("pk", "sk")
for number in range(300):
    item = {"pk": {"S": f"p{number % 100}"}, "sk": {"N": str(number)}, "g": {"N": str(number)}, "n": {"S": "x"}}
    table.put_item(item)
compared = 0

def counting(method):
    def call(self, other):
        global compared
        compared += 1
        return method(self, other)
    return call

for name in ("__lt__", "__eq__", "__ne__", "__gt__"):
    setattr(DynamoType, name, counting(getattr(DynamoType, name)))
key = DynamoType({"S": "p7"})
items, *_ = table.query(key, None, [], None, None, True, None, hash_key_conditions=[("pk", key)])
print(len(items), compared < 30)
"""


@gap("query_by_key", "3 False")
def test_a_query_looks_at_its_own_items(moto: Any) -> None:
    assert moto.python(TABLE + COUNTED) == "3 True\n"


def test_what_is_found_is_what_moto_finds() -> None:
    found = patched_python(TABLE + EVERYTHING)
    assert found == patched_python(TABLE + EVERYTHING, ["query_by_key"])
    answers = [json.loads(line) for line in found.splitlines()]
    assert len(answers) > 600
    assert sum(bool(answer[0]) for answer in answers) > 300
