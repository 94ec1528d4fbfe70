"""DynamoDB under many threads of several processes: what is done at the same time is done as if one after another.

Each check prepares, is worked on by every thread at once, and judges what is left. `load` runs them against any
endpoint: the local cloud, and a server that breaks the rule of one thread, where they must find losses.
"""

from __future__ import annotations

import multiprocessing
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"


@dataclass(frozen=True)
class Target:
    """Where the calls go, and how they are spread."""

    endpoint: str
    key: str = ""
    """moto's own port wants one; the local cloud's front adds it itself."""
    processes: int = 4
    threads: int = 8
    rounds: int = 6

    @property
    def callers(self) -> int:
        return self.processes * self.threads

    def client(self) -> Any:
        client = boto3.client(
            "dynamodb", endpoint_url=self.endpoint, region_name=REGION,
            aws_access_key_id="local", aws_secret_access_key="local",
            config=Config(
                retries={"total_max_attempts": 1}, max_pool_connections=self.threads + 1, read_timeout=60
            ),
        )  # fmt: skip

        def add_key(request: Any, **kwargs: Any) -> None:
            request.headers["x-services-ai-key"] = self.key

        if self.key:
            client.meta.events.register("before-send", add_key)
        return client


class Check(Protocol):
    """One rule. `work` is called by each caller; what it yields is counted over all of them."""

    def prepare(self, client: Any, table: str) -> None: ...

    def work(self, client: Any, table: str, caller: int, rounds: int) -> Iterator[str]: ...

    def judge(self, client: Any, table: str, target: Target, seen: Counter[str]) -> dict[str, tuple[Any, Any]]:
        """What is, and what has to be, by name."""
        ...


class OneWinner:
    """Of many conditional writes of one item exactly one succeeds."""

    def prepare(self, client: Any, table: str) -> None:
        put(client, table, "epoch", 0)

    def work(self, client: Any, table: str, caller: int, rounds: int) -> Iterator[str]:
        for number in range(rounds):
            with_condition = {
                "Item": {"pk": {"S": f"lock-{number}"}}, "ConditionExpression": "attribute_not_exists(pk)",
            }  # fmt: skip
            if refused(client.put_item, TableName=table, **with_condition) == "":
                yield "puts won"
            epoch = {
                "Key": {"pk": {"S": "epoch"}},
                "UpdateExpression": "SET v = :new",
                "ConditionExpression": "v = :old",
                "ExpressionAttributeValues": {":old": {"N": str(number)}, ":new": {"N": str(number + 1)}},
            }
            if refused(client.update_item, TableName=table, **epoch) == "":
                yield "updates won"

    def judge(self, client: Any, table: str, target: Target, seen: Counter[str]) -> dict[str, tuple[Any, Any]]:
        # A caller that is late meets a later epoch: it wins nothing, and the one of each epoch has.
        return {
            "puts that won": (seen["puts won"], target.rounds),
            "updates that won": (seen["updates won"], value(client, table, "epoch")),
        }


class Counters:
    """No increment is lost."""

    def prepare(self, client: Any, table: str) -> None:
        put(client, table, "set", 0)

    def work(self, client: Any, table: str, caller: int, rounds: int) -> Iterator[str]:
        for _ in range(rounds):
            for key, expression in (("add", "ADD v :one"), ("set", "SET v = v + :one")):
                client.update_item(
                    TableName=table, Key={"pk": {"S": key}}, UpdateExpression=expression,
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )  # fmt: skip
                yield key

    def judge(self, client: Any, table: str, target: Target, seen: Counter[str]) -> dict[str, tuple[Any, Any]]:
        wanted = target.callers * target.rounds
        return {key: (value(client, table, key), wanted) for key in ("add", "set")}


class Transfers:
    """A transaction happens wholly or not at all, also for who reads by a transaction."""

    ACCOUNTS = 10
    BALANCE = 20

    def prepare(self, client: Any, table: str) -> None:
        for number in range(self.ACCOUNTS):
            put(client, table, f"account-{number}", self.BALANCE)

    def work(self, client: Any, table: str, caller: int, rounds: int) -> Iterator[str]:
        chance = random.Random(caller)
        for number in range(rounds):
            if number % 3 == 2:
                gets = [{"Get": {"TableName": table, "Key": account(each)}} for each in range(self.ACCOUNTS)]
                found = client.transact_get_items(TransactItems=gets)["Responses"]
                if sum(int(one["Item"]["v"]["N"]) for one in found) != self.ACCOUNTS * self.BALANCE:
                    yield "half seen"
                continue
            giver, taker = chance.sample(range(self.ACCOUNTS), 2)
            amount = {":n": {"N": str(chance.randint(1, 15))}}
            give = {
                "TableName": table, "Key": account(giver), "UpdateExpression": "SET v = v - :n",
                "ConditionExpression": "v >= :n", "ExpressionAttributeValues": amount,
            }  # fmt: skip
            take = {
                "TableName": table, "Key": account(taker), "UpdateExpression": "ADD v :n",
                "ExpressionAttributeValues": amount,
            }  # fmt: skip
            operations = [{"Update": take}, {"Update": give}]  # the one that may fail comes last
            yield "refused" if refused(client.transact_write_items, TransactItems=operations) else "moved"

    def judge(self, client: Any, table: str, target: Target, seen: Counter[str]) -> dict[str, tuple[Any, Any]]:
        balances = [value(client, table, f"account-{number}") for number in range(self.ACCOUNTS)]
        return {
            "sum of all accounts": (sum(balances), self.ACCOUNTS * self.BALANCE),
            "readers that saw half a transfer": (seen["half seen"], 0),
            "accounts below nothing": (sum(balance < 0 for balance in balances), 0),
            "there were transfers": (seen["moved"] > 0, True),
        }


class ExclusiveTransactions:
    """Of many transactions that exclude each other one happens, with all it does."""

    def prepare(self, client: Any, table: str) -> None:
        put(client, table, "done", 0)

    def work(self, client: Any, table: str, caller: int, rounds: int) -> Iterator[str]:
        for number in range(rounds):
            count = {
                "TableName": table, "Key": {"pk": {"S": "done"}}, "UpdateExpression": "ADD v :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }  # fmt: skip
            lock = {
                "TableName": table, "Item": {"pk": {"S": f"exclusive-{number}"}},
                "ConditionExpression": "attribute_not_exists(pk)",
            }  # fmt: skip
            if refused(client.transact_write_items, TransactItems=[{"Update": count}, {"Put": lock}]) == "":
                yield "won"

    def judge(self, client: Any, table: str, target: Target, seen: Counter[str]) -> dict[str, tuple[Any, Any]]:
        return {
            "transactions that won": (seen["won"], target.rounds),
            "what they counted": (value(client, table, "done"), target.rounds),
        }


class Rollbacks:
    """A transaction that fails takes back what it did, and nothing that others did meanwhile."""

    def prepare(self, client: Any, table: str) -> None:
        for key in ("beside", "within"):
            put(client, table, key, 0)

    def work(self, client: Any, table: str, caller: int, rounds: int) -> Iterator[str]:
        def add(key: str) -> dict[str, Any]:
            return {
                "TableName": table, "Key": {"pk": {"S": key}}, "UpdateExpression": "ADD v :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }  # fmt: skip

        never = {"TableName": table, "Key": {"pk": {"S": "nobody"}}, "ConditionExpression": "attribute_exists(pk)"}
        for _ in range(rounds):
            if caller % 2:
                client.update_item(**add("beside"))
                yield "added"
            elif refused(client.transact_write_items, TransactItems=[
                {"Update": add("within")}, {"ConditionCheck": never},
            ]) == "":  # fmt: skip
                yield "impossible"

    def judge(self, client: Any, table: str, target: Target, seen: Counter[str]) -> dict[str, tuple[Any, Any]]:
        return {
            "additions beside transactions that fail": (value(client, table, "beside"), seen["added"]),
            "additions of transactions that fail": (value(client, table, "within"), 0),
            "transactions that had to fail and did not": (seen["impossible"], 0),
        }


class Batches:
    """Nothing of a batch is lost."""

    def prepare(self, client: Any, table: str) -> None:
        pass

    def work(self, client: Any, table: str, caller: int, rounds: int) -> Iterator[str]:
        for number in range(max(1, rounds // 3)):
            items = [
                {"PutRequest": {"Item": {"pk": {"S": f"batch-{caller}-{number}-{each}"}}}} for each in range(25)
            ]
            answer = client.batch_write_item(RequestItems={table: items})
            yield from ["unprocessed"] * len(answer["UnprocessedItems"].get(table, ()))
            yield from ["written"] * len(items)

    def judge(self, client: Any, table: str, target: Target, seen: Counter[str]) -> dict[str, tuple[Any, Any]]:
        pages = client.get_paginator("scan").paginate(TableName=table, Select="COUNT")
        found = sum(page["Count"] for page in pages)
        return {"items of batches": (found, seen["written"] - seen["unprocessed"])}


class Duplicates:
    """A transaction that everybody sends under the same token happens once."""

    def prepare(self, client: Any, table: str) -> None:
        put(client, table, "once", 0)

    def work(self, client: Any, table: str, caller: int, rounds: int) -> Iterator[str]:
        for number in range(rounds):
            count = {
                "TableName": table, "Key": {"pk": {"S": "once"}}, "UpdateExpression": "ADD v :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }  # fmt: skip
            client.transact_write_items(TransactItems=[{"Update": count}], ClientRequestToken=f"{table}-{number}")
            yield "answered"

    def judge(self, client: Any, table: str, target: Target, seen: Counter[str]) -> dict[str, tuple[Any, Any]]:
        return {
            "tokens that were used": (value(client, table, "once"), target.rounds),
            "answers": (seen["answered"], target.callers * target.rounds),
        }


CHECKS: tuple[type[Check], ...] = (
    OneWinner,
    Counters,
    Transfers,
    ExclusiveTransactions,
    Rollbacks,
    Batches,
    Duplicates,
)


def run(check: type[Check], target: Target) -> list[str]:
    """What went wrong; each check has a table of its own."""
    client = target.client()
    table = f"{check.__name__}-{uuid.uuid4().hex[:8]}"
    client.create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )  # fmt: skip
    check().prepare(client, table)
    with ProcessPoolExecutor(target.processes, multiprocessing.get_context("spawn")) as pool:
        parts = [pool.submit(_process, check, target, table, number) for number in range(target.processes)]
        seen: Counter[str] = sum((part.result() for part in parts), Counter())
    judged = check().judge(client, table, target, seen)
    client.delete_table(TableName=table)
    wrong = [f"{name}: {found}, not {wanted}" for name, (found, wanted) in judged.items() if found != wanted]
    return wrong + [f"{count} x {what}" for what, count in seen.items() if what.startswith("broken: ")]


def _process(check: type[Check], target: Target, table: str, number: int) -> Counter[str]:
    client = target.client()
    start = threading.Barrier(target.threads)

    def caller(thread: int) -> Counter[str]:
        start.wait()
        seen: Counter[str] = Counter()
        try:
            seen.update(check().work(client, table, number * target.threads + thread, target.rounds))
        except ClientError as error:
            seen[f"broken: {error}"] += 1
        return seen

    with ThreadPoolExecutor(target.threads) as threads:
        return sum(threads.map(caller, range(target.threads)), Counter())


def refused(call: Any, **request: Any) -> str:
    """The code of a refusal that a condition made; empty when there was none."""
    try:
        call(**request)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code not in ("ConditionalCheckFailedException", "TransactionCanceledException"):
            raise
        return code
    return ""


def account(number: int) -> dict[str, Any]:
    return {"pk": {"S": f"account-{number}"}}


def put(client: Any, table: str, key: str, number: int) -> None:
    client.put_item(TableName=table, Item={"pk": {"S": key}, "v": {"N": str(number)}})


def value(client: Any, table: str, key: str) -> int:
    found = client.get_item(TableName=table, Key={"pk": {"S": key}}, ConsistentRead=True)["Item"]
    return int(found["v"]["N"])
