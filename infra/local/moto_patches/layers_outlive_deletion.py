"""moto forgets the bytes of a layer version that was deleted.

In AWS a function keeps a layer that it was given before the deletion.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Remembers every layer version that a function may still carry."""
    from moto.awslambda.models import LayerStorage

    put, find = LayerStorage.put_layer_version, LayerStorage.get_layer_version_by_arn

    def put_layer_version(self: Any, layer_version: Any) -> None:
        put(self, layer_version)
        self.__dict__.setdefault("ever_published", {})[layer_version.arn] = layer_version

    def get_layer_version_by_arn(self: Any, layer_version_arn: str) -> Any:
        return find(self, layer_version_arn) or self.__dict__.get("ever_published", {}).get(layer_version_arn)

    LayerStorage.put_layer_version = put_layer_version  # type: ignore[method-assign]
    LayerStorage.get_layer_version_by_arn = get_layer_version_by_arn  # type: ignore[method-assign]
