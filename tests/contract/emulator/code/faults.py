"""Handlers that do what they should not. Runs inside the sandbox only."""

import ctypes
import http.client
import json
import os
import signal
import sys
import threading
import time
import uuid

calls = 0


def echo(event, context):
    return {"event": event, "request_id": context.aws_request_id, "arn": context.invoked_function_arn}


def raises(event, context):
    raise KeyError(event["name"])


def raises_base(event, context):
    raise BaseException("not even an Exception")  # noqa: TRY002


def hangs_if_told(event, context):
    while event["hang"]:
        time.sleep(0.05)
    return context.get_remaining_time_in_millis()


def dies_if_told(event, context):
    how = event["how"]
    if how == "exit":
        os._exit(event["code"])
    if how == "sys.exit":
        sys.exit(event["code"])
    if how == "kill":
        os.kill(os.getpid(), event["signal"])
        time.sleep(5)
    if how == "segfault":
        ctypes.string_at(0)
    return os.getpid()


def recurses(event, context):
    return recurses(event, context)


def returns_object(event, context):
    return object()


def returns_size(event, context):
    return "x" * event["size"]


def size_of(event, context):
    return len(event)


def hogs(event, context):
    kept = []
    while True:
        kept.append(bytearray(8 * 1024 * 1024))


def floods(event, context):
    for number in range(event["lines"]):
        print(f"{number:09d}" + "y" * 90)
    return "done"


def prints_bytes(event, context):
    os.write(1, b"\xff\xfe\x00 garbage \x80\r\n\xc3")
    print("after")


def prints_single_bytes(event, context):
    for _ in range(event["count"]):
        os.write(1, b".")
    return "done"


def logs(event, context):
    print("to standard output")
    print("to standard error", file=sys.stderr)
    os.write(1, b"without an end of line")
    return 1


def waits_until_all_are_here(event, context):
    time.sleep(event["seconds"])
    return os.getpid()


def dies_after_answer(event, context):
    threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    return "answered"


def _runtime_api(method, path, body=b""):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=5)
    connection.request(method, "/2018-06-01/runtime" + path, body)
    return connection.getresponse().status


def forges(event, context):
    forged = json.dumps("forged").encode()
    return [
        _runtime_api("POST", f"/invocation/{uuid.uuid4()}/response", forged),
        _runtime_api("POST", f"/invocation/{uuid.uuid4()}/error", forged),
        _runtime_api("POST", "/invocation//response", forged),
        _runtime_api("POST", "/init/error", forged),
        _runtime_api("POST", f"/invocation/{event['id']}/response", forged),
        _runtime_api("GET", "/invocation/last"),
    ]


def answers_twice(event, context):
    _runtime_api("POST", f"/invocation/{context.aws_request_id}/response", b'"by hand"')
    return "by the runtime"


def answers_garbage(event, context):
    _runtime_api("POST", f"/invocation/{context.aws_request_id}/response", b"{not json")
    time.sleep(5)


def own_id(event, context):
    return context.aws_request_id


def count(event, context):
    global calls  # noqa: PLW0603 - that it stays is the point
    calls += 1
    return [calls, os.environ.get("WHO")]


def answers_and_hangs(event, context):
    _runtime_api("POST", f"/invocation/{context.aws_request_id}/response", b'"by hand"')
    time.sleep(600)
