"""What moto holds, in a few words."""

from __future__ import annotations

from typing import Any


def counts() -> dict[str, int]:
    """How many there are of what a person knows by name."""
    from moto.awslambda.models import lambda_backends
    from moto.dynamodb.models import dynamodb_backends
    from moto.s3.models import s3_backends
    from moto.sns.models import sns_backends
    from moto.sqs.models import sqs_backends

    return {
        "function": sum(len(backend.list_functions()) for backend in _all(lambda_backends)),
        "table": sum(len(backend.tables) for backend in _all(dynamodb_backends)),
        "queue": sum(len(backend.queues) for backend in _all(sqs_backends)),
        "bucket": sum(len(backend.buckets) for backend in _all(s3_backends)),
        "topic": sum(len(backend.topics) for backend in _all(sns_backends)),
    }


def stack_outputs() -> dict[str, dict[str, str]]:
    """The outputs of each stack, by its name."""
    from moto.cloudformation.models import cloudformation_backends

    return {
        stack.name: {output["OutputKey"]: str(output["OutputValue"]) for output in stack.outputs or ()}
        for backend in _all(cloudformation_backends)
        for stack in backend.stacks.values()
    }


def _all(backends: Any) -> list[Any]:
    return [backend for _, _, backend in backends.iter_backends()]
