"""moto's functions have no RevisionId, and it takes any that a change names.

Lambda gives each state of a function an id, and refuses a change that was meant for another state: 412.
Source: API Reference, "UpdateFunctionCode" and "PublishVersion": RevisionId, CodeSha256.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

_REVISION = "revision_id"


def apply() -> None:
    """Gives ids, and compares what a change names with what is there."""
    from moto.awslambda.models import LambdaFunction, LambdaStorage
    from moto.awslambda.responses import LambdaResponse

    model: Any = LambdaFunction
    storage: Any = LambdaStorage
    configuration, configure = model.get_configuration, model.update_configuration
    set_code = model._set_function_code  # noqa: SLF001 - no other way in
    publish = storage.publish_version

    def get_configuration(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        # State of a local cloud before this one has none yet.
        revision = self.__dict__.setdefault(_REVISION, str(uuid4()))
        return {**configuration(self, *args, **kwargs), "RevisionId": revision}

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> Any:
        configure(self, config_updates)
        self.revision_id = str(uuid4())
        return self.get_configuration()

    def set_function_code(self: Any, updated_spec: dict[str, Any]) -> None:
        set_code(self, updated_spec)
        self.revision_id = str(uuid4())

    def publish_version(self: Any, name_or_arn: str, *args: Any, **kwargs: Any) -> Any:
        latest = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
        before = list(self._functions[latest.function_name]["versions"])
        version = publish(self, name_or_arn, *args, **kwargs)
        if version is not None and all(version is not one for one in before):
            version.revision_id = str(uuid4())
        return version

    model.get_configuration = get_configuration
    model.update_configuration = update_configuration
    model._set_function_code = set_function_code  # noqa: SLF001
    storage.publish_version = publish_version
    for name in ("update_function_code", "update_function_configuration", "publish_version"):
        setattr(LambdaResponse, name, _checked(getattr(LambdaResponse, name)))


def _checked(answer: Any) -> Any:
    def checked(self: Any) -> Any:
        from moto.awslambda.exceptions import InvalidParameterValueException, PreconditionFailedException

        body = json.loads(self.body or "{}") or {}
        name = unquote(self.path.rsplit("/", 2)[-2])
        found = self.backend.get_function(name).get_configuration()
        if body.get("RevisionId") not in (None, "", found["RevisionId"]):
            raise PreconditionFailedException(
                "The Revision Id provided does not match the latest Revision Id. "
                "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
            )
        if body.get("CodeSha256") not in (None, "", found["CodeSha256"]):
            raise InvalidParameterValueException(
                f"CodeSHA256 ({body['CodeSha256']}) is different from current CodeSHA256 in $LATEST "
                f"({found['CodeSha256']}). Please try again with the CodeSHA256 in $LATEST."
            )
        return answer(self)

    return checked
