"""What uv says when it fails, as the error that names what to do."""

from __future__ import annotations

import re

from services_ai_sdk.bundler.target import Target
from services_ai_sdk.wire.errors import FindingsError, PlatformError

_UNREACHABLE = re.compile(
    r"failed to fetch|error sending request|dns error|timed? ?out|request failed", re.IGNORECASE
)
_SURROUNDINGS = (
    (
        re.compile(
            r"(was not found in|failed to fetch).*(401 Unauthorized|403 Forbidden)", re.IGNORECASE | re.DOTALL
        ),
        "registry-unauthorized",
        "the package index did not let us in",
        "give its password: in the address (https://USER:PASSWORD@…), in ~/.netrc, or in UV_INDEX_NAME_PASSWORD",
    ),
    (
        re.compile("because the network was disabled"),
        "registry-offline",
        "uv was told to stay offline, and does not have all packages",
        "unset UV_OFFLINE, or put the wheels into a folder and name that in UV_FIND_LINKS",
    ),
)
"""What uv tells as "no solution", though another spec would not mend it: pattern, code, message, hint."""

_TEXT_MAX_CHARS = 4000

LOOSEN = "loosen one of the version specs that uv names, in dependencies.packages of manifest.json"
"""What to do where versions contradict each other."""


def uv_error(returncode: int, said: str, target: Target) -> FindingsError | PlatformError:
    """What went wrong.

    Args:
        returncode: uv's exit code.
        said: All that it wrote.
        target: What was resolved for.

    Returns:
        `dependencies-unresolvable` where another spec mends it; else `registry-…`, or `uv-failed`.
    """
    text = said if len(said) <= _TEXT_MAX_CHARS else said[:_TEXT_MAX_CHARS] + "…"
    if surroundings := next((each for each in _SURROUNDINGS if each[0].search(said)), None):
        _, code, what, hint = surroundings
        return PlatformError(f"{what}:\n{text}", code=code, hint=hint)
    if returncode == 1 and "No solution found" in said:
        text = text.removeprefix("error: ")
        return FindingsError(
            f"the dependencies do not resolve for {target.runtime} ({target.uv_platform}):\n{text}",
            code="dependencies-unresolvable",
            hint=_sentence(said, target),
            details={"python": target.runtime, "uv": text},
        )
    if _UNREACHABLE.search(said):
        return PlatformError(
            f"the package index did not answer:\n{text}",
            code="registry-unreachable",
            hint="check the network; uv reads the index from UV_DEFAULT_INDEX, and proxies from HTTPS_PROXY",
            retryable=True,
        )
    return PlatformError(f"uv failed (exit code {returncode}):\n{text}", code="uv-failed")


def _sentence(said: str, target: Target) -> str:
    if found := re.search(r"Because (\S+) was not found in", said):
        return f"no package is called {found[1].rstrip(',')}: check its spelling in dependencies.packages"
    if "no usable wheels" in said or "has no wheels" in said:
        return (
            f"only wheels are installed, and uv found none for {target.runtime}: "
            'take another version of that package, or set "python" in the manifest to one that has wheels'
        )
    return LOOSEN
