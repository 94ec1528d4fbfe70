"""Lambda entry of the dispatcher: a hook call in, every listener's answer out."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.dispatcher import check
from functions.dispatcher.refusal import refusal
from functions.dispatcher.wiring import build
from services_ai_sdk.wire.errors import ServicesAIError

logger = Logger()
metrics = Metrics()
# At import on purpose: Lambda gives the init phase more CPU than the first call.
dispatch = build(os.environ, warn=logger.warning)


def handle(event: Any, context: object) -> dict[str, Any]:
    """Serves one `HookCall`; a request that cannot be served is a FunctionError with code and hint as JSON."""
    return check.ANSWER if event == check.REQUEST else _serve(event, context)


@metrics.log_metrics
def _serve(event: Any, _context: object) -> dict[str, Any]:
    metrics.add_metric(name="HookCalls", unit=MetricUnit.Count, value=1)
    try:
        answer = dispatch(event)
    except ServicesAIError as error:
        logger.warning(error.message, code=error.code)
        raise refusal(error) from None
    for status in ("error", "skipped"):
        count = sum(result["status"] == status for result in answer["results"])
        metrics.add_metric(name=f"Plugins{status.capitalize()}", unit=MetricUnit.Count, value=count)
    return answer
