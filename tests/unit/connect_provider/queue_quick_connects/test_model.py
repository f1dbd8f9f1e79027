"""Every rule of the properties, as a table of single mistakes."""

from typing import Any

import pytest

from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from connect_provider.queue_quick_connects.model import QueueQuickConnectsProperties
from tests.support.cases.queue_quick_connects import BAD, GOOD
from tests.support.harness import Sink, load_event


def parse(sink: Sink, changes: dict[str, Any]) -> QueueQuickConnectsProperties:
    event = load_event("queue_quick_connects_create", sink, Properties=changes)
    return parse_properties(QueueQuickConnectsProperties, event["ResourceProperties"])


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_valid_properties_are_accepted(changes: dict[str, Any], sink: Sink) -> None:
    """The table holds the edge of every limit."""
    assert parse(sink, changes)


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_mistake_is_reported_in_one_line(
    changes: dict[str, Any], message: str, sink: Sink
) -> None:
    """The line begins with the property."""
    with pytest.raises(InvalidRequest) as raised:
        parse(sink, changes)
    assert str(raised.value).startswith(message)
