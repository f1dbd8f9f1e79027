"""Random histories of a stack, its operators and a failing Connect keep their promises.

After each step: what is live is the last successful template, where it is ours; what is not ours
was not touched; and after the stack is gone, nothing of ours is left.
"""

import os
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.cloudformation import Stack, Template
from tests.support.harness import Sink

DESK, GROUP = "Custom::ConnectQuickConnect", "Custom::ConnectTrafficDistributionGroup"
TRAFFIC = "Custom::ConnectTrafficDistribution"
# `make test` runs the same ones every time; HISTORIES=5000 runs so many others.
HISTORIES = int(os.environ.get("HISTORIES", "150"))
FLOW = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}
USERS = [scene.USER_ID, scene.OTHER_USER_ID]
SPLITS = [(100, 0), (0, 100), (50, 50)]


def config(east: int, west: int) -> dict[str, Any]:
    shares = ((scene.REGION, str(east)), (scene.REPLICA_REGION, str(west)))
    return {"Distributions": [{"Region": r, "Percentage": p} for r, p in shares]}


tags = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]))
desks = st.fixed_dictionaries(
    {
        "InstanceId": st.sampled_from([scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID]),
        "Name": st.sampled_from(["n", "m", "taken", "x" * 128]),
        "QuickConnectConfig": st.just(FLOW),
        "Tags": tags,
    },
    optional={"Description": st.sampled_from(["", "one", "two"])},
).map(lambda properties: (DESK, properties))
user_lists = st.lists(st.sampled_from([*USERS, "nobody"]), unique=True)
groups_declared = st.fixed_dictionaries(
    {
        "InstanceId": st.just(scene.INSTANCE_ID),
        "Name": st.sampled_from(["g", "h"]),
        "Tags": tags,
        "UserIds": user_lists,
    },
    optional={"Description": st.sampled_from(["one", "two"])},
).map(lambda properties: (GROUP, properties))
traffic = st.fixed_dictionaries(
    {
        "InstanceId": st.just(scene.INSTANCE_ID),
        "TelephonyConfig": st.sampled_from([config(*split) for split in SPLITS]),
        "OutOfBandTraffic": st.sampled_from(["Overwrite", "Fail"]),
    },
    optional={"AgentConfig": st.sampled_from([config(*split) for split in SPLITS])},
).map(lambda properties: (TRAFFIC, properties))
# In this order, so that a desk that fails rolls the others back.
templates = st.fixed_dictionaries(
    {}, optional={"Group": groups_declared, "Traffic": traffic, "Desk": desks}
)
faults = st.tuples(
    st.sampled_from(
        [
            "CreateQuickConnect",
            "DescribeQuickConnect",
            "UpdateQuickConnectName",
            "DeleteQuickConnect",
            "ListQuickConnects",
            "TagResource",
            "UntagResource",
            "CreateTrafficDistributionGroup",
            "DescribeTrafficDistributionGroup",
            "AssociateTrafficDistributionGroupUser",
            "UpdateTrafficDistribution",
            "GetTrafficDistribution",
        ]
    ),
    # An error, and whether it comes after the effect; a refusal never does.
    st.sampled_from(
        [
            ("InternalServiceException", False),
            ("InternalServiceException", True),
            ("drop", False),
            ("drop", True),
            ("ThrottlingException", False),
            ("AccessDeniedException", False),
        ]
    ),
    st.sampled_from([1, 2, 6]),
)
steps = st.one_of(
    st.tuples(st.just("deploy"), templates, st.lists(faults, max_size=2)),
    st.tuples(st.just("deploy"), templates, st.just([])),
    st.tuples(st.just("shift"), st.sampled_from(SPLITS)),
    st.tuples(st.just("edit"), st.sampled_from(["Description", "tag", "users"])),
    st.tuples(st.just("remove"), st.sampled_from(["Desk", "Group"])),
    st.tuples(st.just("delete")),
)


class History:
    """A stack, what operators did to it, and what is neither's."""

    def __init__(self, connect: ConnectEmulator, sink: Sink, stacks: Stacks, seed: int) -> None:
        connect.reset()
        scene.seed(connect)
        sink.reset()
        connect.shift_seconds = 2
        self.connect, self.rng = connect, random.Random(seed)
        self.stack = Stack(
            sink,
            stacks,
            deliveries=lambda: self.rng.choice([1, 1, 2]),
            heal=connect.faults.clear,
        )
        instance = connect.instances[scene.INSTANCE_ID]
        foreign = connect.add_quick_connect(instance, "taken", FLOW, {"foreign": "yes"})
        self.foreign = {foreign: dict(connect.quick_connects[foreign])}
        self.edited: set[str] = set()  # logical ids that operators changed since their last event
        self.default = connect.default_group(scene.INSTANCE_ID)

    def split(self) -> tuple[int, ...]:
        shares = self.default["traffic"]["TelephonyConfig"]["Distributions"]
        return tuple(s["Percentage"] for s in sorted(shares, key=lambda s: str(s["Region"])))

    def live(self, logical_id: str) -> dict[str, Any] | None:
        arn = self.stack.ids.get(logical_id, "")
        return self.connect.quick_connects.get(arn) or self.connect.groups.get(arn)

    # Steps

    def deploy(self, template: Template, wanted_faults: list[Any]) -> None:
        """Update the stack while Connect fails as wanted; check the traffic's three-way rule."""
        for operation, (error, after), times in wanted_faults:
            self.connect.fault(operation, error, after=after, times=times)
        before, old = self.split(), self.stack.template
        changed = {name for name in template if template[name] != old.get(name)}
        complete = self.stack.deploy(template)
        self.connect.faults.clear()
        note(f"complete: {complete}, faults: {wanted_faults}")
        if complete:
            self.edited -= changed
        self._check_split(before, old, template, complete=complete)

    def _check_split(
        self, before: tuple[int, ...], old: Template, new: Template, *, complete: bool
    ) -> None:
        was, now = (_declared_split(template) for template in (old, new))
        if complete and now is not None and now != was:
            assert self.split() == now, "a template that changes the split applies it"
        elif not complete and was is None:
            assert self.split() in (before, now), "what was created and deleted stays as it is"
        elif complete or before == was:
            assert self.split() == before, "a template that does not change it leaves it"
        else:
            assert self.split() in (before, was), "a rollback restores the template's, or leaves it"

    def shift(self, split: tuple[int, int]) -> None:
        """Shift the traffic by hand."""
        shares = zip((scene.REGION, scene.REPLICA_REGION), split, strict=True)
        distributions = [{"Region": region, "Percentage": share} for region, share in shares]
        self.default["traffic"]["TelephonyConfig"] = {"Distributions": distributions}

    def edit(self, what: str) -> None:
        """Change something of the stack by hand, or add something of one's own to it."""
        desk, group = self.live("Desk"), self.live("Group")
        if what == "Description" and desk is not None:
            desk["Description"] = "by hand"
            self.edited.add("Desk")
        if what == "tag":
            for live in filter(None, (desk, group)):
                live["Tags"]["foreign"] = "stays"
        if what == "users" and group is not None:
            group["users"].add("foreign")

    def remove(self, logical_id: str) -> None:
        """Delete something of the stack by hand."""
        arn = self.stack.ids.get(logical_id, "")
        removed = self.connect.quick_connects.pop(arn, None) or self.connect.groups.pop(arn, None)
        if removed:
            self.edited.add(logical_id)

    def delete(self) -> None:
        """Delete the stack: nothing of ours is left, and the traffic stays."""
        before = self.split()
        self.stack.delete()
        assert self.split() == before
        assert self.ours() <= self.stack.abandoned
        self.edited.clear()

    # What always holds

    def ours(self) -> set[str]:
        """Return the ARNs of everything that carries this stack's marker."""
        everything = {**self.connect.quick_connects, **self.connect.groups}
        return {a for a, r in everything.items() if r["Tags"].get("cfn:stack-id") == self.stack.id}

    def check(self) -> None:
        """Compare the live state with the last successful template."""
        for arn, resource in self.foreign.items():
            assert self.connect.quick_connects[arn] == resource
        assert self.default["Tags"] == {}
        known = {*self.stack.ids.values(), *self.stack.abandoned}
        assert self.ours() <= known, "nothing of ours is left behind"
        for logical_id, (kind, properties) in self.stack.template.items():
            if kind == TRAFFIC or logical_id in self.edited:
                continue
            live = self.live(logical_id)
            assert live is not None
            assert live["Name"] == properties["Name"]
            assert live["Description"] == properties.get("Description", "")
            tags_now = {k: v for k, v in live["Tags"].items() if not k.startswith("cfn:")}
            tags_now.pop("foreign", None)
            assert tags_now == properties["Tags"]
            if kind == GROUP:
                assert live["users"] - {"foreign"} == set(properties["UserIds"])


def _declared_split(template: Mapping[str, Any]) -> tuple[int, ...] | None:
    if "Traffic" not in template:
        return None
    shares = template["Traffic"][1]["TelephonyConfig"]["Distributions"]
    return tuple(int(share["Percentage"]) for share in shares)


@pytest.fixture(autouse=True)
def _report(record_property: Any) -> None:
    record_property("random histories", HISTORIES)


@pytest.mark.histories
@settings(
    max_examples=HISTORIES,
    derandomize="HISTORIES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(steps, min_size=1, max_size=7), seed=st.integers(0, 9))
def test_a_history_keeps_its_promises(
    history: list[Any], seed: int, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Stack operations, operators' actions and API failures, in any order."""
    run = History(connect, sink, stacks, seed)
    for name, *arguments in history:
        note(f"{name} {arguments}")
        getattr(run, name)(*arguments)
        run.check()
    run.delete()
    run.check()
