"""The three examples, packaged as authors do and run from the package and layer alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import services_ai_sdk
from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.package import build_package
from services_ai_sdk.hooks import get
from services_ai_sdk.manifest.complete import check_folder
from services_ai_sdk.manifest.load import load_manifest
from services_ai_sdk.wire.envelope import Envelope

EXAMPLES = Path(__file__).parents[3] / "examples"
SDK = str(Path(services_ai_sdk.__file__).parent.parent)

# -I -S: nothing of this environment's packages is there, as in Lambda.
DRIVER = """
import json, os, sys
task, layer, sdk = sys.argv[1:]
sys.path[:0] = [task, layer, sdk]
os.environ["LAMBDA_TASK_ROOT"] = task
from services_ai_sdk.plugin.handler import handle
for line in sys.stdin:
    try:
        print(json.dumps(handle(json.loads(line), None)))
    except Exception as error:
        print(json.dumps({"error": json.loads(str(error))}))
"""

Fire = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def fire(tmp_path_factory: pytest.TempPathFactory) -> Fire:
    built: dict[str, tuple[Path, Path]] = {}

    def unpacked(name: str) -> tuple[Path, Path]:
        if name not in built:
            folder = tmp_path_factory.mktemp(name)
            package = build_package(EXAMPLES / name, folder / "dist")
            running = f"python3.{sys.version_info.minor}"
            if package.manifest.python != running:
                pytest.skip(f"resolved for {package.manifest.python}; this is {running}")
            for file, target in ((package.package, "task"), (package.layer, "opt")):
                if file:
                    with Archive(file) as archive:
                        archive.extract(folder / target)
            built[name] = (folder / "task", folder / "opt" / "python")
        return built[name]

    def run(name: str, *leads: dict[str, Any]) -> list[dict[str, Any]]:
        context = get("lead_created").sample["context"]
        events = [
            Envelope("i", "e", "lead_created", "sync", name, "1", 1, {"lead": lead, "context": context}).to_dict()
            for lead in leads
        ]
        process = subprocess.run(
            [sys.executable, "-I", "-S", "-c", DRIVER, *map(str, unpacked(name)), SDK],
            input="".join(json.dumps(event) + "\n" for event in events),
            capture_output=True,
            text=True,
            check=True,
        )
        return [json.loads(line) for line in process.stdout.splitlines()]

    return run


def sample(**changes: Any) -> dict[str, Any]:
    return {**get("lead_created").sample["lead"], **changes}


@pytest.mark.parametrize("name", ["phone-normalizer", "lead-scorer", "territory-router"])
def test_examples_are_valid(name: str) -> None:
    checked = check_folder(load_manifest(EXAMPLES / name), EXAMPLES / name)
    assert checked.findings == ()
    assert checked.manifest is not None
    assert checked.manifest.id == name
    assert [hook.name for hook in checked.manifest.hooks] == ["lead_created"]


def test_phone_normalizer(fire: Fire) -> None:
    leads = [
        sample(),
        sample(phone="08-123 456 78", country="SE"),
        sample(phone="+44 20 7946 0018", country=None),
        *(
            sample(phone=phone)
            for phone in ("", None, "call me", "1", "9" * 5000, "+999 123", 4711, "(555) 555-5555")
        ),
        {"id": 1},
    ]
    values = [answer["value"] for answer in fire("phone-normalizer", *leads)]
    assert [value.get("e164") for value in values[:3]] == ["+13125550142", "+46812345678", "+442079460018"]
    assert values[1]["country"] == "SE"
    assert all(value["valid"] is False and value["reason"] for value in values[3:])


def test_lead_scorer(fire: Fire) -> None:
    good = sample(source="referral", budget=48_000)
    poor = sample(source="cold-call", budget=500, email="x@gmail.com")
    odd = [sample(budget=budget, email=None, source=None) for budget in (None, "a lot", -5, 1e300, [1])]
    answers = fire("lead-scorer", sample(), good, poor, *odd, {})
    values = [answer["value"] for answer in answers]
    assert values[1]["score"] > values[0]["score"] > values[2]["score"]
    assert values[1]["grade"] == "A"
    assert values[2]["grade"] == "C"
    assert values[0]["website"] == "https://www.northside-bakery.example/?utm_source=crm"
    assert all(0 <= value["score"] <= 100 for value in values)


def test_territory_router_has_its_bug(fire: Fire) -> None:
    fine, broken = fire("territory-router", sample(country="SE"), sample(country="WS"))
    assert fine["value"]["territory"] == "UK & Nordics"
    assert broken["error"]["type"] == "KeyError"
    assert broken["error"]["frames"][-1]["file"] == "main.py"
