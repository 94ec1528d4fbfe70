"""What each capability allows, as data: statements on the plugin's own resources, each with its reason.

Adding one: its name in `manifest.model.Capability`, a function here, what the plugin is told in
`own_resources.described`, the same actions in template.yaml's PluginBoundary, golden files, and rows in
tests/isolation/matrix.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services_ai_sdk.access.own_resources import OwnResources
from services_ai_sdk.access.statement import Statement

STORAGE_ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
"""All of them name their partition key. Scan does not; PartiQL's actions may not: neither is here."""


def _storage(own: OwnResources) -> tuple[Statement, ...]:
    condition: dict[str, dict[str, Any]] = {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [own.partition_key]},
        # ForAllValues is true of a request without the key.
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    why = f"storage: items of its own partition, {own.partition_key}; nothing that reads past it (Scan, PartiQL)"
    return (Statement("StorageOwnPartition", why, STORAGE_ACTIONS, (own.table_arn,), condition),)


def _secrets(own: OwnResources) -> tuple[Statement, ...]:
    why = f"secrets: read what admins put below {own.secrets_path}; the * is the suffix that AWS gives each secret"
    action = ("secretsmanager:GetSecretValue",)
    return (Statement("SecretsOwnPath", why, action, (own.secrets_arn(own.secrets_path),)),)


def _files(own: OwnResources) -> tuple[Statement, ...]:
    return (
        Statement(
            "FilesOwnPrefix",
            f"files: objects below its own prefix, {own.files_prefix}",
            ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
            (f"{own.bucket_arn}/{own.files_prefix}*",),
        ),
        Statement(
            "FilesListOwnPrefix",
            "files: list its own prefix only; a list without a prefix is refused",
            ("s3:ListBucket",),
            (own.bucket_arn,),
            {"StringLike": {"s3:prefix": [f"{own.files_prefix}*"]}},
        ),
    )


def _email(own: OwnResources) -> tuple[Statement, ...]:
    return (
        Statement(
            "EmailFixedSender",
            f"email: send mail from {own.shared.email_from} and from no other address",
            ("ses:SendEmail", "ses:SendRawEmail"),
            own.sender_arns,
            {"StringEquals": {"ses:FromAddress": own.shared.email_from}},
        ),
    )


def _queue(own: OwnResources) -> tuple[Statement, ...]:
    return (
        Statement(
            "QueueOwn",
            f"queue: send to and receive from its own queue, {own.queue_name}; not change or purge it",
            (
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            ),
            (own.queue_arn,),
        ),
    )


CAPABILITIES: dict[str, Callable[[OwnResources], tuple[Statement, ...]]] = {
    "storage": _storage,
    "secrets": _secrets,
    "files": _files,
    "email": _email,
    "queue": _queue,
}
WORDS = {
    "storage": "keep items in its own partition of the plugins' table",
    "secrets": "read the secrets that admins put below its own path",
    "files": "keep files below its own prefix of the plugins' bucket",
    "email": "send mail from the plugins' address",
    "queue": "send to and receive from a queue of its own",
}
"""What each allows, for the admin who is asked."""


def secret_settings(own: OwnResources) -> Statement:
    """For a plugin that has secret settings: what reads them is its own role."""
    return Statement(
        "SecretSettingsOwnPath",
        f"secret settings: read those that admins set, below {own.secret_settings_path}",
        ("secretsmanager:GetSecretValue",),
        (own.secrets_arn(own.secret_settings_path),),
    )
