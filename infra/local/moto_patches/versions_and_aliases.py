"""moto deletes a version that an alias has, gives its number again, and misnames the error of a taken alias.

Lambda refuses the first, never uses a version's number twice, and calls a taken name ResourceConflictException.
Sources: API Reference, "DeleteFunction", "CreateAlias", "ListVersionsByFunction"; Developer Guide, "Versions".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


def apply() -> None:
    """Answers as Lambda does."""
    from moto.awslambda.models import LambdaBackend, LambdaFunction, LambdaStorage
    from moto.awslambda.responses import LambdaResponse

    function: Any = LambdaFunction
    storage: Any = LambdaStorage
    responses: Any = LambdaResponse
    set_version, put_alias = function.set_version, storage.put_alias
    delete, list_versions, publish = (
        LambdaBackend.delete_function,
        responses.list_versions_by_function,
        storage.publish_version,
    )

    def named(self: Any, *args: Any, **kwargs: Any) -> Any:
        from moto.awslambda.exceptions import ConflictException

        try:
            return put_alias(self, *args, **kwargs)
        except ConflictException as error:
            raise _conflict(error.message) from error

    def published(self: Any, name_or_arn: str, *args: Any, **kwargs: Any) -> Any:
        latest = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
        before = list(self._functions[latest.function_name]["versions"])
        version = publish(self, name_or_arn, *args, **kwargs)
        if version is not None and all(version is not one for one in before):
            del self._arns[version.function_arn]
            latest.versions_made = (
                max([getattr(latest, "versions_made", 0), *(int(one.version) for one in before)]) + 1
            )
            set_version(version, latest.versions_made)
            # Its first number may have been another version's, whose place it took.
            self._arns.update({one.function_arn: one for one in (*before, version)})
            # moto forgets this at the first version, and would publish the same once more.
            latest.code_or_config_updated = False
        return version

    def delete_function(self: Any, function_name: str, qualifier: str | None = None) -> None:
        found = self.get_function(function_name, qualifier)
        aliases = [one.name for one in self.list_aliases(found.function_name) if _has(one, found.version)]
        if qualifier and qualifier.isdigit() and aliases:
            arns = ", ".join(f"{found.function_arn.rpartition(':')[0]}:{name}" for name in aliases)
            raise _conflict(f"Function version {qualifier} is referenced by aliases ({arns}), cannot be deleted")
        delete(self, function_name, qualifier)

    def list_versions_by_function(self: Any) -> Any:
        self.backend.get_function(unquote(self.path.split("/")[-2]))
        return list_versions(self)

    storage.put_alias = named
    storage.publish_version = published
    LambdaBackend.delete_function = delete_function  # type: ignore[method-assign]
    responses.list_versions_by_function = list_versions_by_function


def _has(alias: Any, version: Any) -> bool:
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    return str(version) in (str(alias.function_version), *weights)


def _conflict(message: str) -> Exception:
    from moto.awslambda.exceptions import LambdaClientError

    error = LambdaClientError("ResourceConflictException", message)
    error.code = 409
    return error
