"""Random templates for the histories of stacks."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from sandbox import scene

DESK, GROUP = "Custom::ConnectQuickConnect", "Custom::ConnectTrafficDistributionGroup"
TRAFFIC = "Custom::ConnectTrafficDistribution"
OFFER = "Custom::ConnectQueueQuickConnects"
_WAY = {"ContactFlowId": scene.CONTACT_FLOW_ID}
FLOW = {"QuickConnectType": "FLOW", "FlowConfig": _WAY}
QUEUE = {
    "QuickConnectType": "QUEUE",
    "QueueConfig": {"QueueId": scene.QUEUE_ID, **_WAY},
}
USER = {"QuickConnectType": "USER", "UserConfig": {"UserId": scene.USER_ID, **_WAY}}
USERS = [scene.USER_ID, scene.OTHER_USER_ID]
SPLITS = [(100, 0), (0, 100), (50, 50)]


def config(east: int, west: int) -> dict[str, Any]:
    shares = ((scene.REGION, str(east)), (scene.REPLICA_REGION, str(west)))
    return {"Distributions": [{"Region": r, "Percentage": p} for r, p in shares]}


tags = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]))


def desks(
    names: list[str], optional: Mapping[str, st.SearchStrategy[Any]] | None = None
) -> st.SearchStrategy[Any]:
    """Return quick connects with one of the names.

    optional: further properties.
    """
    return st.fixed_dictionaries(
        {
            "InstanceId": st.sampled_from([scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID]),
            "Name": st.sampled_from(names),
            "QuickConnectConfig": st.sampled_from([FLOW, FLOW, QUEUE, USER]),
            "Tags": tags,
        },
        optional={"Description": st.sampled_from(["", "one", "two"]), **(optional or {})},
    ).map(lambda properties: (DESK, properties))


def groups(users: list[str]) -> st.SearchStrategy[Any]:
    """Return groups with some of the users."""
    return st.fixed_dictionaries(
        {
            "InstanceId": st.just(scene.INSTANCE_ID),
            "Name": st.sampled_from(["g", "h"]),
            "Tags": tags,
            "UserIds": st.lists(st.sampled_from(users), unique=True),
        },
        optional={"Description": st.sampled_from(["one", "two"])},
    ).map(lambda properties: (GROUP, properties))


traffic = st.fixed_dictionaries(
    {
        "InstanceId": st.just(scene.INSTANCE_ID),
        "TelephonyConfig": st.sampled_from([config(*split) for split in SPLITS]),
        "OutOfBandTraffic": st.sampled_from(["Overwrite", "Fail"]),
    },
    optional={
        "AgentConfig": st.sampled_from([config(*split) for split in SPLITS]),
        "CrossRegionRouting": st.sampled_from(["Enabled", "Isolated"]),
        "Revision": st.sampled_from(["1", "2"]),
    },
).map(lambda properties: (TRAFFIC, properties))
*OFFERED, MANUAL = scene.QUICK_CONNECT_IDS


def offers(quick_connects: list[str]) -> st.SearchStrategy[Any]:
    """Return offers of some of the quick connects."""
    return st.fixed_dictionaries(
        {
            "InstanceId": st.just(scene.INSTANCE_ID),
            "QueueId": st.sampled_from([scene.QUEUE_ID, scene.OTHER_QUEUE_ID]),
            "QuickConnectIds": st.lists(st.sampled_from(quick_connects), unique=True),
        }
    ).map(lambda properties: (OFFER, properties))


def templates(
    group: st.SearchStrategy[Any], offer: st.SearchStrategy[Any], desk: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """Return templates. The desk comes last, so that its failure rolls the others back."""
    resources = {"Group": group, "Traffic": traffic, "Offer": offer, "Desk": desk, "Line": desk}
    return st.fixed_dictionaries({}, optional=resources)
