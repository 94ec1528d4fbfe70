"""tests/contract/lambda_api stays a suite that anybody's Lambda can be run against, each case from AWS's words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.contract.lambda_api import table
from tests.contract.lambda_api.differences import MINISTACK

SUITE = Path(__file__).resolve().parents[2] / "contract" / "lambda_api"
PAGE = re.compile(r"https://docs\.aws\.amazon\.com/lambda/latest/(api|dg)/[\w-]+\.html(#[\w-]+)?")
OUR_PACKAGES = ("infra", "services_ai_sdk", "services_ai_host", "control_plane", "functions")


def trees() -> dict[str, ast.Module]:
    return {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SUITE.glob("*.py"))}


def test_every_case_cites_a_page_and_says_what_aws_says() -> None:
    found = list(table.cases())
    assert [case.place for case in found if not PAGE.fullmatch(case.page) or not case.words] == []
    assert len(found) > 90


def test_the_explained_differences_are_of_cases_that_exist() -> None:
    assert set(MINISTACK) - {case.place for case in table.cases()} == set()


def test_the_documented_table_is_that_of_now() -> None:
    """`./dev run python -m tests.contract.lambda_api --stand-in ministack --write` writes it."""
    document = table.DOCUMENT.read_text(encoding="utf-8")
    assert document == table.written(document)


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
