"""How a request reaches the dispatcher."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services_ai_sdk.wire.errors import PlatformError, ServicesAIError
from services_ai_sdk.wire.jsontext import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

Transport = Callable[[bytes], bytes]
"""Takes the request's bytes, returns the answer's; raises `ServicesAIError` when there is none."""

CONNECT_TIMEOUT_S = 1.0
POOL_CONNECTIONS = 32


class LambdaTransport:
    """Invokes the dispatcher function with boto3, once: a hook that hung is not sent again.

    Args:
        client: A boto3 Lambda client. Build it with `LambdaTransport.client_for` unless you have a reason not to:
            botocore's default configuration sends a hung call three times.
        function_name: The dispatcher's name or ARN.
    """

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    @staticmethod
    def client_for(read_timeout_s: float, **client_arguments: Any) -> Any:
        """A Lambda client with one attempt, short connects and a bounded read.

        Raises:
            PlatformError: boto3 is not installed, or has no region.
        """
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise PlatformError(
                "boto3 is not installed", code="boto3-missing", hint='pip install "services-ai-host[aws]"'
            ) from error
        try:
            return boto3.client(
                "lambda",
                config=Config(
                    retries={"mode": "standard", "total_max_attempts": 1},
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=read_timeout_s,
                    max_pool_connections=POOL_CONNECTIONS,
                    tcp_keepalive=True,
                ),
                **client_arguments,
            )
        except BotoCoreError as error:
            raise PlatformError(f"the AWS client could not be made: {error}", code="aws-configuration") from error

    def __call__(self, request: bytes) -> bytes:
        """Sends one request.

        Raises:
            PlatformError: AWS refused, or was not reached in time.
            ServicesAIError: The dispatcher itself refused the request; its own code and hint are kept.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.invoke(FunctionName=self._function_name, Payload=request)
            payload = bytes(answer["Payload"].read())
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "Unknown")
            raise PlatformError(
                f"the dispatcher could not be invoked: {error}",
                code="dispatcher-refused",
                hint=_HINTS.get(code, ""),
                details={"aws_code": code},
                retryable=code in ("TooManyRequestsException", "ServiceException"),
            ) from error
        except BotoCoreError as error:
            raise PlatformError(
                f"the dispatcher was not reached: {error}",
                code="dispatcher-unreachable",
                hint=_HINTS.get(type(error).__name__, _NOT_REACHED),
                details={"aws_code": type(error).__name__},
                retryable=True,
            ) from error
        if "FunctionError" in answer:
            raise _refusal(payload)
        return payload


_NOT_REACHED = (
    "check AWS_ENDPOINT_URL and the network; of a local cloud: services-ai-admin local status says whether it runs"
)
_HINTS = {
    "ResourceNotFoundException": "check SERVICES_AI_DISPATCHER: the stack's output DispatcherFunctionName",
    "AccessDeniedException": "the host's role needs lambda:InvokeFunction on the dispatcher",
    "ReadTimeoutError": "it did not answer within the budget: services-ai-admin status shows slow plugins,"
    " or raise SERVICES_AI_BUDGET_MS",
    "NoCredentialsError": 'there are no AWS credentials; for a local cloud: eval "$(services-ai-admin local env)"',
}


def _refusal(payload: bytes) -> ServicesAIError:
    """The dispatcher's own error out of a FunctionError; its message is our error as JSON where it was ours."""
    try:
        outer: Mapping[str, Any] = loads(payload, what="the dispatcher's error")
        message = str(outer.get("errorMessage", ""))
    except (ServicesAIError, AttributeError):
        return PlatformError("the dispatcher failed and said nothing readable", code="dispatcher-failed")
    try:
        own = loads(message, what="the dispatcher's error")
        return ServicesAIError(
            str(own["message"]),
            code=str(own["code"]),
            hint=str(own.get("hint", "")),
            details=own.get("details") if isinstance(own.get("details"), dict) else None,
            retryable=own.get("retryable") is True,
        )
    except (ServicesAIError, KeyError, TypeError, AttributeError):
        return PlatformError(f"the dispatcher failed: {message}", code="dispatcher-failed")
