"""Settings: typed, kept over upgrades, carried by routes; a secret's value is in the secret store only."""

from __future__ import annotations

from typing import Any

import pytest

from control_plane.rules.settings import SECRET_MAX_CHARS, VALUE_MAX_CHARS, secret_name, typed
from control_plane.table.audit import AuditRow, AuditTable
from control_plane.table.settings import StoredSettings
from services_ai_sdk.wire.errors import InvalidInputError
from tests.contract.control_plane.fakes import returns
from tests.contract.control_plane.world import World

DECLARED = {
    "greeting": {"type": "string", "default": "Hello"},
    "limit": {"type": "integer", "required": True},
    "ratio": {"type": "number", "default": 0.5},
    "loud": {"type": "boolean", "default": False},
    "tone": {"type": "select", "options": ["warm", "cold"]},
    "api_key": {"type": "string", "secret": True},
}
SECRET = "s3cret-value-0123456789"


@pytest.fixture
def alpha(world: World) -> World:
    world.deploy("alpha", returns(1), settings=DECLARED)
    return world


def sent(world: World) -> dict[str, Any]:
    world.clock.now += 10
    world.fire()
    found: dict[str, Any] = world.invoker.calls[-1][1]["settings"]
    return found


def shown(world: World) -> dict[str, tuple[str, Any]]:
    return {row.name: (row.source, row.value) for row in world.desk.all("alpha")}


def everything_kept(world: World) -> str:
    pages = world.client.scan(TableName="control")
    return repr(pages["Items"])


def test_a_plugin_gets_defaults_until_an_admin_sets_something(alpha: World) -> None:
    assert sent(alpha) == {
        "greeting": "Hello", "limit": None, "ratio": 0.5, "loud": False, "tone": None, "api_key": None,
    }  # fmt: skip
    for name, text in {"greeting": "Hi", "limit": " 7 ", "ratio": "1e-2", "loud": "yes", "tone": "cold"}.items():
        alpha.desk.set("alpha", name, text, actor="ada")
    assert sent(alpha) == {
        "greeting": "Hi", "limit": 7, "ratio": 0.01, "loud": True, "tone": "cold", "api_key": None,
    }  # fmt: skip
    alpha.desk.unset("alpha", "greeting", actor="ada")
    assert sent(alpha)["greeting"] == "Hello"
    assert shown(alpha)["greeting"] == ("default", "Hello")
    assert shown(alpha)["limit"] == ("set", 7)
    done = {(row.action, row.detail, row.actor) for row in AuditTable(alpha.table).rows("alpha")}
    assert {("set-setting", "tone", "ada"), ("unset-setting", "greeting", "ada")} <= done


def test_a_secret_is_in_the_secret_store_and_nowhere_else(alpha: World) -> None:
    row = alpha.desk.set("alpha", "api_key", SECRET, actor="ada")
    assert alpha.secrets.values == {"stack/plugins/alpha/settings/api_key": SECRET}
    assert (row.value, row.source, row.set_at_ms) == (None, "set", int(alpha.clock.now * 1000))
    assert SECRET not in repr(row.to_dict())
    assert sent(alpha)["api_key"] == {"secret": "stack/plugins/alpha/settings/api_key"}
    assert SECRET not in everything_kept(alpha)
    assert SECRET not in repr(alpha.invoker.calls)
    alpha.desk.unset("alpha", "api_key", actor="ada")
    assert alpha.secrets.values == {}
    assert sent(alpha)["api_key"] is None


def test_what_is_set_outlives_an_upgrade_and_what_no_longer_fits_is_said(alpha: World) -> None:
    alpha.desk.set("alpha", "greeting", "Hi", actor="ada")
    alpha.desk.set("alpha", "api_key", SECRET, actor="ada")
    changed = {**DECLARED, "greeting": {"type": "integer", "default": 3}}
    alpha.deploy("alpha", returns(1), version="1.1.0", settings=changed)
    assert sent(alpha)["greeting"] == 3
    assert shown(alpha)["greeting"] == ("misfit", 3)
    assert sent(alpha)["api_key"] == {"secret": "stack/plugins/alpha/settings/api_key"}
    alpha.deploy("alpha", returns(1), version="1.2.0", settings=DECLARED)
    assert sent(alpha)["greeting"] == "Hi"


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("limit", "seven", "whole number"), ("limit", "7.5", "whole number"), ("limit", "", "whole number"),
        ("limit", "9" * 60 + "x", "whole number"), ("ratio", "nan", "a number"), ("ratio", "inf", "a number"),
        ("loud", "maybe", "true or false"), ("tone", "hot", "one of warm, cold"),
        ("greeting", "x" * (VALUE_MAX_CHARS + 1), "shorter"),
    ],
)  # fmt: skip
def test_what_is_not_of_the_type_is_refused_in_words(alpha: World, name: str, text: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        alpha.desk.set("alpha", name, text, actor="ada")
    assert caught.value.code == "setting-invalid"
    assert name in caught.value.message
    assert hint in caught.value.hint
    assert alpha.plugins.settings("alpha") == StoredSettings()


def test_no_such_plugin_or_setting(alpha: World) -> None:
    with pytest.raises(InvalidInputError, match="has no setting 'colour'") as caught:
        alpha.desk.set("alpha", "colour", "red", actor="ada")
    assert "greeting, limit" in caught.value.hint
    with pytest.raises(InvalidInputError) as unknown:
        alpha.desk.all("beta")
    assert unknown.value.code == "plugin-unknown"


def test_a_refused_secret_is_not_repeated() -> None:
    with pytest.raises(InvalidInputError) as caught:
        typed("pin", {"type": "integer", "secret": True}, SECRET)
    assert SECRET not in caught.value.message + caught.value.hint
    with pytest.raises(InvalidInputError):
        typed("key", {"secret": True}, "x" * (SECRET_MAX_CHARS + 1))
    for name in ("../other/settings/key", "a b", "", "a/b", "ä"):
        with pytest.raises(InvalidInputError):
            secret_name(name)


def test_two_admins_at_once_lose_nothing(alpha: World) -> None:
    between = iter([lambda: alpha.desk.set("alpha", "tone", "warm", actor="bob")])

    def change(stored: StoredSettings) -> StoredSettings:
        for faster in between:
            faster()
        return StoredSettings({**stored.values, "greeting": "Hi"}, stored.secrets)

    row = AuditRow("alpha", "row", 1, "set-setting", "ada", "")
    alpha.plugins.change_settings("alpha", change, lambda _, stored: dict(stored.values), row)
    assert alpha.plugins.settings("alpha").values == {"tone": "warm", "greeting": "Hi"}


def test_a_deploy_that_meets_a_change_carries_it(alpha: World) -> None:
    """What is set while a new version is deployed is in the routes that this deploy writes."""
    alpha.submit("alpha", "1.1.0", settings=DECLARED)
    transact, once = alpha.client._client.transact_write_items, iter([1])
    record_of_deploy = "1.1.0"

    def meanwhile(**arguments: Any) -> Any:
        deploying = any(
            record_of_deploy in repr(item) and "HOOK#" in repr(item) for item in arguments["TransactItems"]
        )
        if deploying and next(once, None):
            alpha.client._lock.release()
            try:
                alpha.desk.set("alpha", "greeting", "Hi", actor="bob")
            finally:
                alpha.client._lock.acquire()
        return transact(**arguments)

    alpha.client._client.transact_write_items = meanwhile
    alpha.approve("alpha", "1.1.0")
    assert sent(alpha)["greeting"] == "Hi"
