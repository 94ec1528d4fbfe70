"""moto's CloudFormation drops a bucket's VersioningConfiguration and PublicAccessBlockConfiguration."""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Sets both after moto made the bucket."""
    from moto.s3.models import FakeBucket, s3_backends

    create = FakeBucket.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def created(
        cls: Any, resource_name: str, cloudformation_json: Any, account_id: str, *args: Any, **kwargs: Any
    ) -> Any:
        bucket = create(cls, resource_name, cloudformation_json, account_id, *args, **kwargs)
        properties = cloudformation_json.get("Properties", {})
        backend = s3_backends[account_id]["aws"]
        versioning = properties.get("VersioningConfiguration")
        if versioning:
            backend.put_bucket_versioning(bucket.name, versioning["Status"])
        block = properties.get("PublicAccessBlockConfiguration")
        if block:
            backend.put_public_access_block(
                bucket.name, {name: str(value).lower() for name, value in block.items()}
            )
        return bucket

    FakeBucket.create_from_cloudformation_json = classmethod(created)  # type: ignore[assignment,method-assign]
