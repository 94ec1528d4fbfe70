"""Tags, and resource policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

API = "https://docs.aws.amazon.com/lambda/latest/api"


@pytest.mark.cites(f"{API}/API_TagResource.html")
def test_tags_are_added_replaced_and_removed(deploy: Any, functions: Any) -> None:
    """TagResource "Adds tags to a function", UntagResource removes; ListTags and GetFunction show them."""
    name = deploy(Tags={"a": "1"})
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    assert functions.list_tags(Resource=arn)["Tags"] == {"a": "1"}
    functions.tag_resource(Resource=arn, Tags={"a": "2", "b": ""})
    assert functions.get_function(FunctionName=name)["Tags"] == {"a": "2", "b": ""}
    functions.untag_resource(Resource=arn, TagKeys=["a"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"b": ""}


@pytest.mark.cites(f"{API}/API_ListTags.html#API_ListTags_Errors")
def test_tags_of_nobody(deploy: Any, functions: Any) -> None:
    """ResourceNotFoundException: "The resource specified in the request does not exist"."""
    arn = functions.get_function_configuration(FunctionName=deploy())["FunctionArn"]
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.list_tags(Resource=f"{arn}-other")


def allow(functions: Any, name: str, sid: str = "s3", **more: Any) -> Any:
    return functions.add_permission(
        FunctionName=name, StatementId=sid, Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::bucket", SourceAccount="123456789012", **more,
    )  # fmt: skip


@pytest.mark.cites(f"{API}/API_AddPermission.html#API_AddPermission_ResponseElements")
def test_a_permission_is_a_statement_of_the_policy(deploy: Any, functions: Any) -> None:
    """Statement: "The permission statement that's added to the function policy", with its conditions."""
    name = deploy()
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    statement = json.loads(allow(functions, name)["Statement"])
    assert statement == {
        "Sid": "s3", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction", "Resource": arn,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"},
        },
    }  # fmt: skip
    found = functions.get_policy(FunctionName=name)
    policy = json.loads(found["Policy"])
    assert (policy["Version"], policy["Id"], policy["Statement"]) == ("2012-10-17", "default", [statement])
    assert found["RevisionId"]


@pytest.mark.cites(f"{API}/API_AddPermission.html#API_AddPermission_Errors")
def test_a_statement_s_id_that_is_taken(deploy: Any, functions: Any) -> None:
    """ResourceConflictException: "The resource already exists", 409."""
    name = deploy()
    allow(functions, name)
    with pytest.raises(functions.exceptions.ResourceConflictException):
        allow(functions, name)


@pytest.mark.cites(f"{API}/API_AddPermission.html#API_AddPermission_RequestParameters")
def test_a_version_s_and_an_alias_s_permissions_are_their_own(deploy: Any, functions: Any) -> None:
    """Qualifier: "Specify a version or alias to add permissions to a published version of the function"."""
    name = deploy(Publish=True)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    statement = json.loads(allow(functions, name, Qualifier="live")["Statement"])
    assert statement["Resource"].endswith(f":function:{name}:live")
    policy = json.loads(functions.get_policy(FunctionName=name, Qualifier="live")["Policy"])
    assert policy["Statement"] == [statement]
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_policy(FunctionName=name)


@pytest.mark.cites(f"{API}/API_RemovePermission.html")
def test_a_permission_is_removed(deploy: Any, functions: Any) -> None:
    """RemovePermission "Revokes function-use permission"; without any, GetPolicy is ResourceNotFoundException."""
    name = deploy()
    allow(functions, name)
    functions.remove_permission(FunctionName=name, StatementId="s3")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_policy(FunctionName=name)
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.remove_permission(FunctionName=name, StatementId="s3")
