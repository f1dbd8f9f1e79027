"""Every rule of the properties, as a table of single slips."""

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
def test_what_is_allowed(changes: dict[str, Any], sink: Sink) -> None:
    """CloudFormation sends every scalar as text."""
    assert parse(sink, changes)


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_what_is_refused(changes: dict[str, Any], message: str, sink: Sink) -> None:
    """One line that begins with the property."""
    with pytest.raises(InvalidRequest) as raised:
        parse(sink, changes)
    assert str(raised.value).startswith(message)


def test_wrong_shares_are_not_said_to_be_missing(sink: Sink) -> None:
    """Each is named, and nothing else."""
    changes = {"TelephonyConfig": shares("55", "45"), "AgentConfig": None}
    with pytest.raises(InvalidRequest) as raised:
        parse(sink, changes)
    shown = [f"TelephonyConfig.Distributions.{i}.Percentage: should be in" for i in (0, 1)]
    assert str(raised.value) == "; ".join(f"{line} steps of 10" for line in shown)
