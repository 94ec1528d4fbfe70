from __future__ import annotations

import pytest

from services_ai_sdk.hooks import get, names
from services_ai_sdk.hooks.arguments import check_arguments
from services_ai_sdk.testing import FakeAPI, payload
from services_ai_sdk.testing.edge_payloads import KEPT, edge_payloads
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import InvalidInputError


@pytest.mark.parametrize("hook", names())
def test_edge_payloads_are_what_a_dispatcher_lets_through(hook: str) -> None:
    cases = list(edge_payloads(get(hook)))
    assert cases[0] == ("sample", get(hook).sample)
    assert len({name for name, _ in cases}) == len(cases)
    for name, args in cases:
        check_arguments(get(hook), args)
        assert jsontext.loads(jsontext.dumps(args), what=name) == args
    assert len({jsontext.dumps(args) for _, args in cases}) == len(cases)


def test_edge_payloads_keep_what_every_record_has() -> None:
    for _, args in edge_payloads(get("lead_created")):
        assert args["lead"]["id"] == 4182
        assert args["context"]["tenant"] == "acme-roofing"
    nulls = dict(edge_payloads(get("lead_created")))["optional fields null"]
    assert {key for key, value in nulls["lead"].items() if value is not None} == KEPT & set(nulls["lead"])


def test_a_payload_is_the_sample_with_what_the_test_is_about() -> None:
    made = payload("lead_created", lead={"country": None, "extra": [1]})
    assert made["lead"].country is None
    assert made["lead"].extra == [1]
    assert made["lead"].name == "Maria Gonzalez"
    assert made["context"] == get("lead_created").sample["context"]


@pytest.mark.parametrize("changes", [{"led": {}}, {"lead": "x"}, {"lead": None}])
def test_a_payload_that_no_host_can_send_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        payload("lead_created", **changes)
    assert caught.value.code == "hook-arguments-invalid"


def test_the_fake_api_refuses_what_was_not_granted() -> None:
    api = FakeAPI({"send_notifications"})
    api.send_notification("hello", user_id=3)
    assert api.notifications == ["hello"]
    assert api.asked("send_notification")[0]["user_id"] == 3
    with pytest.raises(PermissionError, match="write_leads"):
        api.update_lead(1, {})
    assert api.asked("update_lead") == []
