"""What Lambda calls: `services_ai_sdk.plugin.handler.handle`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from services_ai_sdk.plugin.between_tenants import TenantFiles
from services_ai_sdk.plugin.execution import peak_memory_mb, safe_hook_execution
from services_ai_sdk.plugin.failures import FailureReader
from services_ai_sdk.plugin.loading import PackagedPlugin, import_plugin, read_packaged
from services_ai_sdk.plugin.paths import CodePaths
from services_ai_sdk.plugin.sandbox import PluginSandbox
from services_ai_sdk.plugin.time_limit import TimeLimit
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.envelope import Envelope
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.failure import Failure
from services_ai_sdk.wire.limits import LAMBDA_TIMEOUT_MAX_S
from services_ai_sdk.wire.result import Result

if TYPE_CHECKING:
    from services_ai_sdk.plugin.secret_settings import SecretReader

IMPORT_MAX_S = 9.0
"""Less than the 10 s that Lambda gives the init phase (Lambda Developer Guide, "Lambda execution environment
lifecycle"). Beyond that it is tried again within the call, whose caller has gone by then: what hangs at import
would be silence, where this makes each call fail at once with the line."""

_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


class PluginRuntime:
    """One plugin in one process: imported once, then called.

    An import that failed stays failed: half an import is never tried again in the same process, and each call
    says what went wrong the first time.

    Args:
        environment: The process's own, as Lambda sets it.
        clock: Seconds, of any start.
        import_max_s: After this the import has failed, with the line it hangs in.
        import_rules: Whether the plugin's own modules are held to them; off for the tests that prove them.
        cleans: The folder that is emptied between calls of different tenants; /tmp where that is private.
    """

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.perf_counter,
        import_max_s: float = IMPORT_MAX_S,
        import_rules: bool = True,
        cleans: str | None = None,
    ) -> None:
        self._files = TenantFiles(_own_tmp(environment) if cleans is None else cleans)
        self._import_rules = import_rules
        self._import_max_s = import_max_s
        self._environment = environment
        self._clock = clock
        self._in_lambda = "AWS_LAMBDA_RUNTIME_API" in environment
        self._packaged: PackagedPlugin | None = None
        self._plugin: object | None = None
        self._failure: Failure | None = None
        self._init_ms = 0.0
        self._reader = FailureReader(CodePaths("/var/task"))
        self._secrets: SecretReader | None = None

    def load(self) -> None:
        """Imports the plugin, if that was not tried yet. Never raises: `handle` says what went wrong."""
        if self._plugin is not None or self._failure is not None:
            return
        task_root = self._environment.get("LAMBDA_TASK_ROOT", "/var/task")
        secrets = [value for name in _SECRETS if (value := self._environment.get(name))]
        paths = CodePaths(task_root)
        self._reader = FailureReader(paths, known_secrets=secrets)
        started_s = self._clock()
        try:
            packaged = self._packaged = read_packaged(task_root)
            self._reader = FailureReader(paths, packaged.packages, secrets)
            limit = TimeLimit("the import of the plugin", self._import_max_s)
            sandbox = PluginSandbox(task_root, packages=packaged.packages, network=packaged.network)
            if self._import_rules:
                sandbox.refuse_hiding(packaged.entry_point)
                # For good: a hook may import as well.
                sandbox.__enter__()
            self._plugin = limit.run(lambda: import_plugin(packaged, task_root, sandbox.hold))
        except BaseException as error:  # noqa: BLE001 - sys.exit() at import is the plugin's failure too
            self._failure = self._reader.read(error, importing=True)
        else:
            self._files.keep()
        self._init_ms = round((self._clock() - started_s) * 1000, 3)

    def handle(self, event: Any, context: Any) -> dict[str, Any]:
        """One invoke.

        Args:
            event: An envelope; with an empty hook, only the import is proven.
            context: Lambda's; not used.

        Raises:
            Exception: The hook failed. Its class is named as the original's, its text is a `Failure` as JSON.
        """
        self.load()
        outcome = self._failure or self._call(event)
        if isinstance(outcome, Failure):
            # Lambda's client prints text and trace to the log: this text is redacted, this trace is one frame.
            raise _as_exception(outcome) from None
        init_ms, self._init_ms = self._init_ms, 0.0
        return {**outcome.to_dict(), "init_ms": init_ms}

    def _settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Secret ones travel by name, and are read when the plugin asks for them."""
        names = {name: place for name, value in given.items() if (place := _secret_name(value))}
        if not names:
            return given
        from services_ai_sdk.plugin.secret_settings import SecretReader, SettingsWithSecrets

        if self._secrets is None:
            self._secrets = SecretReader(self._environment, self._clock, self._reader.also_secret)
        plain = {name: value for name, value in given.items() if name not in names}
        return SettingsWithSecrets(plain, names, self._secrets.read)

    def _call(self, event: Any) -> Result | Failure:
        packaged = self._packaged
        assert packaged is not None
        try:
            envelope = Envelope.from_dict(event)
            if envelope.plugin_id != packaged.plugin_id:
                raise InvalidInputError(
                    f"the call is for the plugin {envelope.plugin_id!r}; this is {packaged.plugin_id!r}"
                )
            if envelope.hook and envelope.hook not in packaged.hooks:
                known = ", ".join(sorted(packaged.hooks)) or "none"
                raise InvalidInputError(
                    f"{packaged.plugin_id} {packaged.version} has no hook {envelope.hook[:100]!r}; it has {known}",
                    code="hook-unknown",
                )
        except InvalidInputError as error:
            return self._reader.read(error)
        if not envelope.hook:
            return Result(None, max_memory_mb=peak_memory_mb())
        try:
            self._files.begin(envelope.tenant)
        except OSError as error:
            return self._reader.read(error)
        return safe_hook_execution(
            self._plugin,
            envelope.hook,
            envelope.args,
            reader=self._reader,
            plugin_id=packaged.plugin_id,
            settings=self._settings({**packaged.settings, **envelope.settings}),
            resources=envelope.resources,
            permissions=frozenset(map(str, envelope.permissions)),
            clock=self._clock,
            time_limit=TimeLimit(envelope.hook, _limit_s(envelope.budget_ms), ends_process=self._in_lambda),
        )


def _own_tmp(environment: Mapping[str, str]) -> str:
    """The folder for temporary files in Lambda and in the local cloud's sandbox; nothing where it is shared."""
    private = "AWS_LAMBDA_RUNTIME_API" in environment and environment.get("LAMBDA_TASK_ROOT") == "/var/task"
    return "/tmp" if private else ""  # noqa: S108


def _secret_name(value: object) -> str | None:
    """Where a secret is kept; None of a value that is none: those are never objects."""
    return value.get("secret") if isinstance(value, dict) else None


def _limit_s(budget_ms: int) -> float | None:
    return min(budget_ms, LAMBDA_TIMEOUT_MAX_S * 1000) / 1000 if budget_ms > 0 else None


def _as_exception(failure: Failure) -> Exception:
    kind = type(failure.type, (Exception,), {})
    error = kind(jsontext.dumps(failure.to_dict()))
    assert isinstance(error, Exception)
    return error


_RUNTIME = PluginRuntime()
handle = _RUNTIME.handle
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # In Lambda the plugin is imported while the environment starts, where AWS gives it a whole processor
    # whatever its memory; elsewhere importing this module does nothing.
    _RUNTIME.load()
