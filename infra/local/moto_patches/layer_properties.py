"""moto's CloudFormation invents a layer's name instead of taking LayerName, and `!Ref` of a layer is no ARN.

A new version of the same layer would become another layer, and every output or function that refers to it breaks.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Names the property that holds the name, and gives the ARN as the physical id."""
    from moto.awslambda.models import LayerVersion

    model: Any = LayerVersion
    model.cloudformation_name_type = staticmethod(lambda: "LayerName")
    model.physical_resource_id = LayerVersion.arn
