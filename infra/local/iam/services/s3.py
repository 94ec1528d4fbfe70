"""S3: method, path and query say what is asked. Source: Service Authorization Reference, "Amazon S3"."""

from __future__ import annotations

import re
from urllib.parse import unquote

from infra.local.iam.reading import Ambiguous, Call
from infra.local.iam.services.need import Facts, Need

_OF_BUCKET = {
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_DELETED_BY_PUT = (
    "cors",
    "encryption",
    "lifecycle",
    "ownershipControls",
    "publicAccessBlock",
    "replication",
    "tagging",
)
_NOT_SUBRESOURCES = frozenset(
    (
        "continuation-token",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "key-marker",
        "list-type",
        "marker",
        "max-keys",
        "max-parts",
        "max-uploads",
        "part-number-marker",
        "partNumber",
        "prefix",
        "start-after",
        "upload-id-marker",
        "uploadId",
        "version-id-marker",
        "versionId",
        "x-id",
    )
)
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
_SOURCE = re.compile(r"/?[A-Za-z0-9._-]+/[^#;?]+(?:\?versionId=[\w.-]+)?")
_DELETED = re.compile(rb"<Object>(.*?)</Object>", re.DOTALL)


async def needs(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request needs."""
    del facts
    bucket, slash, key = call.path[1:].partition("/")
    bucket, key = unquote(bucket), unquote(key)
    method = call.request.method
    if not bucket:
        return [Need("s3:ListAllMyBuckets" if method == "GET" else "s3:NotKnownToTheLocalCloud")]
    # X-Amz-…, Signature, response-…: of an address that was signed beforehand, or of the answer.
    special = [
        name
        for name in call.query
        if name not in _NOT_SUBRESOURCES
        and not name.lower().startswith(("x-amz-", "response-"))
        and name not in ("AWSAccessKeyId", "Signature", "Expires")
    ]
    if len(special) > 1:
        raise Ambiguous(f"{', '.join(special)} in one address")
    sub = special[0] if special else ""
    if not _BUCKET.fullmatch(bucket):
        raise Ambiguous(f"bucket {bucket!r}")
    arn = f"arn:aws:s3:::{bucket}"
    if not (slash and key):
        return _of_bucket(call, method, sub, arn)
    return _of_object(call, method, sub, f"{arn}/{key}")


def _of_bucket(call: Call, method: str, sub: str, arn: str) -> list[Need]:
    if sub == "delete" and method == "POST":
        found = [re.search(rb"<Key>(.*?)</Key>", one, re.DOTALL) for one in _DELETED.findall(call.request.body)]
        if not found or None in found or b"<!" in call.request.body or b"&" in call.request.body:
            return [Need("s3:DeleteObject", known=False), Need("s3:DeleteObjectVersion", known=False)]
        action = "s3:DeleteObjectVersion" if b"<VersionId>" in call.request.body else "s3:DeleteObject"
        return [Need(action, f"{arn}/{one[1].decode()}") for one in found if one is not None]
    if sub in ("", "versions", "uploads") and method in ("GET", "HEAD"):
        names = {"versions": "ListBucketVersions", "uploads": "ListBucketMultipartUploads"}
        values = {
            f"s3:{name}": (call.query[name],) if name in call.query else ()
            for name in ("prefix", "delimiter", "max-keys")
        }
        return [Need(f"s3:{names.get(sub, 'ListBucket')}", arn, values=values)]
    if not sub and method in ("PUT", "DELETE"):
        return [Need("s3:CreateBucket" if method == "PUT" else "s3:DeleteBucket", arn)]
    name = _OF_BUCKET.get(sub)
    if name is None:
        return [Need("s3:NotKnownToTheLocalCloud", known=False)]
    verb = {"GET": "Get", "HEAD": "Get", "PUT": "Put"}.get(method, "Put" if sub in _DELETED_BY_PUT else "Delete")
    return [Need(f"s3:{verb}{name}", arn)]


def _of_object(call: Call, method: str, sub: str, arn: str) -> list[Need]:
    version = "Version" if "versionId" in call.query else ""
    if sub in ("acl", "tagging"):
        kind = {"acl": "Acl", "tagging": "Tagging"}[sub]
        verb = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "DELETE": "Delete"}.get(method, "NotKnown")
        return [Need(f"s3:{verb}Object{version}{kind}", arn)]
    if sub == "uploads" and method == "POST":
        return _written(call, arn)
    if sub == "attributes" and method == "GET":
        return [Need(f"s3:GetObject{version}", arn), Need(f"s3:GetObject{version}Attributes", arn)]
    if sub:
        return [Need("s3:NotKnownToTheLocalCloud", known=False)]
    if method in ("GET", "HEAD"):
        return [Need("s3:ListMultipartUploadParts" if "uploadId" in call.query else f"s3:GetObject{version}", arn)]
    if method == "DELETE":
        return [Need("s3:AbortMultipartUpload" if "uploadId" in call.query else f"s3:DeleteObject{version}", arn)]
    if method == "PUT" or (method == "POST" and "uploadId" in call.query):
        return _written(call, arn)
    return [Need("s3:NotKnownToTheLocalCloud", known=False)]


def _written(call: Call, arn: str) -> list[Need]:
    found = [Need("s3:PutObject", arn)]
    request = call.request
    if request.header("x-amz-tagging"):
        found.append(Need("s3:PutObjectTagging", arn))
    if request.header("x-amz-acl") or any(name.lower().startswith(b"x-amz-grant-") for name, _ in request.headers):
        found.append(Need("s3:PutObjectAcl", arn))
    source = request.header("x-amz-copy-source")
    if source:
        if not _SOURCE.fullmatch(source):
            raise Ambiguous(f"x-amz-copy-source {source!r}")
        path, _, query = source.partition("?")
        action = "s3:GetObjectVersion" if query.startswith("versionId=") else "s3:GetObject"
        found.append(Need(action, f"arn:aws:s3:::{unquote(path).lstrip('/')}"))
    return found
