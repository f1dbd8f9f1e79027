"""A rehearsal lets no write reach Connect."""

from contextlib import suppress
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import Shape

from cfn_connect.clients import Clients
from cfn_connect.rehearsal import Rehearsal
from connect_provider.errors import GeneralServiceException
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator

READS = ("Describe", "Get", "List", "Search")
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/desk/1"


def least(shape: Shape) -> Any:
    """Return the smallest value that botocore accepts for a shape."""
    limit = int(shape.metadata.get("min", 1) or 1)
    match shape.type_name:
        case "structure":
            union = [*shape.members][-1:] if getattr(shape, "is_tagged_union", False) else []
            return {name: least(shape.members[name]) for name in union or shape.required_members}
        case "list":
            return [least(shape.member)] * limit
        case "map":
            return {least(shape.key): least(shape.value)}
        case "string":
            return "x" * limit
        case "boolean":
            return True
        case "timestamp":
            return "2027-01-01T00:00:00Z"
        case "blob":
            return b""
    return limit


def test_no_write_of_connect_reaches_the_network(connect: ConnectEmulator) -> None:
    """Not even one that the provider does not make yet. Only a lookup of names is sent."""
    rehearsal = Rehearsal(Clients(scene.REGION))
    rehearsal.begin(STACK)
    client = rehearsal.client(scene.REGION)
    model = client.meta.service_model
    writes = [name for name in model.operation_names if not name.startswith(READS)]
    assert len(writes) > 150
    for name in writes:
        parameters = least(model.operation_model(name).input_shape)
        # A KeyError: the provider reads each resource before it writes, and this test does not.
        with suppress(ClientError, GeneralServiceException, KeyError):
            getattr(client, xform_name(name))(**parameters)
    assert {*connect.calls()} <= {"ListQuickConnects", "ListTrafficDistributionGroups"}


def test_an_effect_that_nobody_knows_ends_the_request() -> None:
    """The assessment is unknown then."""
    rehearsal = Rehearsal(Clients(scene.REGION))
    client = rehearsal.client(scene.REGION)
    with pytest.raises(GeneralServiceException, match="DeleteUser: "):
        client.delete_user(InstanceId=scene.INSTANCE_ID, UserId=scene.USER_ID)
    assert rehearsal.writes == []
