from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.rules.classify import bounded, classify, number
from services_ai_sdk.wire.failure import Category, Failure, Frame
from services_ai_sdk.wire.outcome import OutcomeClass
from services_ai_sdk.wire.result import Result


def failed(**payload: Any) -> Failure:
    found = classify(200, "Unhandled", json.dumps(payload).encode())
    assert found.outcome is OutcomeClass.FAILURE
    assert found.failure is not None
    return found.failure


def test_a_result_is_a_success() -> None:
    found = classify(200, "", json.dumps(Result({"score": 7}, duration_ms=3.5).to_dict()).encode())
    assert found.outcome is OutcomeClass.SUCCESS
    assert found.result is not None
    assert found.result.value == {"score": 7}


@pytest.mark.parametrize("status", [202, 204, 500, 429])
def test_another_status_counts_for_nothing(status: int) -> None:
    assert classify(status, "Unhandled", b"{}").outcome is OutcomeClass.UNCOUNTED


def test_our_failure_is_read_out_of_the_message() -> None:
    ours = Failure(
        "KeyError", "'BR'", Category.RUNTIME_ERROR, (Frame("main.py", 31, "route", True, ((31, "x"),)),)
    )
    assert failed(errorType="KeyError", errorMessage=json.dumps(ours.to_dict()), stackTrace=[]) == ours


RID = "RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Error: "


@pytest.mark.parametrize(
    ("kind", "text", "category"),
    [
        ("Sandbox.Timedout", RID + "Task timed out after 3.00 seconds", Category.TIMEOUT_ERROR),
        ("", "2026-01-01T00:00:00Z 8f50 Task timed out after 3.00 seconds", Category.TIMEOUT_ERROR),
        ("Runtime.OutOfMemory", RID + "Runtime exited with error: signal: killed", Category.OUT_OF_MEMORY),
        ("Runtime.ExitError", RID + "Runtime exited with error: signal: killed", Category.OUT_OF_MEMORY),
        ("Runtime.ExitError", RID + "Runtime exited with error: exit status 3", Category.RUNTIME_ERROR),
        (
            "Runtime.ExitError",
            RID + "Runtime exited with error: signal: segmentation fault",
            Category.RUNTIME_ERROR,
        ),
        (
            "Runtime.ImportModuleError",
            "Unable to import module 'main': No module named 'x'",
            Category.IMPORT_ERROR,
        ),
        ("Runtime.UserCodeSyntaxError", "Syntax error in module 'main': invalid syntax", Category.IMPORT_ERROR),
        ("Runtime.HandlerNotFound", "Handler 'handle' missing on module 'main'", Category.IMPORT_ERROR),
        ("Function.ResponseSizeTooLarge", "Response payload size exceeded", Category.RESPONSE_ERROR),
        ("", "Response payload size (7000000 bytes) exceeded maximum allowed", Category.RESPONSE_ERROR),
        ("Runtime.MarshalError", "Unable to marshal response", Category.RESPONSE_ERROR),
        ("PermissionError", "no", Category.PERMISSION_ERROR),
        ("MemoryError", "", Category.OUT_OF_MEMORY),
        ("KeyError", "'Task timed out after 3.00 seconds' is no key", Category.RUNTIME_ERROR),
        ("ZeroDivisionError", "division by zero", Category.RUNTIME_ERROR),
    ],
)
def test_lambdas_own_texts(kind: str, text: str, category: Category) -> None:
    payload = {"errorMessage": text} | ({"errorType": kind} if kind else {})
    found = failed(**payload)
    assert found.category is category
    assert found.type


def test_a_trace_of_awslambdaric_becomes_frames() -> None:
    lines = [
        '  File "/var/task/main.py", line 3, in handle\n    return route(lead)\n',
        '  File "/opt/python/x/y.py", line 9, in inner\n',
        "nonsense",
        7,
    ]
    found = failed(errorType="KeyError", errorMessage="'x'", stackTrace=lines)
    assert found.frames == (
        Frame("main.py", 3, "handle", True, ((3, "return route(lead)"),)),
        Frame("/opt/python/x/y.py", 9, "inner", False),
    )


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xff", b"[]", b"null", b"7", b"[" * 100_000, b'{"errorMessage":7}']
)
def test_an_error_payload_of_any_shape_is_a_failure(payload: bytes) -> None:
    found = classify(200, "Unhandled", payload)
    assert found.outcome is OutcomeClass.FAILURE
    assert found.failure is not None
    assert found.failure.type == "Unhandled"


@given(st.binary(max_size=200), st.sampled_from(["", "Unhandled", "Handled"]))
def test_no_payload_raises(payload: bytes, function_error: str) -> None:
    classify(200, function_error, payload)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_are_within_reason(value: float) -> None:
    assert 0.0 <= number(value) <= 1e9


def test_a_huge_failure_keeps_its_ends() -> None:
    frames = tuple(
        Frame(f"m{at}.py", at, "f", True, tuple((n, "x" * 300) for n in range(11))) for at in range(10_000)
    )
    small = bounded(Failure("E" * 500, "m" * 100_000, Category.RUNTIME_ERROR, frames))
    assert len(json.dumps(small.to_dict())) <= 32 * 1024
    assert small.frames[-1].file == "m9999.py"
    assert len(small.message) <= 4000
