"""In-memory ports of the control plane, held to the same suite as the real ones (test_ports.py)."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from control_plane.operations.outcomes import encoded, split
from control_plane.operations.ports import (
    Alert,
    Deployment,
    Earlier,
    Invoked,
    NotInvoked,
    Release,
    StoredObject,
    Submission,
)
from services_ai_sdk.manifest.findings import Finding
from services_ai_sdk.manifest.inspected import InspectedPackage
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError
from services_ai_sdk.wire.outcome import OutcomesMessage


class ManualClock:
    """Time that moves when it is slept or told to."""

    def __init__(self, now_s: float = 1_772_000_000.0) -> None:
        self.now = now_s
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def now_s(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds
        self.on_sleep()


class FakeInvoker:
    """Answers as a script per function ARN says; a script is called with the envelope."""

    def __init__(self) -> None:
        self.scripts: dict[str, Callable[[dict[str, Any]], Invoked]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.timeouts_s: list[float] = []
        self._lock = threading.Lock()

    def invoke(self, function_arn: str, payload: bytes, timeout_s: float) -> Invoked:
        envelope = json.loads(payload)
        with self._lock:
            self.calls.append((function_arn, envelope))
            self.timeouts_s.append(timeout_s)
        script = self.scripts.get(function_arn)
        if script is None:
            raise NotInvoked(f"ResourceNotFoundException: Function not found: {function_arn}")
        return script(envelope)

    def reached(self, plugin_id: str) -> int:
        return sum(envelope["plugin"]["id"] == plugin_id for _, envelope in self.calls)


def returns(value: Any, *, pid: int = 0) -> Callable[[dict[str, Any]], Invoked]:
    """A hook that returned."""
    answer = {"v": 1, "ok": True, "value": value, "actions": [], "duration_ms": 1.5, "init_ms": 0.0}
    return lambda _: Invoked(200, "", json.dumps(answer).encode(), pid)


def raises(kind: str, message: str, *, line: int = 31) -> Callable[[dict[str, Any]], Invoked]:
    """A hook that raised, as our handler reports it."""
    frame = {
        "file": "main.py",
        "line": line,
        "function": "route",
        "in_app": True,
        "source": [[line, "    team = TEAMS[country]"]],
    }
    failure = {"type": kind, "message": message, "category": "runtime_error", "frames": [frame]}
    payload = {"errorType": kind, "errorMessage": json.dumps(failure), "requestId": "r", "stackTrace": []}
    return lambda _: Invoked(200, "Unhandled", json.dumps(payload).encode())


class MemorySink:
    """Keeps messages; refuses when told to. Arguments that do not fit are kept beside."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.by_reference: dict[str, bytes] = {}
        self.refuses = False

    def send(self, message: OutcomesMessage) -> None:
        if self.refuses:
            raise PlatformError("sending outcomes: no")
        if message.args is not None and len(encoded(message)) > 256 * 1024:
            ref = f"s3://memory/payloads/{hashlib.sha256(message.event_id.encode()).hexdigest()[:32]}.json"
            self.by_reference[ref] = jsontext.dumps(message.args).encode()
            message = replace(message, args=None, args_ref=ref)
        self.bodies += [encoded(piece) for piece in split(message)]

    @property
    def messages(self) -> list[OutcomesMessage]:
        return [OutcomesMessage.from_dict(json.loads(body)) for body in self.bodies]


class MemoryTopic:
    """Keeps alerts."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.refuses = False

    def publish(self, alert: Alert) -> None:
        if self.refuses:
            raise PlatformError("publishing: no")
        self.alerts.append(alert)


class MemorySecrets:
    """A secret store in memory."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def put(self, name: str, value: str, plugin_id: str) -> None:
        self.values[name] = value

    def delete(self, name: str) -> None:
        self.values.pop(name, None)


class MemoryStore:
    """An artifact bucket in memory."""

    def __init__(self) -> None:
        self.bucket = "memory"
        self.objects: dict[str, tuple[str, bytes]] = {}

    def put(self, key: str, body: bytes, at: str = "2026-01-01T00:00:00+00:00") -> None:
        self.objects[key] = (at, body)

    def submissions(self, plugin_id: str | None = None) -> Sequence[Submission]:
        rows = []
        for key, (at, _) in self.objects.items():
            parts = key.split("/")
            if parts[0] != "submissions" or len(parts) != 5 or parts[4] != "package.zip":
                continue
            if plugin_id is None or parts[1] == plugin_id:
                layer = key.replace("package.zip", "layer.zip")
                rows.append(
                    Submission(parts[1], parts[2], parts[3], at, key, layer if layer in self.objects else "")
                )
        return sorted(rows, key=lambda row: row.submitted_at, reverse=True)

    def download(self, key: str, target: Path) -> None:
        if key not in self.objects:
            raise PlatformError(f"fetching {key}: The specified key does not exist.")
        target.write_bytes(self.objects[key][1])

    def place_of(self, sha256: str) -> StoredObject:
        return StoredObject(self.bucket, f"artifacts/{sha256}.zip", sha256)

    def keep(self, source: Path, sha256: str) -> StoredObject:
        body = source.read_bytes()
        if hashlib.sha256(body).hexdigest() != sha256:
            raise PlatformError(
                f"keeping {sha256}: The SHA256 you specified did not match the calculated checksum."
            )
        place = self.place_of(sha256)
        self.objects.setdefault(place.key, ("2026-01-01T00:00:00+00:00", body))
        return place


DEPENDENCIES = (
    {
        "name": "phonenumbers",
        "version": "8.13.0",
        "spec": ">=8",
        "size_bytes": 2_500_000,
        "license": "Apache-2.0",
        "import_names": ["phonenumbers"],
    },
    {
        "name": "six",
        "version": "1.17.0",
        "spec": "",
        "size_bytes": 40_000,
        "license": "MIT",
        "import_names": ["six"],
    },
)


@dataclass
class JsonInspector:
    """Takes a package that is the manifest's JSON and nothing else."""

    findings: tuple[Finding, ...] = ()

    def inspect(self, package: Path, layer: Path | None) -> InspectedPackage:
        from services_ai_sdk.manifest.model import Manifest

        body = package.read_bytes()
        return InspectedPackage(
            manifest=Manifest.model_validate_json(body),
            package_sha256=hashlib.sha256(body).hexdigest(),
            layer_sha256=hashlib.sha256(layer.read_bytes()).hexdigest() if layer else "",
            package_size_bytes=len(body),
            layer_size_bytes=layer.stat().st_size if layer else 0,
            unzipped_bytes=len(body),
            dependencies=DEPENDENCIES if layer else (),
            findings=self.findings,
        )


@dataclass
class FakeDeployer:
    """Pretends; counts up the function's version when the code changes; fails when told to."""

    fails: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    smoke: str = "passed"
    releases: list[Release] = field(default_factory=list)
    versions: dict[str, tuple[int, str]] = field(default_factory=dict)
    policies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    sticks: set[str] = field(default_factory=set)

    def plan(self, release: Release) -> Any:
        steps = [{"action": "publish", "target": release.manifest.plugin_id, "why": "new code"}]
        plan: dict[str, Any] = {
            "plugin": release.manifest.plugin_id,
            "version": release.manifest.version,
            "steps": steps,
        }
        plan["policy"] = self.policies.get(release.manifest.version, [])
        return SimpleNamespace(release=release, to_dict=lambda: plan)

    def execute(self, plan: Any, progress: Callable[[str], None]) -> Deployment:
        release: Release = plan.release
        if self.fails:
            raise FindingsError(self.fails, code="smoke-failed", details=self.details)
        plugin_id = release.manifest.plugin_id
        number, sha256 = self.versions.get(plugin_id, (0, ""))
        live_already = sha256 == release.package.sha256
        if not live_already:
            self.versions[plugin_id] = (number + 1, release.package.sha256)
        self.live[plugin_id] = str(self.versions[plugin_id][0])
        progress(f"deployed {plugin_id}")
        self.releases.append(release)
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:services-ai-plugin-{plugin_id}"
        return Deployment(
            function_arn=arn,
            alias_arn=f"{arn}:live",
            function_version=str(self.versions[plugin_id][0]),
            layer_arns=(),
            role_arn=f"arn:aws:iam::123456789012:role/services-ai/plugins/{plugin_id}-0123456789ab",
            python=release.manifest.python or "python3.11",
            smoke="" if live_already else self.smoke,
            policy=tuple(self.policies.get(release.manifest.version, [])),
        )

    def plan_rollback(self, earlier: Earlier) -> Any:
        number = int(earlier.function_version)
        if number > self.versions.get(earlier.plugin_id, (0, ""))[0]:
            raise InvalidInputError(f"version {number} is no longer there", code="rollback-gone", hint="deploy it")
        live = self.live.get(earlier.plugin_id) == earlier.function_version
        steps = [] if live else [{"action": "move-live", "target": earlier.plugin_id, "why": "rollback"}]
        plan = {"plugin": earlier.plugin_id, "version": earlier.version, "steps": steps}
        return SimpleNamespace(earlier=earlier, steps=steps, to_dict=lambda: plan)

    def roll_back(self, plan: Any, progress: Callable[[str], None]) -> str:
        if self.fails:
            raise FindingsError(self.fails, code="smoke-failed", details=self.details)
        self.live[plan.earlier.plugin_id] = plan.earlier.function_version
        return self.smoke if plan.steps else ""

    def plan_removal(self, plugin_id: str, layer_arns: Collection[str]) -> Any:
        there = plugin_id in self.live or plugin_id in self.sticks
        steps = [{"action": "delete-function", "target": plugin_id, "why": "it is there"}] if there else []
        plan = {"plugin": plugin_id, "steps": steps, "kept": []}
        return SimpleNamespace(plugin_id=plugin_id, to_dict=lambda: plan)

    def remove(self, plan: Any, progress: Callable[[str], None]) -> None:
        if self.fails:
            raise PlatformError(self.fails)
        self.live.pop(plan.plugin_id, None)
        self.versions.pop(plan.plugin_id, None)
