"""moto's CloudFormation has no AWS::Lambda::EventInvokeConfig, which SAM makes of a function's own settings."""

from __future__ import annotations

from typing import Any

from infra.local.moto_patches.event_settings import put_settings, settings_of


def apply() -> None:
    """Adds the resource type."""
    from moto.awslambda.utils import get_backend
    from moto.cloudformation import parsing
    from moto.core.common_models import CloudFormationModel

    class EventInvokeConfig(CloudFormationModel):
        """AWS::Lambda::EventInvokeConfig."""

        def __init__(self, backend: Any, properties: dict[str, Any]) -> None:
            self.name = properties["FunctionName"]
            self.qualifier = str(properties["Qualifier"])
            self.backend = backend
            put_settings(backend, self.name, self.qualifier, properties)

        @property
        def physical_resource_id(self) -> str:
            """As CloudFormation has it: what it belongs to."""
            return f"{self.name}|{self.qualifier}"

        @staticmethod
        def cloudformation_name_type() -> str:
            """It has no name."""
            return ""

        @staticmethod
        def cloudformation_type() -> str:
            """Its type in a template."""
            return "AWS::Lambda::EventInvokeConfig"

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
        ) -> EventInvokeConfig:
            """Makes it."""
            del resource_name, kwargs
            return cls(get_backend(account_id, region_name), cloudformation_json["Properties"])

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Any,
            new_resource_name: str,
            cloudformation_json: Any,
            account_id: str,
            region_name: str,
        ) -> EventInvokeConfig:
            """Makes it anew, for another version or alias where that changed."""
            del new_resource_name, account_id, region_name
            properties = cloudformation_json["Properties"]
            if (properties["FunctionName"], str(properties["Qualifier"])) != (
                original_resource.name,
                original_resource.qualifier,
            ):
                original_resource.delete()
            return cls(original_resource.backend, properties)

        def delete(self, *args: Any) -> None:
            """Back to the defaults, where the function is still there."""
            from moto.awslambda.exceptions import UnknownFunctionException

            del args
            try:
                settings, qualifier, _ = settings_of(self.backend, self.name, self.qualifier)
            except UnknownFunctionException:
                return
            settings.pop(qualifier, None)

    models: dict[str, Any] = parsing.get_model_map()
    models[EventInvokeConfig.cloudformation_type()] = EventInvokeConfig
