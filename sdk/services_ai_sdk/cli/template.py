"""The files of a new plugin."""

from __future__ import annotations

import json
import re
from string import Template

_MAIN = Template('''"""$title"""

from __future__ import annotations

from typing import Any

from services_ai_sdk import ServicesAIPlugin, hookimpl


class $class_name(ServicesAIPlugin):
    """What the host calls: one method per hook."""

    @hookimpl
    def lead_created(self, lead: Any, context: Any) -> dict[str, Any]:
        """Runs for each new lead; what it returns is shown with the lead."""
        name = lead.get("first_name") or lead.get("name") or "you"
        self.log.info("greeting lead %s", lead.get("id"))
        return {"greeting": f"{self.settings.greeting}, {name}!"}
''')

_TEST = Template('''"""Run with pytest, in this folder."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from main import $class_name
from services_ai_sdk.hooks import get
from services_ai_sdk.plugin.payload import wrap


def test_a_new_lead_is_greeted() -> None:
    plugin = $class_name()
    plugin.settings = wrap({"greeting": "Hello"})
    assert plugin.lead_created(**wrap(get("lead_created").sample)) == {"greeting": "Hello, Maria!"}
''')

_README = Template("""# $title

$description

    services-ai-plugin validate
    services-ai-plugin package
    services-ai-plugin submit dist/$plugin_id-0.1.0.zip
""")


def plugin_files(name: str, plugin_id: str, author: str, email: str) -> dict[str, str]:
    """Content by path.

    Args:
        name: As people read it.
        plugin_id: Its slug.
        author: Person or company.
        email: Where admins reach them.
    """
    title = re.sub(r"[\\\"\x00-\x1f]", " ", name).strip()
    description = "Greets each new lead."
    manifest = {
        "name": name,
        "id": plugin_id,
        "version": "0.1.0",
        "description": description,
        "author": author,
        "email": email,
        "entry_point": "main.py",
        "dependencies": {"packages": {}},
        "permissions": [],
        "network": "none",
        "settings": {"greeting": {"type": "string", "label": "Greeting", "default": "Hello"}},
    }
    values = {
        "title": title,
        "class_name": class_name(plugin_id),
        "plugin_id": plugin_id,
        "description": description,
    }
    return {
        "manifest.json": json.dumps(manifest, indent=2, ensure_ascii=False) + "\n",
        "main.py": _MAIN.substitute(values),
        "tests/test_main.py": _TEST.substitute(values),
        "README.md": _README.substitute(values),
        ".gitignore": "dist/\n__pycache__/\n",
    }


def class_name(plugin_id: str) -> str:
    """`phone-normalizer` → `PhoneNormalizer`; a name that begins with a digit gets `Plugin` before it."""
    joined = "".join(part.capitalize() for part in plugin_id.split("-"))
    return joined if joined[:1].isalpha() else f"Plugin{joined}"
