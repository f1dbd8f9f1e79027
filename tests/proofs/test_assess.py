"""An assessment agrees with the deployment that follows, in random histories of a stack.

Before each operation of the stack, one Assessor assesses its requests in their order. Connect has
no faults and shows every change at once.
"""

import copy
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from cfn_connect.assess import Action, Assessment
from connect_provider.edge.provider import Provider
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator, JournalEntry
from tests.support.assessment import assess
from tests.support.cloudformation import Stack, Template, Weather
from tests.support.harness import START, Context, FakeTime, Sink
from tests.support.histories import (
    DESK,
    FLOW,
    GROUP,
    MANUAL,
    OFFER,
    OFFERED,
    SPLITS,
    USERS,
    config,
    desks,
    groups,
    offers,
    templates,
    traffic,
)

pytestmark = pytest.mark.large

# `make test` runs the same histories every time; ASSESSMENTS=5000 runs 5,000 others.
HISTORIES = int(os.environ.get("ASSESSMENTS", "200"))
ONE_BY_ONE = Weather(spacing=1_000.0)  # a request ends before the next one
_READS = ("Describe", "Get", "List")
_CREATE_ONLY = ("InstanceId", "Name", "Description", "QuickConnectConfig")
_MARKER = "Tags.cfn:"
_PLANNED = re.compile(r"planned\\-\d+")  # the id of a resource that an earlier request creates

policies = {"ExistingResourcePolicy": st.sampled_from(["Fail", "Adopt"])}
desk = desks(["n", "m", "o", "taken"], policies)
stack_templates = templates(groups(USERS), offers(OFFERED), desk)
first_templates = st.fixed_dictionaries(
    {"Group": groups(USERS), "Offer": offers(OFFERED), "Traffic": traffic, "Desk": desk}
)
IN_PLACE = {"Tags", "UserIds", "QuickConnectConfig", "QuickConnectIds", "TelephonyConfig"}
RARE = {"Name", "Description", "InstanceId", "QueueId", "AgentConfig", "CrossRegionRouting"}
names = st.sampled_from([IN_PLACE, IN_PLACE, {"Revision"}, {"Name"}, {"Description"}, RARE])
changes = st.tuples(st.just("change"), stack_templates, names)
edits = ["Description", "Name", "tag", "marker", "markers", "users", "offer"]
steps = st.one_of(
    changes,
    changes,
    changes,
    changes,
    st.tuples(st.just("deploy"), stack_templates),
    st.tuples(st.just("rename")),
    st.tuples(st.just("shift"), st.sampled_from(SPLITS)),
    st.tuples(st.just("edit"), st.sampled_from(edits)),
    st.tuples(st.just("remove"), st.sampled_from(["Desk", "Group"])),
    st.tuples(st.just("delete")),
)


@dataclass
class Served:
    """A request that Lambda has served: its event, its calls, and Connect before and after."""

    event: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any] = field(default_factory=dict)
    calls: list[JournalEntry] = field(default_factory=list)
    response: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Return the logical id, and whether it is a Delete."""
        return _key(self.event)

    @property
    def old(self) -> str:
        """Return the physical id of the request."""
        return str(self.event.get("PhysicalResourceId", ""))

    @property
    def new(self) -> str:
        """Return the physical id of the response."""
        return str(self.response["PhysicalResourceId"])

    @property
    def writes(self) -> list[str]:
        """Return the operations that changed something."""
        calls = [call for call in self.calls if not call.error]
        return [c.operation for c in calls if not c.operation.startswith(_READS)]

    @property
    def action(self) -> Action:
        """Return what the request has done."""
        if self.response["Status"] == "FAILED":
            return Action.REFUSED
        if self.event["RequestType"] == "Delete":
            return self._deletion
        if self.event["ResourceType"] in (DESK, GROUP) and self.new != self.old:
            if self.new in self.before:
                return Action.ADOPT
            return Action.REPLACE if self.old in self.before else Action.CREATE
        if self.old and self.new != self.old:
            return Action.REPLACE
        return Action.UPDATE if self.writes else Action.NONE

    @property
    def _deletion(self) -> Action:
        if not self.writes:
            return Action.NONE
        if self.event["ResourceType"] == OFFER:
            return Action.DISSOCIATE
        return Action.RELEASE if self.old in self.after else Action.DELETE

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Return the values before and after of each property that changed."""
        if self.action in (Action.CREATE, Action.REFUSED) or self.key[1] == "Delete":
            return {}
        moves = self.action is Action.REPLACE and self.event["ResourceType"] in (DESK, GROUP)
        before = self.before.get(self.old if moves else self.new, {})
        after = self.after.get(self.new, {})
        names = _CREATE_ONLY if moves else before.keys() | after.keys()
        if self.action is Action.ADOPT:
            names = [name for name in names if not name.startswith(_MARKER)]
        pairs = {name: (before.get(name), after.get(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _key(event: Mapping[str, Any]) -> tuple[str, str]:
    kind = event["RequestType"]
    return event["LogicalResourceId"], "Delete" if kind == "Delete" else "Apply"


def everything(connect: ConnectEmulator) -> dict[str, dict[str, Any]]:
    """Return the properties of each resource by ARN, under the paths of changes."""
    seen: dict[str, dict[str, Any]] = {}
    for arn, live in {**connect.quick_connects, **connect.groups}.items():
        tags = {f"Tags.{key}": value for key, value in live["Tags"].items()}
        seen[arn] = {"Name": live["Name"], "Description": live["Description"], **tags}
    for arn, live in connect.quick_connects.items():
        instance = f"{scene.REGION}/{live['InstanceArn'].rpartition('/')[2]}"
        seen[arn] |= {"InstanceId": instance, "QuickConnectConfig": live["QuickConnectConfig"]}
    for arn, live in connect.groups.items():
        splits = {name: _split(config) for name, config in live["traffic"].items()}
        isolated = connect.instances[live["InstanceArn"].rpartition("/")[2]].isolated
        seen[arn] |= {"Description": live["Description"] or None, "UserIds": sorted(live["users"])}
        seen[arn] |= {**splits, "CrossRegionRouting": "Isolated" if isolated else "Enabled"}
    for queue in (scene.QUEUE_ID, scene.OTHER_QUEUE_ID):
        arn = f"{connect.instances[scene.INSTANCE_ID].arn}/queue/{queue}"
        offered = connect.queue_quick_connects.get(arn, set())
        seen[arn] = {"QuickConnectIds": sorted(offered)}
    return copy.deepcopy(seen)


def _split(config: Mapping[str, Any]) -> dict[str, Any]:
    places = config["Distributions"]
    return {place["Region"]: place.get("Percentage", place.get("Enabled")) for place in places}


class History:
    """A stack, the edits of operators, and a quick connect of somebody else."""

    def __init__(self, connect: ConnectEmulator, sink: Sink, stacks: Stacks) -> None:
        connect.reset()
        scene.seed(connect)
        sink.reset()
        stacks.reset()
        FakeTime.current.restart(START)
        connect.repeats_fail = False
        self.connect, self.stack = connect, Stack(sink, stacks)
        instance = connect.instances[scene.INSTANCE_ID]
        connect.add_quick_connect(instance, "taken", FLOW, {"foreign": "yes"})
        scene.add_quick_connects(connect)
        self.served: list[Served] = []

    def serve(self, real: Any, provider: Provider, event: dict[str, Any], context: Context) -> Any:
        """Serve a request as Lambda does; note the request."""
        served, first = Served(event, everything(self.connect)), len(self.connect.journal)
        self.served.append(served)
        served.response = real(provider, event, context)
        served.calls = self.connect.journal[first:]
        served.after = everything(self.connect)
        return served.response

    # Steps

    def deploy(self, template: Template) -> None:
        """Deploy a template after an assessment."""
        old, ids = self.stack.template, self.stack.ids
        changed = {name: new for name, new in template.items() if old.get(name) != new}
        updates = [self._event(name, *declared) for name, declared in changed.items()]
        gone = [self._event(name, *old[name]) for name in ids if name not in template]
        deletes = [{**event, "RequestType": "Delete"} for event in gone]
        expected = self._assess([*updates, *deletes])
        complete = self.stack.deploy(template, ONE_BY_ONE)
        self._check(expected, complete=complete)

    def change(self, template: Template, names: set[str]) -> None:
        """Deploy a template that differs in some properties, or has more resources."""
        merged = dict(self.stack.template)
        for logical_id, (kind, properties) in template.items():
            new = {name: value for name, value in properties.items() if name in names}
            old = merged.get(logical_id, (kind, properties))[1]
            merged[logical_id] = kind, {**old, **new}
        self.deploy(merged)

    def delete(self) -> None:
        """Delete the stack after an assessment."""
        gone = [self._event(name, *declared) for name, declared in self.stack.template.items()]
        expected = self._assess([{**event, "RequestType": "Delete"} for event in gone])
        self.stack.delete(ONE_BY_ONE)
        self._check(expected, complete=True)

    def rename(self) -> None:
        """Rename the logical id of the desk."""
        template = dict(self.stack.template)
        if "Desk" in template and "Line" not in template:
            kind, properties = template.pop("Desk")
            template["Line"] = kind, {**properties, "ExistingResourcePolicy": "Adopt"}
            self.deploy(template)

    def shift(self, split: tuple[int, int]) -> None:
        """Change the traffic by hand."""
        default = self.connect.default_group(scene.INSTANCE_ID)
        default["traffic"]["TelephonyConfig"] = config(*split)
        for place in default["traffic"]["TelephonyConfig"]["Distributions"]:
            place["Percentage"] = int(place["Percentage"])

    def edit(self, what: str) -> None:
        """Change something of the stack by hand, or add something of one's own to it."""
        desk, group = self._live("Desk"), self._live("Group")
        if desk is not None and what in ("Description", "Name"):
            desk[what] = "by hand"
        for live in filter(None, (desk, group)):
            if what == "tag":
                live["Tags"]["foreign"] = "stays"
            if what == "marker":
                live["Tags"].pop("cfn:stack-id", None)
            if what == "markers":
                live["Tags"].clear()
        if group is not None and what == "users":
            group["users"] ^= {scene.USER_ID, scene.USER_IDS[2]}
        if what == "offer":
            for offered in self.connect.queue_quick_connects.values():
                offered.add(MANUAL)

    def remove(self, logical_id: str) -> None:
        """Delete a resource of the stack by hand."""
        arn = self.stack.ids.get(logical_id, "")
        self.connect.quick_connects.pop(arn, None)
        self.connect.groups.pop(arn, None)

    def _live(self, logical_id: str) -> dict[str, Any] | None:
        arn = self.stack.ids.get(logical_id, "")
        return self.connect.quick_connects.get(arn) or self.connect.groups.get(arn)

    # Rules

    def _event(self, logical_id: str, kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        event = {
            "RequestType": "Create",
            "StackId": self.stack.id,
            "ResourceType": kind,
            "LogicalResourceId": logical_id,
            "ResourceProperties": properties,
        }
        if logical_id in self.stack.ids:
            event["RequestType"] = "Update"
            event["PhysicalResourceId"] = self.stack.ids[logical_id]
            event["OldResourceProperties"] = self.stack.template[logical_id][1]
        return event

    def _assess(self, events: list[dict[str, Any]]) -> dict[tuple[str, str], Assessment]:
        assessments = assess(self.connect, *events)
        self.served.clear()
        return {_key(event): each for event, each in zip(events, assessments, strict=True)}

    def _check(self, expected: Mapping[tuple[str, str], Assessment], *, complete: bool) -> None:
        """Compare the requests, up to the first one that failed, with their assessments."""
        for served in self.served:
            assessment = expected.get(served.key)
            if assessment is None:
                continue  # the Delete of a replaced resource
            note(f"{served.key} {assessment}")
            assert assessment.action is served.action
            told = {change.path: (change.before, change.after) for change in assessment.changes}
            if served.action is not Action.REFUSED:
                assert _without_values(told) == _without_values(served.changes)
            reason = served.response["Reason"]
            assert re.fullmatch(_PLANNED.sub("[^ ]+", re.escape(assessment.reason)), reason)
            if served.old in ("", served.new):
                assert assessment.calls == len(served.calls)
            elif complete and not self._is_adopted(served.old):
                assert assessment.calls == len(served.calls) + self._clean_up_of(served)
            if served.action is Action.REFUSED:
                return

    def _is_adopted(self, arn: str) -> bool:
        """Return whether a later request adopted a replaced resource. Nobody deletes it then."""
        return any(each.new == arn and each.key[1] == "Apply" for each in self.served)

    def _clean_up_of(self, replacing: Served) -> int:
        """Return how many calls the Delete of a replaced resource made."""
        deletes = [each for each in self.served if each.key == (replacing.key[0], "Delete")]
        return sum(len(each.calls) for each in deletes)


def _without_values(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the values of marker tags out: they name the request."""
    return {path: None if path.startswith(_MARKER) else pair for path, pair in changes.items()}


@contextmanager
def _noted(run: History) -> Iterator[None]:
    real = Provider.serve
    with patch.object(Provider, "serve", lambda *arguments: run.serve(real, *arguments)):
        yield


@settings(
    max_examples=HISTORIES,
    derandomize="ASSESSMENTS" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(template=first_templates, history=st.lists(steps, min_size=3, max_size=6))
def test_a_deployment_does_what_its_assessment_told(
    template: Template,
    history: list[Any],
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
) -> None:
    """Action, changed properties, Reason and number of calls agree. The assessment only reads."""
    run = History(connect, sink, stacks)
    with _noted(run):
        run.deploy(template)
        for name, *arguments in history:
            note(f"{name} {arguments}")
            getattr(run, name)(*arguments)
