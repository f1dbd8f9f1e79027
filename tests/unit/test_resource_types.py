"""The registry of resource types: a new type joins every table that goes through all types."""

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from tests.support.harness import ROOT, read_event
from tests.support.scenarios import SCENARIOS


@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("resource_type", RESOURCE_TYPES)
def test_every_type_has_scenarios(resource_type: str, request_type: str) -> None:
    """The proofs of reliability send each request of each type."""
    events = [read_event(scenario.event) for scenario in SCENARIOS]
    requests = {(event["ResourceType"], event["RequestType"]) for event in events}
    assert (resource_type, request_type) in requests


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES)
def test_every_type_is_in_the_type_table_of_the_readme(resource_type: str) -> None:
    """The table links the reference page of each type."""
    page = RESOURCE_TYPES[resource_type].page
    row = f"\n| [{resource_type}](docs/reference/{page}.md) | "
    assert row in (ROOT / "README.md").read_text()
