"""A function's life: created, read, listed, changed, published, deleted."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.lambda_api.conftest import ECHO, RUNTIME, zip_of

API = "https://docs.aws.amazon.com/lambda/latest/api"
VERSIONS = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html"


@pytest.mark.cites(f"{API}/API_CreateFunction.html#API_CreateFunction_ResponseElements")
def test_a_new_function_has_lambda_s_defaults(deploy: Any, functions: Any) -> None:
    """Timeout "The default is 3 seconds", MemorySize "The default value is 128 MB", storage 512 MB, PassThrough
    …"""
    settings = {key: value for key, value in deploy.settings().items() if key not in ("Timeout", "MemorySize")}
    name = settings["FunctionName"]
    made = functions.create_function(**settings)
    deploy.made.append(name)
    assert (made["Timeout"], made["MemorySize"], made["Description"]) == (3, 128, "")
    assert made["EphemeralStorage"] == {"Size": 512}
    assert made["TracingConfig"] == {"Mode": "PassThrough"}
    assert (made["PackageType"], made["Architectures"]) == ("Zip", ["x86_64"])
    assert (made["Version"], made["Runtime"], made["Handler"]) == ("$LATEST", RUNTIME, "main.handle")
    assert made["FunctionArn"].endswith(f":function:{name}")
    assert made["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    assert made["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", made["LastModified"])
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html")
@pytest.mark.xfail(strict=True, reason="a function is active at once; Pending with --faults aws-like")
def test_a_new_function_is_pending_first(deploy: Any, functions: Any) -> None:
    """When you create a function, Lambda sets its state to Pending … then Active."""
    settings = deploy.settings()
    made = functions.create_function(**settings)
    deploy.made.append(settings["FunctionName"])
    assert made["State"] == "Pending"
    functions.get_waiter("function_active_v2").wait(FunctionName=settings["FunctionName"])


@pytest.mark.cites(f"{API}/API_FunctionConfiguration.html")
def test_the_code_s_size_and_hash_are_those_of_the_zip(deploy: Any, functions: Any) -> None:
    """CodeSha256: "The SHA256 hash of the function's deployment package"; CodeSize: its size "in bytes"."""
    data = zip_of(ECHO)
    found = functions.get_function_configuration(FunctionName=deploy())
    assert found["CodeSize"] == len(data)
    assert found["CodeSha256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.mark.cites(f"{API}/API_CreateFunction.html#API_CreateFunction_Errors")
def test_a_name_that_is_taken(deploy: Any, functions: Any, echo: str) -> None:
    """ResourceConflictException: "The resource already exists, or another operation is in progress", 409."""
    with pytest.raises(functions.exceptions.ResourceConflictException, match=f"Function already exist: {echo}"):
        functions.create_function(**deploy.settings(FunctionName=echo))


@pytest.mark.cites(f"{API}/API_GetFunction.html#API_GetFunction_ResponseElements")
def test_get_function_has_configuration_and_code(echo: str, functions: Any) -> None:
    """Code: RepositoryType … S3, Location - A presigned URL; Configuration: as GetFunctionConfiguration's."""
    found = functions.get_function(FunctionName=echo)
    assert found["Code"]["RepositoryType"] == "S3"
    assert found["Code"]["Location"].startswith("http")
    alone = functions.get_function_configuration(FunctionName=echo)
    del alone["ResponseMetadata"]
    assert found["Configuration"] == alone
    assert (alone["State"], alone["LastUpdateStatus"]) == ("Active", "Successful")


@pytest.mark.cites(f"{API}/API_GetFunction.html#API_GetFunction_Errors")
@pytest.mark.parametrize(
    "operation",
    [
        "get_function",
        "get_function_configuration",
        "delete_function",
        "publish_version",
        "list_versions_by_function",
        "list_aliases",
        "get_policy",
        "get_function_concurrency",
        "get_function_event_invoke_config",
    ],
)
def test_a_function_that_is_not_there(functions: Any, operation: str) -> None:
    """ResourceNotFoundException: The resource specified in the request does not exist. HTTP Status Code: 404."""
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        getattr(functions, operation)(FunctionName="nobody-at-all")


@pytest.mark.cites(f"{API}/API_ListFunctions.html#API_ListFunctions_RequestParameters")
def test_the_list_comes_in_pages(deploy: Any, functions: Any) -> None:
    """MaxItems: "The maximum number of functions to return"; NextMarker: "The pagination token"."""
    names = {deploy() for _ in range(3)}
    first = functions.list_functions(MaxItems=2)
    assert len(first["Functions"]) == 2
    assert first["NextMarker"]
    pages = list(functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    found = [one["FunctionName"] for page in pages for one in page["Functions"]]
    assert len(found) == len(set(found))
    assert names <= set(found)


@pytest.mark.cites(f"{API}/API_ListFunctions.html#API_ListFunctions_RequestParameters")
def test_the_list_has_all_versions_when_asked(deploy: Any, functions: Any) -> None:
    """FunctionVersion: "Set to ALL to include entries for all published versions of each function"."""
    name = deploy(Publish=True)

    def versions(**more: Any) -> set[str]:
        pages = functions.get_paginator("list_functions").paginate(**more)
        return {one["Version"] for page in pages for one in page["Functions"] if one["FunctionName"] == name}

    assert versions() == {"$LATEST"}
    assert versions(FunctionVersion="ALL") == {"$LATEST", "1"}


@pytest.mark.cites(f"{API}/API_UpdateFunctionCode.html#API_UpdateFunctionCode_RequestBody")
def test_a_change_with_another_revision_is_refused(deploy: Any, functions: Any) -> None:
    """RevisionId: "Update the function only if the revision ID matches": else PreconditionFailedException, 412."""
    name = deploy()
    revision = functions.get_function_configuration(FunctionName=name)["RevisionId"]
    changed = functions.update_function_code(
        FunctionName=name, ZipFile=zip_of(ECHO + "x = 1\n"), RevisionId=revision
    )
    deploy.settled(name)
    assert changed["RevisionId"] != revision
    for change in (
        lambda: functions.update_function_code(FunctionName=name, ZipFile=zip_of(ECHO), RevisionId=revision),
        lambda: functions.update_function_configuration(FunctionName=name, Timeout=9, RevisionId=revision),
        lambda: functions.publish_version(FunctionName=name, RevisionId=revision),
    ):
        with pytest.raises(functions.exceptions.PreconditionFailedException) as caught:
            change()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    after = functions.get_function_configuration(FunctionName=name)
    assert (after["Timeout"], after["CodeSha256"]) == (10, changed["CodeSha256"])


@pytest.mark.cites(f"{API}/API_UpdateFunctionCode.html#API_UpdateFunctionCode_RequestBody")
def test_a_dry_run_changes_no_code(deploy: Any, functions: Any) -> None:
    """DryRun: "Set to true to validate the request parameters … without modifying the function code"."""
    name = deploy()
    before = functions.get_function_configuration(FunctionName=name)["CodeSha256"]
    functions.update_function_code(FunctionName=name, ZipFile=zip_of("x = 1\n"), DryRun=True)
    assert functions.get_function_configuration(FunctionName=name)["CodeSha256"] == before


@pytest.mark.cites(f"{API}/API_UpdateFunctionConfiguration.html#API_UpdateFunctionConfiguration_RequestBody")
def test_a_change_of_settings_is_seen_by_the_next_call(deploy: Any, functions: Any, call: Any) -> None:
    """Environment, Handler and Timeout of the function are replaced; what is not named stays."""
    name = deploy("import os\ndef handle(event, context): return os.environ.get('AB')\nother = handle\n")
    assert call(name).value is None
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"AB": "1"}}, Handler="main.other"
    )
    deploy.settled(name)
    found = functions.get_function_configuration(FunctionName=name)
    assert (found["Timeout"], found["Handler"]) == (10, "main.other")
    assert call(name).value == "1"


@pytest.mark.cites(f"{API}/API_PublishVersion.html")
def test_publishing_what_did_not_change_makes_no_new_version(deploy: Any, functions: Any) -> None:
    """ "Lambda doesn't publish a version if the function's configuration and code haven't changed"."""
    name = deploy()
    assert functions.publish_version(FunctionName=name)["Version"] == "1"
    assert functions.publish_version(FunctionName=name)["Version"] == "1"
    functions.update_function_configuration(FunctionName=name, Description="changed")
    deploy.settled(name)
    assert functions.publish_version(FunctionName=name)["Version"] == "2"
    listed = functions.list_versions_by_function(FunctionName=name)["Versions"]
    assert [one["Version"] for one in listed] == ["$LATEST", "1", "2"]
    assert listed[1]["FunctionArn"].endswith(f":{name}:1")


@pytest.mark.cites(f"{API}/API_PublishVersion.html#API_PublishVersion_RequestBody")
def test_publishing_other_code_than_expected_is_refused(deploy: Any, functions: Any) -> None:
    """CodeSha256: "Only publish a version if the hash value matches the value that's specified"."""
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.publish_version(FunctionName=deploy(), CodeSha256="A" * 43 + "=")


@pytest.mark.cites(VERSIONS)
def test_a_version_does_not_change(deploy: Any, functions: Any, call: Any) -> None:
    """A function version includes … the function code … All of the function settings … are locked."""
    name = deploy("def handle(event, context): return 1\n", Publish=True)
    functions.update_function_configuration(FunctionName=name, Timeout=20)
    deploy.settled(name)
    functions.update_function_code(FunctionName=name, ZipFile=zip_of("def handle(event, context): return 2\n"))
    deploy.settled(name)
    assert functions.get_function_configuration(FunctionName=name, Qualifier="1")["Timeout"] == 10
    assert (call(name).value, call(name, Qualifier="1").value) == (2, 1)


@pytest.mark.cites(f"{API}/API_DeleteFunction.html#API_DeleteFunction_RequestParameters")
def test_one_version_is_deleted(deploy: Any, functions: Any) -> None:
    """Qualifier: "Specify a version to delete. You can't delete a version that an alias references"."""
    name = deploy(Publish=True)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    with pytest.raises(functions.exceptions.ResourceConflictException):
        functions.delete_function(FunctionName=name, Qualifier="1")
    functions.delete_alias(FunctionName=name, Name="live")
    functions.delete_function(FunctionName=name, Qualifier="1")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function_configuration(FunctionName=name, Qualifier="1")
    assert functions.get_function_configuration(FunctionName=name)["Version"] == "$LATEST"
    functions.update_function_configuration(FunctionName=name, Description="again")
    deploy.settled(name)
    assert functions.publish_version(FunctionName=name)["Version"] == "2"


@pytest.mark.cites(f"{API}/API_DeleteFunction.html")
def test_a_function_is_deleted_with_its_versions(deploy: Any, functions: Any, call: Any) -> None:
    """ "To delete a specific function version, use the Qualifier parameter. Otherwise, all versions and aliases
    are deleted"."""
    name = deploy(Publish=True)
    call(name)
    functions.delete_function(FunctionName=name)
    for qualifier in ({}, {"Qualifier": "1"}):
        with pytest.raises(functions.exceptions.ResourceNotFoundException):
            call(name, **qualifier)


@pytest.mark.cites(f"{API}/API_CreateAlias.html#API_CreateAlias_Errors")
def test_aliases(deploy: Any, functions: Any) -> None:
    """Create, get, list, conflict (409), a version that is not there (404), delete."""
    name = deploy(Publish=True)
    made = functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1", Description="d")
    assert made["AliasArn"].endswith(f":function:{name}:live")
    assert (made["Name"], made["FunctionVersion"], made["Description"]) == ("live", "1", "d")
    with pytest.raises(functions.exceptions.ResourceConflictException):
        functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.create_alias(FunctionName=name, Name="other", FunctionVersion="7")
    assert functions.get_alias(FunctionName=name, Name="live")["RevisionId"] == made["RevisionId"]
    assert [one["Name"] for one in functions.list_aliases(FunctionName=name)["Aliases"]] == ["live"]
    functions.delete_alias(FunctionName=name, Name="live")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_alias(FunctionName=name, Name="live")


@pytest.mark.cites(f"{API}/API_CreateAlias.html#API_CreateAlias_RequestBody")
@pytest.mark.parametrize("alias", ["12", "a b", "x" * 129])
def test_an_alias_s_name_that_cannot_be(clients: Any, deploy: Any, alias: str) -> None:
    """Name: Length Constraints: 1 to 128. Pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)."""
    name = deploy(Publish=True)
    with pytest.raises(ClientError) as caught:
        clients("lambda", validate=False).create_alias(FunctionName=name, Name=alias, FunctionVersion="1")
    assert caught.value.response["Error"]["Code"] in ("ValidationException", "InvalidParameterValueException")
