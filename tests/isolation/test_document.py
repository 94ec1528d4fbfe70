"""docs/security.md says what the tests prove, and names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.isolation.document import _AREAS, DOCUMENT, LAYERS, written
from tests.isolation.registry import ATTEMPTS
from tests.isolation.stripped import CHECKS, COMMANDS, ELSEWHERE, WRAPPER

ROOT = DOCUMENT.parents[1]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?(?:::(\w+))?`")


def test_every_attempt_and_every_layer_is_in_the_tables() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert written(text) == text, "./dev run python -m tests.isolation --write"
    assert all(f"| {attempt.name} |" in text for attempt in ATTEMPTS)


def test_every_layer_that_is_claimed_stops_something_and_can_be_switched_off() -> None:
    used = {layer for attempt in ATTEMPTS for layer in attempt.layers}
    assert used == set(LAYERS) == {*COMMANDS, *CHECKS, *WRAPPER, *ELSEWHERE}
    assert {attempt.area for attempt in ATTEMPTS} == set(_AREAS)


@pytest.mark.parametrize("document", ["docs/security.md", "SECURITY.md"])
def test_every_test_that_is_named_is_there(document: str) -> None:
    found = _NAMED.findall((ROOT / document).read_text(encoding="utf-8"))
    assert found or document == "SECURITY.md"
    for file, *names in found:
        assert (ROOT / file).is_file(), file
        code = (ROOT / file).read_text(encoding="utf-8")
        for name in filter(None, names):
            assert re.search(rf"^\s*(?:def|class) {name}\b", code, re.MULTILINE), f"{file}::{name}"


def test_the_document_is_where_security_md_says() -> None:
    links = re.findall(r"\]\((docs/[\w./-]+)", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert "docs/security.md" in links
    assert all(Path(ROOT, link).exists() for link in links)
