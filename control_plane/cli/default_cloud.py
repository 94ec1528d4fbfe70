"""Which cloud a command talks to when nobody said: this user's local one if it runs, never in the place of AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping

from control_plane.aws_errors import plainly
from control_plane.cli import wiring

_SAYS_NOT_WHERE = frozenset(
    {
        "AWS_CA_BUNDLE",
        "AWS_CLI_AUTO_PROMPT",
        "AWS_DEFAULT_OUTPUT",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_MAX_ATTEMPTS",
        "AWS_PAGER",
        "AWS_RETRY_MODE",
    }
)
"""Variables that say how to talk to AWS, not to which account of it; any other of them is a choice."""


def use_local_cloud_by_default(environ: MutableMapping[str, str], say: Callable[[str], None]) -> None:
    """Points `environ` to the local cloud that runs, unless it or a profile says anything of AWS.

    Args:
        environ: The process's own: whatever it makes its AWS clients of.
        say: Takes the line that tells so.
    """
    if _chosen(environ) or _has_profile():
        return
    cloud = wiring.local_cloud()
    running = cloud.status(None)
    if running is None:
        return
    for name, value in cloud.env(running).items():
        environ.setdefault(name, value)
    say(f"local cloud at {running.endpoint}")


def _chosen(environ: Mapping[str, str]) -> bool:
    return any(
        name.startswith("AWS_") and value and name not in _SAYS_NOT_WHERE for name, value in environ.items()
    )


def _has_profile() -> bool:
    """Any profile: somebody who has set one up and forgot to name it means AWS, and shall hear of it."""
    import botocore.session

    with plainly("reading AWS's configuration files"):
        profiles = botocore.session.Session().full_config.get("profiles", {})
    return any(not _is_taste(key) for profile in profiles.values() for key in profile)


def _is_taste(key: str) -> bool:
    return key == "output" or key.startswith("cli_")
