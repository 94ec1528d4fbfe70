"""Binds the dispatcher to AWS."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from control_plane.aws_clients import client, setting
from control_plane.operations.clock import Clock
from control_plane.operations.dispatch import Dispatcher
from control_plane.operations.plugin_call import Surroundings
from control_plane.operations.routing import Routing
from control_plane.table.breakers import Breakers
from control_plane.table.dynamo import Table
from control_plane.table.routes import Routes
from functions.dispatcher.invoker import LambdaInvoker
from functions.dispatcher.queue import OutcomesQueue

PARALLEL_CALLS = 64


def build(environ: Mapping[str, str], warn: Callable[[str], None]) -> Dispatcher:
    """One dispatcher an environment.

    Args:
        environ: The function's variables.
        warn: Takes one line when something could not be read or recorded.

    Raises:
        PlatformError: A variable is not set.
    """
    clock = Clock()
    dynamodb = client("dynamodb", read_timeout_s=2, attempts=2, connections=PARALLEL_CALLS)
    table = Table(dynamodb, setting(environ, "SERVICES_AI_TABLE"), now_s=clock.now_s, sleep=clock.sleep)
    breakers = Breakers(table)
    routing = Routing(
        Routes(table),
        breakers,
        freshness_s=float(setting(environ, "SERVICES_AI_FRESHNESS_S")),
        now_s=clock.now_s,
        warn=warn,
    )
    invoker = LambdaInvoker(
        lambda timeout_s: client("lambda", read_timeout_s=timeout_s, attempts=1, connections=PARALLEL_CALLS)
    )
    queue = OutcomesQueue(
        client("sqs", read_timeout_s=2, attempts=2),
        setting(environ, "SERVICES_AI_OUTCOMES_QUEUE_URL"),
        lambda: client("s3", read_timeout_s=5, attempts=2),
        setting(environ, "SERVICES_AI_BUCKET"),
        warn,
    )
    around = Surroundings(routing, breakers, invoker, clock, random.random, warn)
    pool = ThreadPoolExecutor(PARALLEL_CALLS, thread_name_prefix="plugin")
    return Dispatcher(around, queue, pool, os.urandom)
