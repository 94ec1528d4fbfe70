from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.rules import histogram
from control_plane.rules.grouping import group_id, normalise
from control_plane.rules.moments import moment, span
from control_plane.rules.redaction import REDACTED, TEXT_MAX_CHARS, redacted
from control_plane.rules.text import one_line, plain
from control_plane.rules.wording import headline
from control_plane.table.codec import decode, encode
from services_ai_sdk.wire.failure import Category, Failure, Frame


def failure(text: str = "no", kind: str = "ValueError", line: int = 1, function: str = "f") -> Failure:
    return Failure(kind, text, Category.RUNTIME_ERROR, (Frame("main.py", line, function, True),))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lead 17 not found", "lead 18 not found"),
        ("no lead 'ada'", "no lead 'bob'"),
        ('no lead "ada"', 'no lead "bob"'),
        ("object at 0x7f00", "object at 0x7fff"),
        ("id 0190f1e2-0000-7000-8000-000000000000", "id 0190f1e2-0000-7000-8000-00000000ffff"),
        ("mail to ada@example.com bounced", "mail to bob@example.org bounced"),
        ("digest deadbeefdeadbeef", "digest cafebabecafebabe"),
        ("took 3.5 s", "took 12 s"),
        ("there is no 'name' here; there is: a", "there is no 'name' here; there is: x"),
        ("there is no 'name' here; there is: email, id", "there is no 'city' here; there is: nothing"),
        ("missing columns: id, name", "missing columns: city, id, phone"),
        ("no such team, available teams: east, west", "no such team, available teams: north"),
        ("'BR'", "'WS'"),
    ],
)
def test_what_differs_from_call_to_call_is_no_news(one: str, other: str) -> None:
    assert group_id(failure(one), "alpha") == group_id(failure(other), "alpha")


def test_what_is_news() -> None:
    base = group_id(failure(), "alpha")
    assert group_id(failure(line=99), "alpha") == base
    texts = ["refused", "could not connect: refused", "could not connect: timed out", "here there are, a, b"]
    assert len({group_id(failure(text), "alpha") for text in texts}) == len(texts)
    others = [failure("other"), failure(kind="KeyError"), failure(function="g")]
    assert len({base, *(group_id(other, "alpha") for other in others), group_id(failure(), "beta")}) == 5


def test_normalising_takes_no_time_on_hostile_text() -> None:
    for text in (
        "'" * 200_000,
        "a@" * 100_000,
        "0x" * 100_000,
        "1." * 100_000,
        "a" * 1_000_000,
        ": a, " * 500,
        ": " + "a, " * 999 + "!",
    ):
        assert len(normalise(text)) <= 300


@given(st.lists(st.floats(0.05, 1e6), min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_quantiles_are_off_by_two_per_cent_at_most(values: list[float], q: float) -> None:
    counts: dict[int, int] = {}
    for value in values:
        counts[histogram.bucket(value)] = counts.get(histogram.bucket(value), 0) + 1
    exact = sorted(values)[int(q * (len(values) - 1))]
    assert histogram.quantile_ms(counts, q) == pytest.approx(exact, rel=0.0201)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e300])
def test_what_is_no_duration_has_a_bucket(value: float) -> None:
    assert isinstance(histogram.bucket(value), int)


def test_nothing_has_no_quantile() -> None:
    assert histogram.quantile_ms({}, 0.5) is None


def test_secrets_are_not_kept() -> None:
    raw = {
        "password": "hunter2",
        "lead": {"api_key": "k", "name": "Ada", "notes": ["Bearer abcdefgh1234", "fine"], "token": None},
        "Authorization": {"scheme": "x"},
        "passenger": "kept",
    }
    assert redacted(raw) == {
        "password": REDACTED,
        "lead": {"api_key": REDACTED, "name": "Ada", "notes": ["Bearer ***", "fine"], "token": None},
        "Authorization": REDACTED,
        "passenger": "kept",
    }


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2hunter2\n-----END RSA PRIVATE KEY-----",
        "postgres://admin:hunter2hunter2@db.internal/crm",
        "the password=hunter2hunter2 does not work",
        '{"client_secret": "hunter2hunter2"}',
    ],
)
def test_secrets_inside_text_are_not_kept(text: str) -> None:
    kept = redacted({"lead": {"message": f"see {text}", text: 1}})
    assert "hunter2" not in str(kept)
    assert kept["lead"]["message"].startswith("see ")


def test_more_text_than_a_host_should_wait_for_is_not_kept() -> None:
    kept = redacted({"lead": {"id": 7, "message": "x" * TEXT_MAX_CHARS, "name": "Ada"}})
    assert kept == {"lead": {"id": 7, "message": f"[not kept: {TEXT_MAX_CHARS:,} characters]", "name": "Ada"}}


def test_redaction_ends() -> None:
    deep: object = "x"
    for _ in range(500):
        deep = [deep]
    assert redacted(deep) != deep


@given(st.text(max_size=300), st.integers(30, 200))
def test_plain_text_can_be_stored_and_shown(text: str, limit: int) -> None:
    for made in (plain(text, limit), one_line(text, limit)):
        made.encode("utf-8")
        assert len(made) <= limit
        assert not set(made) & {"\x00", "\x1b", "\r", "\x9b", "\u202e"}


def test_cut_text_says_so() -> None:
    assert plain("x" * 1000, 50).endswith("… (1000 characters)")
    assert plain("\x1b[31mred\x1b[0m \ud800", 50) == "red ?"
    assert one_line("a\n b\tc", 50) == "a b c"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.34, "340 ms"), (12.9, "12 s"), (61, "1 min"), (7200, "2 h"), (200_000, "2 d"), (-5, "5 s")],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_moments() -> None:
    assert moment(1_772_373_909) == "2026-03-01 14:05:09 UTC"
    assert moment(1e30) == "an unknown time"


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.binary(),
        st.frozensets(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
    )
)
def test_the_codec_gives_back_what_it_took(value: object) -> None:
    assert decode(encode(value)) == value  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [frozenset(), {"a": 1}, [1], float("nan"), float("inf")])
def test_the_codec_refuses_what_the_table_has_not(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(value)  # type: ignore[arg-type]


def test_merged_histograms_are_one() -> None:
    source = random.Random(1)
    values = [source.lognormvariate(3, 1) for _ in range(1000)]
    halves: list[dict[int, int]] = [{}, {}]
    for at, value in enumerate(values):
        half = halves[at % 2]
        half[histogram.bucket(value)] = half.get(histogram.bucket(value), 0) + 1
    merged = {index: halves[0].get(index, 0) + halves[1].get(index, 0) for index in {*halves[0], *halves[1]}}
    assert histogram.quantile_ms(merged, 0.5) == pytest.approx(sorted(values)[500], rel=0.03)


def test_binary_values_are_read_from_a_client_and_from_a_stream_record_that_lambda_made_json_of() -> None:
    from control_plane.table.codec import decode_item

    assert decode_item({"chunk": {"B": b"\x00\xff"}}) == {"chunk": b"\x00\xff"}
    assert decode_item({"chunk": {"B": "AP8="}}) == {"chunk": b"\x00\xff"}


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        (
            "Runtime.ExitError",
            "Runtime exited with error: exit status 3",
            "the process ended itself with exit status 3 (os._exit, or a crash in C code)",
        ),
        (
            "Runtime.ExitError",
            "Runtime exited with error: signal: segmentation fault",
            "the process died of a signal: segmentation fault (a crash in C code)",
        ),
        (
            "Runtime.ExitError",
            "Runtime exited without providing a reason",
            "the process ended itself with exit status 0 (os._exit)",
        ),
        (
            "Runtime.OutOfMemory",
            "Runtime exited with error: signal: killed",
            "the process was killed (more memory than it has)",
        ),
        ("Sandbox.Timedout", "Task timed out after 3.00 seconds", "Task timed out after 3.00 seconds"),
        ("Runtime.ExitError", "something new", "something new"),
    ],
)
def test_the_end_of_a_process_in_words(kind: str, said: str, words: str) -> None:
    request = "RequestId: 0190f1e2-0000-7000-8000-000000000000 Error: "
    assert headline(kind, request + said) == f"{kind}: {words}"
    assert headline(kind, said) == f"{kind}: {words}"
    assert headline("ValueError", request + said) == f"ValueError: {request}{said}", (
        "a plugin's own text is its own"
    )
