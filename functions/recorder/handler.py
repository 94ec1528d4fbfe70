"""Lambda entry of the recorder: outcomes messages of the queue, folded a batch at a time."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

from functions.recorder.wiring import build

logger = Logger()
metrics = Metrics()
# At import on purpose: Lambda gives the init phase more CPU than the first call.
new_fold = build(os.environ)


@metrics.log_metrics
def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Records one batch. A message that fails comes again alone; when the fold fails, the whole batch does."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    fold = new_fold()
    with processor(records=event["Records"], handler=lambda record: fold.take(record.body)):
        done = processor.process()
    fold.flush()
    for _, error, _ in processor.exceptions:
        logger.error("a message was not recorded", exc_info=error)
    metrics.add_metric(name="MessagesRecorded", unit=MetricUnit.Count, value=len(done) - len(processor.exceptions))
    metrics.add_metric(name="MessagesFailed", unit=MetricUnit.Count, value=len(processor.exceptions))
    return dict(processor.response())
