"""The requests of the proofs, each with the state that it needs."""

import copy
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator, JournalEntry
from sandbox.consistency import Lag, is_read
from tests.support.harness import Context, Handler, Sink, handler_of, load_event, read_event

OTHER_STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/b/1"


@dataclass(frozen=True)
class Scenario:
    """A request: the name of its event, the requests before it, and changes to the event.

    before: events that succeed first; the physical id of the last one is the request's.
    """

    name: str
    event: str
    before: tuple[tuple[str, dict[str, Any]], ...] = ()
    changes: tuple[tuple[str, Any], ...] = ()

    @property
    def handler(self) -> Handler:
        """Return the function that serves the request."""
        return handler_of(read_event(self.event))

    def prepare(
        self, connect: ConnectEmulator, sink: Sink, lag: Lag | None = None
    ) -> dict[str, Any]:
        """Set the state that the request needs, and return its event.

        lag: Connect shows every change late, also the changes of the requests before.
        """
        connect.reset()
        scene.seed(connect)
        if self.event.startswith("queue_quick_connects"):
            scene.add_quick_connects(connect)
        connect.delay_visibility(lag)
        sink.reset()
        physical_id = ""
        for name, changes in self.before:
            self.handler(load_event(name, sink, **changes), Context())
            physical_id = sink.responses[-1]["PhysicalResourceId"]
            response = sink.responses[-1]
            assert response["Status"] == "SUCCESS", f"{name} before it: {response['Reason']}"
        event = load_event(self.event, sink, **dict(self.changes))
        if "PhysicalResourceId" in event and physical_id:
            event["PhysicalResourceId"] = physical_id
        for key in ("ResourceProperties", "OldResourceProperties"):
            if event.get(key, {}).get("TrafficDistributionGroupId"):
                del event[key]["TrafficDistributionGroupId"]
                event[key]["InstanceId"] = scene.INSTANCE_ID
        connect.journal.clear()
        return event


_CREATED = (("quick_connect_create", {}),)
_OFFERED = (("queue_quick_connects_create", {}),)
_GROUP = (("traffic_distribution_group_create_with_users", {}),)
_THEIRS = (("quick_connect_create", {"StackId": OTHER_STACK}),)


def _split(first: str, second: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return the request that splits the calls of the default group."""
    shares = zip((scene.REGION, scene.REPLICA_REGION), (first, second), strict=True)
    telephony = {"Distributions": [{"Region": r, "Percentage": share} for r, share in shares]}
    configs = {"TelephonyConfig": telephony, "AgentConfig": None, "SignInConfig": None}
    return (("traffic_distribution_create_default_group", {"Properties": configs}),)


_SPLIT, _MOVED = _split("100", "0"), _split("0", "100")
_ISOLATED = tuple(
    (name, {"Properties": {**changes["Properties"], "CrossRegionRouting": "Isolated"}})
    for name, changes in _SPLIT
)

SCENARIOS = (
    Scenario("create a quick connect", "quick_connect_create"),
    Scenario("adopt a quick connect", "quick_connect_create_adopt", _THEIRS),
    Scenario("update a quick connect", "quick_connect_update", _CREATED),
    Scenario("replace a quick connect", "quick_connect_update_replacement", _CREATED),
    Scenario("delete a quick connect", "quick_connect_delete", _CREATED),
    Scenario("offer quick connects", "queue_quick_connects_create"),
    Scenario("offer other quick connects", "queue_quick_connects_update", _OFFERED),
    Scenario("move an offer", "queue_quick_connects_update_replacement", _OFFERED),
    Scenario("withdraw quick connects", "queue_quick_connects_delete", _OFFERED),
    Scenario("create a group", "traffic_distribution_group_create_with_users"),
    Scenario("adopt the default group", "traffic_distribution_group_create_adopt_default"),
    Scenario("update a group", "traffic_distribution_group_update_users", _GROUP),
    Scenario("replace a group", "traffic_distribution_group_update_replacement", _GROUP),
    Scenario("delete a group", "traffic_distribution_group_delete", _GROUP),
    Scenario("split traffic", "traffic_distribution_create_default_group"),
    Scenario("shift traffic", "traffic_distribution_update", _SPLIT),
    Scenario(
        "put the split back",
        "traffic_distribution_update_unchanged",
        _MOVED,
        (("Properties", {"Revision": "2"}),),
    ),
    Scenario("isolate the Regions", "traffic_distribution_create_isolated"),
    Scenario("end the isolation", "traffic_distribution_update_end_isolation", _ISOLATED),
    Scenario("leave the traffic", "traffic_distribution_delete", _SPLIT),
)


def scenario_of(name: str) -> Scenario:
    """Return the scenario of a name."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)


def distinct_calls(journal: Sequence[JournalEntry]) -> list[int]:
    """Return the places of the calls that faults and kills should meet.

    A run that waits repeats a read. Of these equal reads, the first and the last one count.
    """
    places = defaultdict(list)
    writes = 0
    for place, call in enumerate(journal):
        writes += not is_read(call.operation)
        places[writes, call.region, call.operation, repr(call.parameters)].append(place)
    return sorted({place for equal in places.values() for place in (equal[0], equal[-1])})


State = dict[str, Any]


def state_of(connect: ConnectEmulator) -> State:
    """Return the state of Connect, without ids and times that differ between runs.

    The keys are the instance and name of each resource.
    """

    def tags(resource: dict[str, Any]) -> dict[str, str]:
        vary = ("cfn:created-at", "cfn:adopted-at", "cfn:request-id")
        return {k: "varies" if k in vary else v for k, v in resource["Tags"].items()}

    quick_connects_now = {
        ("quick connect", q["InstanceArn"], q["Name"]): (
            q["Description"],
            q["QuickConnectConfig"],
            tags(q),
        )
        for q in connect.quick_connects.values()
    }
    groups_now = {
        ("group", g["InstanceArn"], g["Name"]): (
            g["Description"],
            g["Status"],
            g["traffic"],
            sorted(g["users"]),
            tags(g),
        )
        for g in connect.groups.values()
    }
    offered_now: State = {
        ("queue", queue): (sorted(ids), {})
        for queue, ids in connect.queue_quick_connects.items()
        if ids
    }
    routing_now: State = {("routing", i.arn): (i.isolated, {}) for i in connect.instances.values()}
    return copy.deepcopy({**quick_connects_now, **groups_now, **offered_now, **routing_now})
