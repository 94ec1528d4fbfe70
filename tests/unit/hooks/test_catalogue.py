from __future__ import annotations

import json

import pytest

from services_ai_sdk.hooks import get, names
from services_ai_sdk.hooks.arguments import check_arguments
from services_ai_sdk.hooks.catalogue import suggest
from services_ai_sdk.hooks.permissions import PERMISSIONS, READS, WRITES
from services_ai_sdk.wire.errors import InvalidInputError


def test_the_three_hooks_of_the_first_version() -> None:
    assert names() == ("lead_created", "lead_updated", "dashboard_widget")


@pytest.mark.parametrize("name", names())
def test_a_sample_has_exactly_the_hooks_parameters(name: str) -> None:
    hook = get(name)
    assert tuple(hook.sample) == hook.parameter_names()
    assert json.loads(json.dumps(hook.sample)) == hook.sample


def test_a_sample_is_a_fresh_copy() -> None:
    get("lead_created").sample["lead"]["name"] = "changed"
    assert get("lead_created").sample["lead"]["name"] == "Maria Gonzalez"


def test_an_unknown_hook_names_the_closest() -> None:
    with pytest.raises(InvalidInputError) as caught:
        get("lead_craeted")
    assert caught.value.code == "hook-unknown"
    assert "lead_created" in caught.value.hint


def test_a_hook_like_no_other_lists_all() -> None:
    with pytest.raises(InvalidInputError) as caught:
        get("x" * 100_000)
    assert "dashboard_widget" in caught.value.hint
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lead_craeted", "lead_created"),
        ("onLeadCreated", "lead_created"),
        ("lead-updated", "lead_updated"),
        ("dashboard_widgets", "dashboard_widget"),
        ("lead_deleted", None),
        ("booking_created", None),
        ("something", None),
    ],
)
def test_suggestions(written: str, meant: str | None) -> None:
    assert suggest(written) == meant


def test_each_read_and_write_needs_a_permission_that_exists() -> None:
    assert {*READS.values(), *WRITES.values()} <= set(PERMISSIONS)


@pytest.mark.parametrize("name", names())
def test_a_sample_passes_its_own_check(name: str) -> None:
    check_arguments(get(name), get(name).sample)


def test_wrong_arguments_are_all_named() -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_arguments(get("lead_updated"), {"lead": 4182, "previous": {}, "changes": ["status"], "contxt": {}})
    assert caught.value.code == "hook-arguments-invalid"
    assert caught.value.details["problems"] == [
        "unknown 'previous' (did you mean previous_state?)",
        "unknown 'contxt' (did you mean context?)",
        "missing 'previous_state'",
        "missing 'context'",
        "'lead' must be an object, not a number",
        "'changes' must be an object, not a list",
    ]
    assert "lead: Lead, previous_state: Lead, changes: Changes, context: Context" in caught.value.hint


@pytest.mark.parametrize("lead", [{}, {"name": "Ada"}, {"id": None}])
def test_what_a_host_always_sends_is_there(lead: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_arguments(get("lead_created"), {"lead": lead, "context": {}})
    assert caught.value.details["problems"] == ["'lead' has no 'id'"]
