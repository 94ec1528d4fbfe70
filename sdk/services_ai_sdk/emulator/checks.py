"""What the engine itself holds a worker to, each of it to be left out by the tests that prove it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checks:
    """All of them, unless a test says otherwise: no command line and no setting reaches these.

    Attributes:
        own_users: Where the engine is root, each function runs as a user of its own.
        memory: Memory is limited to the function's.
        request_ids: A worker answers the call that it has, and no other.
        left_behind: What goes on after a call ends with its worker.
        marked_output: What is printed cannot pass for a line of Lambda's.
        own_keys: A worker's requests to AWS bear its own access key.
    """

    own_users: bool = True
    memory: bool = True
    request_ids: bool = True
    left_behind: bool = True
    marked_output: bool = True
    own_keys: bool = True


ALL_CHECKS = Checks()
