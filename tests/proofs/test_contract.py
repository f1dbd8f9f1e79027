"""Every resource type keeps CloudFormation's contract for resource types.

The tests restate CloudFormation's contract tests for a Lambda-backed provider. They take the
handlers from template.yaml. A Subject describes a type: the requests that create and update it, and
how to read its live state. A type that owns nothing survives its Delete unchanged.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Sink, load_event, response_to
from tests.support.template import handler

Properties = Mapping[str, Any]
OTHER_STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/other/1"


@dataclass(frozen=True)
class Subject:
    """A resource type under contract.

    package: the package of its function. create: the name of its Create in events/.
    changes: the changes of an update without replacement.
    read: id -> the live state in the template's spelling, or None if it does not exist.
    owned: whether the provider creates and deletes it. kept: whether its live state survives a
    Delete.
    """

    package: str
    create: str
    changes: Properties
    read: Callable[[ConnectEmulator, str], Properties | None]
    owned: bool = True
    kept: bool = False

    def request(self, sink: Sink, request_type: str, **changes: Any) -> dict[str, Any]:
        """Return a new request."""
        changes = {"RequestType": request_type, "RequestId": str(uuid.uuid4()), **changes}
        return load_event(self.create, sink, **changes)

    def send(
        self, sink: Sink, request_type: str, physical_id: str = "", **changes: Any
    ) -> dict[str, Any]:
        """Send a new request; return its response."""
        if physical_id:
            changes["PhysicalResourceId"] = physical_id
        return self.response(sink, self.request(sink, request_type, **changes))

    def update(
        self, sink: Sink, physical_id: str, changes: Properties, before: Properties | None = None
    ) -> dict[str, Any]:
        """Send an Update from the properties of `before` to those of `changes`."""
        old = self.request(sink, "Create", Properties=dict(before or {}))["ResourceProperties"]
        return self.send(
            sink, "Update", physical_id, Properties=dict(changes), OldResourceProperties=old
        )

    def response(self, sink: Sink, event: dict[str, Any]) -> dict[str, Any]:
        """Send a request; check and return its one response."""
        return response_to(handler(self.package), event, sink)


def read_quick_connect(connect: ConnectEmulator, arn: str) -> Properties | None:
    live = connect.quick_connects.get(arn)
    names = ("Name", "Description", "QuickConnectConfig")
    return live and {**{name: live[name] for name in names}, "Tags": own_tags(live)}


def read_group(connect: ConnectEmulator, arn: str) -> Properties | None:
    live = connect.groups.get(arn)
    named = live and {name: live[name] for name in ("Name", "Description")}
    return live and {**named, "UserIds": sorted(live["users"]), "Tags": own_tags(live)}


def read_split(connect: ConnectEmulator, arn: str) -> Properties | None:
    live = connect.groups.get(arn)
    return live and {name: as_declared(config) for name, config in live["traffic"].items()}


def read_offer(connect: ConnectEmulator, arn: str) -> Properties | None:
    offered = connect.queue_quick_connects.get(arn)
    return {"QueueId": scene.QUEUE_ID, "QuickConnectIds": sorted(offered)} if offered else None


def own_tags(live: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in live["Tags"].items() if not key.startswith("cfn:")}


def as_declared(config: Mapping[str, Any]) -> Properties:
    """Return a config as CloudFormation sends it, every scalar as text."""
    items = [{k: str(v) for k, v in item.items()} for item in config["Distributions"]]
    for item in items:
        if "Enabled" in item:
            item["Enabled"] = item["Enabled"].lower()
    return {"Distributions": items}


def split(east: int) -> Properties:
    shares = ((scene.REGION, east), (scene.REPLICA_REGION, 100 - east))
    return {"Distributions": [{"Region": r, "Percentage": str(p)} for r, p in shares]}


SUBJECTS = {
    "Custom::ConnectQuickConnect": Subject(
        "quick_connect",
        "quick_connect_create",
        {"Name": "Renewals", "Description": "Another"},
        read_quick_connect,
    ),
    "Custom::ConnectQueueQuickConnects": Subject(
        "quick_connect",
        "queue_quick_connects_create",
        {"QuickConnectIds": scene.QUICK_CONNECT_IDS[1:]},
        read_offer,
        owned=False,
    ),
    "Custom::ConnectTrafficDistributionGroup": Subject(
        "traffic_distribution_group",
        "traffic_distribution_group_create_with_users",
        {"UserIds": [scene.OTHER_USER_ID]},
        read_group,
    ),
    "Custom::ConnectTrafficDistribution": Subject(
        "traffic_distribution_group",
        "traffic_distribution_create_default_group",
        {"TelephonyConfig": split(30), "AgentConfig": split(30)},
        read_split,
        owned=False,
        kept=True,
    ),
}
every_type = pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
owned_types = pytest.mark.parametrize(
    "subject",
    [s for s in SUBJECTS.values() if s.owned],
    ids=[n for n, s in SUBJECTS.items() if s.owned],
)


def declared(subject: Subject, sink: Sink, changes: Properties | None = None) -> Properties:
    """Return the properties of the subject's Create that appear in its live state."""
    properties = subject.request(sink, "Create", Properties=dict(changes or {}))
    shown = ("ServiceToken", "ServiceTimeout", "InstanceId", "ExistingResourcePolicy")
    return {k: v for k, v in properties["ResourceProperties"].items() if k not in shown}


def created(subject: Subject, sink: Sink) -> str:
    """Create the subject; return its id."""
    response = subject.send(sink, "Create")
    assert response["Status"] == "SUCCESS", response["Reason"]
    physical_id: str = response["PhysicalResourceId"]
    return physical_id


@pytest.fixture(autouse=True)
def _quick_connects(connect: ConnectEmulator) -> None:
    """The quick connects that a queue can offer."""
    scene.add_quick_connects(connect)


def test_every_registered_type_is_under_contract() -> None:
    """A new type joins this table."""
    assert SUBJECTS.keys() == RESOURCE_TYPES.keys()


@every_type
def test_a_created_resource_matches_its_declaration(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """Ref and Arn are the id, and the live state equals the properties."""
    response = subject.send(sink, "Create")
    assert response["Data"]["Arn"] == response["PhysicalResourceId"]
    assert response["PhysicalResourceId"].endswith(response["Data"]["Id"])
    live = subject.read(connect, response["PhysicalResourceId"])
    assert live == declared(subject, sink)


@every_type
def test_a_create_that_is_sent_twice_makes_one(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """Both responses are the same, and one resource exists."""
    event = subject.request(sink, "Create")
    first = subject.response(sink, event)
    there = connect.holdings
    assert subject.response(sink, event) == first
    assert connect.holdings == there


@owned_types
def test_another_stacks_create_of_the_same_name_is_refused(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """The Create fails with AlreadyExists. Neither it nor its Delete changes anything."""
    physical_id = created(subject, sink)
    before, there = subject.read(connect, physical_id), connect.holdings
    response = subject.send(sink, "Create", StackId=OTHER_STACK)
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("AlreadyExists: ")
    clean_up = subject.send(sink, "Delete", response["PhysicalResourceId"], StackId=OTHER_STACK)
    assert clean_up["Status"] == "SUCCESS"
    assert (subject.read(connect, physical_id), connect.holdings) == (before, there)


@every_type
def test_an_update_in_place_keeps_the_id(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """The live state equals the new properties."""
    physical_id = created(subject, sink)
    response = subject.update(sink, physical_id, subject.changes)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", physical_id)
    live = subject.read(connect, physical_id)
    assert live == declared(subject, sink, subject.changes)


@every_type
def test_an_update_that_changes_nothing_writes_nothing(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """An update without changes only reads, and returns the attributes of the create."""
    first = subject.send(sink, "Create")
    connect.journal.clear()
    response = subject.update(sink, first["PhysicalResourceId"], {})
    assert response["Data"] == first["Data"]
    assert all(call.startswith(("Describe", "Get", "List")) for call in connect.calls())


@every_type
def test_a_delete_removes_only_the_owned_resource(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """After a Delete the resource is gone, and a second Delete succeeds, too."""
    before = connect.holdings
    physical_id = created(subject, sink)
    live = subject.read(connect, physical_id)
    assert physical_id in connect.holdings
    for _ in range(2):
        response = subject.send(sink, "Delete", physical_id)
        assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", physical_id)
        assert connect.holdings == before
        assert subject.read(connect, physical_id) == (live if subject.kept else None)


@owned_types
def test_an_update_of_a_deleted_resource_re_creates_it(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """The new resource has another id and the declared properties."""
    physical_id = created(subject, sink)
    subject.send(sink, "Delete", physical_id)
    response = subject.update(sink, physical_id, subject.changes)
    assert response["Status"] == "SUCCESS"
    assert response["PhysicalResourceId"] != physical_id
    live = subject.read(connect, response["PhysicalResourceId"])
    assert live == declared(subject, sink, subject.changes)


@owned_types
@pytest.mark.parametrize("physical_id", ["never-created-1", "not an id", "arn:aws:s3:::bucket"])
def test_an_update_of_a_resource_that_never_existed_creates_it(
    physical_id: str, subject: Subject, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The clean-up deletes the old id, which names nothing, and the new resource stays."""
    response = subject.update(sink, physical_id, {})
    assert response["Status"] == "SUCCESS"
    assert subject.read(connect, response["PhysicalResourceId"]) == declared(subject, sink)
    stacks.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    stacks.physical_id = response["PhysicalResourceId"]
    assert subject.send(sink, "Delete", physical_id)["Status"] == "SUCCESS"
    assert subject.read(connect, response["PhysicalResourceId"]) == declared(subject, sink)


@owned_types
def test_a_create_after_a_delete_has_another_id(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """A Delete frees the name."""
    physical_id = created(subject, sink)
    subject.send(sink, "Delete", physical_id)
    assert created(subject, sink) != physical_id


@owned_types
def test_tags_follow_the_template(subject: Subject, connect: ConnectEmulator, sink: Sink) -> None:
    """Updates add, change and remove the template's tags, and leave all other tags."""
    physical_id = created(subject, sink)
    live = connect.quick_connects.get(physical_id) or connect.groups[physical_id]
    live["Tags"]["somebody"] = "else"
    before: Properties = {"Tags": {"team": "sales"}}
    for tags in ({"team": "sales", "tier": "gold"}, {"tier": "silver"}, {}):
        subject.update(sink, physical_id, {"Tags": tags}, before)
        assert own_tags(live) == {**tags, "somebody": "else"}
        before = {"Tags": tags}


@every_type
@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_wrong_property_is_named_before_any_call(
    request_type: str, subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """The response is FAILED with InvalidRequest, and an Update keeps its id."""
    changes: dict[str, Any] = {"Properties": {"Nmae": "a typing error"}}
    physical_id = created(subject, sink) if request_type == "Update" else ""
    connect.journal.clear()
    response = subject.send(sink, request_type, physical_id, **changes)
    assert response["Reason"].startswith("InvalidRequest: Nmae")
    assert response["PhysicalResourceId"] == (physical_id or response["PhysicalResourceId"])
    assert connect.calls() == []


@every_type
def test_a_request_that_is_sent_again_by_hand_succeeds(
    subject: Subject, connect: ConnectEmulator, sink: Sink
) -> None:
    """An operator sends it fifty minutes later, from the queue (docs/operations.md)."""
    event = subject.request(sink, "Create", Properties={"ServiceTimeout": None})
    event["ResponseURL"] = sink.url(timedelta(minutes=50))
    assert subject.response(sink, event)["Status"] == "SUCCESS"
