"""`services-ai-plugin submit`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from services_ai_sdk.wire.errors import InvalidInputError


def submit(
    file: Annotated[Path, typer.Argument(help="The package zip; its layer lies beside it.")],
    *,
    bucket: Annotated[str, typer.Option(help="The artifact bucket. Default: SERVICES_AI_BUCKET.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Hand a package in for approval. Handing the same one in again changes nothing.

    Example: services-ai-plugin submit dist/phone-normalizer-1.0.0.zip
    """
    from services_ai_sdk.cli.submission import read_submission, upload

    target = bucket or os.environ.get("SERVICES_AI_BUCKET", "")
    if not target:
        raise InvalidInputError(
            "there is no bucket to submit to: neither --bucket nor SERVICES_AI_BUCKET",
            code="bucket-missing",
            hint='eval "$(services-ai-admin local env)" for a local cloud, else ask the platform\'s admin',
        )
    submission = read_submission(file)
    uploaded = upload(submission, target, lambda line: typer.echo(f"· {line}", err=True))
    if as_json:
        typer.echo(json.dumps({**submission.to_dict(), "bucket": target, "uploaded": uploaded}))
        return
    what = f"{submission.plugin_id} {submission.version}"
    if uploaded:
        typer.echo(f"{what} is submitted to {target}/{submission.prefix}")
    else:
        typer.echo(f"{what} was submitted before, with the same bytes: nothing to do")
    typer.echo(
        f"next, for an admin: services-ai-admin approve {submission.plugin_id} --version {submission.version}"
    )
