"""Our reading of version specs against those who made the forms: Poetry's own parser, and a table made by npm's.

Where they disagree with us, or with each other, it is listed here with the reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from poetry.core.constraints.version import Version as PoetryVersion
from poetry.core.constraints.version import parse_constraint

from services_ai_sdk.manifest.specs import translate

HERE = Path(__file__).parent
TABLE: dict[str, Any] = json.loads((HERE / "semver_table.json").read_text())

RELEASES = [".".join(map(str, numbers)) for length in (1, 2, 3) for numbers in product((0, 1, 2), repeat=length)]
POETRY_SPECS = [
    *(f"{sign}{release}" for sign in ("^", "~", "", "==", ">=", "<", ">", "<=", "!=") for release in RELEASES),
    *(f"~={release}" for release in RELEASES if "." in release),
    *(f"{release}.*" for release in RELEASES),
    *(f"=={release}.*" for release in RELEASES),
    *("*", "^1.2.3.4", "~1.2.3.4", "^0.0.0.5", ">=1.2,<2", ">=1.2, !=1.3, <2", "^1.1,!=1.2.0", "=1.2.0"),
    "~1.2, >=1.2.1",
    *("^1 || ^2", "^1.2 || ^2", ">=1,<2 || >=2,<3", "^0.1 || ^0.2", "1.* || 2.*"),
]  # fmt: skip
POETRY_VERSIONS = [
    *(".".join(map(str, numbers)) for numbers in product((0, 1, 2, 3), (0, 1, 2, 3), (0, 1, 3, 4))),
    *("2.0.0rc1", "1.3.0rc1", "0.3.0rc1", "0.0.4rc1", "3.0.0rc1", "1.2.3.4", "1.2.3.5", "0.0.0.4", "0.0.0.5"),
]


@pytest.mark.parametrize("spec", POETRY_SPECS)
def test_poetry_takes_the_same_versions(spec: str) -> None:
    specifier = translate("x", spec).specifier
    constraint = parse_constraint(spec)
    ours = [version for version in POETRY_VERSIONS if specifier.contains(version, prereleases=True)]
    theirs = [version for version in POETRY_VERSIONS if constraint.allows(PoetryVersion.parse(version))]
    if "||" in spec:  # the pre-releases at the seam are in our one range, and in none of their two
        ours = [version for version in ours if "rc" not in version]
        theirs = [version for version in theirs if "rc" not in version]
    assert ours == theirs


@pytest.mark.parametrize("spec", TABLE["rows"])
def test_npm_takes_the_same_versions(spec: str) -> None:
    specifier = translate("x", spec).specifier
    ours = [version for version in TABLE["versions"] if specifier.contains(version, prereleases=True)]
    theirs = TABLE["rows"][spec]
    assert [each for each in ours if "-" not in each] == [each for each in theirs if "-" not in each]
    # Of pre-releases PEP 440 takes fewer: `<2` leaves out 2.0rc1, and `>=2` too.
    assert set(ours) <= set(theirs)


def test_the_table_is_what_npm_says_here() -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not here")
    root = subprocess.run(
        [npm, "root", "-g"], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
    modules = Path(root) / "npm/node_modules"
    if not (modules / "semver").is_dir():
        pytest.skip("npm's own semver is not where it used to be")
    said = subprocess.run(
        [node, HERE / "semver_table.cjs"],
        env=os.environ | {"NODE_PATH": str(modules)},
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    assert json.loads(said)["rows"] == TABLE["rows"]
