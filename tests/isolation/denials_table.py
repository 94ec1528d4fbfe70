"""The denials matrix as it stands in docs/reference/capabilities.md: `python -m tests.isolation.denials_table`."""

from __future__ import annotations

from pathlib import Path

from tests.isolation.matrix import GRANTED, World, attempts

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "capabilities.md"
BEGIN, END = "<!-- denials: begin -->", "<!-- denials: end -->"


def table() -> str:
    """Actions by service and by whose resource it is, with the capability that allows them, and the count."""
    all_attempts = attempts(World())
    rows: dict[tuple[str, str, str], list[str]] = {}
    for one in all_attempts:
        name = "".join(word.capitalize() for word in one.operation.removesuffix("_v2").split("_"))
        names = rows.setdefault((one.service, one.on, one.needs), [])
        if name not in names:
            names.append(name)
    lines = ["| service | whose | actions | allowed with |", "| --- | --- | --- | --- |"]
    for (service, on, needs), names in sorted(rows.items()):
        allowed_with = f"`{needs}`" if needs in _CAPABLE else needs or "**nothing**"
        lines.append(f"| {service} | {on} | {' '.join(names)} | {allowed_with} |")
    allowed = sum(one.allowed(granted) for granted in GRANTED for one in all_attempts)
    count = len(all_attempts) * len(GRANTED)
    calls = f"{len(all_attempts)} calls × {len(GRANTED)} sets of grants (none, each capability alone, all)"
    first = f"{calls} = **{count} attempts: {allowed} allowed, {count - allowed} denied**."
    return "\n".join([first, "", *lines])


_CAPABLE = {name for granted in GRANTED for name in granted}


def written() -> str:
    """What stands in the document."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip()


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}")
