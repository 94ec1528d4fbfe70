"""Calls that run text as code, trust what they read, or wait forever: found by bandit, worded for authors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services_ai_sdk.manifest.dangerous_rules import RULES
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.modules import Module
from services_ai_sdk.manifest.waivers import Waivers

CALLS_MAX = 30_000
"""Of all modules together: bandit takes some 0.1 ms for one."""

_TRIGGER = re.compile("|".join(rule.trigger for rule in RULES.values()))


def dangerous_calls(modules: Sequence[Module], waivers: Mapping[str, Waivers]) -> Iterator[Finding]:
    """In the order of files and lines. A comment `# nosec` changes nothing: a waiver with its reason does."""
    suspects = [module for module in modules if _TRIGGER.search(module.text)]
    tests, left = None, CALLS_MAX
    for module in suspects:
        calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
        left -= len(calls)
        if left < 0:
            text = f"has more calls than can be looked at ({CALLS_MAX:,} in all modules)"
            yield Finding("code-unchecked", Severity.WARNING, f"{module.file} {text}", module.file)
            return
        tests = tests or _Tests()
        calls.sort(key=lambda node: (node.lineno, node.col_offset))
        for node, test_id in tests.run(module, calls):
            rule = RULES[test_id]
            fix = f"{rule.fix}; or tell admins why: # services-ai: allow {rule.name} - why"
            code = f"dangerous-{rule.name.replace('.', '-')}"
            found = module.finding(node.func, code, rule.text, rule.severity, fix=fix)
            yield waivers[module.file].applied(found, [node.lineno], [rule.name])


class _Tests:
    """The chosen tests as bandit's visitor wants them. Loading bandit costs a quarter of a second."""

    def __init__(self) -> None:
        import importlib
        import logging

        from bandit.blacklists.calls import gen_blacklist
        from bandit.core import blacklisting

        # It would complain on standard error that a plugin's folder is no package.
        logging.getLogger("bandit").setLevel(logging.CRITICAL)
        self._tests: list[Any] = []
        for file, function in filter(None, (rule.finder for rule in RULES.values())):
            source = importlib.import_module(f"bandit.plugins.{file}")
            test = getattr(source, function)
            if hasattr(test, "_takes_config"):
                test._config = source.gen_config(test._takes_config)  # noqa: SLF001 - how bandit hands it over
            self._tests.append(test)
        listed = {"Call": [item for item in gen_blacklist()["Call"] if item["id"] in RULES]}

        def blacklist(context: Any) -> Any:
            return blacklisting.blacklist(context, listed)

        blacklist._test_id = "B001"  # type: ignore[attr-defined]  # noqa: SLF001
        self._tests.append(blacklist)

    def get_tests(self, kind: str) -> list[Any]:
        """Asked by bandit for each node."""
        return self._tests if kind == "Call" else []

    def run(self, module: Module, calls: Sequence[ast.Call]) -> Iterator[tuple[ast.Call, str]]:
        """Each call that one of the tests finds something in, with the test's id."""
        from bandit.core.metrics import Metrics
        from bandit.core.node_visitor import BanditNodeVisitor

        metrics = Metrics()
        metrics.begin(module.file)
        visitor = BanditNodeVisitor(module.file, None, None, self, False, {}, metrics)
        # Not its own walk, which is recursive. Imports come first: what a name means does not hang on the line.
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                visitor.pre_visit(node)
                visitor.visit(node)
        results = visitor.tester.results
        for call in calls:
            before = len(results)
            visitor.pre_visit(call)
            visitor.visit(call)
            for test_id in dict.fromkeys(issue.test_id for issue in results[before:]):
                yield call, test_id
