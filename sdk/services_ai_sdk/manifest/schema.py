"""The manifest as JSON Schema, for editors: what `load` takes, the looser forms of in-process hosts among it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from services_ai_sdk.hooks.catalogue import NOT_FIRED_YET, get, names
from services_ai_sdk.hooks.permissions import PERMISSIONS
from services_ai_sdk.manifest.model import (
    FILE_PATTERN,
    HOST_PATTERN,
    MODULE_PATTERN,
    Dependencies,
    HookDeclaration,
    LayerDigest,
    Limits,
    Manifest,
)
from services_ai_sdk.manifest.package_spec import PackageSpec
from services_ai_sdk.manifest.python import SUPPORTED
from services_ai_sdk.manifest.settings import LOOSE_TYPES, Setting

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_ATTRIBUTE = re.compile(r"^    (?P<name>\w+): (?P<text>.+(?:\n        .+)*)", re.MULTILINE)


def manifest_schema() -> Schema:
    """A JSON Schema (draft 2020-12) that takes whatever the loader takes; a fresh copy each time.

    Names of hooks and permissions are offered, and others are taken too: the loader says what is wrong with them.
    What only the whole can tell (a default outside its options, two names of one package) is left to it as well.
    """
    made = Manifest.model_json_schema()
    definitions = made.pop("$defs")
    for model in (Manifest, Dependencies, PackageSpec, Limits, LayerDigest, HookDeclaration, Setting):
        _describe(made if model is Manifest else definitions[model.__name__], model)
    properties = made["properties"]
    properties["$schema"] = {
        "type": "string",
        "description": "For editors; the loader passes over it, and packages leave it out.",
    }
    for name, rewrite in _FIELDS.items():
        properties[name] = {**_kept(properties[name]), **rewrite(properties[name])}
    for name in ("name", "description", "author"):
        properties[name]["pattern"] = _padded(properties[name]["pattern"])
    _loosen_setting(definitions["Setting"])
    definitions["HookDeclaration"]["properties"]["name"] = _hook_name(definitions["HookDeclaration"])
    return {"$schema": DIALECT, **made, "title": "Services AI plugin manifest", "$defs": definitions}


def _describe(schema: Schema, model: type[BaseModel]) -> None:
    """Descriptions as the class's docstring has them, in place of the docstring as a whole."""
    doc = "\n".join(line.removeprefix("    ") for line in (model.__doc__ or "").splitlines())
    schema["description"] = doc.partition("\n\n")[0].strip()
    for found in _ATTRIBUTE.finditer(doc.partition("Attributes:\n")[2]):
        if found["name"] in schema["properties"]:
            schema["properties"][found["name"]]["description"] = re.sub(r"\s+", " ", found["text"])


def _kept(schema: Schema) -> Schema:
    return {key: schema[key] for key in ("title", "description", "default") if key in schema}


def _padded(pattern: str) -> str:
    """White space around a text is stripped before the text is looked at."""
    return rf"^\s*(?=\S){pattern.removeprefix('^').removesuffix('$')}\s*$"


def _offered(known: dict[str, str], pattern: str) -> Schema:
    """Known names with what they mean, or any other that has the form."""
    offered = [{"const": name, "description": text} for name, text in known.items()]
    return {"anyOf": [*offered, {"type": "string", "pattern": pattern}]}


def _hook_name(declaration: Schema) -> Schema:
    given = declaration["properties"]["name"]
    known = {name: get(name).summary for name in names()}
    later = dict.fromkeys(sorted(NOT_FIRED_YET), "Not fired by this platform yet.")
    return {**_kept(given), **_offered({**known, **later}, given["pattern"])}


def _hooks(given: Schema) -> Schema:
    name = _hook_name({"properties": {"name": {"pattern": r"^[a-z][a-z0-9_]{0,63}$"}}})
    item = {"anyOf": [name, {"$ref": "#/$defs/HookDeclaration"}]}
    return {"type": "array", "maxItems": given["maxItems"], "items": item}


def _permissions(given: Schema) -> Schema:
    item = _offered(PERMISSIONS, given["items"]["pattern"])
    return {"type": "array", "maxItems": given["maxItems"], "items": item}


def _settings(given: Schema) -> Schema:
    named = [
        {"required": [key], "properties": {key: {"type": "string", "minLength": 1}}} for key in ("name", "key")
    ]
    item = {"allOf": [{"$ref": "#/$defs/Setting"}, {"anyOf": named}]}
    return {
        "anyOf": [
            {"type": "object", "additionalProperties": given["additionalProperties"]},
            {"type": "array", "items": item, "description": "As in-process hosts have them: each with its name."},
        ]
    }


def _network(_given: Schema) -> Schema:
    host = {"type": "string", "pattern": f"^{HOST_PATTERN}$"}
    return {"anyOf": [{"enum": ["none", "internet"]}, {"type": "array", "items": host}]}


def _entry_point(_given: Schema) -> Schema:
    return {"type": "string", "maxLength": 200, "pattern": f"^(?!.*\\.\\.)(?:{FILE_PATTERN}|{MODULE_PATTERN})$"}


def _python(_given: Schema) -> Schema:
    minors = "|".join(name.rpartition(".")[2] for name in SUPPORTED)
    loose = rf"^\s*(?:[Pp][Yy][Tt][Hh][Oo][Nn])?3\.(?:{minors})(?:\.\d{{1,3}})?\s*$"
    return {"anyOf": [{"enum": list(SUPPORTED)}, {"type": "string", "pattern": loose}, {"type": "null"}]}


_FIELDS: dict[str, Callable[[Schema], Schema]] = {
    "hooks": _hooks,
    "permissions": _permissions,
    "settings": _settings,
    "network": _network,
    "entry_point": _entry_point,
    "python": _python,
}


def _loosen_setting(setting: Schema) -> None:
    properties = setting["properties"]
    properties["type"]["enum"] = [*properties["type"]["enum"], *LOOSE_TYPES]
    valued = {"type": "object", "required": ["value"], "properties": {"value": {"type": "string"}}}
    pair = {"type": "array", "prefixItems": [{"type": "string"}], "minItems": 2, "maxItems": 2}
    properties["options"]["items"] = {"anyOf": [{"type": "string"}, valued, pair]}
