"""Random histories of two stacks, their operators and a failing Connect keep the promises.

Connect shows every change up to 20 seconds late. After each step, our live resources equal the last
stable template, and all others are untouched. After the stacks are deleted, none of our resources
is left, except those that `Retain` kept.
"""

import os
import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from connect_provider.request import signed_at
from connect_provider.run import Run
from sandbox import scene
from sandbox.cloudformation import ILL, Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Declared, RollbackFailed, Stack, Template, Weather
from tests.support.harness import START, FakeTime, Sink
from tests.support.histories import (
    DESK,
    FLOW,
    GROUP,
    MANUAL,
    OFFER,
    OFFERED,
    QUEUE,
    SPLITS,
    TRAFFIC,
    USER,
    USERS,
    config,
    desks,
    groups,
    offers,
    tags,
    templates,
    traffic,
)

pytestmark = pytest.mark.large

_LAG = 20  # seconds until Connect shows a change
_MAYBE_DONE = ("", "InternalServiceException", "503", "drop", "hang")  # results of writes
_EARLY = 3.0  # seconds; a run asks CloudFormation from two seconds on, counted from a whole one
# `make test` runs the same histories every time; HISTORIES=5000 runs 5,000 others.
HISTORIES = int(os.environ.get("HISTORIES", "150"))
group, desk = groups([*USERS, "nobody"]), desks(["n", "m", "taken", "x" * 128])
stack_templates = templates(group, offers([*OFFERED, "nothing"]), desk)
other_templates = st.fixed_dictionaries({}, optional={"Group": group, "Desk": desk})
# No other template has these Names, so nothing stands in their way.
lone_groups = st.fixed_dictionaries(
    {
        "InstanceId": st.just(scene.INSTANCE_ID),
        "Name": st.just("k"),
        "Tags": tags,
        "UserIds": st.sampled_from([USERS, USERS[:1], USERS[1:], []]),
    }
).map(lambda properties: {"Group": (GROUP, properties)})
retained = st.frozensets(st.sampled_from(["Desk", "Line", "Group"]), min_size=1)
lone_pairs = st.fixed_dictionaries(
    {
        "InstanceId": st.sampled_from([scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID]),
        "QuickConnectConfig": st.sampled_from([QUEUE, USER]),
        "Tags": tags,
    }
).map(
    lambda properties: {
        "Desk": (DESK, {**properties, "Name": "p"}),
        "Line": (DESK, {**properties, "Name": "q"}),
    }
)
weathers = st.builds(
    Weather,
    spacing=st.sampled_from([0.0, 2.0, 30.0]),
    fails_at=st.none() | st.sampled_from([0.5, 1.5]) | st.integers(0, 60).map(float),
    parent_fails_after=st.sampled_from([*[None] * 5, 1.0, 60.0]),
    stuck_for=st.sampled_from([*[0.0] * 5, 60.0, 12 * 3600.0]),
    rollback_after=st.sampled_from([0.0, 0.3, 1.0, 20.0]),
    unanswered=st.sampled_from([*[frozenset()] * 4, *map(frozenset, [["Desk"], ["Group"]])]),
    status_lag=st.sampled_from([0.0, 0.0, 3.0, 15.0]),
    reply=st.sampled_from([*[None] * 6, *ILL.values()]),
    reversal_status=st.sampled_from(["UPDATE_IN_PROGRESS", "UPDATE_FAILED"]),
)
worlds = st.fixed_dictionaries(
    {
        "lists_user_arns": st.sampled_from([(False,), (True,), (True, False)]),
        "refuses_repeated_delete": st.booleans(),
        "refuses_taken_rename": st.booleans(),
        "shift_seconds": st.sampled_from([2, 45]),
    }
)
# An error, and whether it comes after the effect. Enough tries cure all of them.
_UNKNOWN = ["InternalServiceException", "503", "drop", "hang"]
_LOST = [(error, True) for error in _UNKNOWN]
_PASSING = [*_LOST, *((error, False) for error in _UNKNOWN), ("ThrottlingException", False)]
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
    st.sampled_from([*_PASSING, ("AccessDeniedException", False)]),
    st.sampled_from([1, 2, 6]),
)


def passing_faults(
    operations: list[str], outcomes: list[tuple[str, bool]] = _PASSING, most: int = 6
) -> st.SearchStrategy[Any]:
    """Return lists of faults that enough tries cure.

    most: how many times in a row a call fails.
    """
    times = st.sampled_from([1, most, most])
    fault = st.tuples(st.sampled_from(operations), st.sampled_from(outcomes), times)
    return st.lists(fault, min_size=1, max_size=3)


lost_creates = passing_faults(["CreateQuickConnect", "CreateTrafficDistributionGroup"], _LOST)
traffic_faults = passing_faults(
    [
        "UpdateTrafficDistribution",
        "UpdateTrafficDistribution",
        "GetTrafficDistribution",
        "DescribeTrafficDistributionGroup",
    ]
)
# In each of its three runs, a function must try more than five times.
_DELETES = ["DeleteQuickConnect", "DeleteTrafficDistributionGroup"]
clean_up_faults = passing_faults(_DELETES, most=15)
deletion_faults = passing_faults(
    [
        *_DELETES * 3,
        "DescribeQuickConnect",
        "DescribeTrafficDistributionGroup",
        "DisassociateTrafficDistributionGroupUser",
        "DisassociateQueueQuickConnects",
        "*",
    ],
    most=15,
)
steps = st.one_of(
    st.tuples(
        st.just("deploy"), st.just(0), stack_templates, st.lists(faults, max_size=2), weathers
    ),
    st.tuples(
        st.just("deploy"),
        st.just(0),
        st.one_of(lone_pairs, lone_groups),
        lost_creates,
        weathers,
    ),
    st.tuples(st.just("deploy"), st.just(0), stack_templates, clean_up_faults, weathers),
    st.tuples(st.just("deploy"), st.just(0), stack_templates, st.just([]), weathers, st.just(True)),  # noqa: FBT003
    st.tuples(st.just("deploy"), st.just(1), other_templates, st.just([]), weathers),
    st.tuples(st.just("move_traffic"), traffic, traffic_faults, weathers),
    st.tuples(
        st.just("record"),
        st.sampled_from(SPLITS),
        st.builds(
            Weather,
            fails_at=st.integers(3, 90).map(float),
            rollback_after=st.sampled_from([0.3, 1.0, 20.0]),
            status_lag=st.sampled_from([0.0, 1.0, 3.0, 15.0, 29.0]),
        ),
        st.booleans(),
    ),
    st.tuples(st.just("rename")),
    st.tuples(
        st.just("setback"),
        lone_pairs,
        st.sampled_from(
            [
                ("nothing", "InstanceId"),
                ("nothing", "Name"),
                ("taken", "QuickConnectConfig"),
            ]
        ),
    ),
    st.tuples(st.just("setback"), lone_pairs, st.just(("vanish", "QuickConnectConfig"))),
    st.tuples(st.just("claim"), lone_groups, st.booleans()),
    st.tuples(st.sampled_from(["replace_in_vain", "release", "shift_of_group"]), lone_groups),
    st.tuples(st.just("vanish"), st.sampled_from(["queues", "users"])),
    st.tuples(st.just("wait"), st.sampled_from([5, 60])),
    st.tuples(st.just("shift"), st.sampled_from(SPLITS)),
    st.tuples(st.just("edit"), st.sampled_from(["Description", "tag", "users", "offer"])),
    st.tuples(
        st.just("remove"), st.sampled_from(["Desk", "Group"]), st.none() | st.sampled_from(_PASSING)
    ),
    st.tuples(
        st.just("keep"),
        st.one_of(lone_pairs, lone_pairs, lone_groups),
        st.sampled_from(["remove", "replace", "delete"]),
        st.sampled_from(["swapped", "swapped", "the same stack", "the other stack"]),
        weathers,
    ),
    st.tuples(
        st.just("delete"), st.sampled_from([0, 1]), deletion_faults, st.just(frozenset()) | retained
    ),
    st.tuples(
        st.just("share"),
        lone_pairs,
        st.sampled_from(
            [
                ({"Desk", "Line"}, frozenset({"Desk"})),
                ({"Desk", "Line"}, frozenset({"Line"})),
                ({"Desk", "Line"}, frozenset()),
                ({"Desk"}, frozenset()),
                ({"Line"}, frozenset()),
                ({"Line"}, frozenset({"Line"})),
            ]
        ),
    ),
)


class History:
    """Two stacks, the edits of operators, and the resources of others."""

    def __init__(
        self,
        connect: ConnectEmulator,
        sink: Sink,
        stacks: Stacks,
        seed: int,
        world: Mapping[str, Any],
    ) -> None:
        connect.reset()
        scene.seed(connect)
        sink.reset()
        stacks.reset()
        FakeTime.current.restart(START)
        Run.rng = random.Random(seed)
        connect.settle_seconds = 5
        vars(connect).update(world)
        self.connect, self.sink, self.rng = connect, sink, random.Random(seed)
        self.stacks = [self._new_stack(stacks) for _ in range(2)]
        instance = connect.instances[scene.INSTANCE_ID]
        foreign = connect.add_quick_connect(instance, "taken", FLOW, {"foreign": "yes"})
        scene.add_quick_connects(connect)
        self.foreign = {foreign: dict(connect.quick_connects[foreign])}
        # Stack and logical id of each resource that operators changed since its last request.
        self.edited: set[tuple[str, str]] = set()
        self.created: set[str] = set()  # the ARNs of all resources that the stacks created
        self.excused: set[str] = set()  # the stacks that met a known gap
        self.early: set[str] = set()  # those whose canceled Create may have come after its Delete
        self.kept: set[str] = set()  # the ARNs of the resources that `Retain` kept
        # Stack and logical id of resources that `Retain` kept, if CloudFormation has no ARN.
        self.nameless: set[tuple[str, str]] = set()
        self.removed: set[str] = set()  # the ARNs of the resources that operators deleted
        self.vanished = False
        self.default = connect.default_group(scene.INSTANCE_ID)
        connect.delay_visibility(Lag(_LAG, seed=seed))

    @property
    def stack(self) -> Stack:
        """Return the stack that most steps are about."""
        return self.stacks[0]

    def _new_stack(self, stacks: Stacks) -> Stack:
        def deliveries() -> int:
            return self.rng.choice([1, 1, 2])

        return Stack(self.sink, stacks, deliveries=deliveries, heal=self._heal)

    def split(self) -> tuple[int, ...]:
        """Return the shares of the calls, after a change that is still under way."""
        configs = self.default["traffic"] | (self.default["shifting"] or {})
        shares = configs["TelephonyConfig"]["Distributions"]
        return tuple(s["Percentage"] for s in sorted(shares, key=lambda s: str(s["Region"])))

    def live(self, stack: Stack, logical_id: str) -> dict[str, Any] | None:
        arn = stack.ids.get(logical_id, "")
        return self.connect.quick_connects.get(arn) or self.connect.groups.get(arn)

    # Steps

    def deploy(
        self,
        which: int,
        template: Template,
        wanted_faults: list[Any],
        weather: Weather,
        disable_rollback: bool = False,  # noqa: FBT001, FBT002  # hypothesis gives it by position
        retains: frozenset[str] = frozenset(),
    ) -> None:
        """Update a stack while Connect fails as wanted; check the traffic's three-way rule."""
        stack = self.stacks[which]
        self._fail(wanted_faults)
        before, old, abandoned = self.split(), dict(stack.template), set(stack.abandoned)
        replaced = [remnant.physical_id for remnant in stack.replaced]
        changed = {name for name in template if template[name] != old.get(name)}
        responses = len(self.sink.responses)
        complete = stack.deploy(
            template, weather, disable_rollback=disable_rollback, retains=retains
        )
        self.connect.faults.clear()
        note(f"complete: {complete}, requests: {_short(stack.sent)}")
        refusals = {error for _, (error, _), _ in wanted_faults} & {"AccessDeniedException"}
        requests = {event["RequestId"]: event for event in stack.sent}
        taken = {r["RequestId"]: r for r in reversed(self.sink.responses[responses:])}
        for request_id, response in taken.items():  # CloudFormation takes the first response
            if request_id not in stack.cancelled:
                reason = response["Reason"]
                request = requests[request_id]
                self._check_reason(reason, request, template, weather, refused=bool(refusals))
                # docs/reliability.md, "Known gaps": what waits for the clean-up has its Name.
                has_name = any(arn in reason for arn in (*replaced, *self.kept))
                is_known_gap = stack.id in self.excused or has_name
                mentions_itself = stack.id in reason and not is_known_gap
                assert not mentions_itself, "no resource is in its own stack's way"
        may_fail = refusals or weather.reply is not None
        assert stack.abandoned == abandoned or may_fail, "a Delete fails only if AWS refuses"
        if complete:
            self.edited -= {(stack.id, name) for name in changed}
        elif self.vanished:
            self.edited |= {(stack.id, name) for name in changed}
        # docs/reliability.md, "Known gaps": a stack that does not tell, or cancels at once.
        asks_in_vain = weather.reply is not None or weather.status_lag
        fails_early = weather.fails_at is not None and weather.fails_at < _EARLY
        if stack.youngest_cancelled < _EARLY:  # a resource may also fail by itself at once
            self.early.add(stack.id)
            fails_early = True
        if _deletes_at_once(stack.sent):
            self.early.add(stack.id)
        if not complete and (asks_in_vain or fails_early):
            self.excused.add(stack.id)
            return
        applied = complete or stack.template.get("Traffic") == template.get("Traffic")
        self._check_split(before, old, template, complete=applied)

    def _heal(self) -> None:
        """Give the functions every permission. Faults that pass also meet a rollback."""
        passing = [f for f in self.connect.faults if f.error != "AccessDeniedException"]
        self.connect.faults[:] = passing

    def _fail(self, wanted_faults: list[Any]) -> None:
        """Let calls of Connect fail."""
        for operation, (error, after), times in wanted_faults:
            self.connect.fault(operation, error, after=after, times=times)

    def _check_reason(
        self,
        reason: str,
        request: Mapping[str, Any],
        template: Template,
        weather: Weather,
        *,
        refused: bool,
    ) -> None:
        """Check that a request failed only for a reason that one more try does not cure.

        A Delete with a made-up id must ask CloudFormation, and fails if it does not tell.
        """
        if weather.reply is not None and "DescribeStackResource" in reason:
            return
        if reason.startswith("AlreadyExists"):
            assert self._is_taken(request), reason
            return
        names_nobody = "nobody" in template.get("Group", ("", {}))[1].get("UserIds", ())
        names_nobody |= "nothing" in template.get("Offer", ("", {}))[1].get("QuickConnectIds", ())
        allowed = {
            "": True,
            "AccessDenied": refused,
            "InvalidRequest": "InvalidRequestException" not in reason or "in use" in reason,
            "NotFound": names_nobody or self.vanished,
            "ResourceConflict": True,
        }
        assert allowed.get(reason.partition(":")[0], False), reason

    def _is_taken(self, request: Mapping[str, Any]) -> bool:
        """Return whether another resource had the Name of a request at most a lag before it.

        The resource that the request updates or made is no other one.
        """
        table = {DESK: "quick_connects", GROUP: "groups"}[request["ResourceType"]]
        sent = signed_at(request["ResponseURL"])
        assert sent
        own, properties = request.get("PhysicalResourceId"), request["ResourceProperties"]
        return any(
            arn != own
            and state["Name"] == properties["Name"]
            and state["InstanceArn"].endswith(properties["InstanceId"])
            and state["Tags"].get("cfn:request-id") != request["RequestId"]
            for arn, state in self.connect.states_since(sent.timestamp() - START - _LAG, table)
        )

    def move_traffic(self, declared: Declared, wanted_faults: list[Any], weather: Weather) -> None:
        """Change only the traffic in the template, while Connect fails."""
        self.deploy(0, {**self.stack.template, "Traffic": declared}, wanted_faults, weather)

    def record(self, split: tuple[int, int], weather: Weather, keeps: bool) -> None:  # noqa: FBT001
        """Shift by hand; let an update fail that records it. Its rollback leaves the split.

        keeps: with --disable-rollback. An engineer rolls the stack back an hour later.
        """
        if not self._prepare({"Traffic": _overwriting(SPLITS[0])}):
            return
        self.shift(split)
        self.deploy(0, {"Traffic": _overwriting(split)}, [], weather, keeps)
        if keeps and self.stack.template != self.stack.stable:
            self.wait(3600)
            self.stack.roll_back(weather)
        assert self.split() == split, "a rollback leaves what its update did not cause"

    def retain(self, template: Template, weather: Weather, retains: frozenset[str]) -> None:
        """Update the stack, and let `Retain` keep the resources of some logical ids.

        docs/reliability.md, "Known gaps": wait until CloudFormation shows that.
        """
        self.deploy(0, template, [], weather, retains=retains)
        self.wait(60)

    def keep(self, template: Template, end: str, owner: str, weather: Weather) -> None:
        """Let `Retain` keep each resource of a template. Then adopt them.

        end: how the resources leave the stack.
        owner: who adopts them; "swapped" for the other logical ids of the stack.
        """
        template = {
            name: (kind, {**properties, "Name": f"{properties['Name']} kept"})
            for name, (kind, properties) in template.items()
        }
        if not self._prepare(template):
            return
        before, retains = set(self.kept), frozenset(template)
        if end == "delete":
            self.delete(0, [], retains)
        else:
            self.retain(_replaced(template) if end == "replace" else {}, weather, retains)
        self._note_kept(self.stack)
        other_ids = {"Desk": "Line", "Line": "Desk"} if owner == "swapped" else {}
        adopting = {
            other_ids.get(name, name): (kind, {**properties, "ExistingResourcePolicy": "Adopt"})
            for name, (kind, properties) in template.items()
        }
        which = int(owner == "the other stack")
        if other_ids:  # docs/reliability.md, "Known gaps": both take another resource in one update
            weather = replace(weather, spacing=0.0)
        if before != self.kept:
            self.deploy(which, {**self.stacks[which].template, **adopting}, [], weather)

    def share(self, template: Template, end: tuple[set[str], frozenset[str]]) -> None:
        """Let two logical ids have one quick connect. Then one of them leaves, or both do.

        end: the logical ids that leave, and those that `Retain` keeps.
        """
        leaves, retains = end
        kind, properties = template["Desk"]
        both = {
            "Desk": (kind, properties),
            "Line": (kind, {**properties, "ExistingResourcePolicy": "Adopt"}),
        }
        if not self._prepare({"Desk": both["Desk"]}):
            return
        self.wait(60)
        assert self._prepare(both), "a logical id adopts the resource of another one"
        self.wait(60)
        if leaves == both.keys():
            self.delete(0, [], retains)
        else:
            rest = {name: one for name, one in both.items() if name not in leaves}
            self.retain(rest, Weather(), retains)

    def rename(self) -> None:
        """Rename the logical id of the desk."""
        template = dict(self.stack.template)
        if "Desk" not in template or "Line" in template:
            return
        kind, properties = template.pop("Desk")
        template["Line"] = kind, {**properties, "ExistingResourcePolicy": "Adopt"}
        was_edited = (self.stack.id, "Desk") in self.edited
        if not was_edited:
            assert self.stack.deploy(template), "a rename with Adopt succeeds"

    def vanish(self, kind: str) -> None:
        """Remove the queue, or the first user, from Connect."""
        instance = self.connect.instances[scene.INSTANCE_ID]
        getattr(instance, kind).discard({"queues": scene.QUEUE_ID, "users": scene.USER_ID}[kind])
        if kind == "queues":
            self.connect.queue_quick_connects.pop(f"{instance.arn}/queue/{scene.QUEUE_ID}", None)
        self.vanished = True
        self.connect.note_changes()

    def bring_back(self) -> None:
        """Bring back the queue and the user that vanished."""
        instance = self.connect.instances[scene.INSTANCE_ID]
        instance.queues.add(scene.QUEUE_ID)
        instance.users.add(scene.USER_ID)
        self.connect.note_changes()
        self.wait(60)

    def setback(self, template: Template, incident: tuple[str, str]) -> None:
        """Deploy quick connects, let an operator act, and let an update of both fail.

        incident: the operator's act, and the property that the update changes.
        """
        if not self._prepare(template):
            return
        act, name = incident
        if act == "vanish":
            uses_queue = template["Desk"][1]["QuickConnectConfig"] == QUEUE
            self.vanish("queues" if uses_queue else "users")
        if act == "taken":
            self.take("Desk")
        weather = Weather(spacing=30.0, fails_at=100.0)
        self.deploy(0, _edited(template, name), [], weather)

    def replace_in_vain(self, template: Template) -> None:
        """Replace a group twice, so that each update fails.

        First, a sibling fails, and the replacement is ready after the rollback. Then the response
        never arrives.
        """
        if self.stack.id in self.excused:
            return
        self.connect.settle_seconds = 60
        self._replace(template, Weather(fails_at=45.0, status_lag=15.0))
        self.connect.settle_seconds = 5
        self.excused.discard(self.stack.id)  # nothing of the replacement is left
        self._replace(template, Weather(unanswered=frozenset(["Group"])))

    def _replace(self, template: Template, weather: Weather) -> None:
        """Deploy a group, and let an update fail that replaces it."""
        if not self._prepare(template):
            return
        self.deploy(0, _replaced(template), [], weather)
        names = [resource["Name"] for resource in self.ours(self.stack).values()]
        assert "l" not in names, "the replacement of a failed update is removed"

    def _prepare(self, template: Template) -> bool:
        """Deploy a template without an error; return whether the stack has it now."""
        if self.stack.id in self.excused:
            self._start_anew()
        if self.vanished:
            self.bring_back()
        self.deploy(0, template, [], Weather())
        edited = any(owner == self.stack.id for owner, _ in self.edited)
        return self.stack.template == template and not edited

    def _start_anew(self) -> None:
        """Delete the stack and begin another one. Somebody tidies up what a known gap left."""
        self.delete(0, [])
        left = self.ours(self.stack).keys() - self.kept
        self.connect.quick_connects = _without(self.connect.quick_connects, left)
        self.connect.groups = _without(self.connect.groups, left)
        for offered in self.connect.queue_quick_connects.values():
            offered &= {MANUAL}
        self.connect.note_changes()
        self.removed |= left
        self.stacks[0] = self._new_stack(self.stack.stacks)

    def shift_of_group(self, template: Template) -> None:
        """Change the users of a group while an operator's change of its traffic is under way."""
        if not self._prepare(template):
            return
        group = self.live(self.stack, "Group")
        assert group is not None
        group["Status"] = "UPDATE_IN_PROGRESS"
        group["next"] = ("ACTIVE", FakeTime.current.monotonic() + 80)
        self.connect.note_changes()
        self.wait(20)
        kind, properties = template["Group"]
        others = [user for user in USERS if user not in properties["UserIds"]]
        self.deploy(0, {"Group": (kind, {**properties, "UserIds": others})}, [], Weather())

    def take(self, logical_id: str) -> None:
        """Remove a quick connect of the stack by hand, and give its Name to another one."""
        self.remove(logical_id)
        declared = self.stack.template[logical_id][1]
        instance = self.connect.instances[declared["InstanceId"]]
        arn = self.connect.add_quick_connect(instance, declared["Name"], FLOW, {"foreign": "yes"})
        self.foreign[arn] = dict(self.connect.quick_connects[arn])
        self.connect.note_changes()

    def release(self, template: Template) -> None:
        """Let the stack adopt an operator's group, and then have a group of its own."""
        if self.vanished:
            return
        group = self.connect.add_group(self.connect.instances[scene.INSTANCE_ID], "o", "", {})
        self.connect.keep_in(group, "ACTIVE")
        self.connect.note_changes()
        self.wait(60)
        kind, properties = template["Group"]
        adopts = {**properties, "Name": "o", "Tags": {}, "ExistingResourcePolicy": "Adopt"}
        if self._prepare({"Group": (kind, adopts)}):
            self.wait(60)
            self.deploy(0, template, [], Weather())
        if self.stack.ids.get("Group") == group["Arn"]:
            self.edited.add((self.stack.id, "Group"))
        else:
            assert not group["users"], "a released group has no users of the stack"
        del self.connect.groups[group["Arn"]]
        self.removed.add(group["Arn"])
        self.connect.note_changes()

    def claim(self, template: Template, is_listed: bool) -> None:  # noqa: FBT001
        """Delete a stack while a phone number is claimed to its group. A refusal changes nothing.

        Then release the number, and delete the stack again.

        is_listed: whether the functions may list the number. Otherwise, they notice it late.
        """
        group = self.live(self.stack, "Group") if self._prepare(template) else None
        if group is None:
            return
        number, users = self.connect.claim_phone_number(group["Arn"]), set(group["users"])
        self.connect.note_changes()
        self.wait(60)
        if not is_listed:
            self.connect.fault("ListPhoneNumbersV2", "AccessDeniedException", times=9)
        calls = len(self.connect.journal)
        with pytest.raises(RollbackFailed):
            self.stack.delete()
        self.connect.faults.clear()
        assert group["users"] == users, "a refused deletion leaves the users"
        removed = "DisassociateTrafficDistributionGroupUser" in self.connect.calls()[calls:]
        assert not (removed and is_listed), "a claimed number is found before users are removed"
        del self.connect.phone_numbers[number]
        self.connect.note_changes()
        self.wait(60)
        self.delete(0, [])

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        FakeTime.current.sleep(seconds)

    def _check_split(
        self, before: tuple[int, ...], old: Template, new: Template, *, complete: bool
    ) -> None:
        was, now = (_declared_split(template) for template in (old, new))
        routing, revision = _changed(old, new, "CrossRegionRouting"), _changed(old, new, "Revision")
        if complete and routing is not None:
            isolated = self.connect.instances[scene.INSTANCE_ID].isolated
            assert isolated == (routing == "Isolated"), "a changed routing applies"
        if complete and now is not None and (now != was or (was and revision is not None)):
            assert self.split() == now, "a template that changes the split applies it"
        elif not complete and was is None:
            assert self.split() in (before, now), "the split of a deleted create stays"
        elif complete or before == was:
            assert self.split() == before, "a template that does not change it leaves it"
        else:
            assert self.split() in (before, was), (
                "a rollback restores the template's split, or leaves it"
            )

    def shift(self, split: tuple[int, int]) -> None:
        """Change the traffic by hand. Connect shows it everywhere before the next step."""
        shares = zip((scene.REGION, scene.REPLICA_REGION), split, strict=True)
        distributions = [{"Region": region, "Percentage": share} for region, share in shares]
        self.default["traffic"]["TelephonyConfig"] = {"Distributions": distributions}
        self.default["shifting"] = None
        self.default["failed_over"] = FakeTime.current.time()
        self.connect.note_changes()
        self.wait(60)

    def edit(self, what: str) -> None:
        """Change something of the stack by hand, or add something of one's own to it."""
        desk, group = self.live(self.stack, "Desk"), self.live(self.stack, "Group")
        if what == "Description" and desk is not None:
            desk["Description"] = "by hand"
            self.edited.add((self.stack.id, "Desk"))
        if what == "tag":
            for live in filter(None, (desk, group)):
                live["Tags"]["foreign"] = "stays"
        if what == "users" and group is not None:
            group["users"].add("foreign")
        if what == "offer":
            for offered in self.connect.queue_quick_connects.values():
                offered.add(MANUAL)
        self.connect.note_changes()

    def remove(self, logical_id: str, outage: tuple[str, bool] | None = None) -> None:
        """Delete a resource of the stack by hand.

        outage: the result of every call in the 20 seconds after it. The next step may meet it.
        """
        arn = self.stack.ids.get(logical_id, "")
        removed = self.connect.quick_connects.pop(arn, None) or self.connect.groups.pop(arn, None)
        if removed:
            self.removed.add(arn)
            self.edited.add((self.stack.id, logical_id))
        self.connect.note_changes()
        if outage:
            self.connect.fault("*", outage[0], after=outage[1], seconds=20)

    def delete(
        self, which: int, wanted_faults: list[Any], retains: frozenset[str] = frozenset()
    ) -> None:
        """Delete a stack while Connect fails: nothing of ours is left, and the traffic stays."""
        stack, before = self.stacks[which], self.split()
        self._fail(wanted_faults)
        stack.delete(retains=retains)
        self.connect.faults.clear()
        if retains:
            self.wait(60)
        assert self.split() == before
        self.edited = {(owner, name) for owner, name in self.edited if owner != stack.id}
        if stack is self.stack and stack.id not in self.excused | self.early:
            for offered in self.connect.queue_quick_connects.values():
                assert offered <= {MANUAL}

    # Rules

    def ours(self, stack: Stack) -> dict[str, dict[str, Any]]:
        """Return everything that carries the stack's marker, by ARN.

        A group in deletion is left out. Connect may hide it before it is gone.
        """
        groups = self.connect.groups.items()
        kept = {arn: group for arn, group in groups if group["Status"] != "PENDING_DELETION"}
        everything = {**self.connect.quick_connects, **kept}
        return {a: r for a, r in everything.items() if r["Tags"].get("cfn:stack-id") == stack.id}

    def left(self, stack: Stack) -> list[str]:
        """Return the ARNs that a deleted stack left, except what `Retain` kept."""
        known = stack.abandoned | self.kept
        return [
            arn
            for arn, resource in self.ours(stack).items()
            if arn not in known
            and (stack.id, resource["Tags"]["cfn:logical-id"]) not in self.nameless
        ]

    def check(self) -> None:
        """Compare the live state with the last stable templates."""
        for arn, resource in self.foreign.items():
            assert self.connect.quick_connects[arn] == resource
        assert self.default["Tags"] == {}
        names = Counter((q["InstanceArn"], q["Name"]) for q in self.connect.quick_connects.values())
        twice = {name for (_, name), times in names.items() if times > 1}
        assert twice <= self._renamed_at_once(), "no Name is taken twice"
        for stack in self.stacks:
            self._note_kept(stack)
            self._check_ownership(stack)
            if stack.id not in self.excused:
                self._check_live(stack)
        assert self.kept - self.removed <= self._live(), "what `Retain` kept stays"

    def _note_kept(self, stack: Stack) -> None:
        """Note the resources that `Retain` kept, unless another logical id still has them."""
        for remnant in stack.retained:
            if not remnant.physical_id.startswith("arn:"):
                self.nameless.add((stack.id, remnant.logical_id))
            elif remnant.physical_id not in stack.ids.values():
                self.kept.add(remnant.physical_id)
        stack.retained.clear()

    def _live(self) -> set[str]:
        """Return the ARNs of all resources, without the groups in deletion."""
        groups = self.connect.groups
        live = {arn for arn in groups if groups[arn]["Status"] != "PENDING_DELETION"}
        return live | self.connect.quick_connects.keys()

    def _renamed_at_once(self) -> set[str]:
        """Return the Names that a rename gave while Connect might hide the one that has it.

        docs/reliability.md, "Known gaps": this Connect accepts a taken Name in a rename.
        """
        gives = ("CreateQuickConnect", "UpdateQuickConnectName")
        given = [e for e in self.connect.journal if e.operation in gives and e.error in _MAYBE_DONE]
        return {
            later.parameters["Name"]
            for earlier, later in combinations(given, 2)
            if later.operation == "UpdateQuickConnectName"
            and earlier.parameters.get("Name") == later.parameters.get("Name")
            and earlier.parameters.get("QuickConnectId") != later.parameters["QuickConnectId"]
            and later.time - earlier.time <= _LAG
        }

    def _check_ownership(self, stack: Stack) -> None:
        """Check that the stack knows every resource with its marker."""
        remnants = [*stack.failed, *stack.replaced]
        known = {*stack.ids.values(), *stack.abandoned, *(r.physical_id for r in remnants)}
        known |= self.kept
        unknown = {
            arn: resource["Tags"]["cfn:logical-id"]
            for arn, resource in self.ours(stack).items()
            if arn not in known
        }
        left = set(unknown.values()) - {remnant.logical_id for remnant in stack.failed}
        left -= {name for owner, name in self.nameless if owner == stack.id}
        assert not left or stack.id in self.excused, "nothing of ours is left behind"
        ours = self.ours(stack).items()
        self.created |= {arn for arn, resource in ours if "cfn:created-at" in resource["Tags"]}
        lost = (self.created & self._live()) - self._owned() - self.kept
        assert not lost, "a resource that a stack created stays with it until it is deleted"

    def _owned(self) -> set[str]:
        """Return the ARNs that carry the marker of a stack."""
        return {arn for stack in self.stacks for arn in self.ours(stack)}

    def _check_live(self, stack: Stack) -> None:
        for logical_id, (kind, properties) in stack.template.items():
            if kind == OFFER and not self.vanished and stack.id not in self.early:
                offered = self.connect.queue_quick_connects.get(stack.ids[logical_id], set())
                assert offered - {MANUAL} == {*properties["QuickConnectIds"]}
            if kind in (TRAFFIC, OFFER) or (stack.id, logical_id) in self.edited:
                continue
            live = self.live(stack, logical_id)
            assert live is not None, f"{logical_id} is there"
            assert live["Name"] == properties["Name"]
            assert live["Description"] == properties.get("Description", "")
            tags_now = {k: v for k, v in live["Tags"].items() if not k.startswith("cfn:")}
            tags_now.pop("foreign", None)
            assert tags_now == properties["Tags"]
            if kind == GROUP:
                assert live["users"] - {"foreign"} == set(properties["UserIds"])


def _short(events: list[dict[str, Any]]) -> str:
    return ", ".join(f"{e['RequestType']} {e['LogicalResourceId']}" for e in events)


def _deletes_at_once(events: list[dict[str, Any]]) -> bool:
    """Return whether an offer was deleted so soon that its Create may be delivered again after it.

    docs/reliability.md, "Known gaps": a run that early does not ask CloudFormation.
    """
    created: dict[str, datetime] = {}
    for event in events:
        name, sent = event["LogicalResourceId"], signed_at(event["ResponseURL"])
        assert sent
        if event["ResourceType"] == OFFER and event["RequestType"] == "Create":
            created[name] = sent
        deletes = event["RequestType"] == "Delete" and name in created
        if deletes and (sent - created[name]).total_seconds() < _EARLY:
            return True
    return False


def _edited(template: Template, name: str) -> Template:
    """Change a property of both quick connects. The second one gets the Name of the first one."""
    desk, line = (template[logical_id][1] for logical_id in ("Desk", "Line"))
    instances = [scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID]
    other = instances[desk["InstanceId"] == instances[0]]
    to_other_flow = {**FLOW, "FlowConfig": {"ContactFlowId": scene.OTHER_CONTACT_FLOW_ID}}
    values = {
        "Name": ("z", desk["Name"]),
        "InstanceId": (other, other),
        "QuickConnectConfig": (FLOW, to_other_flow),
    }[name]
    return {
        "Desk": (DESK, {**desk, name: values[0]}),
        "Line": (DESK, {**line, name: values[1]}),
    }


def _without(resources: Mapping[str, Any], arns: Collection[str]) -> dict[str, Any]:
    return {arn: resource for arn, resource in resources.items() if arn not in arns}


def _replaced(template: Template) -> Template:
    """Change a property of each resource that only a replacement can change."""
    if "Group" not in template:
        return _edited(template, "InstanceId")
    kind, properties = template["Group"]
    return {"Group": (kind, {**properties, "Name": "l"})}


def _changed(old: Template, new: Template, name: str) -> object:
    """Return a property of the traffic in the new template, None if it is as in the old one."""
    values = [template.get("Traffic", ("", {}))[1].get(name) for template in (old, new)]
    return values[1] if values[0] != values[1] else None


def _declared_split(template: Mapping[str, Any]) -> tuple[int, ...] | None:
    if "Traffic" not in template:
        return None
    shares = template["Traffic"][1]["TelephonyConfig"]["Distributions"]
    return tuple(int(share["Percentage"]) for share in shares)


@pytest.fixture(autouse=True)
def _report(record_property: Any) -> None:
    record_property("random histories", HISTORIES)


# Random histories seldom meet these: a group with users is released or replaced in vain, and its
# deletion is refused. A write of the traffic fails without effect.
_GROUP_OF_USERS = {
    "Group": (
        GROUP,
        {"InstanceId": scene.INSTANCE_ID, "Name": "k", "Tags": {}, "UserIds": USERS},
    )
}
_LOST_WRITE = "UpdateTrafficDistribution", ("503", False), 1
_LISTS_ARNS = {
    "lists_user_arns": (True,),
    "refuses_repeated_delete": True,
    "refuses_taken_rename": True,
    "shift_seconds": 2,
}


def _split(east: int) -> Declared:
    """Return a split of the calls that refuses to overwrite a manual change."""
    declared = {"InstanceId": scene.INSTANCE_ID, "TelephonyConfig": config(east, 100 - east)}
    return TRAFFIC, {**declared, "OutOfBandTraffic": "Fail"}


def _overwriting(split: tuple[int, int]) -> Declared:
    return TRAFFIC, {"InstanceId": scene.INSTANCE_ID, "TelephonyConfig": config(*split)}


@example(
    history=[
        ("move_traffic", _split(60), [], Weather()),
        ("move_traffic", _split(0), [_LOST_WRITE], Weather()),
    ],
    end=[],
    seed=0,
    world=_LISTS_ARNS,
)
@example(history=[("replace_in_vain", _GROUP_OF_USERS)], end=[], seed=0, world=_LISTS_ARNS)
@example(history=[("release", _GROUP_OF_USERS)], end=[], seed=0, world=_LISTS_ARNS)
@example(history=[("claim", _GROUP_OF_USERS, True)], end=[], seed=0, world=_LISTS_ARNS)
@example(history=[("claim", _GROUP_OF_USERS, False)], end=[], seed=0, world=_LISTS_ARNS)
@settings(
    max_examples=HISTORIES,
    derandomize="HISTORIES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=st.lists(steps, min_size=1, max_size=7),
    end=deletion_faults,
    seed=st.integers(0, 999),
    world=worlds,
)
def test_a_history_keeps_its_promises(
    history: list[Any],
    end: list[Any],
    seed: int,
    world: dict[str, Any],
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
) -> None:
    """Stack operations, operators' actions and API failures, in any order."""
    run = History(connect, sink, stacks, seed, world)
    for name, *arguments in history:
        note(f"{name} {arguments}")
        getattr(run, name)(*arguments)
        run.check()
    for which, stack in enumerate(run.stacks):
        run.delete(which, end)
        run.check()
        assert not run.left(stack) or stack.id in run.excused, "nothing of ours is left"
