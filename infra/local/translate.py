"""template.yaml as CloudFormation understands it, with the code where we put it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from services_ai_sdk.wire.errors import PlatformError


@dataclass(frozen=True, slots=True)
class S3Location:
    """Where a zip was uploaded to."""

    bucket: str
    key: str


def load_template(path: Path) -> dict[str, Any]:
    """A template as data, with CloudFormation's short tags (`!Ref`, `!Sub` …) in their long form.

    Raises:
        PlatformError: It is not YAML.
    """
    try:
        template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a SafeLoader, see below
    except yaml.YAMLError as error:
        raise PlatformError(f"{path.name} is not valid YAML: {error}", code="template-invalid") from error
    return template


def translate(
    template: dict[str, Any], code: Mapping[str, S3Location], parameters: Mapping[str, str], region: str
) -> dict[str, Any]:
    """Replaces local folders by uploads (as `aws cloudformation package` does) and runs the SAM translator.

    Args:
        template: As loaded.
        code: Upload by folder, as `CodeUri` and `ContentUri` name it.
        parameters: By name; only those that differ from their defaults need be there.
        region: Where it will be deployed.

    Raises:
        PlatformError: The translator refuses the template, or a folder was not uploaded.
    """
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    packaged = copy.deepcopy(template)
    for logical_id, resource in packaged["Resources"].items():
        for name in ("CodeUri", "ContentUri"):
            folder = resource.get("Properties", {}).get(name)
            if folder is None:
                continue
            if folder not in code:
                raise PlatformError(f"{logical_id} takes its code from {folder}, which nothing builds")
            resource["Properties"][name] = {"Bucket": code[folder].bucket, "Key": code[folder].key}
    # Our roles are written out: the translator needs no list of AWS's managed policies.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        translated: dict[str, Any] = translator.translate(packaged, dict(parameters))
    except InvalidDocumentException as error:
        reasons = "; ".join(cause.message for cause in error.causes) or error.message
        raise PlatformError(
            f"the SAM translator refuses template.yaml: {reasons}", code="template-invalid"
        ) from error
    finally:
        # To its dummy publisher: left unpublished, they end in a warning on standard output.
        translator.metrics.publish()
    return translated


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's tags."""


def _construct_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct_tag)
