"""Prints and logs what it is told to."""

import logging
import os
import time


def speaks(event, context):
    for line in event.get("prints", ()):
        print(line)
    logger = logging.getLogger()
    logger.info("an info")
    logger.warning("a warning of %s", context.aws_request_id)
    if event.get("raises"):
        raise KeyError("x")


def environment(event, context):
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_LAMBDA_LOG_")}


def hangs(event, context):
    time.sleep(30)
