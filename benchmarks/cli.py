"""What a person waits for: `--help`, `--version` and `validate`, beside a bare Python and pip's own help.

Whole processes, the best of several interleaved rounds: what the machine does besides only adds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.arguments import bench_parser
from benchmarks.document import write

AIM_HELP_S = 0.150
BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[1]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "services-ai-plugin --help": [str(BIN / "services-ai-plugin"), "--help"],
    "services-ai-plugin --version": [str(BIN / "services-ai-plugin"), "--version"],
    "services-ai-plugin validate": [
        str(BIN / "services-ai-plugin"),
        "validate",
        str(ROOT / "examples/lead-scorer"),
    ],
    "services-ai-admin --help": [str(BIN / "services-ai-admin"), "--help"],
    "pip --help": [sys.executable, "-m", "pip", "--help"],
    "uv --help": [str(BIN / "uv"), "--help"],
}


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = bench_parser("cli", __doc__)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args(argv)
    best_s = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(arguments.rounds):
        for name, command in COMMANDS.items():
            started_s = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            best_s[name] = min(best_s[name], time.perf_counter() - started_s)
    if arguments.json:
        print(json.dumps({"python": PYTHON, "aim_help_s": AIM_HELP_S, "best_s": best_s}))
        return 0
    text = table(best_s)
    print(text)
    if arguments.write:
        write(text, "cli", PYTHON, "./dev bench cli")
    return 0


def table(best_s: dict[str, float]) -> str:
    """For people."""
    bare_s = best_s["python -c pass"]
    rows = [f"{'':<32}{'ms':>8}{'ratio':>8}"]
    rows += [f"{name:<32}{seconds * 1000:>8.0f}{seconds / bare_s:>8.1f}" for name, seconds in best_s.items()]
    help_s = best_s["services-ai-plugin --help"]
    met = "met" if help_s <= AIM_HELP_S else "missed"
    rows.append(f"aim: services-ai-plugin --help within {AIM_HELP_S * 1000:.0f} ms: {met} ({help_s * 1000:.0f})")
    return "\n".join(rows)


if __name__ == "__main__":
    raise SystemExit(main())
