"""`services-ai-admin why PLUGIN`."""

from __future__ import annotations

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption, PluginArgument


def why(plugin: PluginArgument, *, as_json: JsonOption = False) -> None:
    """Explain why a plugin is on or off, in words: which failures, what was not counted, what happens next."""
    from control_plane.cli.plane import control_plane
    from control_plane.cli.trace import trace_lines
    from control_plane.rules.wording import headline
    from control_plane.table.errors import place

    found = control_plane().why.explain(plugin)
    if as_json:
        screen.print_json(found.to_dict())
        return
    out = screen.console()
    skipped = ", but does not run here: its calls are skipped" if found.status.lacking else ""
    out.print(f"{plugin} {found.status.version} is {found.status.state.replace('not_', 'not ')}{skipped}.")
    for sentence in found.sentences:
        out.print(screen.safe_line(sentence, 800))
    if found.status.attempt and (failure := found.status.attempt.failure):
        out.print("\nThe trace of its smoke call:")
        for line in trace_lines(failure):
            out.print(f"  {line}")
    if found.failures:
        out.print()
    for error in found.failures:
        where = place(error.failure)[0]
        out.print(
            f"  {screen.at(error.occurred_at_ms)}"
            f"  {screen.safe_line(headline(error.failure.type, error.failure.message), 160)}"
            f"{f' at {where}' if where else ''}"
        )
    for group_id in sorted({error.group_id for error in found.failures}):
        out.print(f"\nTrace and arguments: services-ai-admin error {group_id}")
