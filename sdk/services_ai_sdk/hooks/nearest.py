"""Did you mean …?"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def nearest(name: str, known: Iterable[str], cutoff: float = 0.8) -> str | None:
    """The known name that `name` most likely stands for, or None.

    Case, dashes, camel case and a leading `on_` make no difference: `onLeadCreated` is `lead_created`.

    Args:
        name: From outside, of any length.
        known: Snake-case names.
        cutoff: Similarity from which a name counts, 0 to 1 (difflib's ratio).
    """
    from difflib import get_close_matches

    snake = _CAMEL.sub("_", name[:100]).lower().replace("-", "_").removeprefix("on_")
    candidates = list(known)
    if snake in candidates:
        return snake
    found = get_close_matches(snake, candidates, n=1, cutoff=cutoff)
    return found[0] if found else None
