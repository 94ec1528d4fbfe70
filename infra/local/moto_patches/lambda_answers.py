"""moto answers CreateEventSourceMapping with 201, and writes when a function was changed in nanoseconds.

Sources: API Reference, CreateEventSourceMapping (202), and FunctionConfiguration: LastModified is
`YYYY-MM-DDThh:mm:ss.sTZD`, which Lambda writes with milliseconds and `+0000`.
"""

from __future__ import annotations

import re
from typing import Any

_NANOSECONDS = re.compile(r"(\.\d{3})\d*Z")


def apply() -> None:
    """Answers as documented."""
    from moto.awslambda.models import LambdaFunction
    from moto.awslambda.responses import LambdaResponse

    model: Any = LambdaFunction
    responses: Any = LambdaResponse
    show, create = model.get_configuration, responses.create_event_source_mapping

    def get_configuration(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        shown = show(self, *args, **kwargs)
        return {**shown, "LastModified": _NANOSECONDS.sub(r"\1+0000", shown["LastModified"])}

    def create_event_source_mapping(self: Any) -> Any:
        _, _, body = create(self)
        return 202, {"status": 202}, body

    model.get_configuration = get_configuration
    responses.create_event_source_mapping = create_event_source_mapping
