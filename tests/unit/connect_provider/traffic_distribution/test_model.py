"""Every rule of the properties, as a table of single mistakes."""

from typing import Any

import pytest

from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from connect_provider.traffic_distribution.model import TrafficDistributionProperties
from tests.support.cases.traffic_distribution import BAD, GOOD, shares
from tests.support.harness import Sink, load_event


def parse(sink: Sink, changes: dict[str, Any]) -> TrafficDistributionProperties:
    event = load_event("traffic_distribution_create", sink, Properties=changes)
    return parse_properties(TrafficDistributionProperties, event["ResourceProperties"])


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_valid_properties_are_accepted(changes: dict[str, Any], sink: Sink) -> None:
    """CloudFormation sends every scalar as text."""
    assert parse(sink, changes)


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_mistake_is_reported_in_one_line(
    changes: dict[str, Any], message: str, sink: Sink
) -> None:
    """The line begins with the property."""
    with pytest.raises(InvalidRequest) as raised:
        parse(sink, changes)
    assert str(raised.value).startswith(message)


def test_a_wrong_share_is_not_reported_as_missing(sink: Sink) -> None:
    """The message names each wrong share and nothing else."""
    changes = {"TelephonyConfig": shares("55", "45"), "AgentConfig": None}
    with pytest.raises(InvalidRequest) as raised:
        parse(sink, changes)
    shown = [f"TelephonyConfig.Distributions.{i}.Percentage: should be in" for i in (0, 1)]
    assert str(raised.value) == "; ".join(f"{line} steps of 10" for line in shown)
