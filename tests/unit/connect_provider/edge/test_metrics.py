"""The metrics of a run: one line for CloudWatch, without property values."""

import io
import json
from contextlib import redirect_stdout
from typing import Any

import pytest

from connect_provider.quick_connect.app import lambda_handler
from connect_provider.traffic_distribution_group.app import lambda_handler as groups
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Context, Sink, load_event


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the one line that was printed."""
    (line,) = capsys.readouterr().out.splitlines()
    metrics: dict[str, Any] = json.loads(line)
    return metrics


def test_a_run_prints_one_line_of_metrics(
    connect: ConnectEmulator, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds outcome, duration, settle time and retries, by resource type and request type."""
    connect.fault("CreateQuickConnect", "ThrottlingException", times=3)
    event = load_event("quick_connect_create", sink)
    lambda_handler(event, Context())
    line = printed(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "cfn-connect-provider"
    assert directive["Dimensions"] == [["ResourceType", "RequestType"]]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {
        "Succeeded": "Count",
        "Duration": "Milliseconds",
        "SettleTime": "Seconds",
        "Retries": "Count",
    }
    assert (line["ResourceType"], line["RequestType"]) == ("Custom::ConnectQuickConnect", "Create")
    assert (line["Succeeded"], line["Retries"], line["SettleTime"]) == ([1.0], [3.0], [0.0])
    assert line["Duration"][0] > 0
    assert line["logical_id"] == event["LogicalResourceId"]


def test_waiting_for_a_resource_counts_as_settle_time(
    connect: ConnectEmulator, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """A group becomes ready after ten seconds, and the run notices within a second."""
    connect.settle_seconds = 10
    groups(load_event("traffic_distribution_group_create", sink), Context())
    line = printed(capsys)
    assert 10 <= line["SettleTime"][0] <= 11
    assert line["Duration"][0] == line["SettleTime"][0] * 1000


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"Properties": {"Name": ""}}, "Failed"),
        ({"ResponseURL": "https://example.com/?X-Amz-Signature=secret"}, "Unfinished"),
    ],
    ids=["a wrong property", "a response that cannot be delivered"],
)
def test_a_run_that_does_not_succeed_has_its_own_metric(
    changes: dict[str, Any],
    outcome: str,
    connect: ConnectEmulator,
    sink: Sink,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Failed means a FAILED response. Unfinished means that Lambda runs the event again."""
    event = load_event("quick_connect_create", sink, **changes)
    raised = False
    try:
        lambda_handler(event, Context())
    except Exception:  # noqa: BLE001  # what it is, other tests tell
        raised = True
    assert raised == (outcome == "Unfinished")
    line = printed(capsys)
    assert line[outcome] == [1.0]
    assert "secret" not in str(line)


def test_an_event_cannot_create_a_metric(
    connect: ConnectEmulator, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """A type that the function does not serve counts as Unknown."""
    changes = {"ResourceType": "Custom::Other", "RequestType": "Explode"}
    lambda_handler(load_event("quick_connect_create", sink, **changes), Context())
    line = printed(capsys)
    assert (line["ResourceType"], line["RequestType"]) == ("Unknown", "Unknown")


def test_a_run_responds_although_its_metrics_cannot_be_printed(
    connect: ConnectEmulator, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the reason."""
    closed = io.StringIO()
    closed.close()
    with redirect_stdout(closed):
        response = lambda_handler(load_event("quick_connect_create", sink), Context())
    assert response["Status"] == "SUCCESS"
    assert "cannot publish the metrics of the run" in caplog.text
