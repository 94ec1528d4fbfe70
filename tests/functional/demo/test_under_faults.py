"""The platform and a plugin are deployed, fired and shown in a local cloud that is as unready as AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.demo.conftest import ROOT, Demo, own_demo

HARD = {
    "function_life": {"create_s": 1, "update_s": 1, "publish_s": 1},
    "role_spreads_s": 3,
    "throttles": [
        {"service": "lambda", "rate_per_s": 4, "burst": 4},
        {"service": "iam", "rate_per_s": 2, "burst": 2},
        {"service": "cloudformation", "rate_per_s": 2, "burst": 2},
    ],
    "failures": [
        {
            "service": "cloudformation",
            "actions": ["CreateStack", "DescribeStacks"],
            "kind": "throttled",
            "rate": 0.3,
        },
        {"service": "s3", "actions": ["PUT"], "kind": "throttled", "rate": 0.3},
        {"service": "dynamodb", "kind": "throttled", "rate": 0.03},
        {"service": "sqs", "actions": ["SendMessage*"], "kind": "unavailable", "rate": 0.1},
        {"service": "sns", "actions": ["Publish"], "kind": "unavailable", "rate": 0.3},
    ],
}


@pytest.fixture
def own() -> Iterator[Demo]:
    with own_demo() as made:
        yield made


@pytest.mark.parametrize("faults", ["aws-like", "hard"])
def test_everything_works_under_faults(own: Demo, tmp_path: Path, faults: str) -> None:
    profile = tmp_path / "hard.json"
    profile.write_text(json.dumps(HARD))
    own.environment["SERVICES_AI_FAULTS"] = faults if faults == "aws-like" else str(profile)
    answer = own.json("--plugin", str(ROOT / "examples" / "territory-router"))
    (plugin,) = answer["plugins"]
    assert plugin["smoke"] == "passed"
    # Whoever waits for AWS sees what for.
    assert "waiting: Lambda cannot use the fresh role yet" in answer["screen"]
    injected = json.loads(own.admin("local", "status", "--json"))["activity"]["faults"]["injected"]
    assert injected["lambda role not assumed"] >= 1
    assert injected["lambda functions pending"] == 1
    if faults == "hard":
        assert injected["s3 throttled"] >= 1
        assert injected["cloudformation throttled"] >= 1
