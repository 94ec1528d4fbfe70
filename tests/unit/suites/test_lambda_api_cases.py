"""tests/contract/lambda_api stays a suite that anybody's Lambda can be run against, each case from AWS's words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SUITE = Path(__file__).resolve().parents[2] / "contract" / "lambda_api"
PAGE = re.compile(r"https://docs\.aws\.amazon\.com/lambda/latest/(api|dg)/[\w-]+\.html(#[\w-]+)?")
OUR_PACKAGES = ("infra", "services_ai_sdk", "services_ai_host", "control_plane", "functions")


def trees() -> dict[str, ast.Module]:
    return {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SUITE.glob("*.py"))}


def cases() -> Iterator[tuple[str, ast.FunctionDef, dict[str, str]]]:
    """Every case: where it is, its function, and the strings that its module names."""
    for name, tree in trees().items():
        constants: dict[str, str] = {}
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = text_of(node.value, constants)
                if value is not None:
                    constants[node.targets[0].id] = value
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{name}::{node.name}", node, constants


def text_of(node: ast.expr, constants: dict[str, str]) -> str | None:
    """What a string expression says."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.JoinedStr):
        parts = [text_of(part, constants) for part in node.values]
        return None if None in parts else "".join(part or "" for part in parts)
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, constants)
    return None


def cited(case: ast.FunctionDef, constants: dict[str, str]) -> list[str | None]:
    return [
        text_of(mark.args[0], constants)
        for mark in case.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.cites"
    ]


def test_every_case_cites_a_page_and_says_what_aws_says() -> None:
    wrong = [
        where
        for where, case, constants in cases()
        if [bool(page and PAGE.fullmatch(page)) for page in cited(case, constants)] != [True]
        or not ast.get_docstring(case)
    ]
    assert wrong == []
    assert len(list(cases())) > 90


def test_nothing_of_ours_is_imported_but_where_our_local_cloud_is_started() -> None:
    found = {
        name
        for name, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
        )
        if module.split(".")[0] in OUR_PACKAGES
    }
    assert found == {"stand_ins.py"}
