"""Random histories of a stack, its operators and a failing Connect keep the promises.

After each step, our live resources equal the last successful template, and all others are
untouched. After the stack is deleted, none of our resources is left.
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
OFFER = "Custom::ConnectQueueQuickConnects"
# `make test` runs the same histories every time; HISTORIES=5000 runs 5,000 others.
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
*OFFERED, MANUAL = scene.QUICK_CONNECT_IDS
offers = st.fixed_dictionaries(
    {
        "InstanceId": st.just(scene.INSTANCE_ID),
        "QueueId": st.sampled_from([scene.QUEUE_ID, scene.OTHER_QUEUE_ID]),
        "QuickConnectIds": st.lists(st.sampled_from([*OFFERED, "nothing"]), unique=True),
    }
).map(lambda properties: (OFFER, properties))
# The desk comes last, so that its failure rolls the others back.
templates = st.fixed_dictionaries(
    {}, optional={"Group": groups_declared, "Traffic": traffic, "Offer": offers, "Desk": desks}
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
            "AssociateQueueQuickConnects",
            "DisassociateQueueQuickConnects",
        ]
    ),
    # An error, and whether it comes after the effect; a refusal has no effect.
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
    st.tuples(st.just("edit"), st.sampled_from(["Description", "tag", "users", "offer"])),
    st.tuples(st.just("remove"), st.sampled_from(["Desk", "Group"])),
    st.tuples(st.just("delete")),
)


class History:
    """A stack, the edits of operators, and the resources of others."""

    def __init__(self, connect: ConnectEmulator, sink: Sink, stacks: Stacks, seed: int) -> None:
        connect.reset()
        scene.seed(connect)
        sink.reset()
        connect.shift_seconds = 2
        self.connect, self.rng = connect, random.Random(seed)
        self.stack = Stack(
            sink,
            deliveries=lambda: self.rng.choice([1, 1, 2]),
            set_status=lambda status: setattr(stacks, "status", status),
            heal=connect.faults.clear,
        )
        instance = connect.instances[scene.INSTANCE_ID]
        foreign = connect.add_quick_connect(instance, "taken", FLOW, {"foreign": "yes"})
        scene.add_quick_connects(connect)
        self.foreign = {foreign: dict(connect.quick_connects[foreign])}
        self.edited: set[str] = set()  # logical ids that operators changed since the last event
        self.default = connect.default_group(scene.INSTANCE_ID)

    def split(self) -> tuple[int, ...]:
        shares = self.default["traffic"]["TelephonyConfig"]["Distributions"]
        return tuple(s["Percentage"] for s in sorted(shares, key=lambda s: str(s["Region"])))

    def live(self, logical_id: str) -> dict[str, Any] | None:
        arn = self.stack.ids.get(logical_id, "")
        return self.connect.quick_connects.get(arn) or self.connect.groups.get(arn)

    # Steps

    def deploy(self, template: Template, wanted_faults: list[Any]) -> None:
        """Update the stack while Connect fails; check the three-way rule of the traffic."""
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
            assert self.split() in (before, now), (
                "a distribution that was created and deleted stays"
            )
        elif complete or before == was:
            assert self.split() == before, "a template that does not change it leaves it"
        else:
            assert self.split() in (before, was), (
                "a rollback restores the template's split, or leaves it"
            )

    def shift(self, split: tuple[int, int]) -> None:
        """Change the traffic by hand."""
        shares = zip((scene.REGION, scene.REPLICA_REGION), split, strict=True)
        distributions = [{"Region": region, "Percentage": share} for region, share in shares]
        self.default["traffic"]["TelephonyConfig"] = {"Distributions": distributions}

    def edit(self, what: str) -> None:
        """Change a resource of the stack by hand, or add a tag or a user."""
        desk, group = self.live("Desk"), self.live("Group")
        if what == "Description" and desk is not None:
            desk["Description"] = "by hand"
            self.edited.add("Desk")
        if what == "tag":
            for live in filter(None, (desk, group)):
                live["Tags"]["foreign"] = "stays"
        if what == "users" and group is not None:
            group["users"].add("foreign")
        if what == "offer":
            for offered in self.connect.queue_quick_connects.values():
                offered.add(MANUAL)

    def remove(self, logical_id: str) -> None:
        """Delete a resource of the stack by hand."""
        arn = self.stack.ids.get(logical_id, "")
        removed = self.connect.quick_connects.pop(arn, None) or self.connect.groups.pop(arn, None)
        if removed:
            self.edited.add(logical_id)

    def delete(self) -> None:
        """Delete the stack; check that its resources are gone and the traffic stays."""
        before = self.split()
        self.stack.delete()
        assert self.split() == before
        assert self.ours() == set()
        for offered in self.connect.queue_quick_connects.values():
            assert offered <= {MANUAL}
        self.edited.clear()

    # Invariants

    def ours(self) -> set[str]:
        """Return the ARNs of the resources with this stack's marker."""
        everything = {**self.connect.quick_connects, **self.connect.groups}
        return {a for a, r in everything.items() if r["Tags"].get("cfn:stack-id") == self.stack.id}

    def check(self) -> None:
        """Compare the live state with the last successful template."""
        for arn, resource in self.foreign.items():
            assert self.connect.quick_connects[arn] == resource
        assert self.default["Tags"] == {}
        assert self.ours() <= set(self.stack.ids.values()), "no resource of ours leaks"
        for logical_id, (kind, properties) in self.stack.template.items():
            if kind == OFFER:
                arn = self.stack.ids[logical_id]
                offered = self.connect.queue_quick_connects.get(arn, set())
                assert offered - {MANUAL} == {*properties["QuickConnectIds"]}
            if kind in (TRAFFIC, OFFER) or logical_id in self.edited:
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
    """Stack operations, manual changes and API failures come in any order."""
    run = History(connect, sink, stacks, seed)
    for name, *arguments in history:
        note(f"{name} {arguments}")
        getattr(run, name)(*arguments)
        run.check()
    run.delete()
    run.check()
