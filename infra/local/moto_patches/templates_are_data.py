"""moto reads templates by PyYAML's unsafe loader: one with a `!!python/…` tag runs code in moto's process."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def apply() -> None:
    """Templates are read by a safe loader that knows CloudFormation's short forms and no other tags."""
    import yaml  # type: ignore[import-untyped]
    from moto.cloudformation import models, responses
    from moto.cloudformation.exceptions import ValidationError
    from moto.cloudformation.utils import yaml_tag_constructor

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Plain data, with `!Ref`, `!Sub` and their like."""

    def short_form(loader: Any, suffix: str, node: Any) -> Any:
        return yaml_tag_constructor(loader, f"!{suffix}", node)

    Loader.add_multi_constructor("!", short_form)

    def load(text: str, **asked: Any) -> Any:
        del asked
        try:
            return yaml.load(text, Loader=Loader)  # noqa: S506 - a subclass of the safe one
        except yaml.constructor.ConstructorError as error:
            raise ValidationError(message=f"Template format error: {error.problem}") from error

    def nothing(*asked: Any) -> None:
        del asked

    # What the two modules use of `yaml`; the module itself stays as it is for others.
    reader = SimpleNamespace(Loader=Loader, load=load, add_multi_constructor=nothing)
    for module in (models, responses):
        module.yaml = reader  # type: ignore[attr-defined]
