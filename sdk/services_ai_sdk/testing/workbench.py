"""A plugin's folder, built into a temporary folder and ready to be called in the emulator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from services_ai_sdk.testing.hook_run import PluginProcess
from services_ai_sdk.wire.errors import PlatformError

if TYPE_CHECKING:
    from services_ai_sdk.bundler.package import BuiltPackage
    from services_ai_sdk.bundler.resolve import Progress


@contextmanager
def workbench(
    source: Path,
    *,
    progress: Progress = lambda _: None,
    settings: Mapping[str, Any] | None = None,
    permissions: Iterable[str] | None = None,
) -> Iterator[tuple[BuiltPackage, PluginProcess]]:
    """Builds a plugin as `package` does and opens an emulator for it; both are gone afterwards.

    Args:
        source: The plugin's folder or zip.
        progress: Takes what is going on, a line at a time.
        settings: In place of the manifest's defaults.
        permissions: What counts as granted; all that the manifest asks for when left out.

    Raises:
        FindingsError: Manifest, code or dependencies are wrong.
        InvalidInputError: The source cannot be read.
        PlatformError: There is no sandbox here, no such Python, no index.
    """
    from services_ai_sdk.bundler.package import build_package
    from services_ai_sdk.emulator.errors import EmulatorError, InvokeRefused
    from services_ai_sdk.emulator.session import Session

    with TemporaryDirectory(prefix="services-ai-bench-") as folder:
        workspace = Path(folder)
        built = build_package(source, workspace / "dist", progress=progress)
        try:
            with Session.of_user(progress=progress) as session:
                yield (
                    built,
                    PluginProcess(built, session, workspace, settings=settings, permissions=permissions),
                )
        except InvokeRefused as error:
            raise PlatformError(
                f"the plugin cannot be run here: {error.message}", hint=_hint(error.headers)
            ) from error
        except EmulatorError as error:
            raise PlatformError(error.message, code="sandbox-unavailable", hint=error.hint) from error


def _hint(headers: Mapping[str, str]) -> str:
    return headers.get("x-services-ai-not-run", "")
