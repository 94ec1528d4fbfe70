"""Which version runs: names, ARNs, versions, aliases, weights."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.lambda_api.conftest import zip_of

PAGE = "https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"
ALIASES = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html"
ROUTING = "https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html"
SAYS = "def handle(event, context): return [{}, context.function_version, context.invoked_function_arn]\n"


@pytest.fixture
def two(deploy: Any, functions: Any) -> str:
    """Versions 1 and 2, alias `live` of version 1; $LATEST is 3."""
    name: str = deploy(SAYS.format(1), Publish=True)
    functions.update_function_code(FunctionName=name, ZipFile=zip_of(SAYS.format(2)), Publish=True)
    deploy.settled(name)
    functions.update_function_code(FunctionName=name, ZipFile=zip_of(SAYS.format(3)))
    deploy.settled(name)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


@pytest.mark.cites(f"{PAGE}#API_Invoke_RequestParameters")
def test_a_function_is_named_in_every_way_that_is_documented(two: str, functions: Any, call: Any) -> None:
    """ "Function name - my-function (name-only), my-function:v1 (with alias)", "Function ARN", "Partial ARN"."""
    arn = functions.get_function_configuration(FunctionName=two)["FunctionArn"]
    account = arn.split(":")[4]
    for name, expected in (
        (two, 3),
        (f"{two}:$LATEST", 3),
        (f"{two}:2", 2),
        (f"{two}:live", 1),
        (arn, 3),
        (f"{arn}:2", 2),
        (f"{arn}:live", 1),
        (f"{account}:function:{two}", 3),
        (f"{account}:function:{two}:live", 1),
    ):
        assert (name, call(name).value[0]) == (name, expected)


@pytest.mark.cites(f"{PAGE}#API_Invoke_RequestParameters")
def test_a_qualifier_names_a_version_or_an_alias(two: str, call: Any) -> None:
    """Qualifier: "Specify a version or alias to invoke a published version of the function"."""
    for qualifier, expected, version in (
        ("$LATEST", 3, "$LATEST"),
        ("1", 1, "1"),
        ("2", 2, "2"),
        ("live", 1, "1"),
    ):
        answer = call(two, Qualifier=qualifier)
        assert answer.value[:2] == [expected, version]
        assert answer.response["ExecutedVersion"] == version


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/python-context.html#python-context-object")
def test_the_arn_that_invoked_it_has_the_caller_s_qualifier(two: str, functions: Any, call: Any) -> None:
    """invoked_function_arn: Indicates if the invoker specified a version number or alias."""
    arn = functions.get_function_configuration(FunctionName=two)["FunctionArn"]
    assert call(two).value[2] == arn
    assert call(two, Qualifier="1").value[2] == f"{arn}:1"
    assert call(two, Qualifier="live").value[1:] == ["1", f"{arn}:live"]


@pytest.mark.cites(f"{ALIASES}")
def test_an_alias_is_moved_to_another_version(two: str, functions: Any, call: Any) -> None:
    """You can update the alias to point to a new function version; callers of the alias get it."""
    functions.update_alias(FunctionName=two, Name="live", FunctionVersion="2")
    assert call(two, Qualifier="live").value[0] == 2


@pytest.mark.cites(f"{ROUTING}")
def test_weights_send_calls_to_two_versions(two: str, functions: Any, call: Any) -> None:
    """You can … use a weighted alias to send a portion of your traffic to a second function version."""
    routing = {"AdditionalVersionWeights": {"2": 0.5}}
    functions.update_alias(FunctionName=two, Name="live", RoutingConfig=routing)
    answers = [call(two, Qualifier="live") for _ in range(40)]
    assert {answer.response["ExecutedVersion"] for answer in answers} == {"1", "2"}
    assert all(answer.response["ExecutedVersion"] == answer.value[1] for answer in answers)


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/api/API_AliasRoutingConfiguration.html")
@pytest.mark.parametrize(
    ("version", "weights"), [("1", {"9": 0.1}), ("1", {"2": 1.1}), ("$LATEST", {"2": 0.1}), ("1", {"1": 0.1})]
)
def test_weights_that_cannot_be_are_refused(
    two: str, functions: Any, version: str, weights: dict[str, float]
) -> None:
    """ "The second version, and the percentage of traffic that's routed to it": published, another one,
    0.0-1.0."""
    with pytest.raises(functions.exceptions.ClientError) as caught:
        functions.create_alias(
            FunctionName=two, Name="other", FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )  # fmt: skip
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404)


@pytest.mark.cites(f"{PAGE}#API_Invoke_Errors")
@pytest.mark.parametrize("qualifier", ["9", "nowhere"])
def test_a_version_or_alias_that_is_not_there(echo: str, functions: Any, call: Any, qualifier: str) -> None:
    """ResourceNotFoundException: The resource specified in the request does not exist. HTTP Status Code: 404."""
    with pytest.raises(functions.exceptions.ResourceNotFoundException) as caught:
        call(echo, Qualifier=qualifier)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert caught.value.response["Type"] == "User"


@pytest.mark.cites(f"{PAGE}#API_Invoke_Errors")
def test_a_function_that_is_not_there(functions: Any, call: Any) -> None:
    """ResourceNotFoundException, with the function's ARN in its message: Function not found:
    arn:aws:lambda:…."""
    with pytest.raises(functions.exceptions.ResourceNotFoundException) as caught:
        call("nobody-at-all")
    message = caught.value.response["Error"]["Message"]
    assert message.startswith("Function not found: arn:aws:lambda:us-east-1:")
    assert ":function:nobody-at-all" in message


@pytest.mark.cites(f"{PAGE}#API_Invoke_Errors")
def test_a_name_and_a_qualifier_that_differ_are_refused(two: str, functions: Any, call: Any) -> None:
    """InvalidParameterValueException: "One of the parameters in the request is not valid"."""
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        call(f"{two}:live", Qualifier="2")
    assert call(f"{two}:live", Qualifier="live").value[0] == 1
