"""Assess requests against the emulator of conftest.py."""

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

from cfn_connect.assess import Assessment, Assessor, PlannedRequest
from cfn_connect.clients import Clients
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Sink, handler_of, response_to
from tests.support.scenarios import state_of

_READS = ("Describe", "Get", "List")

# Its clients take longer to build than a request to assess.
assessor = cache(lambda: Assessor(Clients(scene.REGION)))


def planned(event: Mapping[str, Any]) -> PlannedRequest:
    """Return the request of an event, as a command would plan it."""
    properties, deletes = event["ResourceProperties"], event["RequestType"] == "Delete"
    return PlannedRequest(
        event["ResourceType"],
        event["StackId"],
        event["LogicalResourceId"],
        event.get("PhysicalResourceId", ""),
        None if deletes else properties,
        properties if deletes else event.get("OldResourceProperties"),
    )


def assess(connect: ConnectEmulator, *events: Mapping[str, Any]) -> list[Assessment]:
    """Assess the requests of one deployment. Check that this only reads; forget its calls."""
    assessor().forget()
    before, first = copy.deepcopy(state_of(connect)), len(connect.journal)
    assessments = [assessor().assess(planned(event)) for event in events]
    assert state_of(connect) == before, "an assessment changes nothing"
    calls = [entry.operation for entry in connect.journal[first:]]
    assert all(call.startswith(_READS) for call in calls)
    del connect.journal[first:]
    return assessments


def deploy(event: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Send a request, and the Delete of what it replaces; return the request's response."""
    response = response_to(handler_of(event), dict(event), sink)
    replaced = event.get("PhysicalResourceId", response["PhysicalResourceId"])
    if response["Status"] == "SUCCESS" and replaced != response["PhysicalResourceId"]:
        clean_up = {
            **event,
            "RequestType": "Delete",
            "ResponseURL": sink.url(),
            "ResourceProperties": event["OldResourceProperties"],
        }
        assert response_to(handler_of(event), clean_up, sink)["Status"] == "SUCCESS"
    return response
