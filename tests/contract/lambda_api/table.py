"""The table of docs/reference/local-cloud.md: where we, or a stand-in, differ from AWS's words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.contract.lambda_api.differences import MINISTACK

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parents[2] / "docs" / "reference" / "local-cloud.md"
START, END = "<!-- compared with ministack -->", "<!-- /compared with ministack -->"
SAME = "as AWS"


@dataclass(frozen=True)
class Case:
    """One case of the suite.

    Attributes:
        place: `test_invoke.py::test_a_dry_run_runs_nothing`.
        words: What AWS says.
        page: Where.
        ours: How we differ; empty where we do not.
    """

    place: str
    words: str
    page: str
    ours: str


def cases() -> Iterator[Case]:
    """Every case, by its source."""
    for path in sorted(FOLDER.glob("test_*.py")):
        constants: dict[str, str] = {}
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                constants[node.targets[0].id] = _text(node.value, constants)
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                words = " ".join((ast.get_docstring(node) or "").split())
                page = _marked(node, "pytest.mark.cites", constants)
                yield Case(f"{path.name}::{node.name}", words, page, _reasons(node))


def table() -> str:
    """As Markdown: the cases in which somebody differs."""
    rows = ["| case | AWS | here | ministack |", "| --- | --- | --- | --- |"]
    for case in cases():
        theirs = MINISTACK.get(case.place, "")
        if case.ours or theirs:
            name = case.place.partition("::test_")[2].replace("_s_", "'s_").replace("_", " ")
            cells = (f"[{name}]({case.page})", case.words, case.ours or SAME, theirs or SAME)
            rows.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(rows)


def written(document: str) -> str:
    """The document with the table of now between its marks."""
    before, start, rest = document.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise SystemExit(f"{DOCUMENT} has no marks {START} … {END}")
    return f"{before}{START}\n{table()}\n{END}{after}"


def _reasons(case: ast.FunctionDef) -> str:
    """Of its xfail marks, of whole cases and of single parameters."""
    found = [
        _text(keyword.value, {})
        for mark in case.decorator_list
        for call in ast.walk(mark)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.xfail"
        for keyword in call.keywords
        if keyword.arg == "reason"
    ]
    return "; ".join(found)


def _marked(case: ast.FunctionDef, mark: str, constants: dict[str, str]) -> str:
    calls = [one for one in case.decorator_list if isinstance(one, ast.Call) and ast.unparse(one.func) == mark]
    return _text(calls[0].args[0], constants) if calls and calls[0].args else ""


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    """What a string expression says; nothing where it is none."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return constants.get(name, "")
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, constants) for part in parts)
        case ast.FormattedValue(value=value):
            return _text(value, constants)
    return ""
