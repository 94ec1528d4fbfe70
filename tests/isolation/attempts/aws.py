"""What a plugin asks of AWS with its own credentials, which are its role's."""

import io
import json
import os
import zipfile

from .attempt import Stopped, attempt

_REFUSED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException")


def _asks(name, area):
    """An attempt that is stopped by a refusal, and by nothing else: any other error of AWS's breaks it."""

    def listed(function):
        def run(given):
            from botocore.exceptions import ClientError

            try:
                return function(given)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _REFUSED:
                    raise Stopped(code) from None
                raise

        return attempt(name, area, "iam")(run)

    return listed


def _client(service):
    import boto3
    from botocore.config import Config

    return boto3.client(service, config=Config(s3={"addressing_style": "path"}))


@_asks("reads the control plane's table", "files")
def reads_table(given):
    return len(_client("dynamodb").scan(TableName=given["table"])["Items"])


@_asks("writes itself an entry in the control plane's table", "forgery")
def writes_table(given):
    item = {"pk": {"S": "PLUGIN#forged"}, "sk": {"S": "FORGED"}}
    _client("dynamodb").put_item(TableName=given["table"], Item=item)
    return "written"


@_asks("reads another plugin's package", "files")
def reads_package(given):
    return _client("s3").get_object(Bucket=given["bucket"], Key=given["package"])["Body"].read()


@_asks("replaces another plugin's package before it is approved", "forgery")
def replaces_package(given):
    _client("s3").put_object(Bucket=given["bucket"], Key=given["package"], Body=b"replaced")
    return "replaced"


@_asks("lists the bucket of all packages", "files")
def lists_packages(given):
    return [each["Key"] for each in _client("s3").list_objects_v2(Bucket=given["bucket"])["Contents"]]


@_asks("forges the outcome of another plugin's call", "forgery")
def forges_outcome(given):
    body = json.dumps({"plugin_id": "other", "ok": False})
    return _client("sqs").send_message(QueueUrl=given["queue"], MessageBody=body)["MessageId"]


@_asks("takes outcomes away before they are recorded", "forgery")
def takes_outcomes(given):
    return len(_client("sqs").receive_message(QueueUrl=given["queue"], VisibilityTimeout=0).get("Messages", []))


@_asks("alerts the admins in the platform's name", "forgery")
def alerts(given):
    return _client("sns").publish(TopicArn=given["topic"], Message="all is well")["MessageId"]


@_asks("calls another plugin's function", "processes")
def calls_other(given):
    answer = _client("lambda").invoke(FunctionName=given["other"], Payload=b"{}")
    return answer["Payload"].read()


@_asks("calls hooks of every plugin, through the dispatcher", "processes")
def calls_dispatcher(given):
    return _client("lambda").invoke(FunctionName=given["dispatcher"], Payload=b"{}")["StatusCode"]


@_asks("reads another plugin's code and settings", "files")
def reads_function(given):
    return _client("lambda").get_function(FunctionName=given["other"])["Configuration"]["FunctionName"]


@_asks("lists which plugins there are", "files")
def lists_functions(given):
    return len(_client("lambda").list_functions()["Functions"])


@_asks("replaces another plugin's code", "forgery")
def replaces_code(given):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", "def handle(event, context): return 'replaced'")
    _client("lambda").update_function_code(FunctionName=given["other"], ZipFile=buffer.getvalue())
    return "replaced"


@_asks("gives itself more memory and time", "resources")
def grows(given):
    name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    _client("lambda").update_function_configuration(FunctionName=name, Timeout=900, MemorySize=3008)
    return name


@_asks("lets everybody call it", "network")
def opens_itself(given):
    _client("lambda").add_permission(
        FunctionName=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        StatementId="all",
        Action="lambda:InvokeFunction",
        Principal="*",
    )
    return "opened"


@_asks("gives its own role every right", "credentials")
def widens_role(given):
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    _client("iam").put_role_policy(RoleName=given["role"], PolicyName="more", PolicyDocument=json.dumps(document))
    return "widened"


@_asks("makes itself a user with a key that stays", "credentials")
def makes_user(given):
    iam = _client("iam")
    iam.create_user(UserName="planted")
    return iam.create_access_key(UserName="planted")["AccessKey"]["AccessKeyId"]


@_asks("takes on another role", "credentials")
def assumes(given):
    made = _client("sts").assume_role(RoleArn=given["other_role"], RoleSessionName="mine")
    return made["Credentials"]["AccessKeyId"]


@_asks("reads another plugin's log", "state")
def reads_log(given):
    return len(_client("logs").filter_log_events(logGroupName=given["other_log"])["events"])


@_asks("writes into another plugin's log", "forgery")
def writes_log(given):
    event = {"timestamp": given["now_ms"], "message": "forged"}
    _client("logs").put_log_events(logGroupName=given["other_log"], logStreamName="s", logEvents=[event])
    return "written"


@_asks("deletes another plugin's log", "forgery")
def deletes_log(given):
    _client("logs").delete_log_group(logGroupName=given["other_log"])
    return "deleted"


@_asks("reads a secret of another plugin's", "credentials")
def reads_secret(given):
    return _client("ssm").get_parameter(Name=given["parameter"], WithDecryption=True)["Parameter"]["Value"]


@_asks("keeps data of its own in AWS without a capability", "resources")
def makes_bucket(given):
    _client("s3").create_bucket(Bucket="planted")
    return "made"
