"""From `--grant`, `--without`, `--yes` or answers in a terminal to what is granted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from control_plane.cli import screen
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from control_plane.operations.granting import Asking
    from services_ai_sdk.access.grants import Grants


class GrantOptions:
    """Decides as an admin said on the command line, or says when asked.

    Args:
        grant: What is granted beside what was before.
        without: What is withheld of all that is asked for.
        yes: Grant all that is new without a question.
        interactive: Whether somebody can be asked.
        dry_run: Nothing is changed, so nobody is asked.
    """

    def __init__(
        self, grant: Sequence[str], without: Sequence[str], *, yes: bool, interactive: bool, dry_run: bool
    ) -> None:
        if grant and without:
            raise InvalidInputError(
                "--grant and --without contradict each other", hint="name what is granted, or what is not"
            )
        if yes and grant:
            raise InvalidInputError("--yes grants all that is new; --grant names it", hint="leave one of them out")
        self._grant, self._without = tuple(grant), tuple(without)
        self._yes, self._interactive, self._dry_run = yes, interactive, dry_run

    def __call__(self, asking: Asking) -> Grants:
        """What is granted.

        Raises:
            InvalidInputError: A name is not asked for, or somebody would have to be asked and nobody is there.
        """
        if self._grant:
            return asking.and_also(self._grant)
        if self._without:
            return asking.with_all_new.within(asking.asked.without(self._without))
        if self._yes or self._dry_run or not asking.undecided:
            return asking.with_all_new
        if not self._interactive:
            raise InvalidInputError(
                f"{_subject(asking)} {', '.join(asking.undecided)}: nothing was decided, and nothing changed",
                code="grants-undecided",
                hint="--yes grants it; --grant NAME grants only what is named, --without NAME all but that",
                details={"undecided": list(asking.undecided)},
            )
        return self._ask(asking)

    def _ask(self, asking: Asking) -> Grants:
        typer.echo(f"{_subject(asking)}:", err=True)
        for name in asking.undecided:
            typer.echo(f"  {name:<20} {in_words(name)}", err=True)
        chosen = [name for name in asking.undecided if typer.confirm(f"Grant {name}?", default=False, err=True)]
        return asking.and_also(tuple(chosen)) if chosen else asking.kept


def in_words(name: str) -> str:
    """What a permission, a capability or the network lets a plugin do."""
    from services_ai_sdk.access.capabilities import WORDS
    from services_ai_sdk.access.grants import NETWORK
    from services_ai_sdk.hooks.permissions import PERMISSIONS

    if name == NETWORK:
        return "reach any host on the internet"
    known = {**PERMISSIONS, **WORDS}
    return known.get(name) or (f"reach the host {name}" if "." in name else "unknown to this version")


def is_terminal() -> bool:
    """Whether questions can be asked and answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _subject(asking: Asking) -> str:
    name = screen.safe_line(f"{asking.plugin_id} {asking.version}")
    wider = f"{name} is wider than {asking.before_version} and asks for"
    return wider if asking.before_version else f"{name} asks for"
