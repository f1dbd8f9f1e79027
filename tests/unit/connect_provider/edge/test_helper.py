"""The traps of crhelper: each test passes with our subclass and fails with plain crhelper."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import urllib3
from crhelper import CfnResource
from urllib3.connectionpool import HTTPConnectionPool

from connect_provider.edge.helper import Helper
from connect_provider.edge.response import DeliveryError
from connect_provider.errors import InvalidRequest, NotStabilized
from connect_provider.request import MalformedRequest, check_envelope
from connect_provider.run import Run
from sandbox.http_server import DropConnection
from tests.support.crhelper_pin import TESTED, pin
from tests.support.harness import Context, Sink, load_event, response_to
from tests.support.transport import make_request_through_a_socket

MakeHelper = Callable[[], Any]
PLAIN = pytest.param(
    lambda: CfnResource(sleep_on_delete=0),
    marks=pytest.mark.xfail(strict=True, reason="plain crhelper"),
    id="plain",
)


class Ours(Helper):
    """Our helper, called as Provider.serve() calls it."""

    def __call__(self, event: dict[str, Any], context: Context) -> dict[str, Any]:
        check_envelope(event)
        return super().__call__(event, Run(event, context))


def returns(physical_id: str) -> Callable[..., str]:
    """Return a handler that sets the physical id: crhelper takes the result, ours the run."""

    def handler(_: dict[str, Any], run: Any) -> str:
        run.physical_id = physical_id
        return physical_id

    return handler


# Plain crhelper leaves its connections open, and they are collected whenever it suits.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _keep_log_levels() -> Iterator[None]:
    """Undo what plain crhelper does to the loggers."""
    names = [None, "crhelper", "boto", "boto3", "botocore", "urllib3"]
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(
    params=[pytest.param(Ours, id="ours"), *([] if pin() == TESTED else [PLAIN])],
)
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MakeHelper:
    """Return the constructor of the helper: ours, or crhelper's own, which must fail."""

    def never(seconds: float) -> None:
        raise AssertionError(f"it sleeps {seconds} s before it tries again, for ever")

    monkeypatch.setattr("crhelper.utils.time", SimpleNamespace(sleep=never))
    made: MakeHelper = request.param
    return made


def event(sink: Sink, name: str = "quick_connect_create", **changes: Any) -> dict[str, Any]:
    return load_event(name, sink, **changes)


def test_nothing_secret_is_logged(
    make: MakeHelper, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """Traps 1 and 16: no level logs the event, the ResponseURL or the response."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("crhelper").setLevel(logging.NOTSET)
    helper = make()
    helper.create(returns("an-id"))
    helper(event(sink), Context())
    assert "X-Amz-Signature" not in caplog.text
    assert "Transfers to the sales queue" not in caplog.text


def test_the_root_loggers_level_is_left_alone(make: MakeHelper, sink: Sink) -> None:
    """Trap 2: neither the constructor nor a request changes it."""
    logging.root.setLevel(logging.ERROR)
    helper = make()
    helper.create(returns("an-id"))
    helper(event(sink), Context())
    assert logging.root.level == logging.ERROR


def test_no_client_is_built(make: MakeHelper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 3: crhelper builds clients for Lambda, EventBridge and Logs."""
    built: list[str] = []
    monkeypatch.setattr(boto3, "client", lambda service, **_: built.append(service))
    make()
    assert built == []


def test_a_failed_start_keeps_the_id(make: MakeHelper, sink: Sink) -> None:
    """Trap 4: the response to a Delete carries its own id, not an empty one."""
    helper = make()
    helper.init_failure(RuntimeError("no Region"))
    response = response_to(helper, event(sink, "quick_connect_delete"), sink)
    assert response["Status"] == "FAILED"
    assert response["PhysicalResourceId"].startswith("arn:")


def test_a_failed_create_has_a_never_created_id(make: MakeHelper, sink: Sink) -> None:
    """Trap 5: every run returns the same id, and the Delete recognizes it."""

    def fail(*_: object) -> str:
        raise InvalidRequest("Name: too long")

    helper = make()
    helper.create(fail)
    request = event(sink)
    response = response_to(helper, request, sink)
    assert response["PhysicalResourceId"] == f"never-created-{request['RequestId']}"


@pytest.mark.parametrize("returned", [True, 5])
def test_an_update_keeps_its_id_whatever_the_handler_returns(
    returned: object, make: MakeHelper, sink: Sink
) -> None:
    """Trap 6: if a handler returns True, crhelper invents an id, and the resource is lost."""
    helper = make()
    helper.update(lambda *_: returned)
    response = response_to(helper, event(sink, "quick_connect_update"), sink)
    assert response["PhysicalResourceId"].startswith("arn:")


def test_the_watchdog_responds_once_and_with_the_real_id(make: MakeHelper, sink: Sink) -> None:
    """Trap 12: a function that the watchdog stops does not respond a second time."""
    helper = make()

    def create(_: object, run: Any) -> str:
        run.physical_id = helper.PhysicalResourceId = "arn:real"
        for _ in range(6_000):  # until the watchdog responds, or for at most a minute
            if sink.requests:
                break
            time.sleep(0.01)
        return "arn:late"

    helper.create(create)
    response = response_to(helper, event(sink), sink, Context(0.8))
    assert (response["Status"], response["PhysicalResourceId"]) == ("FAILED", "arn:real")
    assert response["Reason"].startswith("NotStabilized: ")


def test_a_watchdog_signal_that_is_lost_is_repeated(sink: Sink) -> None:
    """Python loses an exception raised in a finalizer, so the alarm repeats."""
    helper = Ours()

    def create(*_: object) -> str:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001  # as a finalizer does
            time.sleep(60)
        return "an-id"

    helper.create(create)
    response = response_to(helper, event(sink), sink, Context(0.2))
    assert response["Reason"].startswith("NotStabilized: ")


def test_a_delete_does_not_sleep(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 13: crhelper sleeps for two minutes by default."""
    slept: list[float] = []
    monkeypatch.setattr(CfnResource._wait_for_cwlogs, "__defaults__", (slept.append,))
    monkeypatch.setattr(CfnResource, "_log_setup", lambda *_: None)
    for helper in (Ours(), CfnResource()):
        helper.delete(lambda *_: None)
        helper(event(sink, "quick_connect_delete"), Context())
    assert slept == [120], "plain crhelper slept, ours did not"


def test_a_long_reason_keeps_its_beginning(make: MakeHelper, sink: Sink) -> None:
    """Trap 14: crhelper keeps only the last 240 characters."""

    def fail(*_: object) -> str:
        raise InvalidRequest("Name: is wrong; " + "é" * 5000)

    helper = make()
    helper.create(fail)
    response = response_to(helper, event(sink), sink)
    assert response["Reason"].startswith("InvalidRequest: Name: is wrong; éé")
    assert len(sink.requests[-1].body) > 4080, "as much of it as fits"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        pytest.param({"A": "x", "Arn": "x" * 4096}, "attribute Arn is too large", id="too large"),
        pytest.param({"A": object()}, "attributes are not text: A", id="not text"),
    ],
)
def test_attributes_that_do_not_fit_fail_with_every_id(
    attributes: dict[str, Any], reason: str, make: MakeHelper, sink: Sink
) -> None:
    """Trap 15: CloudFormation drops a response over 4,096 bytes, or one without ids."""
    helper = make()

    def create(*arguments: Any) -> str:
        helper.Data.update(attributes)
        return returns("an-id")(*arguments)

    helper.create(create)
    response = response_to(helper, event(sink), sink)
    assert response["Status"] == "FAILED"
    assert response["PhysicalResourceId"] == "an-id"
    assert reason in response["Reason"]


@pytest.mark.parametrize("reply", [403, 500, 503, "drop"])
def test_a_rejected_response_is_sent_again(reply: int | str, make: MakeHelper, sink: Sink) -> None:
    """Trap 16: HTTP 403 and 503 mean that the response was not delivered."""
    sink.replies = [reply, reply]
    helper = make()
    helper.create(returns("an-id"))
    helper(event(sink), Context())
    assert len(sink.requests) == 3
    assert {request.body for request in sink.requests} == {sink.requests[0].body}


@pytest.mark.parametrize("reply", [403, 503, "drop", 301, 600])
def test_a_response_that_is_always_rejected_raises(
    reply: int | str, make: MakeHelper, sink: Sink
) -> None:
    """Traps 16 and 20: after a few tries the invocation raises, so Lambda runs the event again."""
    sink.replies = [reply] * 99
    helper = make()
    helper.create(returns("an-id"))
    with pytest.raises(DeliveryError) as raised:
        helper(event(sink), Context())
    assert len(sink.requests) <= 4
    assert "X-Amz" not in str(raised.value)


def test_a_hanging_delivery_times_out(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try has a timeout, and the invocation raises before its time is up."""
    timeout = urllib3.Timeout(connect=1.0, read=0.1)
    monkeypatch.setattr("connect_provider.edge.response._TIMEOUT", timeout)
    monkeypatch.setattr(HTTPConnectionPool, "_make_request", make_request_through_a_socket)
    released = threading.Event()
    ended: list[bool] = []

    def hang(_: str) -> None:
        ended.append(released.wait(60))
        raise DropConnection  # otherwise, the next test gets this request

    sink.watch = hang
    helper = Ours()
    helper.create(returns("an-id"))
    with pytest.raises(DeliveryError):
        helper(event(sink), Context())
    assert ended == [], "every try still hangs"
    released.set()


def test_one_connection_serves_many_responses(
    make: MakeHelper, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 16: a new TLS context for each response costs more than the rest of the request."""
    import ssl

    helper = make()
    helper.create(returns("an-id"))
    made: list[object] = []
    create_context = ssl.create_default_context
    monkeypatch.setattr(
        ssl, "create_default_context", lambda *a, **k: made.append(0) or create_context(*a, **k)
    )
    for _ in range(3):
        helper(event(sink), Context())
    assert made == []


@pytest.mark.parametrize(
    "malformed",
    [
        pytest.param({}, id="empty"),
        pytest.param({"RequestType": "Create"}, id="without a URL"),
        pytest.param({"ResponseURL": None, "RequestType": "Create"}, id="with a URL of no type"),
        pytest.param(["Create"], id="not a map"),
    ],
)
def test_a_malformed_event_gets_no_response(malformed: Any, make: MakeHelper, sink: Sink) -> None:
    """Trap 18: crhelper sends the response to the previous request's URL."""
    helper = make()
    helper.create(returns("an-id"))
    helper(event(sink), Context())
    with pytest.raises(MalformedRequest):
        helper(malformed, Context())
    assert len(sink.requests) == 1


@pytest.mark.parametrize("request_type", ["Create", "Read"])
def test_an_unknown_request_type_fails(request_type: str, make: MakeHelper, sink: Sink) -> None:
    """Trap 19: crhelper responds SUCCESS, or shows an AttributeError."""
    response = response_to(make(), event(sink, RequestType=request_type), sink)
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("InvalidRequest: RequestType: ")


def test_an_unexpected_error_shows_no_value(
    make: MakeHelper, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """The Reason shows the type of a bug, and the log shows its place."""

    def fail(*_: object) -> str:
        raise KeyError("".join(["a property's", " value"]))

    helper = make()
    helper.create(fail)
    response = response_to(helper, event(sink), sink)
    assert (
        response["Reason"]
        == "GeneralServiceException: KeyError in the provider. The function's log shows the place"
    )
    assert "test_helper.py" in caplog.text
    assert "a property's value" not in caplog.text


def test_an_unfinished_request_raises_without_a_response(sink: Sink) -> None:
    """Lambda runs it again. The last run responds."""

    def fail(*_: object) -> str:
        raise NotStabilized("it is still CREATION_IN_PROGRESS", unfinished=True)

    helper = Ours()
    helper.create(fail)
    with pytest.raises(NotStabilized):
        helper(event(sink), Context())
    assert sink.requests == []
    response = response_to(helper, event(sink, ResponseURL=sink.url(age=None)), sink)
    assert response["Reason"].startswith("NotStabilized: ")


def test_a_response_has_an_empty_content_type(sink: Sink) -> None:
    """S3 refuses a presigned PUT with any other Content-Type."""
    helper = Ours()
    helper.create(returns("an-id"))
    helper(event(sink), Context())
    assert sink.requests[0].headers["Content-Type"] == ""
    assert json.loads(sink.requests[0].body)["Status"] == "SUCCESS"
