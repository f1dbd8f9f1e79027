"""Users of the sandbox can list the contents of its Connect."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from sandbox import scene
from sandbox.connect_account import ACCOUNT
from sandbox.connect_emulator import ConnectEmulator
from sandbox.http_server import HttpServer

INSTANCE_ARN = f"arn:aws:connect:{scene.REGION}:{ACCOUNT}:instance/{scene.INSTANCE_ID}"


@pytest.fixture
def client() -> Iterator[Any]:
    """A client of an emulator with the scene of `make sandbox`."""
    emulator = ConnectEmulator()
    scene.seed(emulator)
    scene.add_quick_connects(emulator)
    queue = f"{INSTANCE_ARN}/queue/{scene.QUEUE_ID}"
    emulator.queue_quick_connects[queue] = {*scene.QUICK_CONNECT_IDS}
    server = HttpServer(emulator.handle)
    yield boto3.client("connect", endpoint_url=server.url)
    server.close()


@pytest.mark.parametrize(
    ("operation", "summaries", "name", "ids", "kind"),
    [
        ("list_queues", "QueueSummaryList", "Name", scene.QUEUE_IDS, "queue"),
        ("list_users", "UserSummaryList", "Username", scene.USER_IDS, "agent"),
        (
            "list_contact_flows",
            "ContactFlowSummaryList",
            "Name",
            scene.CONTACT_FLOW_IDS,
            "contact-flow",
        ),
    ],
)
def test_everything_of_each_kind_is_listed(
    operation: str, summaries: str, name: str, ids: list[str], kind: str, client: Any
) -> None:
    """The lists have ids, names and ARNs."""
    listed = getattr(client, operation)(InstanceId=scene.INSTANCE_ID)[summaries]
    assert sorted(item["Id"] for item in listed) == ids
    assert all(item[name] for item in listed)
    assert all(item["Arn"] == f"{INSTANCE_ARN}/{kind}/{item['Id']}" for item in listed)


def test_a_search_returns_whole_quick_connects(client: Any) -> None:
    """It returns configs and tags. The emulator searches without criteria."""
    found = client.search_quick_connects(InstanceId=scene.INSTANCE_ID)
    assert {q["QuickConnectId"] for q in found["QuickConnects"]} == {*scene.QUICK_CONNECT_IDS}
    assert all(q["QuickConnectConfig"]["FlowConfig"] for q in found["QuickConnects"])
    by_name = {"StringCondition": {"FieldName": "Name", "Value": "x", "ComparisonType": "EXACT"}}
    with pytest.raises(client.exceptions.InvalidRequestException):
        client.search_quick_connects(InstanceId=scene.INSTANCE_ID, SearchCriteria=by_name)


def test_the_quick_connects_of_a_queue_come_in_pages(client: Any) -> None:
    """Each with its name."""
    queue = {"InstanceId": scene.INSTANCE_ID, "QueueId": scene.QUEUE_ID}
    pages = client.get_paginator("list_queue_quick_connects").paginate(
        **queue, PaginationConfig={"PageSize": 2}
    )
    listed = [[item["Name"] for item in page["QuickConnectSummaryList"]] for page in pages]
    assert listed == [["Front desk", "Warehouse"], ["Night shift"]]
