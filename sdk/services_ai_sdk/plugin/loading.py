"""The plugin of this process: its manifest, and its class imported from its files."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.fields import as_object, field

FILE_NAME = "manifest.json"
WHAT = "the packaged manifest.json"


class PackagedPlugin:
    """What the runtime needs of a packaged manifest. No dataclass: making one costs a cold start 0.7 ms.

    Attributes:
        entry_point: A file below the task root, or a dotted module.
        network: Whether it asks for one.
        packages: Names of the declared dependencies.
        settings: Defaults of those that are not secret.
    """

    __slots__ = ("class_name", "entry_point", "hooks", "network", "packages", "plugin_id", "settings", "version")

    def __init__(
        self,
        *,
        plugin_id: str,
        version: str,
        entry_point: str,
        class_name: str,
        hooks: frozenset[str],
        packages: tuple[str, ...],
        settings: dict[str, Any],
        network: bool = False,
    ) -> None:
        self.plugin_id = plugin_id
        self.version = version
        self.entry_point = entry_point
        self.class_name = class_name
        self.hooks = hooks
        self.network = network
        self.packages = packages
        self.settings = settings


def read_packaged(task_root: str) -> PackagedPlugin:
    """Reads manifest.json at the task root.

    Raises:
        InvalidInputError: It is missing, malformed, or not that of a package.
    """
    source = _read(task_root)
    hooks = [as_object(hook, "a hook of the manifest") for hook in field(source, "hooks", list, WHAT)]
    settings = field(source, "settings", dict, WHAT, {})
    packages, network = _declared(source)
    return PackagedPlugin(
        plugin_id=field(source, "id", str, WHAT),
        version=field(source, "version", str, WHAT),
        entry_point=field(source, "entry_point", str, WHAT),
        class_name=field(source, "plugin_class", str, WHAT),
        hooks=frozenset(field(hook, "name", str, "a hook of the manifest") for hook in hooks),
        packages=packages,
        network=network,
        settings={
            name: as_object(setting, f"the setting {name!r}").get("default")
            for name, setting in settings.items()
            if not as_object(setting, f"the setting {name!r}").get("secret")
        },
    )


def read_declared(folder: str) -> tuple[tuple[str, ...], bool]:
    """Of any manifest.json, packaged or not: the declared packages, and whether it asks for a network.

    Raises:
        InvalidInputError: It is missing or malformed.
    """
    return _declared(_read(folder))


def _read(folder: str) -> dict[str, Any]:
    try:
        with open(os.path.join(folder, FILE_NAME), "rb") as stream:  # noqa: PTH123, PTH118 - pathlib costs 3 ms
            return as_object(jsontext.loads(stream.read(), what=WHAT), WHAT)
    except OSError as error:
        raise InvalidInputError(
            f"{WHAT} cannot be read: {error.strerror}", hint="package the plugin with services-ai-plugin package"
        ) from error


def _declared(source: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
    dependencies = field(source, "dependencies", dict, WHAT, {})
    packages = field(dependencies, "packages", dict, "its dependencies", {})
    return tuple(packages), source.get("network", "none") not in ("none", [], None)


def import_plugin(
    plugin: PackagedPlugin, task_root: str, hold: Callable[[ModuleType], None] = lambda _: None
) -> object:
    """Imports the entry point and makes one instance of the class.

    Args:
        plugin: What to import.
        task_root: Where it is.
        hold: Told of a module that is loaded past the import system, before its code runs.

    Raises:
        ImportError: There is no such module or class.
        Exception: Whatever the plugin's own code raises.
    """
    if task_root not in sys.path:
        sys.path.insert(0, task_root)
    module = _import_file(plugin.entry_point, task_root, hold) if plugin.entry_point.endswith(".py") else None
    if module is None:
        module = importlib.import_module(plugin.entry_point)
    found = getattr(module, plugin.class_name, None)
    if not isinstance(found, type):
        raise ImportError(  # noqa: TRY004 - the plugin has no such class: not a matter of an argument's type
            f"{plugin.entry_point} has no class {plugin.class_name!r}", name=module.__name__, path=module.__file__
        )
    return found()


def _import_file(entry_point: str, task_root: str, hold: Callable[[ModuleType], None]) -> ModuleType:
    file = os.path.join(task_root, *entry_point.split("/"))  # noqa: PTH118
    name = entry_point.removesuffix(".py").replace("/", ".")
    loaded = sys.modules.get(name)
    if loaded is None and all(part.isidentifier() for part in name.split(".")):
        module = importlib.import_module(name)
        if _same(module.__file__, file):
            return module
    elif loaded is not None and _same(getattr(loaded, "__file__", None), file):
        return loaded
    # The name belongs to something else (`json.py`, `logging.py`), or is none (`my-plugin.py`).
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"services_ai_plugin_{name.rpartition('.')[2].replace('-', '_')}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{entry_point} is no Python file", path=file)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    hold(module)
    spec.loader.exec_module(module)
    return module


def _same(found: str | None, wanted: str) -> bool:
    return found is not None and os.path.realpath(found) == os.path.realpath(wanted)
