"""moto forgets a function's DeadLetterConfig, and keeps one EventInvokeConfig for all versions: the first.

In AWS each version and alias has its own, a second put replaces the first, and an update changes what it names.
"""

from __future__ import annotations

import json
from time import time
from typing import Any
from urllib.parse import unquote

SETTINGS = "event_settings"
"""Attribute of a function's $LATEST: by qualifier, what its EventInvokeConfig says."""


def apply() -> None:
    """Keeps both, and answers the five calls from them."""
    from moto.awslambda.models import LambdaFunction
    from moto.awslambda.responses import LambdaResponse

    _keep_dead_letter_config(LambdaFunction)
    responses: Any = LambdaResponse
    responses.put_function_event_invoke_config = _put
    responses.update_function_event_invoke_config = _update
    responses.get_function_event_invoke_config = _get
    responses.list_function_event_invoke_configs = _list
    responses.delete_function_event_invoke_config = _delete


def _keep_dead_letter_config(model: Any) -> None:
    init, configuration, update = model.__init__, model.get_configuration, model.update_configuration

    def __init__(self: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:  # noqa: N807
        init(self, account_id, spec, *args, **kwargs)
        self.dead_letter_config = spec.get("DeadLetterConfig")

    def get_configuration(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = configuration(self, *args, **kwargs)
        if (self.dead_letter_config or {}).get("TargetArn"):
            found["DeadLetterConfig"] = self.dead_letter_config
        return found

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> Any:
        if "DeadLetterConfig" in config_updates:
            self.dead_letter_config = config_updates["DeadLetterConfig"]
        return update(self, config_updates)

    model.__init__ = __init__
    model.get_configuration = get_configuration
    model.update_configuration = update_configuration


def put_settings(backend: Any, name: str, qualifier: str | None, config: dict[str, Any]) -> dict[str, Any]:
    """Sets a function's, version's or alias's settings; what is not named gets its default."""
    from moto.awslambda.models import EventInvokeConfig

    settings, qualifier, arn = settings_of(backend, name, qualifier)
    EventInvokeConfig(arn, "", config)  # it checks the values
    destinations = {"OnSuccess": {}, "OnFailure": {}, **(config.get("DestinationConfig") or {})}
    kept = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
    made: dict[str, Any] = {
        **{name: config[name] for name in kept if config.get(name) is not None},
        "DestinationConfig": destinations,
        "FunctionArn": arn,
        "LastModified": time(),
    }
    settings[qualifier] = made
    return made


def settings_of(backend: Any, name: str, qualifier: str | None) -> tuple[dict[str, Any], str, str]:
    """All settings of a function, the qualifier that is meant, and its ARN."""
    if ":" in name.rpartition("function:")[2]:
        name, _, qualifier = name.rpartition(":")
    function = backend.get_function(name, qualifier)
    latest = backend.get_function(function.function_name)
    qualifier = qualifier or "$LATEST"
    return latest.__dict__.setdefault(SETTINGS, {}), qualifier, f"{latest.function_arn}:{qualifier}"


def _asked(response: Any) -> tuple[dict[str, Any], str, str]:
    name = unquote(response.path.split("/functions/")[1].split("/")[0])
    return settings_of(response.backend, name, response.querystring.get("Qualifier", [None])[0])


def _found(response: Any) -> tuple[dict[str, Any], str]:
    from moto.awslambda.exceptions import UnknownEventConfig

    settings, qualifier, arn = _asked(response)
    if qualifier not in settings:
        raise UnknownEventConfig(arn)
    return settings, qualifier


def _put(self: Any) -> str:
    _, _, arn = _asked(self)
    name, _, qualifier = arn.rpartition(":")
    return json.dumps(put_settings(self.backend, name, qualifier, self.json_body))


def _update(self: Any) -> str:
    settings, qualifier = _found(self)
    before = settings[qualifier]
    changed = {**before, **self.json_body}
    destinations = self.json_body.get("DestinationConfig") or {}
    changed["DestinationConfig"] = {**before["DestinationConfig"], **destinations}
    name = before["FunctionArn"].rpartition(":")[0]
    return json.dumps(put_settings(self.backend, name, qualifier, changed))


def _get(self: Any) -> str:
    settings, qualifier = _found(self)
    return json.dumps(settings[qualifier])


def _list(self: Any) -> str:
    return json.dumps({"FunctionEventInvokeConfigs": list(_asked(self)[0].values())})


def _delete(self: Any) -> tuple[int, dict[str, Any], str]:
    settings, qualifier = _found(self)
    del settings[qualifier]
    return 204, {"status": 204}, ""
