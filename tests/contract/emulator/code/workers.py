"""Handlers of the tests on workers. Runs inside the sandbox only."""

import os
import time


def sleeps(event, context):
    time.sleep((event or {}).get("seconds", 0))
    return os.getpid()


def spawns_and_hangs(event, context):
    """A grandchild that has left its session, as a daemon would."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    time.sleep(event["seconds"])
