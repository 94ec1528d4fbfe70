"""The manifest: what a plugin says about itself in manifest.json."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services_ai_sdk.manifest.package_spec import Spec
from services_ai_sdk.manifest.python import runtime_name
from services_ai_sdk.manifest.settings import Setting
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.limits import PLUGIN_ID_MAX_CHARS, PLUGIN_TIMEOUT_DEFAULT_S, PLUGIN_TIMEOUT_MAX_S

PRIORITY_DEFAULT = 50
"""Lower runs first, and is listed first."""

ID_PATTERN = r"[a-z0-9](-?[a-z0-9])*"
HOST_PATTERN = (
    r"(?=.{1,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
    r"(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
)
FILE_PATTERN = r"(?!/)(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_-]*\.py"
MODULE_PATTERN = r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*"
_HOST, _FILE, _MODULE = re.compile(HOST_PATTERN), re.compile(FILE_PATTERN), re.compile(MODULE_PATTERN)

Capability = Literal["storage", "secrets", "files", "email", "queue"]
Text = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")
Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]*$")
PluginId = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$", max_length=PLUGIN_ID_MAX_CHARS)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _python(text: str) -> str:
    try:
        return runtime_name(text)
    except InvalidInputError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error


def _entry_point(text: str) -> str:
    if len(text) > 200 or ".." in text or not (_FILE.fullmatch(text) or _MODULE.fullmatch(text)):
        raise ValueError(f"{text[:60]!r} is no file of the plugin like main.py, and no module like app.main")
    return text


def _network(network: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if isinstance(network, str):
        if network not in ("none", "internet"):
            raise ValueError(f"{network[:60]!r} is neither 'none', 'internet' nor an array of host names")
        return network
    for host in network:
        if not _HOST.fullmatch(host):
            raise ValueError(
                f"{host[:60]!r} is no host like api.example.com, *.example.com or api.example.com:8443 "
                "(lower case, no scheme or path)"
            )
    return tuple(sorted(set(network))) or "none"


def _hook(raw: Any) -> Any:
    return {"name": raw} if isinstance(raw, str) else raw


def _settings(raw: Any) -> Any:
    """Settings may come as an array of objects with a `name` or `key`, as in-process hosts have them."""
    if not isinstance(raw, list):
        return raw
    named: dict[str, Any] = {}
    for item in raw:
        name = (item.get("name") or item.get("key")) if isinstance(item, dict) else None
        if not isinstance(name, str) or name in named:
            raise ValueError("each setting of an array needs a 'name' of its own")
        named[name] = item
    return named


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class HookDeclaration(_Part):
    """One hook that the plugin listens to.

    Attributes:
        name: As the method is called: `lead_created`.
        priority: Lower runs first.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    priority: int = Field(default=PRIORITY_DEFAULT, ge=0, le=100, strict=True)


class Dependencies(_Part):
    """What is installed for the plugin, and for it alone.

    Attributes:
        packages: PyPI packages, by name, with their version specs as text (`">=2.28.0"`, `"^1.5.0"`, `"*"`) or in
            the long form.
    """

    packages: dict[Annotated[str, StringConstraints(min_length=1, max_length=200)], Spec] = Field(
        default_factory=dict
    )


class Limits(_Part):
    """What one call may use.

    Attributes:
        memory_mb: Of the function; Lambda gives processor time in proportion.
        timeout_s: Of the whole function call.
        concurrency: Calls at the same time; None for the platform's own bound.
    """

    memory_mb: int = Field(default=256, ge=128, le=3008, strict=True)
    timeout_s: int = Field(default=PLUGIN_TIMEOUT_DEFAULT_S, ge=1, le=PLUGIN_TIMEOUT_MAX_S, strict=True)
    concurrency: int | None = Field(default=None, ge=1, le=1000, strict=True)


class LayerDigest(_Part):
    """The dependency layer that travels beside a package.

    Attributes:
        sha256: Hex digest of the layer zip's bytes.
        size_bytes: Zipped.
        unzipped_bytes: As Lambda counts them.
    """

    sha256: Sha256
    size_bytes: int = Field(ge=1, strict=True)
    unzipped_bytes: int = Field(ge=1, strict=True)


class Manifest(_Part):
    """All of manifest.json. In a package every field has its final value.

    Attributes:
        name: As people read it.
        version: Digits first, then letters, digits and . + -
        description: One sentence on what it does, for admins.
        author: The person or company behind it.
        email: Where admins reach them.
        id: Names the plugin's function and role; None until `complete` makes it from the name.
        entry_point: A file of the plugin, or a dotted module.
        plugin_class: None until `complete` reads it from the entry point.
        python: A Lambda runtime; None until the bundler chooses.
        dependencies: PyPI packages that the plugin imports.
        permissions: What of the host's data and UI it asks for; an admin grants it.
        capabilities: What of AWS it asks for; an admin grants it.
        network: `none`, `internet`, or the hosts that the plugin talks to.
        settings: What an admin can set, by name.
        limits: What one call may use.
        hooks: Read from the class; if given, checked against it.
        layer: Only in packages, and None there when there are no dependencies.
    """

    name: Annotated[str, Line, Field(max_length=100)]
    version: Annotated[
        str, StringConstraints(pattern=r"^[0-9]+([.+-]?[0-9A-Za-z])*$", min_length=1, max_length=40)
    ]
    description: Annotated[str, Text, Field(max_length=2000)]
    author: Annotated[str, Line, Field(max_length=200)]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}$")]
    id: PluginId | None = None
    entry_point: Annotated[str, AfterValidator(_entry_point)] = "main.py"
    plugin_class: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")] | None = None
    python: Annotated[str, AfterValidator(_python)] | None = None
    dependencies: Dependencies = Field(default_factory=Dependencies)
    permissions: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")], ...] = Field(
        default=(), max_length=50
    )
    capabilities: tuple[Capability, ...] = ()
    network: Annotated[str | tuple[str, ...], AfterValidator(_network)] = "none"
    settings: Annotated[dict[str, Setting], BeforeValidator(_settings)] = Field(default_factory=dict)
    limits: Limits = Field(default_factory=Limits)
    hooks: tuple[Annotated[HookDeclaration, BeforeValidator(_hook)], ...] = Field(default=(), max_length=100)
    layer: LayerDigest | None = None

    @property
    def plugin_id(self) -> str:
        """`id`, of a manifest that is complete.

        Raises:
            InvalidInputError: It is not.
        """
        if self.id is None:
            raise InvalidInputError("the manifest has no 'id' yet", code="manifest-incomplete")
        return self.id

    def default_settings(self) -> dict[str, str | int | float | bool | None]:
        """What a plugin sees as `self.settings` until an admin sets something; secrets are not among them."""
        return {name: setting.default for name, setting in self.settings.items() if not setting.secret}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, every field present."""
        return self.model_dump(mode="json")
