"""An evaluator that owes us nothing: npm's @cloud-copilot/iam-simulate, fetched once into a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

PACKAGE = "@cloud-copilot/iam-simulate"
VERSION = "0.1.173"


class OracleMissing(Exception):  # noqa: N818 - names what happened
    """It could not be fetched: there is no network."""


def oracle_folder() -> Path:
    """The folder that has the package; it is installed there first if need be.

    Raises:
        OracleMissing: The registry cannot be reached.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node, "the oracle of IAM decisions needs node: install nodejs and npm"
    assert npm, "the oracle of IAM decisions needs npm: install nodejs and npm"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "services-ai-tests"
    folder = cache / f"iam-simulate-{VERSION}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            done = subprocess.run(
                [npm, "install", "--prefix", temporary, "--no-audit", "--no-fund", "--ignore-scripts",
                 "--save-exact", f"{PACKAGE}@{VERSION}"],
                capture_output=True, text=True, check=False, timeout=300,
            )  # fmt: skip
            if done.returncode != 0:
                network = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "ERR_SOCKET")
                if any(one in done.stderr for one in network):
                    raise OracleMissing(done.stderr)
                raise AssertionError(f"npm install {PACKAGE}@{VERSION} failed:\n{done.stderr}")
            found = json.loads((Path(temporary) / "node_modules" / PACKAGE / "package.json").read_text())
            assert found["version"] == VERSION
            shutil.copytree(temporary, folder, symlinks=True, dirs_exist_ok=True)
    return folder


def ask(folder: Path, simulations: list[dict[str, Any]]) -> list[str]:
    """`Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied` for each."""
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("oracle.mjs")), str(folder)],
        input="".join(json.dumps(one) + "\n" for one in simulations),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: list[str] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(simulations)
    return answers
