"""Every limit of the properties, as a table of single mistakes."""

from typing import Any

import pytest

from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from connect_provider.quick_connect.model import QuickConnectProperties
from tests.support.cases.quick_connect import BAD, GOOD
from tests.support.harness import Sink, load_event


def properties(sink: Sink, changes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = load_event("quick_connect_create", sink, Properties=changes)
    return dict(found["ResourceProperties"])


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_valid_properties_are_accepted(changes: dict[str, Any], sink: Sink) -> None:
    """The table holds the edge of every limit."""
    assert parse_properties(QuickConnectProperties, properties(sink, changes))


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_mistake_is_reported_in_one_line(
    changes: dict[str, Any], message: str, sink: Sink
) -> None:
    """The line begins with the property."""
    with pytest.raises(InvalidRequest) as raised:
        parse_properties(QuickConnectProperties, properties(sink, changes))
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
