"""A failing CloudFormation API: an unreadable response counts as no response.

A failover continues without the response. A Delete that depends on it runs again.
"""

import pytest

from connect_provider.errors import ProviderError
from connect_provider.quick_connect.app import lambda_handler as quick_connects
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.http_server import HttpResponse
from tests.support.harness import Context, FakeTime, Sink, created, load_event
from tests.support.requests import deliver
from tests.support.scenarios import scenario_of
from tests.support.traffic import live


def reply(status: int, body: str, content_type: str = "text/xml") -> HttpResponse:
    """Return a reply of CloudFormation."""
    return HttpResponse(status, body.encode(), {"Content-Type": content_type})


HTML = "<html><body>Service Unavailable</body></html>"
REPLIES = [
    pytest.param(reply(503, "<ServiceUnavailableException/>"), id="503 no error"),
    pytest.param(reply(503, HTML, "text/html"), id="503 HTML"),
    pytest.param(reply(503, ""), id="503 empty"),
    pytest.param(reply(500, '{"message": "no"}', "application/json"), id="500 JSON"),
    pytest.param(reply(403, "<Forbidden/>"), id="403 no error"),
    pytest.param(reply(403, "<ErrorResponse/>"), id="403 empty document"),
    pytest.param(reply(403, "<ErrorResponse><Error/></ErrorResponse>"), id="403 empty error"),
    pytest.param(reply(400, "<html>"), id="400 cut off"),
    pytest.param(reply(200, HTML, "text/html"), id="200 HTML"),
    pytest.param(reply(200, "<DescribeStacksResponse/>"), id="200 empty document"),
]


@pytest.mark.parametrize("seconds", [0, 10], ids=["at once", "late"])
@pytest.mark.parametrize("answer", REPLIES)
def test_a_failover_goes_on_without_cloudformation(
    answer: HttpResponse,
    seconds: float,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """Traffic must not depend on questions about a rollback or a superseded request."""
    event = scenario_of("shift traffic").prepare(connect, sink)
    clock.sleep(seconds)
    stacks.reply = answer
    response = deliver(event, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert live(connect.default_group(scene.INSTANCE_ID)) == (0, 100)


@pytest.mark.parametrize(
    "name", ["create a quick connect", "update a quick connect", "replace a group"]
)
@pytest.mark.parametrize("answer", REPLIES)
def test_a_late_request_goes_on_without_cloudformation(
    answer: HttpResponse,
    name: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """The request counts as wanted."""
    event = scenario_of(name).prepare(connect, sink)
    clock.sleep(10)
    stacks.reply = answer
    response = deliver(event, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]


@pytest.mark.parametrize("answer", REPLIES)
def test_a_delete_that_needs_cloudformation_runs_again(
    answer: HttpResponse, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """CloudFormation made up the id. The second run gets a response."""
    created(load_event("quick_connect_create", sink), sink)
    delete = load_event("quick_connect_delete_after_cancelled_create", sink)
    stacks.reply = answer
    with pytest.raises(ProviderError):
        quick_connects(delete, Context())
    assert len(connect.quick_connects) == 1
    stacks.reply = None
    stacks.status = "ROLLBACK_IN_PROGRESS"
    clock.sleep(60)
    assert deliver(delete, sink)["Status"] == "SUCCESS"
    assert connect.quick_connects == {}


@pytest.mark.parametrize("error", ["400", "403", "404", "418", "503", "garbage"])
@pytest.mark.parametrize(
    "name", ["create a quick connect", "delete a group", "shift traffic", "update a group"]
)
def test_an_unreadable_error_of_connect_is_no_bug(
    name: str, error: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Connect may fail in the same way. The Reason names the operation."""
    event = scenario_of(name).prepare(connect, sink)
    connect.fault("*", error)
    response = deliver(event, sink)
    assert "in the provider" not in response["Reason"]
    assert response["Status"] == "SUCCESS" or ": " in response["Reason"]
