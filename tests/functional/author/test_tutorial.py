"""The tutorial is a transcript: its commands are run in one shell, and what they print is what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TUTORIAL = Path(__file__).parents[3] / "docs" / "author" / "tutorial.md"
ENDS = "services-ai-tutorial-command-ended"

pytestmark = pytest.mark.cloud


@dataclass(frozen=True)
class Command:
    text: str
    promised: tuple[str, ...]
    code: int


def transcript(markdown: str) -> list[Command]:
    """Commands and what they print. A line of `[exit code N]` is the shell's, not the command's."""
    commands: list[Command] = []
    for block in re.findall(r"```console\n(.*?)```", markdown, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.rstrip("\n").split("\n")
            rest = 1
            while rest < len(lines) and lines[rest].startswith("> "):
                rest += 1
            typed = "\n".join([lines[0], *(line[2:] for line in lines[1:rest])])
            printed = lines[rest:]
            code = 0
            if printed and (found := re.fullmatch(r"\[exit code (\d+)\]", printed[-1])):
                code = int(found[1])
                printed.pop()
            commands.append(Command(typed, tuple(printed), code))
    return commands


def as_promised(printed: str, promised: tuple[str, ...]) -> bool:
    """Whether each line is there, `…` standing for anything on its line, and for the rest at a line's end."""
    patterns = (".*".join(re.escape(piece) for piece in _even(line).split("…")) for line in promised)
    return re.fullmatch("\n".join(patterns), _even(printed)) is not None


def _even(text: str) -> str:
    """Columns are as wide as their numbers: runs of spaces count as one."""
    return re.sub(r" {2,}", " ", text)


def test_what_differs_would_be_noticed() -> None:
    assert as_promised("a 12 ms\nb", ("a … ms", "b"))
    assert not as_promised("a 12 ms\nc", ("a … ms", "b"))
    assert not as_promised("a 12 ms\nb\nc", ("a … ms", "b"))
    assert not as_promised("", ("b",))


def test_the_tutorial_is_what_happens(cloud: Any, tmp_path: Path) -> None:
    commands = transcript(TUTORIAL.read_text(encoding="utf-8"))
    assert len(commands) > 12
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SERVICES_AI_HOME": str(cloud.state_dir),
        "COLUMNS": "200",
    }
    script = "\n".join(f"{command.text}\necho '{ENDS}' $?" for command in commands)
    done = subprocess.run(
        ["bash", "-u", "-c", f"exec 2>&1\n{script}"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    parts = re.split(rf"^{ENDS} (\d+)\n", done.stdout, flags=re.MULTILINE)
    for command, printed, code in zip(commands, parts[0::2], parts[1::2], strict=False):
        # Progress comes and goes with caches.
        shown = "\n".join(line for line in printed.rstrip("\n").split("\n") if not line.startswith("· "))
        assert int(code) == command.code, f"$ {command.text}\n{printed}"
        assert as_promised(shown, command.promised), f"$ {command.text}\n{shown}\n--- promised\n" + "\n".join(
            command.promised
        )
    assert len(parts) == 2 * len(commands) + 1
