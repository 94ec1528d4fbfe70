"""Options that several benchmarks have, worded once."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def bench_parser(name: str, doc: str | None, *, quick: bool = False) -> argparse.ArgumentParser:
    """Of `./dev bench NAME`: `--json`, `--write`, and `--quick` where there is a short form."""
    parser = argparse.ArgumentParser(prog=f"./dev bench {name}", description=(doc or "").partition("\n")[0])
    if quick:
        parser.add_argument("--quick", action="store_true", help="one short round; figures are rough")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    return parser


def add_workers(parser: argparse.ArgumentParser) -> None:
    """For benchmarks that start workers themselves: `--python` and `--store`."""
    parser.add_argument("--python", default=f"{sys.version_info.major}.{sys.version_info.minor}")
    parser.add_argument("--store", type=Path, help="where Pythons are kept; default: a folder below /var/tmp")


def store_of(arguments: argparse.Namespace) -> Path:
    """The folder that `--store` names, made where it is not there."""
    store: Path = arguments.store or Path(f"/var/tmp/services-ai-bench-{os.getuid()}")
    store.mkdir(mode=0o711, exist_ok=True)
    return store
