"""What an AWS request asks, read to the end, and the request written anew from what was read.

moto decides what a request means by several headers, the path, the query and the body. Two readings of one request
would be a way around the check: what could be read in two ways is refused, and only what was read goes on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from infra.local.iam.routes import route
from services_ai_sdk.emulator.http import Headers, HttpRequest
from services_ai_sdk.emulator.invoke_api import function_of

SIGNED = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9.-]+)/aws4_request,\s*"
    r"SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]+"
)
_JSON_PREFIXES = {
    "dynamodb": ("DynamoDB_20120810", "DynamoDBStreams_20120810"),
    "sqs": ("AmazonSQS",),
    "logs": ("Logs_20140328",),
    "secretsmanager": ("secretsmanager",),
    "ssm": ("AmazonSSM",),
    "kms": ("TrentService",),
}
_QUERY = frozenset({"sqs", "sns", "iam", "sts", "cloudformation", "ses"})
_REST_MODELS = {"lambda": ("lambda", ""), "ses": ("sesv2", "/v2/")}
"""Model and beginning of the paths, by signing name."""
_UNKNOWN_ACTION = "NotKnownToTheLocalCloud"
"""As an action's name: only `service:*` and `*` allow it."""
_S3_HEADERS = re.compile(
    rb"(?i)content-(type|md5|encoding|disposition|language)|cache-control|expires|range|if-[a-z-]+|x-amz-(?!target$)[a-z0-9._-]+"
)
_REST_HEADERS = re.compile(rb"(?i)x-amz-(?!target$)[a-z0-9-]+")


class Ambiguous(Exception):  # noqa: N818 - names what it is
    """A request that could be read in two ways; the message says how."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request is signed for.

    Attributes:
        key: Access key; empty when it is not signed.
    """

    key: str
    date: str = "20260101"
    region: str = "us-east-1"
    service: str = "s3"


@dataclass(slots=True)
class Call:
    """A request that was read to the end.

    Attributes:
        service: Signing name.
        operation: Of the service's API; for S3 empty: its table reads method and query.
        region: It is signed for.
        account: This local cloud's.
        fields: Its parameters; of a JSON body as parsed, of a form and a query as texts.
        request: Written anew.
        protocol: `json`, `query`, `rest`, `s3`.
        function_arn: Of the function that asks; empty from outside.
    """

    service: str
    operation: str
    region: str
    account: str
    fields: dict[str, Any]
    request: HttpRequest
    protocol: str
    function_arn: str = ""
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)

    def arn(self, resource: str, service: str = "") -> str:
        """An ARN of this service, region and account."""
        return f"arn:aws:{service or self.service}:{self.region}:{self.account}:{resource}"

    def text(self, name: str) -> str:
        """A parameter that is a text.

        Raises:
            Ambiguous: It is something else.
        """
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise Ambiguous(f"{name} is no text")
        return value


def credential_of(request: HttpRequest) -> Credential:
    """The one credential of a request.

    Raises:
        Ambiguous: There are several, or one that is not written as AWS has it.
    """
    headers = [
        value.decode("latin-1").strip() for name, value in request.headers if _plain(name) == b"authorization"
    ]
    query = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    in_query = [value for name, value in query if name == "X-Amz-Credential"]
    old = [value for name, value in query if name == "AWSAccessKeyId"]
    if len(headers) + len(in_query) + len(old) > 1:
        raise Ambiguous("more than one credential")
    if headers:
        match = SIGNED.fullmatch(headers[0])
        if match is None:
            raise Ambiguous("the Authorization header is not AWS4-HMAC-SHA256 as AWS writes it")
        return Credential(*match.groups())
    if in_query:
        parts = in_query[0].split("/")
        if len(parts) != 5 or parts[3] != "s3":
            raise Ambiguous("X-Amz-Credential is not for S3")
        return Credential(*parts[:4])
    return Credential(old[0] if old else "")


def read_request(request: HttpRequest, credential: Credential, account: str) -> Call:
    """Reads a request and writes it anew.

    Raises:
        Ambiguous: It could be read in two ways.
    """
    if not request.target.startswith("/"):
        raise Ambiguous("the target is no path")
    service = credential.service
    targets = [value for name, value in request.headers if _plain(name) == b"x-amz-target"]
    if len(targets) > 1:
        raise Ambiguous("more than one X-Amz-Target")
    call = Call(service, "", credential.region, account, {}, request, "")
    if request.identity is not None:
        call.function_arn = request.identity.function_arn
    if service == "s3":
        _read_s3(call, credential)
    elif service in _REST_MODELS and request.path.startswith(_REST_MODELS[service][1] or "/"):
        _read_rest(call, credential)
    elif targets and service not in _QUERY - {"sqs"}:
        _read_json(call, credential, targets[0].decode("latin-1"))
    elif service in _QUERY or (_content_type(request) == _FORM and service not in _JSON_PREFIXES):
        _read_form(call, credential)
    elif service in _JSON_PREFIXES:
        raise Ambiguous(f"a request to {service} without X-Amz-Target")
    else:
        _read_unknown(call, credential)
    if function_of(call.request) is not None and (call.service, call.operation) != ("lambda", "Invoke"):
        raise Ambiguous("an address of Lambda in a request to another service")
    return call


_FORM = "application/x-www-form-urlencoded"


def _plain(name: bytes) -> bytes:
    # An underscore is a dash to whoever reads headers by WSGI's names.
    return name.lower().replace(b"_", b"-")


def _content_type(request: HttpRequest) -> str:
    return request.header("content-type").partition(";")[0].strip().lower()


def _read_json(call: Call, credential: Credential, target: str) -> None:
    prefix, _, operation = target.rpartition(".")
    known = _JSON_PREFIXES.get(call.service)
    if not re.fullmatch(r"[A-Za-z0-9]+", operation) or not re.fullmatch(r"[A-Za-z0-9_.]+", prefix):
        raise Ambiguous(f"X-Amz-Target {target!r}")
    if known is not None and prefix not in known:
        raise Ambiguous(f"X-Amz-Target {target!r} in a request to {call.service}")
    call.operation, call.protocol, call.fields = operation, "json", _object(call.request.body)
    content_type = "application/x-amz-json-1.1"
    if call.service in ("dynamodb", "sqs"):
        content_type = "application/x-amz-json-1.0"
    headers = {"X-Amz-Target": f"{prefix}.{operation}", "Content-Type": content_type}
    call.request = _anew(call, credential, "POST", "/", headers, json.dumps(call.fields).encode())


def _read_form(call: Call, credential: Credential) -> None:
    """The query protocol; a field in address and body, or twice in one of them, is refused."""
    request = call.request
    pairs = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    if request.body:
        if _content_type(request) != _FORM:
            raise Ambiguous("a body that is no form")
        try:
            pairs += parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        except ValueError as error:
            raise Ambiguous("a form that cannot be read") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Ambiguous("a field of the form occurs twice")
    if call.service == "sqs" and "QueueUrl" not in fields and request.path.strip("/"):
        fields["QueueUrl"] = unquote(request.path)
    call.operation, call.protocol, call.fields = fields.get("Action", _UNKNOWN_ACTION), "query", dict(fields)
    if not re.fullmatch(r"[A-Za-z0-9]+", call.operation):
        raise Ambiguous("an Action that is none")
    call.request = _anew(call, credential, "POST", "/", {"Content-Type": _FORM}, urlencode(fields).encode())


def _read_rest(call: Call, credential: Credential) -> None:
    """Method and path say what is asked, as in the service's model."""
    model, _ = _REST_MODELS[call.service]
    _read_path(call)
    operation, found = route(model, call.request.method, call.path)
    body = call.request.body
    if body and operation not in ("Invoke", "InvokeAsync", "InvokeWithResponseStream"):
        call.fields = _object(body)
        body = json.dumps(call.fields).encode()
    clash = set(found) & set(call.fields) or set(found) & set(call.query) or set(call.query) & set(call.fields)
    if clash:
        raise Ambiguous(f"{', '.join(sorted(clash))} occurs twice")
    call.operation, call.protocol = operation or _UNKNOWN_ACTION, "rest"
    call.fields = {**call.fields, **call.query, **found}
    kept = [(name, value) for name, value in call.request.headers if _REST_HEADERS.fullmatch(name)]
    call.request = _anew(
        call, credential, call.request.method, _target(call), {"Content-Type": "application/json"}, body, kept
    )


def _read_s3(call: Call, credential: Credential) -> None:
    _read_path(call)
    call.protocol = "s3"
    kept = [(name, value) for name, value in call.request.headers if _S3_HEADERS.fullmatch(name)]
    if len({name.lower() for name, _ in kept}) != len(kept):
        raise Ambiguous("a header occurs twice")
    query = dict(call.query)
    call.request = _anew(call, credential, call.request.method, _target(call), {}, call.request.body, kept)
    if "X-Amz-Credential" in query or "AWSAccessKeyId" in query:
        call.request.headers = [pair for pair in call.request.headers if pair[0] != b"Authorization"]


def _read_unknown(call: Call, credential: Credential) -> None:
    """A service that is addressed by paths and is not in our table: only who may do everything in it goes on."""
    _read_path(call)
    call.operation, call.protocol = _UNKNOWN_ACTION, "rest"
    kept = [(name, value) for name, value in call.request.headers if _REST_HEADERS.fullmatch(name)]
    content_type = {"Content-Type": call.request.header("content-type")}
    call.request = _anew(
        call, credential, call.request.method, _target(call), content_type, call.request.body, kept
    )


def _read_path(call: Call) -> None:
    """Path and query; a path is kept as it is written, and must have one reading."""
    call.path = call.request.path
    try:
        pieces = [unquote(piece, errors="strict") for piece in call.path.split("/")]
    except UnicodeDecodeError as error:
        raise Ambiguous("a path that is no UTF-8") from error
    if any(piece in (".", "..") for piece in pieces) or (call.service != "s3" and "" in pieces[1:-1]):
        raise Ambiguous("a path with empty pieces, `.` or `..`")
    if call.service == "s3" and call.path.startswith("//"):
        raise Ambiguous("a bucket without a name")
    pairs = parse_qsl(call.request.target.partition("?")[2], keep_blank_values=True)
    call.query = dict(pairs)
    if len(call.query) != len(pairs):
        raise Ambiguous("a parameter of the address occurs twice")


def _target(call: Call) -> str:
    query = urlencode(call.query, quote_via=quote)
    return call.path + (f"?{query}" if query else "")


def _object(body: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Ambiguous("a name occurs twice in one object of the body")
        return found

    if not body:
        return {}
    try:
        parsed = json.loads(body, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Ambiguous("a body that is not JSON") from error
    if not isinstance(parsed, dict):
        raise Ambiguous("a body that is no JSON object")
    return parsed


def _anew(
    call: Call, credential: Credential, method: str, target: str, headers: dict[str, str], body: bytes,
    kept: Headers | None = None,
) -> HttpRequest:  # fmt: skip
    pairs: Headers = [(b"Host", b"127.0.0.1")]
    if credential.key:
        scope = f"{credential.key}/{credential.date}/{credential.region}/{credential.service}/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
        pairs.append((b"Authorization", signed.encode()))
    pairs += [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    pairs += [pair for pair in kept or () if pair[0].lower() not in {name.lower().encode() for name in headers}]
    return HttpRequest(method, target, pairs, body, call.request.identity)
