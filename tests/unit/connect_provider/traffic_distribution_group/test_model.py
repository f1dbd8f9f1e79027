"""Every limit of the properties, as a table of single mistakes."""

from typing import Any

import pytest

from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from connect_provider.traffic_distribution_group.model import TrafficDistributionGroupProperties
from tests.support.cases.traffic_distribution_group import BAD, GOOD
from tests.support.harness import Sink, load_event


def parse(sink: Sink, changes: dict[str, Any]) -> TrafficDistributionGroupProperties:
    event = load_event("traffic_distribution_group_create", sink, Properties=changes)
    return parse_properties(TrafficDistributionGroupProperties, event["ResourceProperties"])


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_valid_properties_are_accepted(changes: dict[str, Any], sink: Sink) -> None:
    """The table holds the edge of every limit."""
    assert parse(sink, changes)


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_mistake_is_reported_in_one_line(
    changes: dict[str, Any], message: str, sink: Sink
) -> None:
    """The message begins with the property."""
    with pytest.raises(InvalidRequest, match=rf"^{message}\b"):
        parse(sink, changes)
