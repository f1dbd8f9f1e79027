"""The requests in events/: whole, named after what they are, and valid for the models."""

import json

import pytest

from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from connect_provider.quick_connect.app import lambda_handler as quick_connects
from connect_provider.quick_connect.model import QuickConnectProperties
from connect_provider.traffic_distribution.model import TrafficDistributionProperties
from connect_provider.traffic_distribution_group.app import lambda_handler as groups
from connect_provider.traffic_distribution_group.model import TrafficDistributionGroupProperties
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import EVENTS, Sink, load_event, promised_status, response_to

MODELS = {
    "Custom::ConnectQuickConnect": QuickConnectProperties,
    "Custom::ConnectTrafficDistributionGroup": TrafficDistributionGroupProperties,
    "Custom::ConnectTrafficDistribution": TrafficDistributionProperties,
}
READS = ("Describe", "List", "Get")
NAMES = sorted(path.stem for path in EVENTS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_the_properties_are_what_the_name_says(name: str) -> None:
    """Those of an *_invalid request are refused, all others are read."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    model = MODELS[event["ResourceType"]]
    if name.endswith("_invalid"):
        with pytest.raises(InvalidRequest):
            parse_properties(model, event["ResourceProperties"])
    else:
        assert parse_properties(model, event["ResourceProperties"])


@pytest.mark.parametrize("name", NAMES)
def test_the_response_is_what_the_name_promises(
    name: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """On the stage of `make invoke`, where an Update and a Delete find what they name."""
    event = load_event(name, sink)
    scene.stage(connect, event)
    if name.endswith("_rollback"):
        stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    handler = quick_connects if name.startswith("quick_connect") else groups
    assert response_to(handler, event, sink)["Status"] == promised_status(name)
    changes = [call for call in connect.calls() if not call.startswith(READS)]
    if name.endswith(("_invalid", "_unchanged", "_rollback")):
        assert changes == []
    if event["RequestType"] == "Update" and "_replacement" not in name:
        assert not any(call.startswith("Create") for call in changes)


@pytest.mark.parametrize("request_type", ["create", "update", "delete"])
@pytest.mark.parametrize("resource_type", MODELS)
def test_every_type_has_every_request(resource_type: str, request_type: str) -> None:
    """Named <type>_<request>[_<variant>]."""
    prefix = {
        "Custom::ConnectQuickConnect": "quick_connect",
        "Custom::ConnectTrafficDistributionGroup": "traffic_distribution_group",
        "Custom::ConnectTrafficDistribution": "traffic_distribution",
    }[resource_type]
    event = json.loads((EVENTS / f"{prefix}_{request_type}.json").read_text())
    assert event["ResourceType"] == resource_type
    assert event["RequestType"].lower() == request_type
