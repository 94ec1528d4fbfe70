"""`services-ai-plugin test`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services_ai_sdk.manifest.findings import Finding
    from services_ai_sdk.testing.conformance import Case
    from services_ai_sdk.testing.suite import SuiteRun


def run_tests(
    path: Annotated[Path, typer.Argument(help="The plugin's folder or zip.")] = Path(),
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Odd arguments must not fail a hook either.")] = False,
    keyword: Annotated[
        str, typer.Option("-k", help="Only the plugin's own tests that match, as pytest's -k.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Build the plugin; run its own tests, and every hook with sample and odd arguments in the sandboxed emulator.

    Exit code 1: a test failed, or a hook failed with its sample. What fails with odd arguments only is a warning:
    hosts send such things sooner or later, and five failures in a row switch a plugin off.

    Examples: services-ai-plugin test my-plugin, … test my-plugin --strict
    """
    from services_ai_sdk.bundler.source import open_source
    from services_ai_sdk.testing.conformance import conformance, findings_of
    from services_ai_sdk.testing.suite import run_suite
    from services_ai_sdk.testing.workbench import workbench

    def progress(line: str) -> None:
        typer.echo(f"· {line}", err=True)

    cases: list[Case] = []
    with open_source(path) as tree, TemporaryDirectory(prefix="services-ai-suite-") as scratch:
        with workbench(path, progress=progress) as (built, plugin):
            if not as_json:
                typer.echo(f"{built.manifest.id} {built.manifest.version} on {built.manifest.python}")
            for case in conformance(plugin, [hook.name for hook in built.manifest.hooks]):
                cases.append(case)
                if not as_json:
                    _show(case)
            progress("running the plugin's own tests")
            suite = run_suite(tree.root, built, Path(scratch), ["-k", keyword] if keyword else [])
        findings = findings_of(cases, strict=strict)
        failed = any(str(found.severity) == "error" for found in findings) or suite.ok is False
        if as_json:
            typer.echo(
                json.dumps(
                    {
                        "ok": not failed,
                        "cases": [case.to_dict() for case in cases],
                        "findings": [found.to_dict() for found in findings],
                        "suite": {"ok": suite.ok, "text": suite.text},
                    }
                )
            )
        else:
            _show_end(suite, tree.root, findings)
    if failed:
        raise typer.Exit(1)


def _show(case: Case) -> None:
    from services_ai_sdk.cli.errors import printable

    run = case.run
    mark = "✓" if run.ok else "✗"
    failure = run.failure
    what = f"{failure.type}: {failure.message}" if failure else json.dumps(run.value, ensure_ascii=False)
    line = f"  {mark} {case.hook:<18} {case.payload:<38} {run.duration_ms:8.1f} ms  {what}"
    typer.echo(printable(line.replace("\n", " ")[:160]))
    if run.failure is not None:
        for printed in run.lines[:20]:
            typer.echo(printable(f"      | {printed}"))


def _show_end(suite: SuiteRun, root: Path, findings: list[Finding]) -> None:
    import os

    from services_ai_sdk.cli.framed import framed, lines_in, summary

    if suite.ok is None:
        typer.echo(f"\ntests: not run: {suite.text}\n")
    else:
        typer.echo(f"\ntests: {suite.text.splitlines()[-1] if suite.ok else suite.text}\n")
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    line_of = lines_in(root)
    for finding in findings:
        typer.echo(framed(finding, line_of, colour=colour) + "\n")
    typer.echo(summary(findings) or "ok")
