"""Every limit of the properties, as a table of single slips."""

from typing import Any

import pytest

from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from connect_provider.traffic_distribution_group.model import TrafficDistributionGroupProperties
from tests.support.harness import Sink, load_event

GOOD = {
    "one character": {"Name": "x"},
    "the longest name": {"Name": "x" * 128},
    "spaces within": {"Name": "a b"},
    "no description": {"Description": None},
    "the longest description": {"Description": "x" * 250},
}
BAD = {
    "an empty name": {"Name": ""},
    "a too long name": {"Name": "x" * 129},
    "a space in front": {"Name": " x"},
    "a space behind": {"Name": "x "},
    "two lines": {"Name": "a\nb"},
    "an empty description": {"Description": ""},
    "a too long description": {"Description": "x" * 251},
    "a description of a space": {"Description": " "},
    "a user of another instance": {
        "UserIds": ["arn:aws:connect:us-east-1:123456789012:instance/another/agent/x"]
    },
    "a too long instance": {"InstanceId": "x" * 251},
}


def parse(sink: Sink, changes: dict[str, Any]) -> TrafficDistributionGroupProperties:
    event = load_event("traffic_distribution_group_create", sink, Properties=changes)
    return parse_properties(TrafficDistributionGroupProperties, event["ResourceProperties"])


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_what_is_allowed(changes: dict[str, Any], sink: Sink) -> None:
    """The edges of every limit."""
    assert parse(sink, changes)


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_what_is_refused(changes: dict[str, Any], sink: Sink) -> None:
    """The message begins with the property."""
    with pytest.raises(InvalidRequest, match=rf"^{next(iter(changes))}\b"):
        parse(sink, changes)
