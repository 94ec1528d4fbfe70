"""moto runs functions itself, in Docker, inside the call that triggers them.

With one thread, a function that calls back would wait for ever. The engine runs functions; queues and streams have
their own pollers.
"""

from __future__ import annotations

import sys
from typing import Any


def apply() -> None:
    """Event source mappings trigger nothing inside moto; any other trigger says that it is not delivered."""
    from moto.awslambda import models

    class Backend(models.LambdaBackend):
        """Keeps mappings for the engine's pollers."""

        def create_event_source_mapping(self, spec: dict[str, Any]) -> Any:
            """Makes the mapping, then takes it off the queue or table that would call the function."""
            from moto.dynamodb.models import dynamodb_backends
            from moto.sqs.models import sqs_backends

            mapping: Any = super().create_event_source_mapping(spec)
            for queue in sqs_backends[self.account_id][self.region_name].queues.values():
                queue.lambda_event_source_mappings.clear()
            for table in dynamodb_backends[self.account_id][self.region_name].tables.values():
                table.lambda_event_source_mappings.clear()
            if ":dynamodb:" in mapping.event_source_arn:
                from infra.local.moto_ops.streams import head

                mapping.stream_head = head(mapping.event_source_arn)
            return mapping

    # moto finds a backend's URLs by the module of its class.
    Backend.__module__ = models.LambdaBackend.__module__
    models.lambda_backends.backend = Backend

    def invoke(self: Any, body: str, request_headers: Any, response_headers: Any) -> str | bytes:
        del body, request_headers, response_headers
        sys.stderr.write(
            f"not delivered: {self.function_arn} was triggered by a service that has no poller here yet\n"
        )
        return b""

    models.LambdaFunction.invoke = invoke  # type: ignore[method-assign]
