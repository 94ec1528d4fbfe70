"""moto has no GetLayerVersionByArn, and another error for a function with a layer that is not there.

Sources: API Reference, "GetLayerVersionByArn", "CreateFunction": InvalidParameterValueException.
"""

from __future__ import annotations

import json
from typing import Any


def apply() -> None:
    """Answers as Lambda does."""
    from moto.awslambda.exceptions import InvalidParameterValueException, UnknownLayerVersionException
    from moto.awslambda.models import LambdaFunction
    from moto.awslambda.responses import LambdaResponse

    function: Any = LambdaFunction
    responses: Any = LambdaResponse
    find = function._get_layers_data  # noqa: SLF001 - where moto looks layers up

    def get_layer_version_by_arn(self: Any) -> str:
        # arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION; the model has checked it.
        *_, name, version = self.querystring["Arn"][0].split(":")
        return json.dumps(self.backend.get_layer_version(name, version).get_layer_version())

    def get_layers_data(self: Any, arns: list[str]) -> Any:
        try:
            return find(self, arns)
        except UnknownLayerVersionException as error:
            raise InvalidParameterValueException(f"Layer version does not exist: {', '.join(arns)}") from error

    responses.get_layer_version_by_arn = get_layer_version_by_arn
    function._get_layers_data = get_layers_data  # noqa: SLF001
