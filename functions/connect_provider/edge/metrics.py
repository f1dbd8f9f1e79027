"""What CloudWatch is told of each run: one line in the embedded metric format.

Namespace cfn-connect-provider, dimensions ResourceType and RequestType:

    Succeeded | Failed | Unfinished   Count; Unfinished raised, for Lambda to run it again
    Duration                          Milliseconds, from the run's beginning to its answer
    SettleTime                        Seconds spent on waiting for a resource to get stable
    Retries                           Count of the Connect calls that were repeated

The line also holds the stack, the logical id and the request's id, to be searched for.
"""

from collections.abc import Container

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from connect_provider.request import Invocation

NAMESPACE = "cfn-connect-provider"
_REQUEST_TYPES = ("Create", "Update", "Delete")


def publish(
    invocation: Invocation,
    outcome: str,
    resource_type: object,
    resource_types: Container[object],
    request_type: str,
) -> None:
    """Print the metrics of a run. outcome: Succeeded, Failed or Unfinished.

    A type that the function does not serve counts as Unknown: what an event says freely must not
    make metrics without end.
    """
    line = EphemeralMetrics(namespace=NAMESPACE, service="")  # no third dimension
    known = isinstance(resource_type, str) and resource_type in resource_types
    line.add_dimension("ResourceType", str(resource_type) if known else "Unknown")
    line.add_dimension("RequestType", request_type if request_type in _REQUEST_TYPES else "Unknown")
    line.add_metric(outcome, MetricUnit.Count, 1)
    line.add_metric("Duration", MetricUnit.Milliseconds, round(invocation.elapsed() * 1000))
    line.add_metric("SettleTime", MetricUnit.Seconds, round(invocation.settle_time, 1))
    line.add_metric("Retries", MetricUnit.Count, invocation.retries)
    for key, value in invocation.log_keys.items():
        line.add_metadata(key, value)
    line.flush_metrics()
