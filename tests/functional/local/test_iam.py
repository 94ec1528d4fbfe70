"""IAM in a running local cloud: real clients, real functions, real HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.functional.local.conftest import TRUST, eventually

ACCOUNT = "123456789012"


class Keys:
    """Clients with the keys of somebody."""

    def __init__(self, cloud: Any, key: str, secret: str = "s", token: str | None = None) -> None:
        self._cloud = cloud
        self._session = boto3.Session(key, secret, token, region_name="us-east-1")

    def __call__(self, service: str) -> Any:
        config = Config(
            retries={"total_max_attempts": 1}, proxies={}, s3={"addressing_style": "path"}, connect_timeout=2
        )
        return self._session.client(service, endpoint_url=self._cloud.endpoint, config=config)


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def user(cloud: Any) -> Callable[..., Keys]:
    """Makes an IAM user with policies; gives clients with its key."""
    iam = cloud.client("iam")

    def make(*statements: dict[str, Any]) -> Keys:
        name = f"u-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys = Keys(cloud, key["AccessKeyId"], key["SecretAccessKey"])
        keys.name = name  # type: ignore[attr-defined]
        return keys

    return make


@pytest.fixture
def table(cloud: Any) -> Iterator[str]:
    name = f"t-{uuid.uuid4().hex[:8]}"
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "g", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "gsi",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


def session(cloud: Any, statements: list[dict[str, Any]], boundary: list[dict[str, Any]]) -> Keys:
    """Clients with a session of a role that has a boundary."""
    iam, name = cloud.client("iam"), f"r-{uuid.uuid4().hex[:8]}"
    policy = iam.create_policy(PolicyName=f"b-{name}", PolicyDocument=document(*boundary))["Policy"]["Arn"]
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=policy
    )["Role"]["Arn"]  # fmt: skip
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    found = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="ses")["Credentials"]
    return Keys(cloud, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return (
        answer["Error"]["Code"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"].get("Message", ""),
    )


def item(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "1"}}


def test_a_user_reaches_its_own_partition_only(user: Any, table: str) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"
    own = {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "${aws:username}"},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    keys = user(allow("dynamodb:*", [arn, f"{arn}/index/*"], Condition=own))
    dynamodb, me = keys("dynamodb"), keys.name
    dynamodb.put_item(TableName=table, Item=item(me))
    assert dynamodb.get_item(TableName=table, Key=item(me))["Item"] == item(me)
    dynamodb.get_item(TableName=arn, Key=item(me))
    query = {"TableName": table, "KeyConditionExpression": "#k = :p", "ExpressionAttributeNames": {"#k": "pk"}}
    assert dynamodb.query(**query, ExpressionAttributeValues={":p": {"S": me}})["Count"] == 1
    dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item(me)}}]})
    dynamodb.batch_get_item(RequestItems={table: {"Keys": [item(me)]}})
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": item(me)}}])
    denied: list[tuple[Any, dict[str, Any]]] = [
        (dynamodb.put_item, {"TableName": table, "Item": item("other")}),
        (dynamodb.get_item, {"TableName": table, "Key": item("other")}),
        (dynamodb.query, {**query, "ExpressionAttributeValues": {":p": {"S": "other"}}}),
        (dynamodb.scan, {"TableName": table}),
        (dynamodb.query, {
            "TableName": table, "IndexName": "gsi", "KeyConditionExpression": "g = :p",
            "ExpressionAttributeValues": {":p": {"S": "other"}},
        }),
        (dynamodb.batch_write_item, {"RequestItems": {table: [
            {"PutRequest": {"Item": item(me)}}, {"DeleteRequest": {"Key": item("other")}},
        ]}}),
        (dynamodb.batch_get_item, {"RequestItems": {table: {"Keys": [item(me), item("other")]}}}),
        (dynamodb.transact_write_items, {"TransactItems": [
            {"Put": {"TableName": table, "Item": item(me)}},
            {"Delete": {"TableName": table, "Key": item("other")}},
        ]}),
        (dynamodb.execute_statement, {"Statement": f'SELECT * FROM "{table}"'}),
        (dynamodb.describe_table, {"TableName": table}),
        (dynamodb.list_tables, {}),
    ]  # fmt: skip
    for call, parameters in denied:
        code, status, message = refused(call, **parameters)
        assert (code, status) == ("AccessDeniedException", 400), (call.__name__, code, message)
        assert f"User: arn:aws:iam::{ACCOUNT}:user/{me} is not authorized to perform: dynamodb:" in message
        assert "because no identity-based policy allows the dynamodb:" in message


def test_explicit_denies_and_boundaries_say_so(cloud: Any, user: Any, table: str) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"
    denied = user(allow("dynamodb:*"), {**allow("dynamodb:PutItem", arn), "Effect": "Deny"})("dynamodb")
    assert "with an explicit deny in an identity-based policy" in refused(
        denied.put_item, TableName=table, Item=item("a")
    )[2]  # fmt: skip
    bounded = session(cloud, [allow("dynamodb:*")], boundary=[allow("dynamodb:GetItem")])("dynamodb")
    bounded.get_item(TableName=table, Key=item("a"))
    assert "because no permissions boundary allows the dynamodb:PutItem action" in refused(
        bounded.put_item, TableName=table, Item=item("a")
    )[2]  # fmt: skip


def test_a_change_of_a_policy_counts_at_once(cloud: Any, user: Any, table: str) -> None:
    keys = user()
    dynamodb, iam = keys("dynamodb"), cloud.client("iam")
    for _ in range(2):
        refused(dynamodb.get_item, TableName=table, Key=item("a"))
        iam.put_user_policy(UserName=keys.name, PolicyName="p", PolicyDocument=document(allow("dynamodb:GetItem")))
        dynamodb.get_item(TableName=table, Key=item("a"))
        iam.delete_user_policy(UserName=keys.name, PolicyName="p")
    group = f"g-{keys.name}"
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document(allow("dynamodb:GetItem")))
    iam.add_user_to_group(GroupName=group, UserName=keys.name)
    dynamodb.get_item(TableName=table, Key=item("a"))
    key = iam.list_access_keys(UserName=keys.name)["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.update_access_key(UserName=keys.name, AccessKeyId=key, Status="Inactive")
    assert refused(dynamodb.get_item, TableName=table, Key=item("a"))[0] == "UnrecognizedClientException"


def test_queues_topics_and_their_own_policies(cloud: Any, user: Any) -> None:
    name = f"q-{uuid.uuid4().hex[:8]}"
    url = cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    sender = user(allow("sqs:SendMessage", arn))("sqs")
    sender.send_message(QueueUrl=url, MessageBody="x")
    sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}])
    code, status, message = refused(sender.receive_message, QueueUrl=url)
    assert (code, status) == ("AccessDenied", 403)
    assert f"sqs:ReceiveMessage on resource: {arn} because" in message
    nobody = user()
    refused(nobody("sqs").send_message, QueueUrl=url, MessageBody="x")
    policy = document(
        allow("sqs:SendMessage", arn, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/{nobody.name}"})
    )
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    nobody("sqs").send_message(QueueUrl=url, MessageBody="x")
    topic = cloud.client("sns").create_topic(Name=name)["TopicArn"]
    code, status, message = refused(nobody("sns").publish, TopicArn=topic, Message="x")
    assert (code, status) == ("AuthorizationError", 403)
    user(allow("sns:Publish", topic))("sns").publish(TopicArn=topic, Message="x")


def test_objects_and_buckets(cloud: Any, user: Any) -> None:
    bucket = f"b-{uuid.uuid4().hex[:8]}"
    owner = cloud.client("s3")
    owner.create_bucket(Bucket=bucket)
    owner.put_object(Bucket=bucket, Key="secret/a", Body=b"secret")
    arn = f"arn:aws:s3:::{bucket}"
    mine = allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{arn}/${{aws:username}}/*")
    listing = allow("s3:ListBucket", arn, Condition={"StringLike": {"s3:prefix": "${aws:username}/*"}})
    keys = user(mine, listing)
    s3, me = keys("s3"), keys.name
    s3.put_object(Bucket=bucket, Key=f"{me}/a b+c", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key=f"{me}/a b+c")["Body"].read() == b"x"
    assert s3.list_objects_v2(Bucket=bucket, Prefix=f"{me}/")["KeyCount"] == 1
    s3.copy_object(Bucket=bucket, Key=f"{me}/d", CopySource={"Bucket": bucket, "Key": f"{me}/a b+c"})
    code, status, message = refused(s3.get_object, Bucket=bucket, Key="secret/a")
    assert (code, status) == ("AccessDenied", 403)
    assert f"perform: s3:GetObject on resource: {arn}/secret/a because" in message
    assert refused(s3.head_object, Bucket=bucket, Key="secret/a")[1] == 403
    refused(s3.list_objects_v2, Bucket=bucket)
    refused(s3.list_objects_v2, Bucket=bucket, Prefix="secret/")
    refused(s3.copy_object, Bucket=bucket, Key=f"{me}/e", CopySource={"Bucket": bucket, "Key": "secret/a"})
    refused(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": f"{me}/d"}, {"Key": "secret/a"}]})
    refused(s3.put_object, Bucket=bucket, Key=f"{me}/f", Body=b"x", ACL="public-read")
    refused(s3.put_bucket_policy, Bucket=bucket, Policy="{}")
    refused(s3.list_buckets)
    for verb in ("get_object", "put_object"):
        signed = s3.generate_presigned_url(verb, {"Bucket": bucket, "Key": f"{me}/d"})
        other = s3.generate_presigned_url(verb, {"Bucket": bucket, "Key": "secret/a"})
        method = "GET" if verb == "get_object" else "PUT"
        assert fetch(cloud, method, signed.removeprefix(cloud.endpoint))[0] == 200
        assert fetch(cloud, method, other.removeprefix(cloud.endpoint))[0] == 403
    # Everyone, only where the bucket says so.
    assert fetch(cloud, "GET", f"/{bucket}/secret/a")[0] == 403
    owner.put_bucket_policy(
        Bucket=bucket, Policy=document(allow("s3:GetObject", f"{arn}/secret/*", Principal="*"))
    )
    assert fetch(cloud, "GET", f"/{bucket}/secret/a") == (200, b"secret")
    assert fetch(cloud, "GET", f"/{bucket}?list-type=2")[0] == 403
    assert fetch(cloud, "PUT", f"/{bucket}/secret/a")[0] == 403


def fetch(cloud: Any, method: str, target: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.info.port, timeout=10)
    try:
        connection.request(method, target, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_invoking_and_making_functions(cloud: Any, user: Any, deploy: Any, role: str) -> None:
    name = deploy("def handle(event, context): return 1")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    may = user(allow("lambda:InvokeFunction", arn))("lambda")
    assert may.invoke(FunctionName=name)["StatusCode"] == 200
    may.invoke(FunctionName=arn)
    code, status, message = refused(may.get_function, FunctionName=name)
    assert (code, status) == ("AccessDeniedException", 403)
    assert f"perform: lambda:GetFunction on resource: {arn} because" in message
    for target in (f"{name}:live", f"{arn}:1"):
        code, status, message = refused(may.invoke, FunctionName=target)
        assert (code, status) == ("AccessDeniedException", 403)
        assert "lambda:InvokeFunction" in message
    refused(may.invoke, FunctionName=name, Qualifier="live")
    refused(user()("lambda").invoke, FunctionName=name)
    cloud.client("lambda").add_permission(
        FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal=ACCOUNT
    )
    maker = user(allow("lambda:*"))
    made = {
        "FunctionName": f"made-{name}", "Runtime": "python3.11", "Role": role, "Handler": "main.handle",
        "Code": {"ZipFile": b"x"},
    }  # fmt: skip
    code, _, message = refused(maker("lambda").create_function, **made)
    assert code == "AccessDeniedException"
    assert f"perform: iam:PassRole on resource: {role} because" in message


def test_a_function_may_what_its_role_says(cloud: Any, deploy: Any, invoke: Any, table: str) -> None:
    iam = cloud.client("iam")
    name = f"r-{uuid.uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    source = (
        "import boto3\n"
        "def handle(event, context):\n"
        "    client = boto3.client(event['service'])\n"
        "    try:\n"
        "        getattr(client, event['call'])(**event['with'])\n"
        "    except client.exceptions.ClientError as error:\n"
        "        return [error.response['Error']['Code'], error.response['Error'].get('Message')]\n"
        "    return 'done'\n"
    )
    function = deploy(source)
    cloud.client("lambda").update_function_configuration(FunctionName=function, Role=arn, Timeout=30)

    def ask(service: str, call: str, **parameters: Any) -> Any:
        return invoke(function, {"service": service, "call": call, "with": parameters})[1]

    code, message = ask("dynamodb", "put_item", TableName=table, Item=item("a"))
    assert code == "AccessDeniedException"
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{function}"
    assert message.startswith(
        f"User: {who} is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb"
    )
    condition = {
        "StringEquals": {"lambda:SourceFunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}"}
    }
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=document(allow("dynamodb:PutItem", Condition=condition))
    )
    assert ask("dynamodb", "put_item", TableName=table, Item=item("a")) == "done"
    assert ask("sts", "get_caller_identity") == "done"
    for service, call in (
        ("iam", "list_users"),
        ("sns", "list_topics"),
        ("s3", "list_buckets"),
        ("events", "list_rules"),
    ):
        assert ask(service, call)[0] in ("AccessDenied", "AccessDeniedException", "AuthorizationError")


def test_sessions_of_a_role(cloud: Any, user: Any, table: str) -> None:
    iam, name = cloud.client("iam"), f"r-{uuid.uuid4().hex[:8]}"
    keys = user()
    who = f"arn:aws:iam::{ACCOUNT}:user/{keys.name}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "77"}},
            }
        ],
    }  # fmt: skip
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow("dynamodb:*")))
    assert refused(keys("sts").assume_role, RoleArn=arn, RoleSessionName="ses")[:2] == ("AccessDenied", 403)
    refused(user(allow("*"))("sts").assume_role, RoleArn=arn, RoleSessionName="ses", ExternalId="77")
    found = keys("sts").assume_role(
        RoleArn=arn, RoleSessionName="ses", ExternalId="77", Policy=document(allow("dynamodb:GetItem"))
    )["Credentials"]
    assumed = Keys(cloud, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    assert assumed("sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/ses"
    assumed("dynamodb").get_item(TableName=table, Key=item("a"))
    message = refused(assumed("dynamodb").put_item, TableName=table, Item=item("a"))[2]
    assert "because no session policy allows the dynamodb:PutItem action" in message


def test_unknown_keys_and_none(cloud: Any) -> None:
    nobody = Keys(cloud, "AKIAIOSFODNN7EXAMPLE")
    assert refused(nobody("dynamodb").list_tables)[:2] == ("UnrecognizedClientException", 400)
    assert refused(nobody("sqs").list_queues)[:2] == ("InvalidClientTokenId", 403)
    assert refused(nobody("sts").get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    assert refused(nobody("s3").list_buckets)[:2] == ("InvalidAccessKeyId", 403)
    code, status, message = refused(nobody("lambda").invoke, FunctionName="f")
    assert (code, status) == ("UnrecognizedClientException", 403)
    assert "services-ai-admin local env" in message
    assert fetch(cloud, "POST", "/2015-03-31/functions/services-ai-dispatcher/invocations")[0] == 403
    assert fetch(cloud, "POST", "/", {"X-Amz-Target": "DynamoDB_20120810.ListTables"})[0] == 400
    assert fetch(cloud, "POST", "/?Action=ListUsers&Version=2010-05-08")[0] == 403
    assert fetch(cloud, "GET", "/")[0] == 403


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    "target",
    [
        "/moto-api/", "/moto-api/reset", "/moto-api/data.json", "//moto-api/reset", "/%6Doto-api/reset",
        "/MOTO-API/reset", "/x/../moto-api/reset", "/./moto-api/reset", "/moto%2Dapi/reset", "/moto-api%2Freset",
        "http://127.0.0.1/moto-api/reset", "http://moto_api/moto-api/reset", "/_services_ai/credentials",
        "/%5Fservices_ai/credentials", "/moto-api;x/reset", "/\\moto-api/reset", "/moto-api?x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_of_moto_s_own_answers_outside(cloud: Any, method: str, target: str, signed: bool) -> None:
    bucket = "closed-paths"
    cloud.client("s3").create_bucket(Bucket=bucket)
    headers = [f"{method} {target} HTTP/1.1", "Host: moto_api", "Content-Length: 0", "Connection: close"]
    if signed:
        scope = "local/20260101/us-east-1/s3/aws4_request"
        headers.append(f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00")
    with socket.create_connection(("127.0.0.1", cloud.info.port), 10) as connection:
        connection.sendall("\r\n".join([*headers, "", ""]).encode())
        answer = b""
        while block := connection.recv(65536):
            answer += block
    status = int(answer.split(b" ")[1])
    assert status in (400, 403, 404), answer
    assert b"moto-api" not in answer.partition(b"\r\n\r\n")[2] or b"<Error>" in answer, answer
    assert bucket in [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]]


def test_what_lambda_does_for_a_function_is_asked_of_its_role(cloud: Any, deploy: Any) -> None:
    iam, name = cloud.client("iam"), f"r-{uuid.uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    function = deploy("def handle(event, context): return 1")
    functions, sqs = cloud.client("lambda"), cloud.client("sqs")
    functions.update_function_configuration(FunctionName=function, Role=arn)
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    mapping = {"EventSourceArn": queue_arn, "FunctionName": function}
    code, status, message = refused(functions.create_event_source_mapping, **mapping)
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert message.startswith(
        "The provided execution role does not have permissions to call ReceiveMessage on SQS"
    )
    reading = allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue_arn)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(reading))
    made = functions.create_event_source_mapping(**mapping)["UUID"]
    functions.delete_event_source_mapping(UUID=made)
    # An outcome that the role may not send is lost, and said.
    functions.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": queue_arn}}
    )
    functions.invoke(FunctionName=function, InvocationType="Event")
    log = cloud.state_dir / "logs" / "cloud.log"
    said = f"assumed-role/{name}/{function} is not authorized to perform: sqs:SendMessage on resource: {queue_arn}"
    eventually(lambda: said in log.read_text())
    sending = allow("sqs:SendMessage", queue_arn)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(sending))
    functions.invoke(FunctionName=function, InvocationType="Event")
    eventually(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"))
