"""Items past their time to live, in moto's process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.local.gaps import gap
from tests.contract.local.moto_process import running_moto


def table(moto: Any, name: str) -> tuple[Any, str]:
    dynamodb = moto.client("dynamodb")
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    switch(dynamodb, name, enabled=True)
    return dynamodb, made["TableDescription"]["LatestStreamArn"]


def switch(dynamodb: Any, name: str, *, enabled: bool, attribute: str = "end") -> None:
    specification = {"Enabled": enabled, "AttributeName": attribute}
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)


def item(key: str, after_s: float) -> dict[str, Any]:
    return {"pk": {"S": "p"}, "sk": {"S": key}, "end": {"N": str(int(time.time() + after_s))}}


def keys(dynamodb: Any, name: str) -> set[str]:
    return {one["sk"]["S"] for one in dynamodb.scan(TableName=name)["Items"]}


def eventually(check: Callable[[], bool], within_s: float = 10) -> None:
    until = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_expired_item_is_readable_then_removed_and_its_record_says_by_whom(moto: Any) -> None:
    dynamodb, arn = table(moto, "expiring")
    for one in (item("over", 0), item("later", 3600)):
        dynamodb.put_item(TableName="expiring", Item=one)
    assert keys(dynamodb, "expiring") == {"over", "later"}
    eventually(lambda: keys(dynamodb, "expiring") == {"later"})
    dynamodb.delete_item(TableName="expiring", Key={"pk": {"S": "p"}, "sk": {"S": "later"}})
    records = moto.ask("stream/read", stream_arn=arn, limit=100)[1]["records"]
    removed = [one for one in records if one["eventName"] == "REMOVE"]
    assert [one["dynamodb"]["OldImage"]["sk"]["S"] for one in removed] == ["over", "later"]
    service = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert [one.get("userIdentity") for one in removed] == [service, None]
    streams = moto.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    found = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    told = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    assert [one.get("userIdentity") for one in found] == [None, None, told, None]


def test_expiry_goes_on_after_a_restart_and_is_kept(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def running() -> Any:
        return running_moto(tmp_path, state)

    with running() as moto:
        dynamodb, _ = table(moto, "kept")
        for one in (item("over", 1), item("later", 3600)):
            dynamodb.put_item(TableName="kept", Item=one)
    with running() as moto:
        dynamodb = moto.client("dynamodb")
        eventually(lambda: keys(dynamodb, "kept") == {"later"})
        time.sleep(1.5)  # the last second of writes may be lost
        moto.kill()
    with running() as moto:
        assert keys(moto.client("dynamodb"), "kept") == {"later"}


@gap("time_to_live", "DID NOT RAISE")
def test_a_time_to_live_is_switched_as_in_dynamodb(moto: Any) -> None:
    dynamodb, _ = table(moto, "switched")
    with pytest.raises(ClientError, match=r"ValidationException.*TimeToLive is already enabled"):
        switch(dynamodb, "switched", enabled=True)
    with pytest.raises(ClientError, match="active on a different AttributeName: current AttributeName is end"):
        switch(dynamodb, "switched", enabled=False, attribute="other")
    switch(dynamodb, "switched", enabled=False)
    found = dynamodb.describe_time_to_live(TableName="switched")["TimeToLiveDescription"]
    assert found == {"TimeToLiveStatus": "DISABLED"}
    with pytest.raises(ClientError, match=r"ValidationException.*TimeToLive is already disabled"):
        switch(dynamodb, "switched", enabled=False)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        switch(dynamodb, "nobody", enabled=True)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.describe_time_to_live(TableName="nobody")
