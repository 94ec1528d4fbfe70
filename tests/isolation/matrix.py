"""Every capability, actions and resources: what a plugin may do once it is granted, and what it may never do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CAPABILITIES = ("storage", "secrets", "files", "email", "queue")
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"})
"""AWS's words for it, by protocol; an answer to HEAD has no body."""
OWN, OTHER = "capable", "capable-2"
"""The other's id begins with the own one's: what matches by beginnings would let through."""
SENDER = "plugins@example.com"
PLATFORM, NEVER = "the platform's", "the account's"


@dataclass(frozen=True, slots=True)
class World:
    """Names and ARNs that attempts are about; the defaults are only for counting and for the table."""

    storage: str = "storage"
    files: str = "files"
    control: str = "control"
    artifacts: str = "artifacts"
    outcomes_url: str = "https://sqs.us-east-1.amazonaws.com/123456789012/outcomes"
    topic: str = "arn:aws:sns:us-east-1:123456789012:alerts"
    dispatcher: str = "dispatcher"
    own_role: str = "arn:aws:iam::123456789012:role/services-ai/plugins/own"
    other_role: str = "arn:aws:iam::123456789012:role/services-ai/plugins/other"
    own_secret_arn: str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:own"
    boundary: str = "arn:aws:iam::123456789012:policy/services-ai/boundary"

    def function(self, plugin_id: str) -> str:
        return f"services-ai-plugin-{plugin_id}"

    def queue_url(self, name: str) -> str:
        return f"https://sqs.us-east-1.amazonaws.com/123456789012/{name}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a plugin.

    Attributes:
        needs: The capability that allows it; `always` for what every plugin may, empty for what none may.
        on: Whose: `its own`, `another plugin's`, `the platform's`, `the account's`.
        reaches: Codes that say that the call was let through to the service.
    """

    needs: str
    on: str
    service: str
    operation: str
    parameters: dict[str, Any]
    reaches: tuple[str, ...] = ("ok",)

    def allowed(self, granted: frozenset[str]) -> bool:
        return self.needs == "always" or self.needs in granted

    def right(self, outcome: str, granted: frozenset[str]) -> bool:
        return outcome in self.reaches if self.allowed(granted) else outcome in DENIED


def _items(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "1"}}


def _storage(table: str, pk: str) -> Iterator[tuple[str, dict[str, Any]]]:
    key, own = _items(pk), {"TableName": table}
    yield "put_item", {**own, "Item": key}
    yield "get_item", {**own, "Key": key}
    yield "update_item", {
        **own, "Key": key, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"N": "1"}},
    }  # fmt: skip
    yield "query", {
        **own, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": pk}},
    }  # fmt: skip
    yield "batch_get_item", {"RequestItems": {table: {"Keys": [key]}}}
    yield "batch_write_item", {"RequestItems": {table: [{"PutRequest": {"Item": key}}]}}
    yield "transact_write_items", {"TransactItems": [{"Put": {**own, "Item": key}}]}
    yield "transact_write_items", {"TransactItems": [
        {"ConditionCheck": {**own, "Key": key, "ConditionExpression": "attribute_exists(pk)"}}
    ]}  # fmt: skip
    yield "transact_get_items", {"TransactItems": [{"Get": {**own, "Key": key}}]}
    yield "delete_item", {**own, "Key": key}


def _of_storage(world: World) -> Iterator[Attempt]:
    table, mine, theirs = world.storage, f"plugin#{OWN}", f"plugin#{OTHER}"
    for operation, parameters in _storage(table, mine):
        yield Attempt("storage", "its own", "dynamodb", operation, parameters)
    for operation, parameters in _storage(table, theirs):
        yield Attempt("", "another plugin's", "dynamodb", operation, parameters)
    both = [_items(mine), _items(theirs)]
    puts = [{"PutRequest": {"Item": one}} for one in both]
    for operation, parameters in (
        ("batch_get_item", {"RequestItems": {table: {"Keys": both}}}),
        ("batch_write_item", {"RequestItems": {table: puts}}),
        ("transact_get_items", {"TransactItems": [{"Get": {"TableName": table, "Key": one}} for one in both]}),
        ("transact_write_items", {"TransactItems": [{"Put": {"TableName": table, "Item": one}} for one in both]}),
        ("scan", {"TableName": table}),
        ("execute_statement", {"Statement": f"SELECT * FROM \"{table}\" WHERE pk = 'plugin#{OTHER}'"}),
        ("batch_execute_statement", {"Statements": [{"Statement": f"SELECT * FROM \"{table}\" WHERE pk = 'a'"}]}),
        ("put_item", {"TableName": table, "Item": _items(mine.upper())}),
        ("get_item", {"TableName": table, "Key": _items("")}),
    ):
        yield Attempt("", "another plugin's", "dynamodb", operation, parameters)
    for operation, parameters in (
        ("execute_statement", {"Statement": f"SELECT * FROM \"{table}\" WHERE pk = '{mine}'"}),
        ("scan", {"TableName": table, "FilterExpression": "pk = :p",
                  "ExpressionAttributeValues": {":p": {"S": mine}}}),
        ("describe_table", {"TableName": table}),
        ("update_table", {"TableName": table, "DeletionProtectionEnabled": False}),
        ("delete_table", {"TableName": table}),
        ("query", {"TableName": table, "IndexName": "gsi1", "KeyConditionExpression": "pk = :p",
                   "ExpressionAttributeValues": {":p": {"S": mine}}}),
    ):  # fmt: skip
        yield Attempt("", PLATFORM, "dynamodb", operation, parameters)
    for operation, parameters in _storage(world.control, mine):
        yield Attempt("", PLATFORM, "dynamodb", operation, parameters)
    yield Attempt("", PLATFORM, "dynamodb", "scan", {"TableName": world.control})
    yield Attempt("", NEVER, "dynamodb", "list_tables", {})
    yield Attempt("", NEVER, "dynamodb", "create_table", {
        "TableName": "mine", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    })  # fmt: skip


def _of_secrets(world: World) -> Iterator[Attempt]:
    path = f"services-ai/plugins/{OWN}"
    for secret in (f"{path}/token", world.own_secret_arn):
        yield Attempt("secrets", "its own", "secretsmanager", "get_secret_value", {"SecretId": secret})
    for secret in (f"services-ai/plugins/{OTHER}/token", f"services-ai/plugins/{OTHER}/settings/api_key"):
        yield Attempt("", "another plugin's", "secretsmanager", "get_secret_value", {"SecretId": secret})
    yield Attempt("", PLATFORM, "secretsmanager", "get_secret_value", {"SecretId": "services-ai/host"})
    for operation, more in (
        ("put_secret_value", {"SecretString": "x"}), ("update_secret", {"SecretString": "x"}),
        ("delete_secret", {}), ("describe_secret", {}), ("list_secret_version_ids", {}),
        ("get_resource_policy", {}),
    ):  # fmt: skip
        yield Attempt("", "its own", "secretsmanager", operation, {"SecretId": f"{path}/token", **more})
    yield Attempt("", "its own", "secretsmanager", "create_secret", {"Name": f"{path}/mine", "SecretString": "x"})
    yield Attempt("", NEVER, "secretsmanager", "list_secrets", {})


def _of_files(world: World) -> Iterator[Attempt]:
    bucket, mine, theirs = world.files, f"plugins/{OWN}/", f"plugins/{OTHER}/"

    def s3(needs: str, on: str, operation: str, bucket: str = bucket, **parameters: Any) -> Attempt:
        reaches = ("ok", "404") if operation == "head_object" else ("ok",)
        return Attempt(needs, on, "s3", operation, {"Bucket": bucket, **parameters}, reaches)

    yield s3("files", "its own", "put_object", Key=f"{mine}a", Body="x")
    yield s3("files", "its own", "get_object", Key=f"{mine}a")
    yield s3("files", "its own", "head_object", Key=f"{mine}a")
    yield s3("files", "its own", "copy_object", Key=f"{mine}b", CopySource=f"{bucket}/{mine}a")
    yield s3("files", "its own", "list_objects_v2", Prefix=mine)
    yield s3("files", "its own", "list_objects_v2", Prefix=f"{mine}sub/")
    yield s3("files", "its own", "list_objects", Prefix=mine)
    yield s3("files", "its own", "delete_objects", Delete={"Objects": [{"Key": f"{mine}b"}]})
    yield s3("files", "its own", "delete_object", Key=f"{mine}a")
    for key in (f"{theirs}a", "a", "plugins/a", f"plugins/{OWN}", f"{mine[:-1]}-2/a"):
        yield s3("", "another plugin's", "put_object", Key=key, Body="x")
        yield s3("", "another plugin's", "get_object", Key=key)
        yield s3("", "another plugin's", "delete_object", Key=key)
    yield s3("", "another plugin's", "copy_object", Key=f"{mine}b", CopySource=f"{bucket}/{theirs}a")
    yield s3("", "another plugin's", "copy_object", Key=f"{theirs}b", CopySource=f"{bucket}/{mine}a")
    yield s3(
        "", "another plugin's", "delete_objects", Delete={"Objects": [{"Key": f"{mine}b"}, {"Key": f"{theirs}a"}]}
    )
    for prefix in (theirs, "plugins/", "", f"plugins/{OWN}"):
        yield s3("", "another plugin's", "list_objects_v2", Prefix=prefix)
    yield s3("", "another plugin's", "list_objects_v2")
    yield s3("", "another plugin's", "list_object_versions", Prefix=mine)
    for operation, more in (
        ("get_bucket_policy", {}), ("put_bucket_policy", {"Policy": "{}"}), ("delete_bucket", {}),
        ("get_bucket_versioning", {}), ("put_bucket_acl", {"ACL": "public-read"}),
        ("put_object_acl", {"Key": f"{mine}a", "ACL": "public-read"}),
        ("put_object_tagging", {"Key": f"{mine}a", "Tagging": {"TagSet": []}}),
    ):  # fmt: skip
        yield s3("", PLATFORM, operation, **more)
    for operation, more in (
        ("list_objects_v2", {"Prefix": mine}), ("get_object", {"Key": f"{mine}a"}),
        ("put_object", {"Key": f"submissions/{OWN}/9.9.9/x/package.zip", "Body": "x"}),
        ("put_object", {"Key": "profiles/x.json", "Body": "{}"}),
        ("delete_object", {"Key": f"{mine}a"}),
    ):  # fmt: skip
        yield s3("", PLATFORM, operation, world.artifacts, **more)
    yield Attempt("", NEVER, "s3", "list_buckets", {})
    yield Attempt("", NEVER, "s3", "create_bucket", {"Bucket": "a-bucket-of-capable"})


def _of_email() -> Iterator[Attempt]:
    to, body = {"ToAddresses": ["ada@example.com"]}, {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}

    def sent(sender: str) -> dict[str, Any]:
        return {"Source": sender, "Destination": to, "Message": body}

    def raw(sender: str) -> dict[str, Any]:
        text = f"From: {sender}\r\nTo: ada@example.com\r\nSubject: s\r\n\r\nt"
        return {"Source": sender, "Destinations": ["ada@example.com"], "RawMessage": {"Data": text}}

    def second(sender: str) -> dict[str, Any]:
        return {"FromEmailAddress": sender, "Destination": to, "Content": {"Simple": body}}

    for sender, needs, on in (
        (SENDER, "email", "its own"), ("ceo@example.com", "", PLATFORM), ("a@other.example", "", NEVER),
        (f"{SENDER}.evil.example", "", NEVER),
    ):  # fmt: skip
        yield Attempt(needs, on, "ses", "send_email", sent(sender))
        yield Attempt(needs, on, "ses", "send_raw_email", raw(sender))
        yield Attempt(needs, on, "sesv2", "send_email", second(sender))
    yield Attempt("email", "its own", "ses", "send_email", sent(f"Plugins <{SENDER}>"))
    for operation, parameters in (
        ("verify_email_identity", {"EmailAddress": "me@evil.example"}), ("list_identities", {}),
        ("delete_identity", {"Identity": SENDER}), ("get_send_quota", {}),
        ("send_templated_email", {"Source": SENDER, "Destination": to, "Template": "t", "TemplateData": "{}"}),
    ):  # fmt: skip
        yield Attempt("", NEVER, "ses", operation, parameters)


def _of_queue(world: World) -> Iterator[Attempt]:
    def of(url: str) -> Iterator[tuple[str, dict[str, Any], tuple[str, ...]]]:
        at, handle = {"QueueUrl": url}, {"QueueUrl": url, "ReceiptHandle": "none"}
        ok, invalid = ("ok",), ("ok", "ReceiptHandleIsInvalid", "InvalidParameterValue")
        yield "send_message", {**at, "MessageBody": "x"}, ok
        yield "send_message_batch", {**at, "Entries": [{"Id": "1", "MessageBody": "x"}]}, ok
        yield "receive_message", at, ok
        yield "delete_message", handle, invalid
        yield "change_message_visibility", {**handle, "VisibilityTimeout": 0}, invalid
        yield "get_queue_attributes", {**at, "AttributeNames": ["All"]}, ok

    own = world.queue_url(world.function(OWN))
    for operation, parameters, reaches in of(own):
        yield Attempt("queue", "its own", "sqs", operation, parameters, reaches)
    yield Attempt("queue", "its own", "sqs", "get_queue_url", {"QueueName": world.function(OWN)})
    for operation, parameters, _ in of(world.queue_url(world.function(OTHER))):
        yield Attempt("", "another plugin's", "sqs", operation, parameters)
    yield Attempt("", "another plugin's", "sqs", "get_queue_url", {"QueueName": world.function(OTHER)})
    for operation, parameters, _ in of(world.outcomes_url):
        yield Attempt("", PLATFORM, "sqs", operation, parameters)
    for operation, more in (
        ("purge_queue", {}), ("delete_queue", {}), ("set_queue_attributes", {"Attributes": {"DelaySeconds": "1"}}),
        ("add_permission", {"Label": "l", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"]}),
    ):  # fmt: skip
        yield Attempt("", "its own", "sqs", operation, {"QueueUrl": own, **more})
    yield Attempt("", NEVER, "sqs", "list_queues", {})
    yield Attempt("", NEVER, "sqs", "create_queue", {"QueueName": "services-ai-plugin-mine"})


def _of_everything_else(world: World) -> Iterator[Attempt]:
    own, other, live = world.function(OWN), world.function(OTHER), {"Qualifier": "live"}
    log = {"logGroupName": f"/aws/lambda/{own}"}
    again = ("ok", "ResourceAlreadyExistsException")
    yield Attempt("always", "its own", "sts", "get_caller_identity", {})
    yield Attempt("always", "its own", "logs", "create_log_stream", {**log, "logStreamName": "s"}, again)
    yield Attempt("always", "its own", "logs", "put_log_events", {
        **log, "logStreamName": "s", "logEvents": [{"timestamp": 1_790_000_000_000, "message": "m"}],
    })  # fmt: skip
    groups = {"its own": own, "another plugin's": other, PLATFORM: world.dispatcher}
    for on, name in groups.items():
        group = {"logGroupName": f"/aws/lambda/{name}"}
        if on != "its own":
            yield Attempt("", on, "logs", "create_log_stream", {**group, "logStreamName": "s"})
        yield Attempt("", on, "logs", "filter_log_events", group)
        yield Attempt("", on, "logs", "delete_log_group", group)
    for on, name in groups.items():
        yield Attempt(
            "", on, "lambda", "invoke", {"FunctionName": name, **(live if name != world.dispatcher else {})}
        )
        yield Attempt("", on, "lambda", "get_function", {"FunctionName": name})
        yield Attempt(
            "", on, "lambda", "update_function_configuration", {"FunctionName": name, "Role": world.own_role}
        )
        yield Attempt("", on, "lambda", "delete_function", {"FunctionName": name})
    for on, arn in (("its own", world.own_role), ("another plugin's", world.other_role)):
        role = {"RoleName": arn.rpartition("/")[2]}
        yield Attempt("", on, "sts", "assume_role", {"RoleArn": arn, "RoleSessionName": "session"})
        yield Attempt("", on, "iam", "get_role", role)
        yield Attempt("", on, "iam", "put_role_policy", {**role, "PolicyName": "plugin", "PolicyDocument": "{}"})
        yield Attempt("", on, "iam", "delete_role_permissions_boundary", role)
    yield Attempt("", PLATFORM, "iam", "delete_policy", {"PolicyArn": world.boundary})
    for operation, parameters in (
        ("publish", {"TopicArn": world.topic, "Message": "m"}),
        ("subscribe", {"TopicArn": world.topic, "Protocol": "sqs", "Endpoint": world.topic}),
    ):
        yield Attempt("", PLATFORM, "sns", operation, parameters)
    for service, operation, parameters in (
        ("cloudformation", "describe_stacks", {"StackName": "services-ai"}),
        ("cloudformation", "delete_stack", {"StackName": "services-ai"}),
    ):
        yield Attempt("", PLATFORM, service, operation, parameters)
    for service, operation, parameters in (
        ("sns", "create_topic", {"Name": "mine"}), ("lambda", "list_functions", {}), ("iam", "list_roles", {}),
        ("iam", "create_user", {"UserName": "mine"}), ("iam", "create_access_key", {}),
        ("logs", "describe_log_groups", {}), ("logs", "create_log_group", {"logGroupName": "/mine"}),
        ("ssm", "get_parameter", {"Name": "/services-ai/x"}), ("kms", "list_keys", {}),
        ("events", "put_events", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}),
        ("ec2", "describe_instances", {}), ("sts", "get_session_token", {}),
    ):  # fmt: skip
        yield Attempt("", NEVER, service, operation, parameters)


def attempts(world: World) -> list[Attempt]:
    """All of them, in an order in which each finds what it needs."""
    return [
        *_of_storage(world),
        *_of_secrets(world),
        *_of_files(world),
        *_of_email(),
        *_of_queue(world),
        *_of_everything_else(world),
    ]


GRANTED = (frozenset[str](), *(frozenset((name,)) for name in CAPABILITIES), frozenset(CAPABILITIES))
"""What the plugin is granted, one after the other."""
