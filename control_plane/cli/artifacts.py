"""The artifact bucket, read and written by an admin."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from control_plane.aws_errors import aws_code, plainly
from control_plane.operations.ports import StoredObject, Submission

_KEY = re.compile(r"submissions/([a-z0-9-]{1,40})/([0-9A-Za-z.+-]{1,40})/([0-9a-f]{64})/(package|layer)\.zip")


class ArtifactBucket:
    """Submissions come from authors; what was approved lies under `artifacts/`, where authors cannot write.

    Args:
        s3: An S3 client.
        bucket: The artifact bucket.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """Its name."""
        return self._bucket

    def submissions(self, plugin_id: str | None = None) -> Sequence[Submission]:
        """Newest first; keys of another shape are not submissions.

        Raises:
            PlatformError: The bucket cannot be listed.
        """
        prefix = f"submissions/{plugin_id}/" if plugin_id else "submissions/"
        packages: dict[tuple[str, str, str], tuple[str, str]] = {}
        layers: dict[tuple[str, str, str], str] = {}
        with plainly(f"listing s3://{self._bucket}/{prefix}"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            for item in (item for page in pages for item in page.get("Contents", [])):
                found = _KEY.fullmatch(item["Key"])
                if found is None:
                    continue
                place = (found[1], found[2], found[3])
                if found[4] == "layer":
                    layers[place] = item["Key"]
                else:
                    at = item["LastModified"].astimezone(UTC).isoformat()
                    packages[place] = (at, item["Key"])
        rows = [
            Submission(*place, submitted_at=at, package_key=key, layer_key=layers.get(place, ""))
            for place, (at, key) in packages.items()
        ]
        return sorted(rows, key=lambda row: row.submitted_at, reverse=True)

    def download(self, key: str, target: Path) -> None:
        """Fetches one object.

        Raises:
            PlatformError: It is not there or may not be read.
        """
        with plainly(f"fetching s3://{self._bucket}/{key}"), target.open("wb") as file:
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
            for chunk in body.iter_chunks(1024 * 1024):
                file.write(chunk)

    def place_of(self, sha256: str) -> StoredObject:
        """Where `keep` stores these bytes."""
        return StoredObject(self._bucket, f"artifacts/{sha256}.zip", sha256)

    def keep(self, source: Path, sha256: str) -> StoredObject:
        """Stores a file under its digest, unless it is there; S3 checks the digest on the way.

        Raises:
            PlatformError: The bucket refused.
        """
        place = self.place_of(sha256)
        with plainly(f"keeping s3://{self._bucket}/{place.key}"):
            if self._there(place.key):
                return place
            with source.open("rb") as file:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=place.key,
                    Body=file,
                    ContentType="application/zip",
                    ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode(),
                )
        return place

    def _there(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if aws_code(error) in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return True
