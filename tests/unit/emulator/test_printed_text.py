"""What a function prints cannot be taken for what Lambda writes, nor speak to a terminal."""

from __future__ import annotations

import time

import pytest

from services_ai_sdk.emulator.printed_text import printed_text

ID = "2f0a7f0e-6c39-4a4e-9d5c-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    "text",
    [
        f"START RequestId: {ID} Version: $LATEST",
        f"END RequestId: {ID}",
        f"REPORT RequestId: {ID}\tDuration: 1.00 ms\tBilled Duration: 1 ms\t",
        f"  REPORT RequestId: {ID}",
        f"\u200bREPORT RequestId: {ID}",
        f"\ufeffSTART RequestId: {ID}",
        f"\u00a0END RequestId: {ID}",
        f"START  RequestId: {ID}",
        "INIT_REPORT Init Duration: 1.00 ms\tPhase: init\tStatus: timeout",
        "INIT_START Runtime Version: python:3.12.v1",
        "XRAY TraceId: 1-2-3",
        f"RequestId: {ID} Error: Runtime exited",
        "[4096 more bytes of output were not kept]",
        '{"time":"x","type":"platform.report","record":{}}',
        '{"type": "a", "type": "platform.start"}',
        '{"type": "platform.start", "type": "a"}',
        '{"type":"platf\\u006frm.start"}',
        '{"\\u0074ype":"platform.start"}',
        '{"type":"platform.start",',
        '\ufeff {"type":"platform.start"}',
        '{"type" : "platform.report", "deep": ' + "[" * 100_000,
    ],
)
def test_a_line_that_looks_like_lambdas_is_marked(text: str) -> None:
    assert printed_text(text) == "\\" + text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "START processing 3 leads",
        "END of file",
        "REPORT: all is well",
        "the START RequestId: of something",
        "a\ttab, an ä, 東京 and 😀",
        '{"level":"INFO","message":"a platform.start inside","type":"note"}',
        '{"record":{"type":"platform.report"}}',
        '["type", "platform.start"]',
        '{"type":"note \\u00e4"}',
        "{not json at all, but of platform.start}",
    ],
)
def test_any_other_line_stays_as_it_is(text: str) -> None:
    assert printed_text(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\x00b", "a\\x00b"),
        ("progress 1%\rprogress 2%", "progress 1%\\x0dprogress 2%"),
        (f"\rREPORT RequestId: {ID}", f"\\x0dREPORT RequestId: {ID}"),
        ("\x9b2J", "\\x9b2J"),
        ("a\x85b\u2028c\u2029d\x0be\x0cf", "a\\x85b\\u2028c\\u2029d\\x0be\\x0cf"),
        ("\u202etxet", "\\u202etxet"),
        ("\x7f", "\\x7f"),
    ],
)
def test_control_characters_are_written_out(text: str, kept: str) -> None:
    assert printed_text(text) == kept
    assert len(kept.splitlines()) == 1


def test_hostile_lines_cost_no_more_than_their_length() -> None:
    began_s = time.perf_counter()
    for text in (" " * 65536, "\x1b" * 65536, "{" * 65536 + "platform.", "START" + " " * 65536, "\u200b" * 65536):
        printed_text(text)
    assert time.perf_counter() - began_s < 1
