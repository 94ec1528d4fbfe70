"""Grants: exactly what is asked for, or less."""

from __future__ import annotations

import json

import pytest

from services_ai_sdk.access.grants import Grants, granted_manifest, upgrade
from services_ai_sdk.wire.errors import InvalidInputError
from tests.unit.deploy.test_deploy_on_moto import manifest

ASKED = Grants(("read_leads", "write_leads"), ("storage", "email"), ("a.example.com", "b.example.com"))
INTERNET = Grants(network="internet")


def test_what_is_named_and_no_more() -> None:
    assert ASKED.only(["read_leads", "email"]) == Grants(("read_leads",), ("email",), "none")
    assert ASKED.without(["storage", "b.example.com"]) == Grants(
        ("read_leads", "write_leads"), ("email",), ("a.example.com",)
    )
    assert ASKED.only(["network"]).network == ("a.example.com", "b.example.com")
    assert ASKED.without(["network"]).network == "none"
    assert INTERNET.only(["network"]) == INTERNET
    assert INTERNET.without(["network"]) == Grants()
    assert ASKED.only([]) == Grants()


@pytest.mark.parametrize("name", ["queue", "delete_leads", "c.example.com", ""])
def test_more_than_is_asked_for_cannot_be_granted(name: str) -> None:
    for way in (ASKED.only, ASKED.without):
        with pytest.raises(InvalidInputError) as caught:
            way([name])
        assert caught.value.code == "not-asked-for"
        assert "read_leads" in caught.value.hint
    with pytest.raises(InvalidInputError):
        Grants().only(["network"])


def test_an_upgrade_keeps_what_was_granted_and_names_what_is_new() -> None:
    before = ASKED.without(["email"])
    assert upgrade(before, ASKED, ASKED) == (before, ())
    wider = Grants((*ASKED.permissions, "modify_ui"), (*ASKED.capabilities, "queue"), "internet")
    kept, new = upgrade(before, ASKED, wider)
    assert new == ("modify_ui", "queue", "network")
    assert kept == Grants(("read_leads", "write_leads"), ("storage",), "none")
    narrower = Grants(("read_leads",), (), ("a.example.com",))
    assert upgrade(before, ASKED, narrower) == (narrower, ())


def test_a_host_is_within_the_internet() -> None:
    assert ASKED.beyond(Grants(ASKED.permissions, ASKED.capabilities, "internet")) == ()
    assert INTERNET.beyond(ASKED) == ("network",)


def test_records_of_earlier_versions_are_read() -> None:
    assert Grants.from_dict(["read_leads"]) == Grants(("read_leads",))
    assert Grants.from_dict(json.loads(json.dumps(ASKED.to_dict()))) == ASKED


def test_the_sandbox_is_made_from_what_was_granted() -> None:
    made = granted_manifest(manifest(network="internet", capabilities=["storage"]), Grants())
    assert (made.network, made.capabilities) == ("none", ())
