"""Stacks of an older version keep working when the provider is upgraded.

tests/releases/<version>.json is the record of a release. It holds the event, the response and the
state of Connect for each request below. The process in RELEASING.md writes it. Before the first
release there is none, so today's code also makes a record of its own and upgrades from that.

The record of the version in pyproject.toml must match today's code. If a change alters an id, an
attribute or a marker, raise the version and keep the old record.
"""

import copy
import itertools
import json
import os
import tomllib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import (
    ROOT,
    FakeTime,
    Handler,
    Sink,
    handler_of,
    load_event,
    read_event,
    response_to,
)

RELEASES = ROOT / "tests/releases"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
TODAY = "today"
RECORDS = [*sorted(path.stem for path in RELEASES.glob("*.json")), TODAY]
NOON = 1767268800.0  # 2026-01-01T12:00:00Z


@dataclass(frozen=True)
class Kind:
    """What is recorded: a Create of events/, and the fault that it met, if any."""

    create: str
    update: str
    fault: str = ""

    @property
    def handler(self) -> Handler:
        return handler_of(read_event(self.create))


KINDS = {
    "quick connect": Kind("quick_connect_create", "quick_connect_update"),
    "user": Kind("quick_connect_create_user", "quick_connect_update"),
    "group": Kind(
        "traffic_distribution_group_create_with_users", "traffic_distribution_group_update"
    ),
    "adopted": Kind("quick_connect_create_adopt", ""),
    "default group": Kind("traffic_distribution_group_create_adopt_default", ""),
    "split": Kind("traffic_distribution_create_default_group", ""),
    "refused": Kind("quick_connect_create", "", "AccessDeniedException"),
    "unconfirmed": Kind("quick_connect_create", "", "drop"),
}

Record = dict[str, Any]


@pytest.fixture
def repeatable(monkeypatch: pytest.MonkeyPatch, clock: FakeTime) -> Callable[[], None]:
    """Return a function that restarts the ids and the clock of the emulator."""

    def begin() -> None:
        clock.restart(NOON)
        numbers = itertools.count(1)
        monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=next(numbers)))

    return begin


def run(kind: Kind, connect: ConnectEmulator, sink: Sink) -> Record:
    """Send the Create; return the event, the answer and what is in Connect then."""
    event = load_event(kind.create, sink)
    if kind.create == "quick_connect_create_adopt":
        properties = event["ResourceProperties"]
        instance = connect.instances[scene.INSTANCE_ID]
        connect.add_quick_connect(
            instance, properties["Name"], properties["QuickConnectConfig"], {}
        )
    if kind.fault:
        for operation in ("CreateQuickConnect", "ListQuickConnects"):
            connect.fault(operation, kind.fault, after=kind.fault == "drop", times=9)
    response = response_to(kind.handler, event, sink)
    connect.faults.clear()
    return {
        "event": {key: value for key, value in event.items() if key != "ResponseURL"},
        "answer": response,
        "connect": dump(connect),
    }


def dump(connect: ConnectEmulator) -> dict[str, Any]:
    state = {"quick_connects": connect.quick_connects, "groups": copy.deepcopy(connect.groups)}
    for group in state["groups"].values():
        group["users"] = sorted(group["users"])
    dumped: dict[str, Any] = json.loads(json.dumps(state))
    return dumped


def restore(connect: ConnectEmulator, state: dict[str, Any]) -> None:
    connect.quick_connects = copy.deepcopy(state["quick_connects"])
    connect.groups = copy.deepcopy(state["groups"])
    for group in connect.groups.values():
        group["users"] = set(group["users"])


@pytest.fixture
def recorded(
    connect: ConnectEmulator, sink: Sink, repeatable: Callable[[], None]
) -> Callable[[str], Record]:
    """Return a function that makes the record of a request with today's code."""

    def make(name: str) -> Record:
        repeatable()
        connect.reset()
        scene.seed(connect)
        record: Record = json.loads(json.dumps(run(KINDS[name], connect, sink)))
        return record

    return make


def test_the_record_of_this_version_matches_the_code(recorded: Callable[[str], Record]) -> None:
    """Ids, attributes, markers and states are equal. RECORD=1 writes a record that is missing."""
    records = {name: recorded(name) for name in KINDS}
    assert records == {name: recorded(name) for name in KINDS}
    path = RELEASES / f"{VERSION}.json"
    if "RECORD" in os.environ and not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(records, indent=1) + "\n")
    if path.exists():
        assert json.loads(path.read_text()) == records


@pytest.fixture
def released(
    request: pytest.FixtureRequest,
    recorded: Callable[[str], Record],
    connect: ConnectEmulator,
    clock: FakeTime,
) -> tuple[Kind, Record]:
    """Return a recorded request. Connect is as the version left it, an hour later."""
    version, name = request.param
    if version == TODAY:
        record = recorded(name)
        connect.reset()
        scene.seed(connect)
    else:
        record = json.loads((RELEASES / f"{version}.json").read_text())[name]
    clock.restart(NOON, 3600.0)
    restore(connect, record["connect"])
    return KINDS[name], record


def of_releases(*names: str) -> pytest.MarkDecorator:
    """Run a test for what each version recorded under the names, or under all."""
    cases = list(itertools.product(RECORDS, names or KINDS))
    return pytest.mark.parametrize("released", cases, indirect=True, ids=" ".join)


def follow(record: Record, sink: Sink, request_type: str, **changes: Any) -> dict[str, Any]:
    """Return the next request of the stack, an hour after the recorded one."""
    physical_id = record["answer"]["PhysicalResourceId"]
    event = {**record["event"], "RequestType": request_type, "RequestId": "next"}
    event |= {"PhysicalResourceId": physical_id, "ResponseURL": sink.url()}
    if request_type == "Update":
        event["OldResourceProperties"] = record["event"]["ResourceProperties"]
    return {**event, **changes}


@of_releases("quick connect", "user", "group", "adopted", "default group", "split")
def test_a_request_that_is_run_again_after_the_upgrade_gets_the_same_response(
    released: tuple[Kind, Record], sink: Sink, clock: FakeTime
) -> None:
    """Lambda ran it under the old version first; the code changed in between."""
    kind, record = released
    clock.passed = 60.0
    event = {**record["event"], "ResponseURL": sink.url(timedelta(minutes=1))}
    response = response_to(kind.handler, event, sink)
    assert (response["Status"], response["PhysicalResourceId"], response["Data"]) == (
        "SUCCESS",
        record["answer"]["PhysicalResourceId"],
        record["answer"]["Data"],
    )


@of_releases("quick connect", "user", "group", "adopted", "default group", "split")
def test_an_update_after_the_upgrade_keeps_id_and_attributes(
    released: tuple[Kind, Record], connect: ConnectEmulator, sink: Sink
) -> None:
    """Without a change nothing is written; Ref and Fn::GetAtt stay what other stacks import."""
    kind, record = released
    response = response_to(kind.handler, follow(record, sink, "Update"), sink)
    assert response["Status"] == "SUCCESS"
    assert response["PhysicalResourceId"] == record["answer"]["PhysicalResourceId"]
    assert response["Data"].items() >= record["answer"]["Data"].items()
    assert dump(connect) == record["connect"]


@of_releases("quick connect", "user", "group")
def test_a_change_and_its_rollback_after_the_upgrade_end_where_they_began(
    released: tuple[Kind, Record], connect: ConnectEmulator, sink: Sink
) -> None:
    """What the old version made is this stack's, to be changed and to be set back."""
    kind, record = released
    before = record["event"]["ResourceProperties"]
    changed = {**load_event(kind.update, sink)["ResourceProperties"], "Tags": {"new": "tag"}}
    for new, old in ((changed, before), (before, changed)):
        properties = {"ResourceProperties": new, "OldResourceProperties": old}
        response = response_to(kind.handler, follow(record, sink, "Update", **properties), sink)
        assert response["Status"] == "SUCCESS", response["Reason"]
        assert response["PhysicalResourceId"] == record["answer"]["PhysicalResourceId"]
        assert (dump(connect) == record["connect"]) == (new == before)


@of_releases()
def test_a_delete_after_the_upgrade_leaves_nothing_of_the_stacks_own(
    released: tuple[Kind, Record], connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """Days later. What was adopted stays, released; a refused create is not even looked for."""
    kind, record = released
    clock.passed = 3 * 86_400.0
    response = response_to(kind.handler, follow(record, sink, "Delete"), sink)
    assert response["Status"] == "SUCCESS"
    adopted = [q for q in connect.quick_connects.values() if "cfn:adopted-at" in q["Tags"]]
    assert list(connect.quick_connects.values()) == adopted
    assert bool(adopted) == (kind.create == "quick_connect_create_adopt")
    assert {group["Name"] for group in connect.groups.values()} == {"default"}
    for live in (*adopted, *connect.groups.values()):
        assert "cfn:stack-id" not in live["Tags"]
    if kind.fault == "AccessDeniedException":
        assert connect.calls() == []


@of_releases("quick connect", "group")
def test_a_made_up_id_after_the_upgrade_finds_what_the_create_left(
    released: tuple[Kind, Record], connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation cancelled the create just before the upgrade."""
    kind, record = released
    made_up = follow(record, sink, "Delete", PhysicalResourceId="stack-Resource-1ABCDEF")
    assert response_to(kind.handler, made_up, sink)["Status"] == "SUCCESS"
    assert connect.quick_connects == {}
    assert {group["Name"] for group in connect.groups.values()} == {"default"}
