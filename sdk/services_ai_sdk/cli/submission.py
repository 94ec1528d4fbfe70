"""A built package on its way into the artifact bucket."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services_ai_sdk.bundler.inspect import Inspector
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]|arn:[!-~]{1,2000}")
"""What S3 takes for a bucket's name, those of old buckets and access points included."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What is handed in, and under which keys.

    Attributes:
        layer: None when the plugin has no dependencies.
        sha256: Of the package's bytes; it is part of the keys, so that other bytes never replace these.
    """

    plugin_id: str
    version: str
    sha256: str
    package: Path
    layer: Path | None

    @property
    def prefix(self) -> str:
        """Where both lie in the bucket."""
        return f"submissions/{self.plugin_id}/{self.version}/{self.sha256}/"

    def files(self) -> dict[str, Path]:
        """By key; the package last: who sees it can rely on its layer being there."""
        layer = {f"{self.prefix}layer.zip": self.layer} if self.layer else {}
        return {**layer, f"{self.prefix}package.zip": self.package}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "id": self.plugin_id,
            "version": self.version,
            "sha256": self.sha256,
            "package_key": f"{self.prefix}package.zip",
            "layer_key": f"{self.prefix}layer.zip" if self.layer else None,
        }


def read_submission(package: Path) -> Submission:
    """Checks a package and finds the layer beside it, as the control plane will.

    Raises:
        InvalidInputError: There is no such file, or it is no package.
        FindingsError: A check refuses it.
    """
    if not package.is_file() or package.name.endswith(".layer.zip"):
        raise InvalidInputError(
            f"{package} is no package",
            code="package-missing",
            hint="services-ai-plugin package writes one; the layer is found by itself",
        )
    layer = package.with_suffix(".layer.zip")
    inspected = Inspector().inspect(package, layer if layer.is_file() else None)
    manifest = inspected.manifest
    return Submission(
        manifest.plugin_id, manifest.version, inspected.package_sha256, package, layer if manifest.layer else None
    )


def upload(submission: Submission, bucket: str, progress: Callable[[str], None], client: Any = None) -> list[str]:
    """Puts what is not there yet; nothing is ever overwritten.

    Args:
        submission: What to hand in.
        bucket: The artifact bucket.
        progress: Takes a line a file.
        client: An S3 client; made from the environment when left out.

    Returns:
        The keys that were written.

    Raises:
        InvalidInputError: `bucket` can be no bucket's name.
        PlatformError: boto3 or credentials are missing, or AWS refused; `details["aws_code"]` has its code.
    """
    if not _BUCKET.fullmatch(bucket):
        raise InvalidInputError(
            f"{bucket[:100]!r} can be no bucket's name",
            code="bucket-invalid",
            hint="check --bucket or SERVICES_AI_BUCKET",
        )
    s3 = client or _client()
    written = []
    for key, path in submission.files().items():
        progress(f"{path.name} → {bucket}/{key}")
        if _put_if_absent(s3, bucket, key, path):
            written.append(key)
    return written


def _client() -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise PlatformError(
            "submit needs boto3, which is not installed here", code="boto3-missing", hint="pip install boto3"
        ) from error
    try:
        session = boto3.Session()
        found = session.get_credentials()
        s3 = session.client("s3", config=Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard"}))
    except BotoCoreError as error:
        raise PlatformError(f"AWS cannot be used: {error}", hint=f"set AWS_DEFAULT_REGION; {_LOG_IN}") from error
    if found is None:
        raise PlatformError("there are no AWS credentials", code="credentials-missing", hint=_LOG_IN)
    return s3


def _put_if_absent(s3: Any, bucket: str, key: str, path: Path) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with path.open("rb") as body:
            s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ContentType="application/zip")
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "PreconditionFailed":
            _check_same(s3, bucket, key, path)
            return False
        raise PlatformError(
            f"{path.name} could not be put into {bucket}: {error}",
            code="aws-refused",
            hint=_HINTS.get(code, "ask the platform's admin whether you may submit"),
            details={"aws_code": code, "key": key},
            retryable=code in ("SlowDown", "ServiceUnavailable", "InternalError", "ConditionalRequestConflict"),
        ) from error
    except BotoCoreError as error:
        raise PlatformError(
            f"AWS cannot be reached: {error}",
            code="aws-unreachable",
            hint='for a local cloud: services-ai-admin local up --detach; eval "$(services-ai-admin local env)"',
            retryable=True,
        ) from error
    return True


def _check_same(s3: Any, bucket: str, key: str, path: Path) -> None:
    """What lies under a digest's key must be as long as the file with that digest."""
    stored_bytes, own_bytes = s3.head_object(Bucket=bucket, Key=key)["ContentLength"], path.stat().st_size
    if stored_bytes != own_bytes:
        raise PlatformError(
            f"{bucket}/{key} is there with {stored_bytes:,} bytes; {path.name} has {own_bytes:,}",
            code="submission-differs",
            hint="have an admin delete what lies there: it is not what its key says",
        )


_LOG_IN = 'for a local cloud: eval "$(services-ai-admin local env)"; for AWS: aws configure, or AWS_PROFILE'
_HINTS = {
    "NoSuchBucket": "check --bucket or SERVICES_AI_BUCKET",
    "AccessDenied": "your credentials may not write below submissions/ of this bucket",
    "InvalidAccessKeyId": "check AWS_ACCESS_KEY_ID",
    "ExpiredToken": "sign in again: the credentials have expired",
}
