"""The handlers return exactly the attributes that the models declare for Fn::GetAtt."""

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Context, Sink, handler_of, load_event

REQUESTS = (
    "quick_connect_create",
    "traffic_distribution_group_create",
    "traffic_distribution_create_default_group",
)


@pytest.mark.parametrize("request_name", REQUESTS)
def test_a_response_has_the_declared_attributes_and_no_other(
    request_name: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """They are in the Data of a create's response, and none is empty."""
    event = load_event(request_name, sink)
    handler_of(event)(event, Context())
    data = sink.responses[-1]["Data"]
    assert data.keys() == RESOURCE_TYPES[event["ResourceType"]].model.attributes.keys()
    assert all(data.values())
