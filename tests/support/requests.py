"""Send requests by the names of their events, and run each one as Lambda does."""

from typing import Any

from connect_provider.edge.response import DeliveryError
from connect_provider.errors import ProviderError
from tests.support.harness import (
    Context,
    FakeTime,
    Sink,
    handler_of,
    load_event,
    response_to,
    reversed_update,
)

_RUN_AGAIN_AFTER = (60.0, 120.0)  # seconds; Lambda runs an event that raised two times more


def respond(name: str, sink: Sink, **changes: Any) -> dict[str, Any]:
    """Send a request of events/, with changes as in load_event; return its response."""
    return deliver(load_event(name, sink, **changes), sink)


def deliver(event: dict[str, Any], sink: Sink) -> dict[str, Any]:
    """Run a request until it responds, at most three times; return its response."""
    handler = handler_of(event)
    for pause in _RUN_AGAIN_AFTER:
        try:
            return response_to(handler, event, sink)
        except (ProviderError, DeliveryError):
            FakeTime.current.sleep(pause)
    return response_to(handler, event, sink)


def deliver_unheard(event: dict[str, Any], sink: Sink) -> None:
    """Run a request three times. The bucket accepts no response, so CloudFormation gets none."""
    for pause in (*_RUN_AGAIN_AFTER, 0.0):
        sink.replies = [403] * 4  # each run sends its response four times
        try:
            handler_of(event)(event, Context())
        except DeliveryError:
            FakeTime.current.sleep(pause)
        else:
            raise AssertionError("a run raised nothing, although no response was accepted")
    sink.reset()


def rolled_back(event: dict[str, Any], sink: Sink, physical_id: str = "") -> dict[str, Any]:
    """Send the Update that rolls `event` back; return its response.

    physical_id: the id that CloudFormation has by now, if it is not that of `event`.
    """
    update = reversed_update(event, sink)
    return deliver({**update, **({"PhysicalResourceId": physical_id} if physical_id else {})}, sink)
