"""Publishes the metrics of a run: one line in CloudWatch's embedded metric format.

Namespace cfn-connect-provider, dimensions ResourceType and RequestType:

    Succeeded | Failed | Unfinished   Count. Unfinished: the run raised, and Lambda runs it again.
    Duration                          Milliseconds from the start of the run to its response
    SettleTime                        Seconds of waiting for a resource to become ready
    Retries                           Count of repeated Connect calls

The line also holds the stack, the logical id and the request id, for searches.
"""

import logging
from collections.abc import Container, Mapping
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from connect_provider.run import Run

logger = logging.getLogger("connect_provider")

NAMESPACE = "cfn-connect-provider"
_OUTCOMES = {"SUCCESS": "Succeeded", "FAILED": "Failed"}
_REQUEST_TYPES = ("Create", "Update", "Delete")


def publish(
    run: Run, event: Mapping[str, Any], status: str | None, resource_types: Container[object]
) -> None:
    """Print the metrics of a run. Log an error if that fails: metrics must not fail a request.

    status: the Status of the response, or None if the run raised.
    resource_types: the types that the function serves. Others count as Unknown, since an event
    must not be able to create metrics without limit.
    """
    try:
        line = EphemeralMetrics(namespace=NAMESPACE, service="")  # no third dimension
        resource_type, request_type = event.get("ResourceType"), event["RequestType"]
        served = isinstance(resource_type, str) and resource_type in resource_types
        known = request_type in _REQUEST_TYPES
        line.add_dimension("ResourceType", str(resource_type) if served else "Unknown")
        line.add_dimension("RequestType", request_type if known else "Unknown")
        line.add_metric(_OUTCOMES.get(status or "", "Unfinished"), MetricUnit.Count, 1)
        line.add_metric("Duration", MetricUnit.Milliseconds, round(run.elapsed() * 1000))
        line.add_metric("SettleTime", MetricUnit.Seconds, round(run.settle_time, 1))
        line.add_metric("Retries", MetricUnit.Count, run.retries)
        for key, value in run.log_keys.items():
            line.add_metadata(key, value)
        line.flush_metrics()
    except Exception:
        logger.exception("cannot publish the metrics of the run", extra=run.log_keys)
