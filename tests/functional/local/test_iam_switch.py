"""`local up --no-iam`, and what of identities survives a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from control_plane.cli.local import app
from infra.local import lifecycle
from infra.local.clients import clients_of
from services_ai_sdk.wire.errors import InvalidInputError
from tests.functional.local.conftest import TRUST

RUNNER = CliRunner()
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture
def home(state_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = state_home / "switch"
    path.mkdir(mode=0o711)
    (path / "store").symlink_to((state_home / "store").resolve())
    yield path
    lifecycle.down(path)


def start(home: Path, iam: bool | None) -> Any:
    options = lifecycle.CloudOptions(port=0, state_dir=home, platform=False, iam=iam)
    return lifecycle.up(options, lambda line: None)


def client(info: Any, service: str, key: dict[str, Any]) -> Any:
    session = boto3.Session(
        key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"), region_name="us-east-1"
    )
    return session.client(service, endpoint_url=info.endpoint)


def shown(home: Path, *more: str) -> str:
    done = RUNNER.invoke(app, ["status", "--state-dir", str(home), *more])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_on_off_and_on_again(home: Path) -> None:
    info = start(home, None)
    assert "IAM          enforced for every caller" in shown(home)
    assert json.loads(shown(home, "--json"))["iam"] is True
    iam, sts = clients_of(info)("iam"), clients_of(info)("sts")
    iam.create_user(UserName="u")
    user = iam.create_access_key(UserName="u")["AccessKey"]
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(ALL))
    session = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    with pytest.raises(ClientError, match="not authorized"):
        client(info, "s3", user).list_buckets()
    client(info, "s3", session).list_buckets()
    with pytest.raises(InvalidInputError, match="with IAM enforced"):
        start(home, False)
    assert start(home, None).pid == info.pid
    lifecycle.down(home)

    info = start(home, False)
    assert "IAM          OFF" in shown(home)
    assert json.loads(shown(home, "--json"))["iam"] is False
    client(info, "s3", user).list_buckets()
    lifecycle.down(home)

    info = start(home, None)
    with pytest.raises(ClientError, match="not authorized"):
        client(info, "s3", user).list_buckets()
    client(info, "s3", session).list_buckets()
