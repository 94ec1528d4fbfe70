"""Fixtures that pytest finds by itself where the SDK is installed; heavy imports wait until one is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from services_ai_sdk.manifest.model import Manifest
    from services_ai_sdk.testing.fake_api import FakeAPI
    from services_ai_sdk.testing.hook_run import HookRun, PluginProcess

MANIFEST = "manifest.json"


@pytest.fixture
def plugin_folder(request: pytest.FixtureRequest) -> Path:
    """The nearest folder above the test that has a manifest.json."""
    for folder in request.path.parents:
        if (folder / MANIFEST).is_file():
            return folder
    pytest.fail(f"no folder above {request.path} has a {MANIFEST}: the test is not inside a plugin")


@pytest.fixture
def plugin_manifest(plugin_folder: Path) -> Manifest:
    """The manifest, complete; a plugin with errors in manifest or code fails here."""
    from services_ai_sdk.manifest.complete import check_folder
    from services_ai_sdk.manifest.findings import raise_on_errors
    from services_ai_sdk.manifest.load import load_manifest

    checked = check_folder(load_manifest(plugin_folder), plugin_folder)
    raise_on_errors(checked.findings, plugin_folder.name)
    assert checked.manifest is not None
    return checked.manifest


@pytest.fixture
def plugin_settings(plugin_manifest: Manifest) -> dict[str, Any]:
    """The defaults that the manifest gives; define a fixture of this name to test with others."""
    return plugin_manifest.default_settings()


@pytest.fixture
def plugin_permissions(plugin_manifest: Manifest) -> frozenset[str]:
    """All that the manifest asks for; define a fixture of this name to test with less."""
    return frozenset(plugin_manifest.permissions)


@pytest.fixture
def fake_api(plugin_permissions: frozenset[str]) -> FakeAPI:
    """`self.api`: records what the plugin asks for, refuses what is not granted."""
    from services_ai_sdk.testing.fake_api import FakeAPI

    return FakeAPI(plugin_permissions)


@pytest.fixture
def plugin(
    plugin_folder: Path,
    plugin_manifest: Manifest,
    plugin_settings: dict[str, Any],
    plugin_permissions: frozenset[str],
    fake_api: FakeAPI,
) -> Any:
    """An instance of the plugin's class in this process, bound to `fake_api`: for fast tests and the debugger."""
    from services_ai_sdk.plugin.base import ServicesAIPlugin
    from services_ai_sdk.plugin.loading import PackagedPlugin, import_plugin

    manifest = plugin_manifest
    assert manifest.plugin_class is not None
    packaged = PackagedPlugin(
        plugin_id=manifest.plugin_id,
        version=manifest.version,
        entry_point=manifest.entry_point,
        class_name=manifest.plugin_class,
        hooks=frozenset(hook.name for hook in manifest.hooks),
        packages=tuple(manifest.dependencies.packages),
        settings=plugin_settings,
    )
    made = import_plugin(packaged, str(plugin_folder))
    if isinstance(made, ServicesAIPlugin):
        made.bind_call(plugin_settings, fake_api, plugin_permissions)
    return made


@pytest.fixture
def payload() -> Callable[..., dict[str, Any]]:
    """`payload("lead_created", lead={"country": None})`: a hook's sample, changed."""
    from services_ai_sdk.testing.payloads import payload

    return payload


@pytest.fixture
def invoke(plugin_folder: Path, _plugin_processes: Callable[[Path], PluginProcess]) -> Callable[..., HookRun]:
    """`invoke("lead_created", lead={…})`: the built package in the sandboxed emulator, as production runs it."""
    from services_ai_sdk.testing.payloads import payload

    def call(hook: str, **changes: Any) -> HookRun:
        return _plugin_processes(plugin_folder).fire(hook, payload(hook, **changes))

    return call


@pytest.fixture(scope="session")
def _plugin_processes() -> Iterator[Callable[[Path], PluginProcess]]:
    """One process a plugin and session, started when it is first called."""
    from services_ai_sdk.testing.workbench import workbench

    known: dict[Path, PluginProcess] = {}
    with ExitStack() as stack:

        def of(folder: Path) -> PluginProcess:
            if folder not in known:
                known[folder] = stack.enter_context(workbench(folder))[1]
            return known[folder]

        yield of
