from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.manifest.findings import Severity
from services_ai_sdk.manifest.load import load_manifest, parse_manifest
from services_ai_sdk.manifest.model import Manifest
from services_ai_sdk.wire.errors import FindingsError

GOOD: dict[str, Any] = {
    "name": "Phone normalizer",
    "version": "1.0.0",
    "description": "Normalises phones",
    "author": "Ann",
    "email": "ann@example.com",
}


def parse(**changes: Any) -> Any:
    return parse_manifest(json.dumps({**GOOD, **changes}).encode())


def codes(loaded: Any) -> list[str]:
    return [finding.code for finding in loaded.findings]


def test_five_fields_are_enough() -> None:
    loaded = parse()
    assert loaded.findings == ()
    assert loaded.manifest.limits.memory_mb == 256
    assert loaded.manifest.limits.timeout_s == 10
    assert loaded.manifest.network == "none"
    assert loaded.manifest.entry_point == "main.py"


def test_what_is_written_is_what_is_read() -> None:
    manifest = parse(
        dependencies={"packages": {"requests": ">=2.28.0"}},
        permissions=["read_leads"],
        capabilities=["storage"],
        network=["b.example.com", "a.example.com"],
        settings={"key": {"type": "string", "secret": True}},
        limits={"memory_mb": 512, "timeout_s": 25, "concurrency": 3},
        hooks=["lead_created", {"name": "lead_updated", "priority": 5}],
        python="3.12",
    ).manifest
    assert manifest.python == "python3.12"
    assert manifest.network == ("a.example.com", "b.example.com")
    assert [(hook.name, hook.priority) for hook in manifest.hooks] == [("lead_created", 50), ("lead_updated", 5)]
    again = parse_manifest(json.dumps(manifest.to_dict()).encode())
    assert again.findings == ()
    assert again.manifest == manifest


def test_every_problem_in_one_run_with_its_place() -> None:
    loaded = parse_manifest(
        b"""{
  "name": "", "version": "v1",
  "description": 5,
  "author": "a",
  "limits": {"timeout_s": 60, "memroy_mb": 1},
  "network": ["https://x.example"],
  "dependencies": {"packages": {"requests": 2}}
}"""
    )
    assert loaded.manifest is None
    places = {finding.message.split("'")[1]: (finding.line, finding.column) for finding in loaded.findings}
    assert places == {
        "email": (1, 1),
        "name": (2, 11),
        "version": (2, 26),
        "description": (3, 18),
        "limits.timeout_s": (5, 27),
        "memroy_mb": (5, 31),
        "network": (6, 14),
        "dependencies.packages.requests": (7, 45),
    }
    assert all(finding.file == "manifest.json" for finding in loaded.findings)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"email": "nobody"}, "email"),
        ({"id": "Phone_Normalizer"}, "id"),
        ({"id": "a" * 41}, "id"),
        ({"id": "a--b"}, "id"),
        ({"name": "x\x00y"}, "name"),
        ({"name": ["x"]}, "name"),
        ({"entry_point": "../main.py"}, "entry_point"),
        ({"entry_point": "/etc/passwd.py"}, "entry_point"),
        ({"entry_point": "main.sh;x"}, "entry_point"),
        ({"plugin_class": "a.b"}, "plugin_class"),
        ({"python": "python2.7"}, "python"),
        ({"python": "3." + "1" * 5000}, "python"),
        ({"limits": {"memory_mb": 64}}, "limits.memory_mb"),
        ({"limits": {"memory_mb": True}}, "limits.memory_mb"),
        ({"limits": {"timeout_s": 0}}, "limits.timeout_s"),
        ({"limits": {"timeout_s": "10"}}, "limits.timeout_s"),
        ({"limits": []}, "limits"),
        ({"permissions": "read_leads"}, "permissions"),
        ({"capabilities": ["iam:*"]}, "capabilities[0]"),
        ({"network": "everything"}, "network"),
        ({"network": ["10.0.0.1"]}, "network"),
        ({"network": ["localhost"]}, "network"),
        ({"hooks": [{"name": "lead_created", "priority": 101}]}, "hooks[0].priority"),
        ({"hooks": ["lead_created; rm"]}, "hooks[0]"),
        ({"dependencies": ["requests"]}, "dependencies"),
        ({"settings": {"a": {"type": "boolean", "default": "maybe"}}}, "settings.a"),
        ({"settings": {"a": {"secret": True, "default": "hunter2"}}}, "settings.a"),
        ({"settings": [{"label": "no name"}]}, "settings"),
        ({"version": "1.0 beta"}, "version"),
        ({"version": "1" * 41}, "version"),
        ({"version": 1.0}, "version"),
    ],
)
def test_a_wrong_field_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    loaded = parse(**changes)
    assert loaded.manifest is None
    assert [finding.message.split("'")[1] for finding in loaded.findings if finding.severity == "error"] == [named]


def test_a_field_that_is_no_field_is_a_warning_with_what_was_meant() -> None:
    loaded = parse(permisions=["read_leads"], **{"$schema": "https://example.com/schema.json"})
    assert loaded.manifest is not None
    (finding,) = loaded.findings
    assert finding.severity is Severity.WARNING
    assert finding.code == "manifest-unknown-field"
    assert "permissions" in finding.fix


def test_hooks_and_permissions_are_held_against_the_catalogue() -> None:
    loaded = parse(hooks=["lead_craeted"], permissions=["read_lead"])
    assert loaded.manifest is None
    assert codes(loaded) == ["hook-misspelt", "permission-misspelt"]
    loaded = parse(hooks=["booking_created"], permissions=["fly_to_the_moon"])
    assert loaded.manifest is not None
    assert codes(loaded) == ["hook-unknown", "permission-unknown"]
    assert codes(parse(hooks=["lead_created", "lead_created"])) == ["hook-duplicate"]


def test_a_bad_version_spec_has_its_column() -> None:
    loaded = parse_manifest(
        json.dumps({**GOOD, "dependencies": {"packages": {"requests": ">=2.x || 3"}}}).encode()
    )
    assert loaded.manifest is None
    (finding,) = loaded.findings
    assert finding.column > 1


def test_loose_settings_of_in_process_hosts_are_read() -> None:
    manifest = parse(
        settings=[
            {"name": "on", "type": "checkbox", "default": "true"},
            {"key": "days", "type": "int", "default": "30"},
            {"name": "token", "type": "password"},
            {"name": "mode", "type": "select", "options": [["a", "A"], {"value": "b"}], "default": "b"},
        ]
    ).manifest
    assert manifest.default_settings() == {"on": True, "days": 30, "mode": "b"}
    assert manifest.settings["token"].secret


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "json-invalid"),
        (b"[]", "manifest-invalid"),
        (b"null", "manifest-invalid"),
        (b"\xff\xfe{\x00}\x00", "json-not-utf8"),
        (b"\x00" * 1000, "json-invalid"),
        (b"[" * 500_000, "json-invalid"),
        (b" " * (1024 * 1024 + 1), "manifest-too-large"),
        (b"{'name': 'x'}", "json-invalid"),
    ],
)
def test_what_is_no_manifest_is_one_finding(raw: bytes, code: str) -> None:
    loaded = parse_manifest(raw)
    assert loaded.manifest is None
    assert codes(loaded) == [code]


def test_bom_nan_and_duplicates_are_refused_though_the_rest_is_right() -> None:
    text = json.dumps(GOOD)
    assert codes(parse_manifest(b"\xef\xbb\xbf" + text.encode())) == ["json-bom"]
    assert codes(parse_manifest(text.replace("}", ', "name": "x"}').encode())) == ["json-duplicate-key"]
    nan = parse_manifest(text.replace("}", ', "id": NaN}').encode())
    assert codes(nan) == ["json-nan"]
    assert nan.manifest is None


def test_a_folder_a_missing_and_an_endless_file(tmp_path: Path) -> None:
    assert codes(load_manifest(tmp_path)) == ["manifest-missing"]
    (tmp_path / "manifest.json").mkdir()
    assert codes(load_manifest(tmp_path)) == ["manifest-missing"]
    (tmp_path / "manifest.json").rmdir()
    (tmp_path / "manifest.json").symlink_to("/dev/zero")
    assert codes(load_manifest(tmp_path)) == ["manifest-missing"]


def test_fifty_megabytes_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "manifest.json").open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    assert codes(load_manifest(tmp_path)) == ["manifest-too-large"]


def test_ten_thousand_mistakes_are_not_ten_thousand_findings() -> None:
    loaded = parse(**{f"field_{number}": 1 for number in range(10_000)})
    assert 0 < len(loaded.findings) <= 300


def test_require_carries_the_findings() -> None:
    with pytest.raises(FindingsError) as caught:
        parse(version="v1", email="x").require()
    assert len(caught.value.details["findings"]) == 2
    assert caught.value.exit_code == 1


def test_the_json_schema_can_be_exported() -> None:
    schema = Manifest.model_json_schema()
    assert set(schema["required"]) == {"name", "version", "description", "author", "email"}
