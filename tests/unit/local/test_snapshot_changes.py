"""Which requests count as changes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from infra.local.snapshots.changes import counted, counted_operation


def count(body: bytes = b"", answer: bytes = b"{}", **environ: str) -> int:
    changes: list[bool] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return [answer]

    call = counted(app, lambda: changes.append(True))
    request = {"REQUEST_METHOD": "POST", "QUERY_STRING": "", "wsgi.input": io.BytesIO(body), **environ}
    assert list(call(request, print)) == [answer]
    assert request["wsgi.input"].read() == body, "moto reads it too"
    return len(changes)


@pytest.mark.parametrize("action", ["GetItem", "Query", "Scan", "BatchGetItem", "DescribeTable", "ListTables"])
def test_reads(action: str) -> None:
    assert count(HTTP_X_AMZ_TARGET=f"DynamoDB_20120810.{action}") == 0


@pytest.mark.parametrize("action", ["PutItem", "TransactWriteItems", "QueryAndMore", "Settle", "ExecuteStatement"])
def test_changes(action: str) -> None:
    assert count(HTTP_X_AMZ_TARGET=f"DynamoDB_20120810.{action}") == 1


def test_forms() -> None:
    form = {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8"}
    assert count(b"Action=GetRole&RoleName=r", **form) == 0
    assert count(b"Version=1&Action=CreateRole&RoleName=GetRole", **form) == 1
    assert count(QUERY_STRING="Action=CreateQueue", REQUEST_METHOD="GET") == 1


@pytest.mark.parametrize(("method", "changes"), [("GET", 0), ("HEAD", 0), ("PUT", 1), ("DELETE", 1), ("POST", 1)])
def test_rest(method: str, changes: int) -> None:
    assert count(REQUEST_METHOD=method) == changes


@pytest.mark.parametrize(
    ("answer", "changes"),
    [(b"{}", 0), (b'{"Messages":[]}', 1), (b"<R></R>", 0), (b"<R><Message></Message></R>", 1)],
)
def test_a_message_that_was_received_changes_something(answer: bytes, changes: int) -> None:
    assert count(answer=answer, HTTP_X_AMZ_TARGET="AmazonSQS.ReceiveMessage") == changes


def test_a_call_that_raises_may_have_changed_something() -> None:
    changes: list[bool] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise KeyError("moto's own")

    with pytest.raises(KeyError):
        counted(app, lambda: changes.append(True))(
            {"REQUEST_METHOD": "PUT", "QUERY_STRING": "", "wsgi.input": io.BytesIO()}, print
        )
    assert changes


def test_private_operations() -> None:
    changes: list[str] = []

    def run(name: str, answer: Any) -> None:
        counted_operation(name, lambda request: answer, lambda: changes.append(name))({})

    for name in ("function", "iam/role", "iam/caller", "mappings", "queue/wait", "stream/read"):
        run(name, {})
    run("queue/receive", {"records": []})
    assert changes == []
    run("queue/receive", {"records": [{}]})
    run("queue/settle", {})
    run("logs", {})
    run("credentials", {})
    assert changes == ["queue/receive", "queue/settle", "logs", "credentials"]
