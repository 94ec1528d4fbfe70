"""What Lambda refuses of a function's settings, on creation and on change."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.lambda_api.conftest import zip_of

LIMITS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
CREATE = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"
BODY = f"{CREATE}#API_CreateFunction_RequestBody"
REFUSED = ("InvalidParameterValueException", "ValidationException")


def variables(size_bytes: int) -> dict[str, Any]:
    """An environment whose JSON has this size."""
    return {"Variables": {"AB": "x" * (size_bytes - len('{"AB":""}'))}}


OUTSIDE: list[Any] = [
    pytest.param({"MemorySize": 127}, id="memory-127"),
    pytest.param({"MemorySize": 10_241}, id="memory-10241"),
    pytest.param({"Timeout": 0}, id="timeout-0"),
    pytest.param({"Timeout": 901}, id="timeout-901"),
    pytest.param({"EphemeralStorage": {"Size": 511}}, id="storage-511"),
    pytest.param({"EphemeralStorage": {"Size": 10_241}}, id="storage-10241"),
    pytest.param({"Environment": variables(4097)}, id="environment-4097"),
    pytest.param({"Environment": {"Variables": {"AWS_REGION": "x"}}}, id="reserved-variable"),
    pytest.param({"Environment": {"Variables": {"1A": "x"}}}, id="variable-name"),
    pytest.param({"Handler": "x" * 129}, id="handler-129"),
    pytest.param({"Handler": "main handle"}, id="handler-space"),
    pytest.param({"Description": "x" * 257}, id="description-257"),
    pytest.param({"Runtime": "python2.6"}, id="runtime"),
    pytest.param({"Role": "nobody"}, id="role"),
]


@pytest.mark.cites(BODY)
@pytest.mark.parametrize("setting", OUTSIDE)
def test_a_setting_outside_its_limits_is_refused_at_creation(
    clients: Any, deploy: Any, setting: dict[str, Any]
) -> None:
    """MemorySize 128-10,240, Timeout 1-900, EphemeralStorage 512-10,240, 4 KB of environment, the patterns of
    the API."""
    settings = deploy.settings(**setting)
    with pytest.raises(ClientError) as caught:
        clients("lambda", validate=False).create_function(**settings)
    assert caught.value.response["Error"]["Code"] in REFUSED
    with pytest.raises(ClientError, match="ResourceNotFound"):
        clients("lambda").get_function(FunctionName=settings["FunctionName"])


@pytest.mark.cites(
    "https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html"
    "#API_UpdateFunctionConfiguration_RequestBody"
)
@pytest.mark.parametrize("setting", OUTSIDE)
def test_a_setting_outside_its_limits_is_refused_on_change(
    clients: Any, echo: str, setting: dict[str, Any]
) -> None:
    """The same limits hold for UpdateFunctionConfiguration; the function stays as it is."""
    before = clients("lambda").get_function_configuration(FunctionName=echo)
    with pytest.raises(ClientError) as caught:
        clients("lambda", validate=False).update_function_configuration(FunctionName=echo, **setting)
    assert caught.value.response["Error"]["Code"] in REFUSED
    after = clients("lambda").get_function_configuration(FunctionName=echo)
    assert {**after, "ResponseMetadata": 0} == {**before, "ResponseMetadata": 0}


@pytest.mark.cites(BODY)
@pytest.mark.parametrize(
    "setting",
    [
        {"MemorySize": 128}, {"MemorySize": 10_240}, {"Timeout": 1}, {"Timeout": 900},
        {"EphemeralStorage": {"Size": 512}}, {"EphemeralStorage": {"Size": 10_240}},
        {"Environment": variables(4096)}, {"Description": "x" * 256}, {"FunctionName": "n" * 64},
    ],
    ids=lambda setting: next(iter(setting)),
)  # fmt: skip
def test_a_setting_at_its_limit_is_taken(deploy: Any, functions: Any, setting: dict[str, Any]) -> None:
    """The same limits, from inside."""
    found = functions.get_function_configuration(FunctionName=deploy(**setting))
    for name, value in setting.items():
        assert found[name] == value


@pytest.mark.cites(f"{CREATE}#API_CreateFunction_RequestBody")
@pytest.mark.parametrize("name", ["n" * 65, "a b", "ä", "a.b"])
def test_a_name_that_cannot_be(clients: Any, deploy: Any, name: str) -> None:
    """ "If you specify only the function name, it is limited to 64 characters"; `[a-zA-Z0-9-_]+`."""
    with pytest.raises(ClientError) as caught:
        clients("lambda", validate=False).create_function(**deploy.settings(FunctionName=name))
    assert caught.value.response["Error"]["Code"] in REFUSED


@pytest.mark.cites(f"{LIMITS}#function-configuration-deployment-and-execution")
def test_a_sixth_layer_is_refused(deploy: Any, functions: Any) -> None:
    """Function layers: five layers."""
    arns = [
        functions.publish_layer_version(LayerName=f"six-{number}", Content={"ZipFile": zip_of(f"n = {number}\n")})[
            "LayerVersionArn"
        ]
        for number in range(6)
    ]
    name = deploy(Layers=arns[:5])
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.create_function(**deploy.settings(Layers=arns))
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.update_function_configuration(FunctionName=name, Layers=arns)


@pytest.mark.cites(f"{LIMITS}#function-configuration-deployment-and-execution")
def test_code_that_is_too_large_unzipped(deploy: Any, functions: Any) -> None:
    """Deployment package (.zip file archive) size … 250 MB … unzipped: 262,144,000 bytes."""
    with pytest.raises(
        functions.exceptions.InvalidParameterValueException,
        match=re.escape("Unzipped size must be smaller than 262144000 bytes"),
    ):
        functions.create_function(**deploy.settings({"main.py": "", "zeros": "0" * 262_144_000}))


@pytest.mark.cites(f"{CREATE}#API_CreateFunction_Errors")
def test_code_that_is_no_zip(deploy: Any, functions: Any) -> None:
    """Could not unzip uploaded file. Please check your file, then try to upload again."""
    settings = {**deploy.settings(), "Code": {"ZipFile": b"none"}}
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match="Could not unzip uploaded file"):
        functions.create_function(**settings)
