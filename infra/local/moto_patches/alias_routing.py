"""moto takes every RoutingConfig of an alias: versions that are not there, $LATEST, shares above 1.

Lambda splits an alias between two published versions.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Refuses in Lambda's words, before anything is changed."""
    from moto.awslambda.models import LambdaBackend

    model: Any = LambdaBackend
    create, update = model.create_alias, model.update_alias

    def create_alias(self: Any, name: str, function_name: str, **more: Any) -> Any:
        _check(self, function_name, more["function_version"], more.get("routing_config"))
        return create(self, name, function_name, **more)

    def update_alias(self: Any, name: str, function_name: str, **more: Any) -> Any:
        alias = self.get_alias(name, function_name)
        routing = more.get("routing_config")
        if routing is None:
            routing = alias.routing_config
        _check(self, function_name, more.get("function_version") or alias.function_version, routing)
        return update(self, name, function_name, **more)

    model.create_alias = create_alias
    model.update_alias = update_alias


def _check(backend: Any, function_name: str, version: str, routing: dict[str, Any] | None) -> None:
    from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException

    shares = (routing or {}).get("AdditionalVersionWeights") or {}
    if not shares:
        return
    if len(shares) > 1:
        raise InvalidParameterValueException(
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    if version == "$LATEST":
        raise InvalidParameterValueException(
            "$LATEST is not supported for an alias pointing to more than 1 version"
        )
    for other, share in shares.items():
        if not other.isdigit():
            raise ValidationException(
                other,
                "routingConfig.additionalVersionWeights",
                "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]+]",
            )
        if not 0 <= float(share) <= 1:
            raise ValidationException(
                str(share),
                "routingConfig.additionalVersionWeights",
                "Map value must satisfy constraint: [Member must have value between 0.0 and 1.0]",
            )
        if other == version:
            raise InvalidParameterValueException(
                f"Invalid function version {other}. "
                f"Function version {other} is already included in routing configuration."
            )
        backend.get_function(function_name, other)
