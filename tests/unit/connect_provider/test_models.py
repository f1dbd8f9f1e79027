"""Every rule of the properties of each type, as a table of single mistakes."""

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider.errors import InvalidRequest
from connect_provider.properties import ResourceProperties, parse_properties
from connect_provider.traffic_distribution.model import TrafficDistributionProperties
from tests.support.cases.traffic_distribution import shares
from tests.support.harness import read_event
from tests.support.property_cases import CASES, resource

GOOD = [case for case, (_, _, message) in CASES.items() if not message]
BAD = {case: message for case, (_, _, message) in CASES.items() if message}


def parse(case: str) -> ResourceProperties:
    it = resource(case)
    return parse_properties(RESOURCE_TYPES[it["Type"]].model, it["Properties"])


@pytest.mark.parametrize("case", GOOD)
def test_valid_properties_are_accepted(case: str) -> None:
    """The tables hold the edge of every limit. CloudFormation sends every scalar as text."""
    assert parse(case)


@pytest.mark.parametrize(("case", "message"), BAD.items(), ids=BAD)
def test_a_mistake_is_reported_in_one_line(case: str, message: str) -> None:
    """The line begins with the property."""
    with pytest.raises(InvalidRequest) as raised:
        parse(case)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_a_wrong_share_is_not_reported_as_missing() -> None:
    """The message names each wrong share and nothing else."""
    properties = read_event("traffic_distribution_create")["ResourceProperties"]
    properties["TelephonyConfig"] = shares("55", "45")
    del properties["AgentConfig"]
    with pytest.raises(InvalidRequest) as raised:
        parse_properties(TrafficDistributionProperties, properties)
    shown = [f"TelephonyConfig.Distributions.{i}.Percentage: should be in" for i in (0, 1)]
    assert str(raised.value) == "; ".join(f"{line} steps of 10" for line in shown)
