"""Proof that what was built can be imported: in the sandboxed emulator, under the Python it was built for."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from services_ai_sdk.bundler import cache, probe
from services_ai_sdk.bundler.cache import cache_folder
from services_ai_sdk.bundler.import_advice import Scene, advice
from services_ai_sdk.bundler.layer import hidden_modules
from services_ai_sdk.bundler.local_function import Running, local_function
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError
from services_ai_sdk.wire.failure import Category, Failure
from services_ai_sdk.wire.lambda_errors import CATEGORY_BY_TYPE

if TYPE_CHECKING:
    from services_ai_sdk.bundler.layer import LayerPackage
    from services_ai_sdk.bundler.resolve import Progress
    from services_ai_sdk.emulator.session import Session
    from services_ai_sdk.emulator.spec import FunctionSpec

CHECK_VERSION = 1
"""Rises when the check finds more than before: what passed an older one is checked again."""
TIMEOUT_S = 120
MODULE_MAX_S = 20
"""Twice what production gives the whole plugin: an import that hangs is named with its line, soon."""

_STRAY = frozenset({"tests", "test", "docs", "doc", "examples", "example", "benchmarks", "scripts", "tools"})
"""Folders that wheels bring to the top level by mistake."""
_NEVER_IMPORTED = frozenset({"setup", "conftest", "__main__", "noxfile", "fabfile"})


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be proven.

    Attributes:
        code: The package zip.
        layer: The dependency layer's zip, or None.
        declared: Packages that the manifest names, normalised.
        packages: What is in the layer.
        modules: The plugin's own modules.
    """

    plugin_id: str
    python: str
    memory_mb: int
    code: Path
    code_sha256: str
    layer: Path | None
    layer_sha256: str
    declared: tuple[str, ...]
    packages: tuple[LayerPackage, ...]
    modules: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Names this proof."""
        parts = [CHECK_VERSION, self.python, self.memory_mb, self.code_sha256, self.layer_sha256]
        return hashlib.sha256(json.dumps([*parts, self.declared, self.modules]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """One module that cannot be imported.

    Attributes:
        package: Which brings it; empty for the plugin's own.
        edit: What to change; empty when nobody knows.
    """

    module: str
    package: str
    failure: Failure
    edit: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "module": self.module,
            "package": self.package,
            "edit": self.edit,
            "failure": self.failure.to_dict(),
        }

    def text(self) -> str:
        """A line for people, or two."""
        what = f"{self.package} (import {self.module})" if self.package else f"the plugin's own {self.module}"
        top = self.failure.top_frame()
        where = f" at {top.file}:{top.line}" if top else ""
        message = self.failure.message.strip().partition("\n")[0][:300]
        line = f"{what}: {self.failure.type}{where}: {message}"
        return f"{line}\n    fix: {self.edit}" if self.edit else line


class ImportCheck:
    """Imports every declared dependency and every module of a plugin from what was built.

    Args:
        session: Opens an emulator; asked only when something has to be run.
        folder: Part of the cache, for proofs that were made.
        progress: Takes what is going on, a line at a time.
        module_max_s: How long one import may take.
    """

    def __init__(
        self,
        session: Callable[[], AbstractContextManager[Running]],
        folder: Path,
        progress: Progress,
        module_max_s: float = MODULE_MAX_S,
    ) -> None:
        self._session = session
        self._folder = folder
        self._progress = progress
        self._module_max_s = module_max_s

    @classmethod
    def from_environment(
        cls, progress: Progress = lambda _: None, environ: Mapping[str, str] = os.environ
    ) -> Self:
        """With an emulator in this user's own store."""

        def session() -> Session:
            from services_ai_sdk.emulator.session import Session

            return Session.of_user(environ, progress=progress)

        return cls(session, cache_folder(environ) / "imports", progress)

    def prove(self, subject: Subject) -> str:
        """Returns why nothing could be proven here; empty when all of it imports.

        Raises:
            FindingsError: `import-failed`, naming every module that cannot be imported and the edit.
        """
        from services_ai_sdk.emulator.errors import EmulatorError, InvokeRefused

        proof = self._folder / f"{subject.digest}.json"
        if proof.is_file():
            return ""
        owners = dict(_modules(subject))
        if not owners:
            return ""
        self._progress(f"importing {len(owners)} modules from what was built, on {subject.python}")
        try:
            with TemporaryDirectory(prefix="services-ai-imports-") as folder, self._session() as session:
                failures = self._run(session, subject, list(owners), Path(folder))
        except (EmulatorError, InvokeRefused) as error:
            return (
                f"imports were not tried: {getattr(error, 'message', error)} {getattr(error, 'hint', '')}".strip()
            )
        found = self._found(subject, owners, failures)
        if found:
            raise FindingsError(
                "what was built cannot be imported:\n" + "\n".join(f"  {each.text()}" for each in found),
                code="import-failed",
                hint=next((each.edit for each in found if each.edit), ""),
                details={"imports": [each.to_dict() for each in found]},
            )
        cache.put(proof, [json.dumps({"modules": sorted(owners)}).encode()])
        return ""

    def _found(
        self, subject: Subject, owners: Mapping[str, str], failures: Mapping[str, Failure]
    ) -> list[ImportFailure]:
        versions = {package.name: package.version for package in subject.packages}
        python = subject.python.removeprefix("python")
        scene = Scene(versions, python, subject.memory_mb, hidden_modules(subject.packages, python))
        return [
            ImportFailure(module, owners[module], failure, advice(failure, scene))
            for module, failure in failures.items()
        ]

    def _run(self, session: Running, subject: Subject, modules: Sequence[str], folder: Path) -> dict[str, Failure]:
        spec = _spec(subject, folder)
        packages = [each.name for each in subject.packages]
        event = {"packages": packages, "module_max_s": self._module_max_s}
        answer = _ask(session, spec, {**event, "modules": list(modules)})
        if not isinstance(answer, Failure):
            return answer
        if len(modules) == 1:
            return {modules[0]: answer}
        # The process died of one of them: each gets one of its own.
        failures: dict[str, Failure] = {}
        for module in modules:
            alone = _ask(session, spec, {**event, "modules": [module]})
            failures |= {module: alone} if isinstance(alone, Failure) else alone
        return failures or {modules[-1]: answer}


def own_modules(files: Iterable[str]) -> Iterator[str]:
    """Modules that a package's files are, but for scripts that nobody imports.

    Args:
        files: Names in the package zip.
    """
    for file in sorted(files):
        if not file.endswith(".py"):
            continue
        parts = file.removesuffix(".py").split("/")
        if parts[-1] == "__init__":
            parts.pop()
        if parts and all(part.isidentifier() for part in parts) and not _NEVER_IMPORTED & set(parts):
            yield ".".join(parts)


def _modules(subject: Subject) -> Iterator[tuple[str, str]]:
    """Module and the package that brings it, dependencies first."""
    for package in subject.packages:
        if package.name not in subject.declared:
            continue
        public = [name for name in package.import_names if not name.startswith("_") and name.isidentifier()]
        wanted = [name for name in public if name not in _STRAY] or public
        yield from ((name, package.name) for name in wanted)
    yield from ((name, "") for name in subject.modules)


def _spec(subject: Subject, folder: Path) -> FunctionSpec:
    return local_function(
        name=f"{subject.plugin_id}-imports",
        handler="services_ai_probe.handle",
        python=subject.python,
        timeout_s=TIMEOUT_S,
        memory_mb=subject.memory_mb,
        code=(subject.code_sha256, subject.code),
        layer=(subject.layer_sha256, subject.layer) if subject.layer is not None else None,
        workspace=folder,
        modules={"services_ai_probe.py": inspect.getsource(probe).encode()},
    )


def _ask(session: Running, spec: FunctionSpec, event: dict[str, Any]) -> dict[str, Failure] | Failure:
    ran = session.invoke(spec, json.dumps(event).encode())
    try:
        answer = json.loads(ran.answer.payload)
        if ran.answer.function_error:
            return _died(answer)
        return {name: Failure.from_dict(raw) for name, raw in answer.items() if name in event["modules"]}
    except (ValueError, AttributeError, InvalidInputError) as error:
        raise PlatformError(f"the import check got an answer that it cannot read: {error}") from error


def _died(answer: Mapping[str, Any]) -> Failure:
    kind = str(answer.get("errorType", "Unhandled"))
    category = CATEGORY_BY_TYPE.get(kind, Category.IMPORT_ERROR)
    return Failure(kind, str(answer.get("errorMessage", ""))[:1000], category)
