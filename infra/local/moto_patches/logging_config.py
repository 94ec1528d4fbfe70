"""moto knows nothing of a function's LoggingConfig: it drops what is set, and shows none.

Sources: API reference, LoggingConfig; Developer Guide, "Configuring advanced logging controls".
"""

from __future__ import annotations

import re
from typing import Any

_ENUMS = {
    "LogFormat": ("JSON", "Text"),
    "ApplicationLogLevel": ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"),
    "SystemLogLevel": ("DEBUG", "INFO", "WARN"),
}
_LEVELS = ("ApplicationLogLevel", "SystemLogLevel")
_LOG_GROUP = re.compile(r"[\.\-_/#A-Za-z0-9]{1,512}")
_KEPT = "logging_settings"


def logging_config(function: Any) -> dict[str, str]:
    """As Lambda shows it; levels with JSON only."""
    kept: dict[str, str] = function.__dict__.get(_KEPT, {})
    shown = {"LogFormat": kept.get("LogFormat", "Text"), "LogGroup": function.logs_group_name}
    if shown["LogFormat"] == "JSON":
        shown |= {level: kept.get(level, "INFO") for level in _LEVELS}
    return shown


def apply() -> None:
    """Keeps, checks and shows it, however the function is made or changed."""
    from moto.awslambda.models import LambdaFunction

    model: Any = LambdaFunction
    make, configure, show = model.__init__, model.update_configuration, model.get_configuration
    create = model.create_from_cloudformation_json.__func__
    update = model.update_from_cloudformation_json.__func__

    def new(self: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        wanted = _checked({}, spec.get("LoggingConfig") or {})
        make(self, account_id, spec, *args, **kwargs)
        _keep(self, wanted)

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> Any:
        given = config_updates.get("LoggingConfig")
        wanted = _checked(self.__dict__.get(_KEPT, {}), given) if given else None
        answer = configure(self, config_updates)
        if wanted is None:
            return answer
        _keep(self, wanted)
        return self.get_configuration()

    def get_configuration(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**show(self, *args, **kwargs), "LoggingConfig": logging_config(self)}

    def created(cls: Any, /, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        wanted = _checked({}, cloudformation_json["Properties"].get("LoggingConfig") or {})
        return _keep(create(cls, resource_name, cloudformation_json, *args, **kwargs), wanted)

    def updated(cls: Any, /, **kwargs: Any) -> Any:
        # A template says the whole of it.
        wanted = _checked({}, kwargs["cloudformation_json"]["Properties"].get("LoggingConfig") or {})
        return _keep(update(cls, **kwargs), wanted)

    model.__init__, model.update_configuration, model.get_configuration = (
        new,
        update_configuration,
        get_configuration,
    )
    model.create_from_cloudformation_json = classmethod(created)
    model.update_from_cloudformation_json = classmethod(updated)


def _keep(function: Any, wanted: dict[str, str]) -> Any:
    function.__dict__[_KEPT] = wanted
    function.logs_group_name = wanted.get("LogGroup") or f"/aws/lambda/{function.function_name}"
    return function


def _checked(before: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException

    for name, allowed in _ENUMS.items():
        if name in given and given[name] not in allowed:
            place = f"loggingConfig.{name[0].lower()}{name[1:]}"
            text = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
            raise ValidationException(str(given[name]), place, text)
    group = given.get("LogGroup")
    if group is not None and not _LOG_GROUP.fullmatch(str(group)):
        text = r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+"
        raise ValidationException(str(group), "loggingConfig.logGroup", text)
    wanted = {**before, **given}
    if wanted.get("LogFormat", "Text") == "JSON":
        return wanted
    if any(level in given for level in _LEVELS):
        raise InvalidParameterValueException(
            'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or '
            'change the LogFormat to "JSON" and try again.'
        )
    return {name: value for name, value in wanted.items() if name not in _LEVELS}
