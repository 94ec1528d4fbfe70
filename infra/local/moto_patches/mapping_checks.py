"""moto takes any event source mapping: filters that are none, batches that no queue allows, one mapping twice.

It also forgets which version or alias a mapping was made for. Lambda refuses when a mapping is made or changed.
"""

from __future__ import annotations

from typing import Any

from infra.local.mapping_checks import Ends, MappingRefused, check_mapping


def apply() -> None:
    """Refuses in Lambda's words, before anything is changed."""
    from moto.awslambda.models import LambdaBackend

    backend: Any = LambdaBackend
    create, update = backend.create_event_source_mapping, backend.update_event_source_mapping

    def create_event_source_mapping(self: Any, spec: dict[str, Any]) -> Any:
        if not spec.get("EventSourceArn") or not spec.get("FunctionName"):
            return create(self, spec)
        arn, function = str(spec["EventSourceArn"]), str(spec["FunctionName"])
        _check(self, spec, arn, function)
        target = _target(self, function)
        for other in self._event_source_mappings.values():
            if (other.event_source_arn, other.function_arn) == (arn, target):
                kind = "SQS" if ":sqs:" in arn else "DynamoDB"
                raise _error(
                    "ResourceConflictException",
                    f'An event source mapping with {kind} arn (" {arn} ") and function (" {function} ") already '
                    f"exists. Please update or delete the existing mapping with UUID {other.uuid}",
                )
        mapping = create(self, spec)
        mapping.function_arn = target
        return mapping

    def update_event_source_mapping(self: Any, uuid: str, spec: dict[str, Any]) -> Any:
        mapping = self.get_event_source_mapping(uuid)
        if mapping is None:
            return update(self, uuid, spec)
        function = str(spec.get("FunctionName") or mapping.function_arn)
        _check(self, {**mapping.get_configuration(), **spec}, mapping.event_source_arn, function)
        updated = update(self, uuid, spec)
        if spec.get("FunctionName"):
            updated.function_arn = _target(self, function)
        return updated

    backend.create_event_source_mapping = create_event_source_mapping
    backend.update_event_source_mapping = update_event_source_mapping


def _check(backend: Any, settings: dict[str, Any], source_arn: str, function: str) -> None:
    from moto.sqs.models import sqs_backends

    visibility_s = 0
    if ":sqs:" in source_arn:
        queue: Any = sqs_backends[backend.account_id][backend.region_name].queues.get(
            source_arn.rpartition(":")[2]
        )
        if queue is None:
            return  # moto says that there is no such queue
        visibility_s = int(queue.visibility_timeout)
    name, qualifier = _parts(function)
    timeout_s = int(backend.get_function(name, qualifier).timeout)
    try:
        check_mapping(settings, Ends(source_arn, timeout_s, visibility_s))
    except MappingRefused as error:
        raise _error(error.code, str(error)) from error


def _parts(function: str) -> tuple[str, str | None]:
    """Name and qualifier of what may be an ARN."""
    name, _, qualifier = function.rpartition("function:")[2].partition(":")
    return name, qualifier or None


def _target(backend: Any, function: str) -> str:
    """The function's ARN, with the version or alias where one was named."""
    name, qualifier = _parts(function)
    arn = str(backend.get_function(name).function_arn)
    return f"{arn}:{qualifier}" if qualifier else arn


def _error(code: str, message: str) -> Exception:
    from moto.awslambda.exceptions import LambdaClientError

    error = LambdaClientError(code, message)
    if code == "ResourceConflictException":
        error.code = 409
    return error
