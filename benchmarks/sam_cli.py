"""SAM CLI in a venv of its own: it pins older libraries than ours. Made once, below the state directory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from services_ai_sdk.emulator.home import default_home, open_home

LOCK = Path(__file__).resolve().parents[1] / "locks" / "sam.txt"


def sam_cli() -> Path:
    """The program `sam`, from locks/sam.txt."""
    digest = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    venv = open_home(default_home().absolute()).parent / f"sam-{digest}"
    if not (venv / "complete").exists():
        uv = find_uv_bin()
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)], check=True)
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)]
        subprocess.run(install, env={**os.environ, "VIRTUAL_ENV": str(venv)}, check=True)
        (venv / "complete").touch()
    return venv / "bin" / "sam"
