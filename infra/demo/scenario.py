"""The demo's steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.demo.leads import CONTEXT, REALISTIC, UNROUTED
from infra.demo.record import CallRecord, DemoRecord, PluginRecord
from services_ai_sdk.wire.errors import PlatformError
from services_ai_sdk.wire.limits import CONSECUTIVE_FAILURES_MAX

if TYPE_CHECKING:
    from infra.demo.alerts import AlertQueue
    from infra.demo.commands import Commands
    from infra.demo.screen import Screen
    from services_ai_host import PluginHost

ALERT_ARRIVES_MAX_S = 15.0
OUTCOMES_LOOKS_MAX = 20
OUTCOMES_LOOK_EVERY_S = 0.5
SKIPPED_WITHIN_S = 1.0
"""How long after the fifth failure a dispatcher may still call the plugin (locally)."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """What the steps need of the running local cloud."""

    commands: Commands
    host: PluginHost
    alerts: AlertQueue


class Scenario:
    """Runs the steps and fills the record.

    Args:
        record: Filled as the steps run, so that a failure leaves what was seen until then.
        connect: Makes the clients once the local cloud runs, from its environment.
        sample: The catalogue's sample arguments of a hook.
        workspace: An empty folder for packages.
        sleep: Takes seconds.
    """

    def __init__(
        self,
        record: DemoRecord,
        screen: Screen,
        commands: Commands,
        connect: Callable[[Commands], Cloud],
        sample: Callable[[str], dict[str, Any]],
        workspace: Path,
        sleep: Callable[[float], None],
    ) -> None:
        self._record = record
        self._screen = screen
        self._commands = commands
        self._connect = connect
        self._sample = sample
        self._workspace = workspace
        self._sleep = sleep

    def start_cloud(self) -> Cloud:
        """Replaces a local cloud that runs and subscribes a queue to the new one's alerts."""
        self._screen.step(2, "The local cloud, with the platform from template.yaml in it")
        ended = self._commands.text("services-ai-admin", "local", "down").strip()
        if ended.startswith("ended"):
            self._screen.progress(f"{ended}: it is replaced")
        self._commands.data("services-ai-admin", "local", "up", "--detach", "--fresh")
        environment = self._commands.data("services-ai-admin", "local", "env")
        cloud = self._connect(self._commands.with_environment(environment))
        self._screen.line(f"up at {environment['AWS_ENDPOINT_URL']}")
        return cloud

    def ship(self, cloud: Cloud, sources: Sequence[Path]) -> None:
        """Packages, submits, approves and deploys each source."""
        self._screen.step(3, f"Package {_count(len(sources), 'plugin')}: dependencies resolved, locked, built")
        with ThreadPoolExecutor(max_workers=2) as pool:
            packages = list(pool.map(lambda source: self._package(cloud, source), sources))
        for package in packages:
            self._screen.line(_package_line(package))
        self._screen.step(4, "Submit, approve, deploy: one layer, function and role each")
        with ThreadPoolExecutor(max_workers=2) as pool:
            self._record.plugins.extend(pool.map(lambda package: self._deploy(cloud, package), packages))
        for plugin in self._record.plugins:
            self._screen.line(f"{plugin.id} {plugin.version}  {plugin.python}  smoke call: {plugin.smoke}")
            for arn in (plugin.function_arn, *plugin.layer_arns, plugin.role_arn):
                self._screen.line(f"    {arn}")

    def fire_examples(self, cloud: Cloud) -> str | None:
        """Fires realistic leads, then those that the third example cannot route, until it is switched off.

        Returns:
            The plugin that was switched off.
        """
        self._screen.step(5, "Fire lead_created with realistic leads")
        for lead in REALISTIC:
            self._screen.line(f"{lead['name']}, {lead['company']} ({lead['country']})")
            self._fire(cloud, "lead_created", {"lead": lead, "context": CONTEXT})
        self._screen.step(6, "Fire until a plugin has failed five times in a row")
        for number in range(CONSECUTIVE_FAILURES_MAX):
            lead = UNROUTED[number % len(UNROUTED)]
            self._screen.line(f"{lead['name']}, {lead['company']} ({lead['country']})")
            self._fire(cloud, "lead_created", {"lead": lead, "context": CONTEXT})
        failing = _failing(self._record.calls)
        if failing is None:
            raise PlatformError(
                "no example failed five times in a row: the demo cannot show how a plugin is switched off",
                code="demo-incomplete",
                hint="one example must not know the countries of the second set in infra/demo/leads.py",
            )
        self._show_switched_off(cloud, failing, "lead_created", {"lead": UNROUTED[0], "context": CONTEXT})
        return failing

    def fire_samples(self, cloud: Cloud) -> str | None:
        """Fires each hook of the plugin with the catalogue's sample; a hook that fails, until five times in a row.

        Returns:
            The plugin that was switched off, or None.
        """
        (plugin,) = self._record.plugins
        self._screen.step(5, f"Fire {', '.join(plugin.hooks) or 'nothing: it has no hook of the catalogue'}")
        if not plugin.runs_here:
            self._screen.line(plugin.smoke)
            return None
        for hook in plugin.hooks:
            arguments = self._sample(hook)
            self._screen.line(hook)
            answer = self._fire(cloud, hook, arguments, only=plugin.id)
            if answer.status != "error":
                continue
            for _ in range(CONSECUTIVE_FAILURES_MAX - 1):
                self._fire(cloud, hook, arguments, only=plugin.id)
            if _failing(self._record.calls) == plugin.id:
                self._screen.step(6, f"{plugin.id} has failed five times in a row")
                self._show_switched_off(cloud, plugin.id, hook, arguments)
                return plugin.id
        return None

    def show_fleet(self, cloud: Cloud, failing: str | None) -> None:
        """Prints the fleet as `services-ai-admin status` has it, and what to try next."""
        rows = self._rows_with_every_call(cloud)
        states = {row["plugin"]: row["state"] for row in rows}
        for plugin in self._record.plugins:
            plugin.state = states.get(plugin.id, plugin.state)
        self._screen.step(7, "The fleet")
        self._screen.block(cloud.commands.text("services-ai-admin", "status"))
        one = failing or self._record.plugins[0].id
        self._screen.line()
        self._screen.line("The local cloud stays up (./dev down ends it). Worth trying next:")
        self._screen.line(f"  ./dev run services-ai-admin why {one}")
        self._screen.line(f"  ./dev run services-ai-admin errors {one}")
        self._screen.line(
            f"  ./dev run services-ai-admin enable {one} --reason 'fixed'"
            if failing
            else f"  ./dev run services-ai-admin logs {one}"
        )

    def _rows_with_every_call(self, cloud: Cloud) -> list[dict[str, Any]]:
        """The fleet's rows, once the recorder has counted every call that was made here."""
        made = Counter(call.plugin for call in self._record.calls)
        for _ in range(OUTCOMES_LOOKS_MAX):
            rows: list[dict[str, Any]] = cloud.commands.data("services-ai-admin", "status")["plugins"]
            counted = {row["plugin"]: row["last_hour"]["calls"] + row["last_hour"]["skipped"] for row in rows}
            if all(counted.get(plugin, 0) >= calls for plugin, calls in made.items()):
                return rows
            self._sleep(OUTCOMES_LOOK_EVERY_S)
        self._screen.progress("the recorder is behind: services-ai-admin status has every call later")
        return rows

    def _package(self, cloud: Cloud, source: Path) -> dict[str, Any]:
        out = self._workspace / source.stem
        commands = cloud.commands.labelled(source.stem)
        return commands.data("services-ai-plugin", "package", str(source), "--out", str(out))

    def _deploy(self, cloud: Cloud, package: dict[str, Any]) -> PluginRecord:
        commands, plugin_id, version = cloud.commands, package["id"], package["version"]
        commands.data("services-ai-plugin", "submit", package["package"])
        approved = commands.data("services-ai-admin", "approve", plugin_id, "--version", version, "--yes")
        deployment = approved["deployment"]
        return PluginRecord(
            id=plugin_id,
            version=version,
            state=approved["state"],
            function_arn=deployment["function_arn"],
            layer_arns=list(deployment["layer_arns"]),
            role_arn=deployment["role_arn"],
            python=deployment["python"],
            smoke=deployment["smoke"],
            hooks=list(package["hooks"]),
        )

    def _fire(self, cloud: Cloud, hook: str, arguments: dict[str, Any], only: str = "") -> CallRecord:
        results = cloud.host.call_hook(hook, **arguments)
        if results.error is not None:
            raise results.error
        calls = [CallRecord.of(hook, answer) for answer in results if not only or answer.plugin_id == only]
        if not calls:
            raise PlatformError(
                f"no plugin answered {hook}",
                code="no-listener",
                hint="services-ai-admin status shows which hooks each plugin has",
            )
        for call in calls:
            self._record.calls.append(call)
            self._screen.call(call)
        return calls[-1]

    def _show_switched_off(self, cloud: Cloud, plugin_id: str, hook: str, arguments: dict[str, Any]) -> None:
        self._screen.line()
        self._screen.line(f"{plugin_id} has failed five times in a row. The next call:")
        self._sleep(SKIPPED_WITHIN_S)
        self._fire(cloud, hook, arguments)
        (last,) = [call for call in self._record.calls[-len(self._record.plugins) :] if call.plugin == plugin_id]
        if last.status != "skipped":
            raise PlatformError(
                f"{plugin_id} failed five times in a row and was still called",
                code="not-switched-off",
                hint=f"services-ai-admin why {plugin_id}",
            )
        alerts = cloud.alerts.receive(ALERT_ARRIVES_MAX_S, lambda alert: _is_switch_off(alert, plugin_id))
        self._record.notifications.extend(alerts)
        switched_off = [alert for alert in alerts if _is_switch_off(alert, plugin_id)]
        if not switched_off:
            raise PlatformError(
                f"{plugin_id} is switched off, but no notification arrived within {ALERT_ARRIVES_MAX_S:.0f} s",
                code="no-alert",
                hint="services-ai-notifier.log says why: in the folder that services-ai-admin local status names",
            )
        self._screen.line()
        self._screen.line("The notification, as it arrived in the subscribed queue:")
        self._screen.line()
        self._screen.line(f"  {switched_off[0]['subject']}")
        for line in switched_off[0]["body"].splitlines():
            self._screen.line(f"  {line}")


def _is_switch_off(alert: dict[str, Any], plugin_id: str) -> bool:
    attributes = alert["attributes"]
    return bool(attributes.get("kind") == "auto_disabled" and attributes.get("plugin") == plugin_id)


def _failing(calls: Sequence[CallRecord]) -> str | None:
    """The plugin whose last five calls of one hook all failed."""
    by_plugin: dict[tuple[str, str], list[str]] = {}
    for call in calls:
        by_plugin.setdefault((call.plugin, call.hook), []).append(call.status)
    for (plugin, _), statuses in by_plugin.items():
        last = statuses[-CONSECUTIVE_FAILURES_MAX:]
        if last == ["error"] * CONSECUTIVE_FAILURES_MAX:
            return plugin
    return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _package_line(package: dict[str, Any]) -> str:
    layer = package.get("layer_size_bytes") or 0
    code = package.get("package_size_bytes") or 0
    size = (
        f"code {code / 1024:.0f} KB, layer {layer / 1_048_576:.1f} MB" if layer else f"code {code / 1024:.0f} KB"
    )
    return f"{package['id']} {package['version']}  {package['python']}  {size}"
