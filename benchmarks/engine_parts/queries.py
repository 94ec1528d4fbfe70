"""Queries without end, from a process of its own; says `ready` after the first."""

from __future__ import annotations

import json
import sys

import boto3


def main() -> None:
    """Runs until it is killed."""
    dynamodb = boto3.client(
        "dynamodb", endpoint_url=f"http://127.0.0.1:{sys.argv[1]}", region_name="us-east-1",
        aws_access_key_id="local", aws_secret_access_key="local",
    )  # fmt: skip
    query = json.loads(sys.argv[2])
    dynamodb.query(**query)
    print("ready", flush=True)
    while True:
        dynamodb.query(**query)


if __name__ == "__main__":
    main()
