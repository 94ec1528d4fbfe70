"""Deploys template.yaml into the local cloud: the same template, the same bytes as in AWS."""

from __future__ import annotations

import hashlib
import json
import platform as machine
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

from botocore.exceptions import ClientError

from control_plane.aws_errors import aws_code, plainly
from infra.build import ROOT, Built, build
from infra.local.kept_properties import lost_properties
from infra.local.moto_ops.functions import ACCOUNT_ID, REGION
from infra.local.translate import S3Location, load_template, translate
from services_ai_sdk.emulator.errors import InterpreterMissingError
from services_ai_sdk.emulator.interpreters import find_interpreter
from services_ai_sdk.wire.errors import PlatformError

Progress = Callable[[str], None]
DIGEST_TAG = "services-ai-template-digest"
POLL_S = 0.05
DEPLOY_MAX_S = 120.0
FROM_THE_START = "services-ai-admin local down, then services-ai-admin local up --fresh, which forgets all state"

PYTHONS = ("3.11", "3.12", "3.13")
"""What template.yaml allows as Runtime."""

EMAIL_FROM = "plugins@example.com"
"""What plugins of the local cloud send mail from; nothing leaves it."""
LOCAL_PARAMETERS = {
    "FreshnessSeconds": "1",
    "FoldWindowSeconds": "1",
    "PluginEmailFrom": EMAIL_FROM,
    "PluginNetwork": "open",
}
"""An author waits for the first two: as short as the template allows."""


class Clients(Protocol):
    """Makes boto3 clients that reach the local cloud."""

    def __call__(self, service: str) -> Any:
        """A client of one service."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is deployed, as far as it is known without the cloud."""

    stack: str
    bucket: str
    built: Mapping[str, Built]
    template: dict[str, Any]
    parameters: dict[str, str]

    @property
    def digest(self) -> str:
        """Changes with anything that is deployed."""
        return hashlib.sha256(json.dumps([self.template, self.parameters], sort_keys=True).encode()).hexdigest()


def prepare(stack: str, progress: Progress, root: Path = ROOT) -> Prepared:
    """Builds the code and translates the template.

    Args:
        stack: Name of the stack.
        progress: Takes one line for a person.
        root: The repository.

    Raises:
        PlatformError: The build failed, the template is wrong, or the local cloud would lose a part of it.
    """
    built = build(root, progress=progress)
    bucket = f"{stack}-build-{ACCOUNT_ID}"
    parameters = {**LOCAL_PARAMETERS, "Runtime": local_runtime(), "Architecture": local_architecture()}
    code = {folder: S3Location(bucket, _key(folder, one)) for folder, one in built.items()}
    template = translate(load_template(root / "template.yaml"), code, parameters, REGION)
    lost = lost_properties(template)
    if lost:
        raise PlatformError(
            f"the local cloud would silently lose {', '.join(lost)}",
            code="template-not-supported",
            hint="teach it: a patch in infra/local/moto_patches, then a line in infra/local/kept_properties.py",
        )
    return Prepared(stack, bucket, built, template, parameters)


def deploy(clients: Clients, prepared: Prepared, progress: Progress) -> dict[str, str]:
    """Uploads, creates or updates the stack, and waits.

    Returns:
        The stack's outputs.

    Raises:
        PlatformError: The stack failed; it says at which resource.
    """
    upload(clients("s3"), prepared)
    with plainly(f"verifying the plugins' sender {EMAIL_FROM}"):
        clients("ses").verify_email_identity(EmailAddress=EMAIL_FROM)
    cloudformation = clients("cloudformation")
    found = _describe(cloudformation, prepared.stack)
    if found is None:
        progress(f"deploying the platform as stack {prepared.stack}")
        _change(cloudformation.create_stack, prepared)
    elif _digest(found) != prepared.digest:
        progress(f"updating stack {prepared.stack}")
        _change(cloudformation.update_stack, prepared)
    return _wait(cloudformation, prepared.stack)


def upload(s3: Any, prepared: Prepared) -> None:
    """Puts the zips where CloudFormation fetches them; what is there is not sent again."""
    with plainly(f"uploading the platform's code to {prepared.bucket}"):
        try:
            s3.create_bucket(Bucket=prepared.bucket)
        except ClientError as error:
            if aws_code(error) != "BucketAlreadyOwnedByYou":
                raise
        there = {one["Key"] for one in s3.list_objects_v2(Bucket=prepared.bucket).get("Contents", ())}
        for folder, one in prepared.built.items():
            key = _key(folder, one)
            if key not in there:
                s3.put_object(Bucket=prepared.bucket, Key=key, Body=one.archive.read_bytes())


def _key(folder: str, one: Built) -> str:
    return f"{Path(folder).name}/{one.digest}.zip"


def _change(call: Any, prepared: Prepared) -> None:
    try:
        call(
            StackName=prepared.stack,
            TemplateBody=json.dumps(prepared.template),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in prepared.parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": DIGEST_TAG, "Value": prepared.digest}],
        )
    except ClientError as error:
        raise PlatformError(
            f"stack {prepared.stack} failed: {error.response['Error'].get('Message', error)}",
            code="stack-failed",
            hint=f"nothing is rolled back here: {FROM_THE_START}",
            details={"aws_code": aws_code(error)},
        ) from error


def _describe(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if aws_code(error) == "ValidationError":
            return None
        raise
    return found


def _digest(stack: dict[str, Any]) -> str:
    return next((str(tag["Value"]) for tag in stack.get("Tags", ()) if tag["Key"] == DIGEST_TAG), "")


def _wait(cloudformation: Any, stack: str) -> dict[str, str]:
    until = monotonic() + DEPLOY_MAX_S
    while True:
        found = _describe(cloudformation, stack)
        status = found["StackStatus"] if found else "gone"
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            assert found is not None
            return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
        if not status.endswith("_IN_PROGRESS") or monotonic() > until:
            reason = (found or {}).get("StackStatusReason", "")
            raise PlatformError(
                f"stack {stack} is {status} {reason}".rstrip(),
                code="stack-failed",
                hint=FROM_THE_START,
            )
        sleep(POLL_S)


def check_answers(lambda_client: Any, outputs: Mapping[str, str]) -> None:
    """Asks the dispatcher whether it runs. Its worker is warm from then on.

    Raises:
        PlatformError: It does not run, or says something else.
    """
    name = outputs["DispatcherFunctionName"]
    call = {"v": 1, "check": True}
    with plainly("calling the dispatcher"):
        payload = lambda_client.invoke(FunctionName=name, Payload=json.dumps(call).encode())["Payload"].read()
    if not _is_result(payload):
        raise PlatformError(
            f"the platform is deployed, but {name} answers {payload[:2000].decode(errors='replace')}",
            code="platform-broken",
            hint=f"look at {name}.log in the state directory's logs",
        )


def _is_result(payload: bytes) -> bool:
    try:
        return bool(json.loads(payload).get("results") == [])
    except (ValueError, AttributeError):
        return False


def local_runtime() -> str:
    """A Lambda runtime that template.yaml allows and whose Python is on this machine.

    Raises:
        PlatformError: None is.
    """
    own = f"3.{sys.version_info.minor}"
    for minor in sorted(PYTHONS, key=lambda version: version != own):
        try:
            find_interpreter(minor)
        except InterpreterMissingError:
            continue
        return f"python{minor}"
    raise PlatformError(
        f"none of Python {', '.join(PYTHONS)} runs on this machine",
        code="python-missing",
        hint=f"{_uv()} python install 3.12, or name the folder of one in SERVICES_AI_PYTHONS",
    )


def _uv() -> str:
    """The uv of this environment: it need not be on anybody's PATH."""
    own = Path(sys.executable).parent / "uv"
    return str(own) if own.exists() else "uv"


def local_architecture() -> str:
    """This machine's, as Lambda names it."""
    return "arm64" if machine.machine() in ("aarch64", "arm64") else "x86_64"
