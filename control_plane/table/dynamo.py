"""The few DynamoDB calls that the control plane makes. No scan is among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from control_plane.aws_errors import aws_code, plainly, said_plainly
from control_plane.table.codec import Item, Plain, decode_item, encode, encode_item
from control_plane.table.expressions import Key, Update

_BATCH_MAX = 100
_TRANSACTION_MAX = 100
_ATTEMPTS = 5


class ConditionFailed(Exception):  # noqa: N818 - an answer, not a fault
    """A conditional write found another state.

    Attributes:
        item: What it found; None where there is no item, or in a transaction.
    """

    def __init__(self, item: Item | None) -> None:
        super().__init__("the condition of a write did not hold")
        self.item = item


class Put:
    """One item of a transaction, or alone.

    Args:
        item: With `pk` and `sk`; None and empty strings are left out.
        only_new: Only if there is no item of that key.
    """

    def __init__(self, item: Mapping[str, Plain], *, only_new: bool = False) -> None:
        self.item = {name: value for name, value in item.items() if value is not None and value != ""}
        self.only_new = only_new

    def arguments(self) -> dict[str, Any]:
        """For PutItem, and for `Put` in a transaction."""
        arguments: dict[str, Any] = {"Item": encode_item(self.item)}
        if self.only_new:
            arguments["ConditionExpression"] = "attribute_not_exists(pk)"
        return arguments


class Delete:
    """One deletion in a transaction."""

    def __init__(self, key: Key) -> None:
        self.key = key

    def arguments(self) -> dict[str, Any]:
        """For DeleteItem, and for `Delete` in a transaction."""
        return {"Key": encode_item(self.key)}


class Table:
    """One table.

    Args:
        client: A DynamoDB client (low level).
        name: The table's name.
        now_s: Unix time; items past their `expires_at` are never shown, whether deleted yet or not.
        sleep: Between attempts.
    """

    def __init__(
        self, client: Any, name: str, *, now_s: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._client = client
        self.name = name
        self._now_s = now_s
        self._sleep = sleep

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        """One item, or None."""
        with plainly(f"reading {key['pk']}"):
            answer = self._client.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=consistent)
        item = decode_item(answer["Item"]) if "Item" in answer else None
        return item if item is not None and self._alive(item) else None

    def get_many(self, keys: Sequence[Key], *, consistent: bool = False) -> list[Item]:
        """The items that exist, in no order."""
        found: list[Item] = []
        for start in range(0, len(keys), _BATCH_MAX):
            left: list[Any] = [encode_item(key) for key in keys[start : start + _BATCH_MAX]]
            for attempt in range(_ATTEMPTS):
                with plainly(f"reading {len(left)} items"):
                    answer = self._client.batch_get_item(
                        RequestItems={self.name: {"Keys": left, "ConsistentRead": consistent}}
                    )
                found += [decode_item(item) for item in answer["Responses"].get(self.name, [])]
                left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not left:
                    break
                self._sleep(0.02 * 2**attempt)
            else:
                error = ClientError(
                    {"Error": {"Code": "ThrottlingException", "Message": f"{len(left)} items were not read"}},
                    "BatchGetItem",
                )
                raise said_plainly(error, "reading items")
        return [item for item in found if self._alive(item)]

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        since: str = "",
        index: str = "",
        newest_first: bool = False,
        consistent: bool = False,
        page_size: int = 0,
    ) -> Iterator[Item]:
        """Items of one partition in order of their sort key; read page by page, as far as the caller goes.

        Args:
            pk: Partition, of the table or of `index`.
            prefix: What the sort key begins with.
            since: With `prefix`: the sort key is at least `prefix + since` (and still has the prefix).
            index: `gsi1`, or the table itself.
            newest_first: Highest sort key first.
            consistent: Strongly consistent (the table only).
            page_size: Items evaluated a call; 0 for DynamoDB's own bound of 1 MB.
        """
        names = {"#pk": f"{index}pk" if index else "pk"}
        values: dict[str, Any] = {":pk": encode(pk)}
        condition = "#pk = :pk"
        if prefix:
            names["#sk"] = f"{index}sk" if index else "sk"
            values[":low"] = encode(prefix + since)
            values[":high"] = encode(prefix + "\U0010ffff")
            condition += " AND #sk BETWEEN :low AND :high"
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not newest_first,
        }
        if index:
            arguments["IndexName"] = index
        if consistent:
            arguments["ConsistentRead"] = True
        if page_size:
            arguments["Limit"] = page_size
        while True:
            with plainly(f"reading {pk}"):
                answer = self._client.query(**arguments)
            for raw in answer["Items"]:
                item = decode_item(raw)
                if self._alive(item):
                    yield item
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, put: Put) -> None:
        """Writes one item.

        Raises:
            ConditionFailed: `only_new`, and there is one.
            PlatformError: DynamoDB refused or did not answer.
        """
        self._conditional(self._client.put_item, TableName=self.name, **put.arguments())

    def update(self, update: Update) -> Item:
        """Updates one item; returns all of it as it is after the write.

        Raises:
            ConditionFailed: With the item as it is.
            PlatformError: DynamoDB refused or did not answer.
        """
        answer = self._conditional(
            self._client.update_item, TableName=self.name, ReturnValues="ALL_NEW", **update.arguments()
        )
        return decode_item(answer["Attributes"])

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """All of the writes or none.

        Raises:
            ConditionFailed: One of the conditions did not hold.
            PlatformError: DynamoDB refused or did not answer, or others kept writing the same items.
        """
        if len(writes) > _TRANSACTION_MAX:
            raise ValueError(f"a transaction has at most {_TRANSACTION_MAX} writes, not {len(writes)}")
        items = [{type(write).__name__: {"TableName": self.name, **write.arguments()}} for write in writes]
        for attempt in range(_ATTEMPTS):
            try:
                self._client.transact_write_items(TransactItems=items)
            except ClientError as error:
                reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
                if "ConditionalCheckFailed" in reasons:
                    raise ConditionFailed(None) from None
                busy = reasons & {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
                if not busy or attempt == _ATTEMPTS - 1:
                    raise said_plainly(error, f"writing {len(writes)} items together") from error
                self._sleep(0.02 * 2**attempt)
            except BotoCoreError as error:
                raise said_plainly(error, f"writing {len(writes)} items together") from error
            else:
                return

    def _conditional(self, call: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
        if "ConditionExpression" in arguments:
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            return call(**arguments)
        except ClientError as error:
            if aws_code(error) == "ConditionalCheckFailedException":
                found = error.response.get("Item")
                raise ConditionFailed(decode_item(found) if found else None) from None
            raise said_plainly(error, "writing an item") from error
        except BotoCoreError as error:
            raise said_plainly(error, "writing an item") from error

    def _alive(self, item: Item) -> bool:
        expires_at = item.get("expires_at")
        return expires_at is None or expires_at > self._now_s()
