"""Packaging two plugins, cold and warm, beside `sam build` and `pip install -t` with a zip, in one run.

Cold: every cache of the contestant is empty (ours: wheels, layers, proofs, unpacked code; pip's). Warm: once more.
`--cached` is SAM's own reuse of an unchanged build. Ours resolves, locks, checks hashes, builds a layer whose
bytes are the same everywhere, and imports what it built in the sandbox; the others do none of that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.arguments import bench_parser
from benchmarks.document import write
from benchmarks.sam_cli import sam_cli

AIM_SAM_RATIO = 5.0
CASES = {
    # Without the bound `sam build` takes a numpy that needs a newer glibc than Lambda's python3.11 has, and fails.
    "requests+pandas": {"requests": ">=2.28.0", "pandas": "^2.2", "numpy": "<2.3"},
    "boto3+pydantic+phonenumbers": {"boto3": "^1.35", "pydantic": "^2.9", "phonenumbers": "^8.13"},
}
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
BIN = Path(sys.executable).parent
CODE = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl

class Bench(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead, context):
        return None
"""
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Plugin:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: plugin, Handler: main.handle, Runtime: python{python}, Architectures: [x86_64]}}
"""

Contestant = Callable[[], None]


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = bench_parser("package", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="warm rounds; the median counts")
    arguments = parser.parse_args(argv)
    figures = {name: measure(packages, arguments.rounds) for name, packages in CASES.items()}
    if arguments.json:
        print(json.dumps({"python": PYTHON, "aim_sam_ratio": AIM_SAM_RATIO, "seconds": figures}))
        return 0
    text = table(figures)
    print(text)
    if arguments.write:
        write(text, "package", PYTHON, "./dev bench package")
    return 0


def measure(packages: dict[str, str], rounds: int) -> dict[str, dict[str, float]]:
    """Seconds by contestant: cold, and the median of warm rounds."""
    sam = sam_cli()
    figures: dict[str, dict[str, float]] = {}
    with _workspace() as folder:
        plugin = plugin_folder(folder, packages)
        for name, make in {"ours": ours, "sam build": sam_build, "pip -t + zip": pip_and_zip}.items():
            print(f"{', '.join(packages)}: {name}", file=sys.stderr)
            own = folder / name.replace(" ", "-")
            own.mkdir(mode=0o711)
            contestant = make(plugin, own, sam)
            cold_s = _timed(contestant)
            figures[name] = {"cold": cold_s, "warm": _median([_timed(contestant) for _ in range(rounds)])}
            if name == "sam build":
                cached = sam_build(plugin, own, sam, "--cached")
                figures[f"{name} --cached"] = {
                    "cold": _timed(cached),
                    "warm": _median([_timed(cached) for _ in range(rounds)]),
                }
    return figures


def table(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """For people."""
    rows = []
    for case, by in figures.items():
        mine = by["ours"]
        rows.append(f"{case + ', seconds':<44}{'cold':>8}{'ratio':>8}{'warm':>8}{'ratio':>8}")
        for name, seconds in by.items():
            ratios = [seconds[kind] / mine[kind] for kind in ("cold", "warm")]
            rows.append(
                f"  {name:<42}{seconds['cold']:>8.2f}{ratios[0]:>8.1f}{seconds['warm']:>8.2f}{ratios[1]:>8.1f}"
            )
        ratio = by["sam build"]["warm"] / mine["warm"]
        met = "met" if ratio >= AIM_SAM_RATIO else "missed"
        rows.append(f"aim: at least {AIM_SAM_RATIO:.0f} × as fast as a warm sam build: {met} ({ratio:.1f})\n")
    return "\n".join(rows).rstrip()


def ours(plugin: Path, own: Path, _sam: Path) -> Contestant:
    """`services-ai-plugin package`."""
    environment = {
        "SERVICES_AI_CACHE": str(own / "cache"),
        "SERVICES_AI_HOME": str(own / "home"),
        "UV_CACHE_DIR": str(own / "uv"),
    }
    command = [str(BIN / "services-ai-plugin"), "package", str(plugin), "--out", str(own / "dist")]
    return lambda: _run(command, own, environment)


def sam_build(plugin: Path, own: Path, sam: Path, *more: str) -> Contestant:
    """`sam build`, without a container."""
    shutil.copytree(plugin, own / "plugin", dirs_exist_ok=True)
    (own / "template.yaml").write_text(TEMPLATE.format(python=PYTHON))
    environment = {"PIP_CACHE_DIR": str(own / "pip"), "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    return lambda: _run([str(sam), "build", *more], own, environment)


def pip_and_zip(plugin: Path, own: Path, _sam: Path) -> Contestant:
    """What people write into a shell script."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    what = ["--only-binary", ":all:", "--target", str(own / "python"), "-r", str(plugin / "requirements.txt")]

    def run() -> None:
        shutil.rmtree(own / "python", ignore_errors=True)
        _run([*install, *what], own, {"PIP_CACHE_DIR": str(own / "pip")})
        _run([sys.executable, "-m", "zipfile", "-c", "layer.zip", "python"], own, {})

    return run


def plugin_folder(folder: Path, packages: dict[str, str]) -> Path:
    """One folder that all of them can build: a manifest for us, requirements.txt for the others."""
    from services_ai_sdk.manifest.specs import requirements

    plugin = folder / "plugin"
    plugin.mkdir()
    manifest: dict[str, Any] = {
        "name": "bench", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com",
        "python": f"python{PYTHON}", "dependencies": {"packages": packages}, "limits": {"memory_mb": 1024},
    }  # fmt: skip
    (plugin / "manifest.json").write_text(json.dumps(manifest))
    (plugin / "main.py").write_text(CODE)
    (plugin / "requirements.txt").write_text("".join(f"{one}\n" for one in requirements(packages)))
    return plugin


@contextmanager
def _workspace() -> Iterator[Path]:
    # Below /var/tmp: the emulator's unprivileged users have to reach what is unpacked here.
    with tempfile.TemporaryDirectory(prefix="services-ai-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def _run(command: list[str], folder: Path, more: dict[str, str]) -> None:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **more}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _timed(contestant: Contestant) -> float:
    started_s = time.perf_counter()
    contestant()
    return time.perf_counter() - started_s


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    raise SystemExit(main())
