"""What is injected: plain data, from a file beside this one by name or from a file of somebody's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services_ai_sdk.wire.errors import InvalidInputError

Service = Literal["cloudformation", "dynamodb", "events", "iam", "lambda", "logs", "s3", "sns", "sqs", "sts"]
"""The services whose errors we can write as AWS does."""
Kind = Literal["throttled", "unavailable"]

_Seconds = Annotated[float, Field(ge=0, le=60)]
_Milliseconds = Annotated[float, Field(ge=0, le=60_000)]
_Share = Annotated[float, Field(ge=0, le=1)]
_HERE = Path(__file__).parent
_FILE_MAX_BYTES = 256 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FunctionDelays(_Part):
    """How long a function stays Pending after it was made, InProgress after an update, a version Pending."""

    create_s: _Seconds = 0.0
    update_s: _Seconds = 0.0
    publish_s: _Seconds = 0.0


class Rule(_Part):
    """Calls of one service; `actions` are names of operations, `Get*` and `*` too. S3's are HTTP methods."""

    service: Service
    actions: tuple[str, ...] = Field(("*",), min_length=1)


class Throttle(Rule):
    """A token bucket; of several that fit a call the first counts."""

    rate_per_s: float = Field(gt=0)
    burst: int = Field(ge=1)


class Failure(Rule):
    """A share of calls that fail before they do anything."""

    kind: Kind
    rate: _Share


class Latency(Rule):
    """What every call takes longer; of several that fit a call the first counts."""

    add_ms: _Milliseconds
    jitter_ms: _Milliseconds = 0.0


class FaultProfile(_Part):
    """One set of faults.

    Attributes:
        description: For people.
        seed: The same seed and the same calls give the same failures.
        function_life: Delays of Lambda's states.
        role_spreads_s: Lambda cannot use a role that is younger.
        throttles: Limits on the rate of calls.
        failures: Calls that fail by chance.
        latency: Calls that take longer.
    """

    description: str = ""
    seed: int = 1
    function_life: FunctionDelays = FunctionDelays()
    role_spreads_s: _Seconds = 0.0
    throttles: tuple[Throttle, ...] = ()
    failures: tuple[Failure, ...] = ()
    latency: tuple[Latency, ...] = ()


def load_profile(name_or_file: str) -> tuple[str, FaultProfile]:
    """The name to show, and the profile: one of ours by name, else a JSON file.

    Raises:
        InvalidInputError: Neither; or what the file says is no profile, with each place and what is wrong there.
    """
    ours = _HERE / f"{name_or_file.replace('-', '_')}.json"
    if name_or_file in profile_names():
        return name_or_file, FaultProfile.model_validate_json(ours.read_bytes())
    path = Path(name_or_file)
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(
            f"no faults are called {name_or_file!r}, and no file of that name can be read ({error.strerror})",
            code="faults-unknown",
            hint=f"one of {', '.join(profile_names())}, or the path of a JSON file: docs/reference/local-cloud.md",
        ) from error
    if len(text) > _FILE_MAX_BYTES:
        raise InvalidInputError(f"{path}: larger than {_FILE_MAX_BYTES // 1024} KB", code="faults-invalid")
    try:
        return str(path.absolute()), FaultProfile.model_validate_json(text)
    except ValidationError as error:
        lines = [_said(one["loc"], one["msg"]) for one in error.errors()]
        raise InvalidInputError(
            "\n".join([f"{path} is no profile of faults:", *lines]),
            code="faults-invalid",
            hint=f"docs/reference/local-cloud.md has an example; services are {', '.join(get_args(Service))}",
        ) from error


def profile_names() -> list[str]:
    """Of the profiles that come with the local cloud."""
    return sorted(file.stem.replace("_", "-") for file in _HERE.glob("*.json"))


def _said(place: tuple[int | str, ...], message: str) -> str:
    where = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")
    return f"  {where or 'the file'}: {message}"
