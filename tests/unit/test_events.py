"""The requests in events/ match their names, and the models accept them."""

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import (
    EVENTS,
    Sink,
    handler_of,
    load_event,
    promised_status,
    read_event,
    response_to,
)

READS = ("Describe", "List", "Get")
NAMES = sorted(path.stem for path in EVENTS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_the_models_refuse_only_invalid_requests(name: str) -> None:
    """The name of an invalid request ends with _invalid."""
    event = read_event(name)
    model = RESOURCE_TYPES[event["ResourceType"]].model
    if name.endswith("_invalid"):
        with pytest.raises(InvalidRequest):
            parse_properties(model, event["ResourceProperties"])
    else:
        assert parse_properties(model, event["ResourceProperties"])


@pytest.mark.parametrize("name", NAMES)
def test_the_response_has_the_status_in_the_events_name(
    name: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The state is that of `make invoke`: an Update and a Delete find their resource."""
    event = load_event(name, sink)
    scene.stage(connect, event)
    if name.endswith("_rollback"):
        stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert response_to(handler_of(event), event, sink)["Status"] == promised_status(name)
    changes = [call for call in connect.calls() if not call.startswith(READS)]
    if name.endswith(("_invalid", "_unchanged", "_rollback")):
        assert changes == []
    if event["RequestType"] == "Update" and "_replacement" not in name:
        assert not any(call.startswith("Create") for call in changes)


@pytest.mark.parametrize("request_type", ["create", "update", "delete"])
@pytest.mark.parametrize("resource_type", RESOURCE_TYPES)
def test_every_type_has_every_request(resource_type: str, request_type: str) -> None:
    """The names are <package>_<request>[_<variant>]."""
    event = read_event(f"{RESOURCE_TYPES[resource_type].package}_{request_type}")
    assert event["ResourceType"] == resource_type
    assert event["RequestType"].lower() == request_type
