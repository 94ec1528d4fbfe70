"""moto's CloudFormation drops a function's Layers, Tags, Architectures and some more.

It also keeps numbers in the environment as numbers, where Lambda has text only.
"""

from __future__ import annotations

from typing import Any

_PASSED_ON = ("Layers", "Architectures", "EphemeralStorage", "TracingConfig", "DeadLetterConfig")


def apply() -> None:
    """Sets on the function, after moto made or updated it, what moto left out."""
    from moto.awslambda.models import LambdaFunction

    model: Any = LambdaFunction
    create = model.create_from_cloudformation_json.__func__
    update = model.update_from_cloudformation_json.__func__

    def created(cls: Any, /, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        return _complete(create(cls, resource_name, cloudformation_json, *args, **kwargs), cloudformation_json)

    def updated(cls: Any, /, **kwargs: Any) -> Any:
        return _complete(update(cls, **kwargs), kwargs["cloudformation_json"])

    model.create_from_cloudformation_json = classmethod(created)
    model.update_from_cloudformation_json = classmethod(updated)


def _complete(function: Any, template: dict[str, Any]) -> Any:
    properties = template["Properties"]
    given = {name: properties[name] for name in _PASSED_ON if name in properties}
    if "Layers" in given:
        function.layers = function._get_layers_data(given["Layers"])  # noqa: SLF001 - what its own constructor calls
    if "Architectures" in given:
        function.architectures = given["Architectures"]
    if "EphemeralStorage" in given:
        function.ephemeral_storage = int(given["EphemeralStorage"]["Size"])
    if "TracingConfig" in given:
        function.tracing_config = given["TracingConfig"]
    if "DeadLetterConfig" in given:
        function.dead_letter_config = given["DeadLetterConfig"]
    if "Tags" in properties:
        function.tags = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
    function.environment_vars = {name: str(value) for name, value in function.environment_vars.items()}
    return function
