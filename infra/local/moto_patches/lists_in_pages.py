"""moto answers Lambda's lists whole: MaxItems and Marker are ignored, and so is a list's CompatibleRuntime.

What reads one page only works there, and misses functions in AWS.
Source: API Reference, "ListFunctions": MaxItems, Marker, NextMarker; "ListLayerVersions": CompatibleRuntime.
"""

from __future__ import annotations

import json
from typing import Any

ITEMS_MAX = 50
"""Of a page, whatever is asked for (API Reference, "ListFunctions")."""
LISTS = (
    "list_functions", "list_versions_by_function", "list_aliases", "list_layers", "list_layer_versions",
    "list_event_source_mappings",
)  # fmt: skip


def apply() -> None:
    """Cuts them into pages."""
    from moto.awslambda.responses import LambdaResponse

    for name in LISTS:
        setattr(LambdaResponse, name, _in_pages(getattr(LambdaResponse, name)))


def _in_pages(answer: Any) -> Any:
    def page(self: Any) -> str:
        whole = answer(self)
        found: dict[str, list[Any]] = json.loads(whole if isinstance(whole, str) else whole[-1])
        ((kind, items),) = found.items()
        runtime = self.querystring.get("CompatibleRuntime", [""])[0]
        if runtime:
            items = [one for one in items if runtime in _latest(one).get("CompatibleRuntimes", ())]
        start = _marker(self.querystring.get("Marker", ["0"])[0])
        end = start + min(int(self.querystring.get("MaxItems", [ITEMS_MAX])[0]), ITEMS_MAX)
        more = {"NextMarker": str(end)} if end < len(items) else {}
        return json.dumps({kind: items[start:end], **more})

    return page


def _latest(layer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = layer.get("LatestMatchingVersion", layer)
    return found


def _marker(text: str) -> int:
    from moto.awslambda.exceptions import InvalidParameterValueException

    if not text.isdigit():
        raise InvalidParameterValueException("Invalid marker")
    return int(text)
