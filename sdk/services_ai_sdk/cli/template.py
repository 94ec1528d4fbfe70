"""The files of a new plugin, from the folders in `templates/`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template
from typing import Any

from services_ai_sdk import hooks
from services_ai_sdk.manifest.schema import manifest_schema


@dataclass(frozen=True, slots=True)
class PluginTemplate:
    """One kind of plugin to begin with.

    Attributes:
        summary: For `create --help`.
        description: For the manifest.
    """

    name: str
    summary: str
    description: str
    hook: str
    packages: dict[str, str] = field(default_factory=dict)
    permissions: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


TEMPLATES = {
    template.name: template
    for template in (
        PluginTemplate(
            "event",
            "does something when a lead comes in",
            "Greets each new lead.",
            "lead_created",
            settings={"greeting": {"type": "string", "label": "Greeting", "default": "Hello"}},
        ),
        PluginTemplate(
            "enrich",
            "adds to a lead with a package from PyPI",
            "Checks the e-mail address of each new lead.",
            "lead_created",
            packages={"email-validator": "^2.2"},
            permissions=("send_notifications",),
            settings={
                "notify": {"type": "boolean", "label": "Tell somebody about bad addresses", "default": True}
            },
        ),
        PluginTemplate(
            "widget",
            "puts a widget on the dashboard",
            "A widget on the dashboard.",
            "dashboard_widget",
            settings={"title": {"type": "string", "label": "Title", "default": "Today"}},
        ),
    )
}

SCHEMA = ".services-ai/manifest.schema.json"
_COMMON = {
    "README.md": "README.md.tmpl",
    ".gitignore": "gitignore.tmpl",
    ".github/workflows/check.yml": "check.yml.tmpl",
}
_OWN = {"main.py": "main.py.tmpl", "tests/test_main.py": "test_main.py.tmpl"}


def plugin_files(template: PluginTemplate, name: str, plugin_id: str, author: str, email: str) -> dict[str, str]:
    """Content by path.

    Args:
        template: What to begin with.
        name: As people read it.
        plugin_id: Its slug.
        author: Person or company.
        email: Where admins reach them.
    """
    manifest = {
        "$schema": f"./{SCHEMA}",
        "name": name,
        "id": plugin_id,
        "version": "0.1.0",
        "description": template.description,
        "author": author,
        "email": email,
        "entry_point": "main.py",
        "dependencies": {"packages": template.packages},
        "permissions": list(template.permissions),
        "network": "none",
        "settings": template.settings,
    }
    values = {
        "title": re.sub(r"[\\\"\x00-\x1f]", " ", name).strip(),
        "class_name": class_name(plugin_id),
        "plugin_id": plugin_id,
        "description": template.description,
        "hook": template.hook,
    }
    sample = json.dumps(hooks.get(template.hook).sample, indent=2, ensure_ascii=False) + "\n"
    return {
        "manifest.json": json.dumps(manifest, indent=2, ensure_ascii=False) + "\n",
        SCHEMA: json.dumps(manifest_schema(), indent=2, ensure_ascii=False) + "\n",
        f"payloads/{template.hook}.json": sample,
        **{path: _text("common", file, values) for path, file in _COMMON.items()},
        **{path: _text(template.name, file, values) for path, file in _OWN.items()},
    }


def class_name(plugin_id: str) -> str:
    """`phone-normalizer` → `PhoneNormalizer`; a name that begins with a digit gets `Plugin` before it."""
    joined = "".join(part.capitalize() for part in plugin_id.split("-"))
    return joined if joined[:1].isalpha() else f"Plugin{joined}"


def _text(folder: str, file: str, values: dict[str, str]) -> str:
    source = files("services_ai_sdk.cli").joinpath("templates", folder, file)
    return Template(source.read_text("utf-8")).substitute(values)
