"""Which operation of a REST service a method and a path mean, from botocore's model of it."""

from __future__ import annotations

import functools
import re
from urllib.parse import unquote

_Routes = tuple[tuple[str, re.Pattern[str], str], ...]


def route(model: str, method: str, path: str) -> tuple[str, dict[str, str]]:
    """The operation and the parameters in the path; an empty name when there is none such."""
    for wanted, pattern, operation in _routes(model):
        match = pattern.fullmatch(path) if wanted == method else None
        if match:
            return operation, {name: unquote(value) for name, value in match.groupdict().items()}
    return "", {}


@functools.cache
def _routes(model: str) -> _Routes:
    from botocore.loaders import Loader

    operations = Loader().load_service_model(model, "service-2")["operations"]
    found = []
    for name, operation in operations.items():
        path = operation["http"]["requestUri"].partition("?")[0].rstrip("/")
        pattern = "".join(
            f"(?P<{piece[1:-1].rstrip('+')}>{'.+' if piece.endswith('+}') else '[^/]+'})"
            if piece.startswith("{")
            else re.escape(piece)
            for piece in re.split(r"(\{[^}]+\})", path)
        )
        found.append((operation["http"]["method"], re.compile(pattern + "/?"), name))
    # What has more fixed letters is meant where two would do.
    found.sort(key=lambda one: -len(re.sub(r"\(\?P<.*?\)", "", one[1].pattern)))
    return tuple(found)
