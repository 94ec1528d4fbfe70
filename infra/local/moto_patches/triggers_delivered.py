"""moto runs a topic's or a bucket's function inside the call that triggers it, with an event made of examples.

The engine runs it instead, as an asynchronous call, where the function's policy lets the service.
Source: Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS notifications".
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from infra.local.moto_ops import triggered


def apply() -> None:
    """Keeps the events for the engine."""
    from moto.awslambda.models import LambdaBackend
    from moto.s3 import notifications
    from moto.sns.models import Subscription

    subscription: Any = Subscription
    publish = subscription.publish
    now: list[tuple[Any, str, dict[str, Any]]] = []

    def published(
        self: Any,
        message: str,
        message_id: str,
        subject: Any = None,
        message_attributes: Any = None,
        *args: Any,
        **more: Any,
    ) -> Any:
        # What moto hands on below is the text alone: the rest of the event is said here.
        now.append((self, message_id, message_attributes or {}))
        try:
            return publish(self, message, message_id, subject, message_attributes, *args, **more)
        finally:
            now.pop()

    def send_sns_message(
        self: Any, function_name: str, message: str, subject: str | None = None, qualifier: str | None = None
    ) -> None:
        del function_name, qualifier  # the subscription says both
        topic, message_id, attributes = now[-1]
        event = {"Records": [_sns_record(topic, message, message_id, subject, attributes)]}
        _put(self, topic.endpoint, event, "sns.amazonaws.com", topic.topic_arn)

    def invoke_awslambda(account_id: str, event_body: Any, fn_arn: str, region_name: str) -> None:
        from moto.awslambda.utils import get_backend

        bucket = event_body["Records"][0]["s3"]["bucket"]["arn"]
        _put(get_backend(account_id, region_name), fn_arn, event_body, "s3.amazonaws.com", bucket)

    subscription.publish = published
    LambdaBackend.send_sns_message = send_sns_message  # type: ignore[method-assign]
    notifications._invoke_awslambda = invoke_awslambda  # noqa: SLF001 - no other way in


def _put(backend: Any, function_arn: str, event: dict[str, Any], service: str, source_arn: str) -> None:
    from moto.awslambda.exceptions import UnknownFunctionException

    name = function_arn.rpartition("function:")[2].partition(":")[0]
    try:
        statements = backend.get_function(name).policy.statements
    except UnknownFunctionException:
        sys.stderr.write(f"not delivered: {source_arn} triggers {function_arn}, which is not there\n")
        return
    if not any(_allows(statement, service, source_arn) for statement in statements):
        sys.stderr.write(
            f"not delivered: {source_arn} may not invoke {function_arn}: aws lambda add-permission --function-name"
            f" {name} --action lambda:InvokeFunction --principal {service} --source-arn {source_arn}"
            " --statement-id ID\n"
        )
        return
    triggered.put(function_arn, event)


def _allows(statement: dict[str, Any], service: str, source_arn: str) -> bool:
    """As AddPermission writes statements: one principal, one action, at most one source."""
    principal = statement.get("Principal")
    principals = [principal.get("Service")] if isinstance(principal, dict) else [principal]
    if statement.get("Effect") != "Allow" or statement.get("Action") not in ("lambda:InvokeFunction", "lambda:*"):
        return False
    source = ((statement.get("Condition") or {}).get("ArnLike") or {}).get("AWS:SourceArn")
    return service in principals and source in (None, source_arn)


def _sns_record(
    subscription: Any, message: str, message_id: str, subject: str | None, attributes: dict[str, Any]
) -> dict[str, Any]:
    address = f"https://sns.{subscription.topic_arn.split(':')[3]}.amazonaws.com"
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "EventSource": "aws:sns",
        "Sns": {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": subscription.topic_arn,
            "Subject": subject,
            "Message": message,
            "Timestamp": at,
            "SignatureVersion": "1",
            "Signature": "unsigned",
            "SigningCertUrl": f"{address}/SimpleNotificationService.pem",
            "UnsubscribeUrl": f"{address}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
            "MessageAttributes": {
                name: {"Type": value["Type"], "Value": str(value["Value"])} for name, value in attributes.items()
            },
        },
    }
