from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from services_ai_sdk.hooks.catalogue import names
from services_ai_sdk.manifest.complete import check_folder
from services_ai_sdk.manifest.load import load_manifest, parse_manifest
from services_ai_sdk.manifest.model import Manifest
from services_ai_sdk.manifest.schema import manifest_schema
from services_ai_sdk.manifest.settings import LOOSE_TYPES

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/manifest.json"))
GOOD: dict[str, Any] = {
    "name": "Phone normalizer",
    "version": "1.0.0",
    "description": "Normalises phones",
    "author": "Ann",
    "email": "ann@example.com",
}
# What the loader accepts in the other tests of this folder, and what its comments say that it accepts.
LOOSE: tuple[dict[str, Any], ...] = (
    {},
    {"$schema": "https://example.com/schema.json"},
    {"permisions": ["read_leads"]},
    {"hooks": ["lead_created", {"name": "lead_updated", "priority": 5}], "python": "3.12"},
    {"hooks": ["booking_created"], "permissions": ["fly_to_the_moon"]},
    {"network": ["b.example.com", "a.example.com", "*.example.com", "c.example.com:8443"]},
    {"network": "internet", "capabilities": ["storage"]},
    {"limits": {"memory_mb": 512, "timeout_s": 25, "concurrency": 3}},
    {"settings": {"key": {"type": "string", "secret": True}}},
    {"settings": {"on": {"type": "checkbox", "default": "true"}}},
    {
        "settings": [
            {"name": "on", "type": "checkbox", "default": "true"},
            {"key": "days", "type": "int", "default": "30"},
            {"name": "token", "type": "password"},
            {"name": "mode", "type": "select", "options": [["a", "A"], {"value": "b"}], "default": "b"},
        ]
    },
    {"python": " Python3.13 "},
    {"python": "3.12.4"},
    {"name": "  padded\n", "description": "two\nlines"},
    {"entry_point": "app.main"},
    {"entry_point": "src/my-plugin.py", "plugin_class": "A"},
    {"dependencies": {"packages": {"requests": ">=2.28.0", "pandas": "^2.2"}}},
    {"id": "phone-normalizer"},
    {"id": None, "python": None, "plugin_class": None, "layer": None},
)


def refusals(raw: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(manifest_schema()).iter_errors(raw)]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(manifest_schema())
    assert json.loads(json.dumps(manifest_schema())) == manifest_schema()


@pytest.mark.parametrize("changes", LOOSE, ids=lambda changes: ",".join(changes) or "least")
def test_it_takes_what_the_loader_takes(changes: dict[str, Any]) -> None:
    raw = {**GOOD, **changes}
    loaded = parse_manifest(json.dumps(raw).encode())
    assert loaded.manifest is not None, loaded.findings
    assert refusals(raw) == []
    assert refusals(loaded.manifest.to_dict()) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_it_takes_the_examples_as_written_and_as_packaged(path: Path) -> None:
    assert refusals(json.loads(path.read_bytes())) == []
    completed = check_folder(load_manifest(path), path.parent).manifest
    assert completed is not None
    assert refusals(completed.to_dict()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "nobody"},
        {"id": "Phone_Normalizer"},
        {"name": ""},
        {"name": " "},
        {"entry_point": "../main.py"},
        {"python": "2.7"},
        {"limits": {"memory_mb": 64}},
        {"permissions": "read_leads"},
        {"capabilities": ["iam:*"]},
        {"network": "everything"},
        {"network": ["https://x.example"]},
        {"hooks": [{"name": "lead_created", "priority": 101}]},
        {"hooks": ["lead_created; rm"]},
        {"dependencies": {"packages": {"requests": 2}}},
        {"settings": [{"label": "no name"}]},
        {"settings": {"a": {"type": "colour"}}},
        {"version": 1.0},
    ],
    ids=json.dumps,
)
def test_it_refuses_what_an_editor_can_see(changes: dict[str, Any]) -> None:
    assert refusals({**GOOD, **changes})
    assert parse_manifest(json.dumps({**GOOD, **changes}).encode()).manifest is None


_TEXT = st.sampled_from(
    [
        "",
        " ",
        "a",
        "main.py",
        "lead_created",
        "read_leads",
        "none",
        "3.12",
        "python3.14",
        "a.b",
        "x\n",
        "true",
        "1.0",
    ]
)
_LEAF = _TEXT | st.integers(-1, 4000) | st.booleans() | st.none()
_VALUE = st.recursive(
    _LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "key", "type", "default", "options", "value", "priority", "packages", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_TYPED = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from([*LOOSE_TYPES, "select", "string"]), "default": _LEAF, "name": _TEXT}
)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(Manifest.model_fields)), _VALUE, max_size=3)
    | st.fixed_dictionaries(
        {"settings": st.lists(_TYPED, max_size=3) | st.dictionaries(_TEXT, _TYPED, max_size=3)}
    )
)
def test_it_never_refuses_what_the_loader_takes(changes: dict[str, Any]) -> None:
    raw = {**GOOD, **changes}
    if parse_manifest(json.dumps(raw).encode()).manifest is not None:
        assert refusals(raw) == []


def test_every_field_has_a_description_and_known_names_are_offered() -> None:
    schema = manifest_schema()
    parts = {"": schema, **schema["$defs"]}
    missing = [
        f"{part}.{name}"
        for part, definition in parts.items()
        for name, field in definition["properties"].items()
        if not field.get("description")
    ]
    assert missing == []
    offered = [option.get("const") for option in schema["properties"]["hooks"]["items"]["anyOf"][0]["anyOf"]]
    assert set(names()) <= set(offered)
