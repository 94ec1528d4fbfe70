"""All attempts, as the host side knows them."""

from __future__ import annotations

from tests.isolation.attempts import (  # noqa: F401 - each puts its own into the list
    aws,
    credentials,
    files,
    forgery,
    kernel,
    network,
    plugins,
    processes,
    resources,
    shared_memory,
    start,
    state,
)
from tests.isolation.attempts.attempt import ALL, Attempt

ATTEMPTS: tuple[Attempt, ...] = tuple(ALL)
