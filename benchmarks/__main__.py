"""`./dev bench [NAME]`: runs a benchmark, or lists them."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> dict[str, str]:
    """Every benchmark by name, with the first line of its docstring."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    del found["__main__"]
    return found


def main(argv: list[str]) -> int:
    """Returns the exit code."""
    known = names()
    if argv and argv[0] in known:
        code: int = importlib.import_module(f"benchmarks.{argv[0]}").main(argv[1:])
        return code
    asked_for_help = not argv or argv[0] in ("-h", "--help")
    out = sys.stdout if asked_for_help else sys.stderr
    if not asked_for_help:
        print(f"there is no benchmark {argv[0]!r}", file=out)
    print("usage: ./dev bench NAME [--help]\n", file=out)
    for name, line in known.items():
        print(f"  {name:<10} {line}", file=out)
    return 0 if asked_for_help else 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
