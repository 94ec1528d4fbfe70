"""`services-ai-admin`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from control_plane.cli import local
from control_plane.cli.approve import approve
from control_plane.cli.audit import audit
from control_plane.cli.disable import disable
from control_plane.cli.enable import enable
from control_plane.cli.error import error
from control_plane.cli.errors import errors
from control_plane.cli.failing import report
from control_plane.cli.logs import logs
from control_plane.cli.reject import reject
from control_plane.cli.rollback import rollback
from control_plane.cli.settings import settings
from control_plane.cli.status import status
from control_plane.cli.triage import ignore, reopen, resolve
from control_plane.cli.uninstall import uninstall
from control_plane.cli.why import why
from services_ai_sdk.cli.pipes import quiet_when_nobody_reads
from services_ai_sdk.wire.errors import ServicesAIError

_EXAMPLES: dict[Callable[..., None], str] = {
    status: "`services-ai-admin status`, `… status lead-scorer --json`, `… status lead-scorer --policy`",
    why: "`services-ai-admin why lead-scorer`",
    errors: "`services-ai-admin errors`, `services-ai-admin errors lead-scorer --state open`",
    error: "`services-ai-admin error 3f1c9ab24d10`",
    resolve: "`services-ai-admin resolve 3f1c9ab24d10`, `services-ai-admin resolve 3f1c9ab24d10 --version 1.0.1`",
    ignore: "`services-ai-admin ignore 3f1c9ab24d10 --for 7d --reason 'the author knows'`",
    reopen: "`services-ai-admin reopen 3f1c9ab24d10`",
    logs: "`services-ai-admin logs lead-scorer -n 50`, `… logs lead-scorer -f`, `… --invocation ID`",
    audit: "`services-ai-admin audit --since 7d`, `services-ai-admin audit lead-scorer --json`",
    enable: "`services-ai-admin enable lead-scorer --reason 'fixed in 1.0.1'`",
    disable: "`services-ai-admin disable lead-scorer --reason 'wrong scores, see ticket 123'`",
    settings: "`services-ai-admin settings lead-scorer`, `… lead-scorer set greeting Hi`, `… set api_key < FILE`",
    approve: "`services-ai-admin approve lead-scorer --dry-run`, `… approve lead-scorer --without email`",
    reject: "`services-ai-admin reject lead-scorer 1.0.1 --reason 'asks for write_leads, and does not need it'`",
    uninstall: "`services-ai-admin uninstall lead-scorer --dry-run`, `… uninstall lead-scorer --yes`",
    rollback: "`services-ai-admin rollback lead-scorer --dry-run`, `services-ai-admin rollback lead-scorer 1.0.0`",
}


def build_app() -> typer.Typer:
    """The command with its sub-commands; each imports what it needs when it runs."""
    app = typer.Typer(
        name="services-ai-admin",
        help="Plugins of Services AI: what runs, how it is doing, what may run.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        epilog="Exit codes: 0 ok, 1 findings, 2 usage or invalid input, 3 environment or AWS, 4 internal.",
    )
    for command, example in _EXAMPLES.items():
        app.command(epilog=f"Examples: {example}")(command)
    app.add_typer(local.app, name="local")
    return app


def main() -> None:
    """Entry point: runs a command and ends the process with its exit code."""
    with quiet_when_nobody_reads():
        _run()


def _run() -> None:
    try:
        build_app()()
    except ServicesAIError as known:
        raise SystemExit(report(known, as_json="--json" in sys.argv)) from None
    except BrokenPipeError:
        raise
    except Exception as unknown:
        if os.environ.get("SERVICES_AI_DEBUG"):
            raise
        raise SystemExit(report(unknown, as_json="--json" in sys.argv)) from None


if __name__ == "__main__":
    main()
