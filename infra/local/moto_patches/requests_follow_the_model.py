r"""moto takes any value in a Lambda request: 1 MB of memory, a Timeout of an hour, names with spaces, any Runtime.

Lambda's own model, which botocore carries, says what each member may be; botocore checks lower bounds only. What
a request's body and query say is held against it here, with the quotas of ordinary functions where it allows more.
Not checked: patterns in Unicode classes (`\p{L}` of tags), which Python's `re` does not know.
Sources: botocore's service model of Lambda; AWS Lambda quotas; API Reference, "CreateFunction".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

QUOTAS = {"MemorySize": 10_240, "Timeout": 900, "EphemeralStorageSize": 10_240}
"""By shape: the model's own bounds are those of functions on managed instances."""
NAME_CHARACTERS_MAX = 64
_PLAIN_NAME = re.compile(r"[a-zA-Z0-9-_]+")


def apply() -> None:
    """Refuses in Lambda's words, before moto sees the request."""
    from moto.awslambda.responses import LambdaResponse

    responses: Any = LambdaResponse
    act = responses.call_action

    def call_action(self: Any) -> Any:
        refusal = _refusal(self)
        if refusal is None:
            return act(self)
        return 400, {"x-amzn-ErrorType": refusal.error_type}, refusal.get_body()

    responses.call_action = call_action


def _refusal(response: Any) -> Any:
    from moto.awslambda.exceptions import ValidationException
    from moto.core.utils import get_service_model

    model: Any = get_service_model("lambda")
    action = response._get_action()  # noqa: SLF001 - moto has no public name for it
    if action not in model.operation_names:
        return None
    shape = model.operation_model(action).input_shape
    if shape is None:
        return None
    body = _body(response)
    members = {name: value for name, value in body.items() if _in_body(shape, name)} | _in_query(shape, response)
    found = next(_wrong(shape, members, ""), None) or _long_name(action, body)
    return ValidationException(*found) if found else None


def _body(response: Any) -> dict[str, Any]:
    try:
        found = json.loads(response.body or b"null")
    except ValueError:
        return {}  # moto says so itself
    return found if isinstance(found, dict) else {}


def _in_query(shape: Any, response: Any) -> dict[str, Any]:
    """What the address's query says."""
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        values = response.querystring.get(member.serialization.get("name", name))
        if member.serialization.get("location") == "querystring" and values:
            is_number = member.type_name == "integer" and values[0].lstrip("-").isdigit()
            found[name] = int(values[0]) if is_number else values[0]
    return found


def _in_body(shape: Any, name: str) -> bool:
    return name in shape.members and not shape.members[name].serialization.get("location")


def _long_name(action: str, body: dict[str, Any]) -> tuple[str, str, str] | None:
    name = str(body.get("FunctionName", ""))
    if action == "CreateFunction" and len(name) > NAME_CHARACTERS_MAX and _PLAIN_NAME.fullmatch(name):
        return name, "functionName", f"Member must have length less than or equal to {NAME_CHARACTERS_MAX}"
    return None


def _wrong(shape: Any, value: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """What is wrong, as value, place and constraint."""
    if value is None:
        return
    if isinstance(value, dict) and shape.type_name == "structure":
        for name, one in value.items():
            if name in shape.members:
                place = f"{path}.{name[0].lower()}{name[1:]}" if path else f"{name[0].lower()}{name[1:]}"
                yield from _wrong(shape.members[name], one, place)
    elif isinstance(value, dict) and shape.type_name == "map":
        for name, one in value.items():
            for _, _, constraint in _wrong(shape.key, name, path):
                yield name, path, f"Map keys must satisfy constraint: [{constraint}]"
            yield from _wrong(shape.value, one, path)
    elif isinstance(value, list) and shape.type_name == "list":
        yield from _bounds(shape, len(value), path, str(value), "length")
        for number, one in enumerate(value, 1):
            yield from _wrong(shape.member, one, f"{path}.{number}.member")
    elif isinstance(value, str) and shape.type_name == "string":
        yield from _bounds(shape, len(value), path, value, "length")
        yield from _text(shape, value, path)
    elif shape.type_name in ("integer", "long") and isinstance(value, int):
        yield from _bounds(shape, value, path, str(value), "value")


def _bounds(shape: Any, size: int, path: str, value: str, what: str) -> Iterator[tuple[str, str, str]]:
    least = shape.metadata.get("min")
    most = QUOTAS.get(shape.name, shape.metadata.get("max"))
    if least is not None and size < least:
        yield value, path, f"Member must have {what} greater than or equal to {least}"
    if most is not None and size > most:
        yield value, path, f"Member must have {what} less than or equal to {most}"


def _text(shape: Any, value: str, path: str) -> Iterator[tuple[str, str, str]]:
    enumeration, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern", "")
    if enumeration and value not in enumeration:
        yield value, path, f"Member must satisfy enum value set: [{', '.join(enumeration)}]"
    if pattern and "\\p" not in pattern and not re.fullmatch(pattern, value):
        yield value, path, f"Member must satisfy regular expression pattern: {pattern}"
