"""Lambda entry of the notifier: changes of the table's stream, published as alerts."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

from functions.notifier.wiring import build

logger = Logger()
metrics = Metrics()
# At import on purpose: Lambda gives the init phase more CPU than the first call.
notify = build(os.environ)


@metrics.log_metrics
def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publishes what is news; the stream comes again from the first record that failed."""
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    with processor(records=event["Records"], handler=lambda record: notify(record.raw_event["dynamodb"])):
        done = processor.process()
    for _, error, _ in processor.exceptions:
        logger.error("a change was not published", exc_info=error)
    published = [alert for state, alert, _ in done if state == "success" and alert]
    for alert in published:
        logger.info("published", alert_id=alert.alert_id)
    metrics.add_metric(name="AlertsPublished", unit=MetricUnit.Count, value=len(published))
    metrics.add_metric(name="ChangesFailed", unit=MetricUnit.Count, value=len(processor.exceptions))
    return dict(processor.response())
