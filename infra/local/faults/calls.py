"""Which operation of which service a request is, Lambda's by path too, and which function it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from infra.local.requests import read_call, signing_scope
from services_ai_sdk.emulator.http import HttpRequest

_PARAMETER = re.compile(r"\{(\w+)\+?\}")
_NAME = re.compile(r"(?:(?:arn:aws:lambda:([a-z0-9-]+):)?\d{12}:function:)?([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class FunctionKey:
    """Which function, whatever its version."""

    region: str
    name: str

    @classmethod
    def from_reference(cls, reference: str, region: str) -> FunctionKey | None:
        """From a name, a partial or a full ARN, each with or without a qualifier; None for what is none."""
        match = _NAME.match(reference)
        return cls(match[1] or region, match[2]) if match else None


@dataclass(frozen=True, slots=True)
class NamedCall:
    """What a request asks for.

    Attributes:
        service: Signing name; empty when the request is not signed.
        action: The operation's name in AWS's API; for S3 the HTTP method.
        region: It is signed for.
        function: Named in a Lambda path, or None.
    """

    service: str
    action: str
    region: str
    function: FunctionKey | None = None


class CallNames:
    """Names calls; Lambda's paths are those of botocore's model."""

    def __init__(self) -> None:
        from botocore.loaders import Loader

        model = Loader().load_service_model("lambda", "service-2")
        self._lambda: list[tuple[str, re.Pattern[str], str, str]] = []
        for name, operation in model["operations"].items():
            http = operation["http"]
            path, _, query = http["requestUri"].partition("?")
            self._lambda.append((http["method"], _pattern(path), query, name))
        # /layers?find=LayerVersion before /layers.
        self._lambda.sort(key=lambda one: not one[2])

    def of(self, request: HttpRequest) -> NamedCall:
        """Names one; what is not understood is empty."""
        scope = signing_scope(request.header("authorization"))
        if scope.service == "s3":
            return NamedCall("s3", request.method, scope.region)
        if scope.service != "lambda":
            call = read_call(request)
            return NamedCall(call.service, call.action, scope.region)
        path, _, query = request.target.partition("?")
        for method, pattern, wanted, action in self._lambda:
            if method != request.method or not query.startswith(wanted):
                continue
            if match := pattern.fullmatch(path):
                found = match.groupdict()
                reference = unquote(found.get("FunctionName") or found.get("Resource") or "")
                function = FunctionKey.from_reference(reference, scope.region) if reference else None
                return NamedCall("lambda", action, scope.region, function)
        return NamedCall("lambda", "", scope.region)


def _pattern(uri: str) -> re.Pattern[str]:
    path = uri.rstrip("/")
    parts = [part if index % 2 == 0 else f"(?P<{part}>[^/]+)" for index, part in enumerate(_PARAMETER.split(path))]
    return re.compile("".join(parts) + "/?")
