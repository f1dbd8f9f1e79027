"""Creates or updates a resource that the stack owns: observe, plan, act, settle."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from connect_provider import backoff, errors, ownership
from connect_provider.connect import Connect
from connect_provider.ownership import Owner
from connect_provider.properties import (
    TAG_LIMIT,
    OwnedResourceProperties,
    desired_properties,
    previous_properties,
    replaced_properties,
)
from connect_provider.reconcile.claim import Claim
from connect_provider.reconcile.delete import Deletion
from connect_provider.reconcile.plan import Action, Observation, Plan, Status, plan
from connect_provider.reconcile.resource import Resource
from connect_provider.request import UNCONFIRMED, Request, UpdateRequest
from connect_provider.run import Run
from connect_provider.stack.watch import StackWatch


class Owned:
    """The reconciler of a resource type that the provider creates, owns and deletes."""

    def __init__(
        self, resource_type: type[Resource[Any]], request: Request, run: Run, watch: StackWatch
    ) -> None:
        self._connect = Connect(run, watch.require_wanted)
        self._resource = resource_type(self._connect)
        self._deletion = Deletion(resource_type, request, run, watch.resources)
        self._claim = Claim(self._resource, self._connect, self._deletion, request, watch)
        self._request = request
        self._run = run
        self._watch = watch
        self._stack = watch.resources
        # The first conflict of a create, and the last one that Connect hides the cause of.
        self._taken_since: float | None = None
        self._hidden_since: float | None = None

    def delete(self) -> None:
        """Delete the resource if it belongs to this request, and wait until it is gone."""
        self._deletion.carry_out()

    @cached_property
    def _desired(self) -> OwnedResourceProperties:
        model: type[OwnedResourceProperties] = self._resource.model
        return desired_properties(model, self._request)

    def apply(self) -> Observation:
        """Make the resource match the template; return it."""
        try:
            return self._apply()
        except errors.Superseded:
            self._undo_earlier_run()
            raise

    def _apply(self) -> Observation:
        """Make the resource match the template, or let a rollback end; return the resource."""
        try:
            _ = self._desired  # invalid properties fail here, before any call
            if isinstance(self._request, UpdateRequest):
                return self._update(self._request)
            return self._create()
        except errors.Superseded:
            raise
        except errors.ProviderError as error:
            return self._end_rollback(error)

    def _end_rollback(self, error: errors.ProviderError) -> Observation:
        """Return the resource that a rollback keeps. Raise the error if it is an operator's task.

        CloudFormation deletes every resource of the failed update that the rollback does not
        return. It also deletes the old one, if the rollback returns another.
        """
        if not error.unfinished and (replaced := self._replaced()) is not None:
            self._run.log(f"Update: the rollback returns to {replaced.arn}: {error}")
            return replaced
        if not isinstance(error, errors.REFUSALS):
            raise error
        self._watch.end_rollback(error)
        return self._live()

    def _replaced(self) -> Observation | None:
        """Return the resource that the failed update of a rollback replaced, if it still exists."""
        request, model = self._request, self._resource.model
        target = replaced_properties(model, request)
        if target is None or not self._watch.turns_out_to_roll_back():
            return None
        try:
            old = self._run.look_again(partial(self._resource.look_for, target))
        except errors.NotFound:
            return None  # not even the instance exists
        if old is None or old.status is Status.DELETING or old.arn == self._run.initial_id:
            return None
        ours = ownership.owner(old.tags, request) is Owner.THIS
        return old if ours or ownership.was_moved_from(old.tags, request) else None

    def _live(self) -> Observation:
        """Return the resource that CloudFormation has now."""
        arn = self._run.physical_id
        arn = arn if self._resource.owns(arn) else self._run.initial_id
        observed = self._resource.look(arn) if self._resource.owns(arn) else None
        return observed or Observation.of_missing(arn)

    def _create(self, live: Observation | None = None) -> Observation:
        """Create the resource, or continue with the one that an earlier run of this request made.

        live: the resource that it replaces.

        During the create call nobody knows whether it takes effect, and the physical id says so. A
        Delete then looks for a resource that this request made.
        """
        self._run.log_plan(self._request.request_type, Action.CREATE.value)
        self._run.physical_id = UNCONFIRMED + self._request.request_id
        began = self._run.now()
        observed, created = self._run.wait(
            partial(self._try_to_create, began, live),
            lambda outcome: outcome[0] is not None,
            "another resource still has the Name",
        )
        assert observed is not None
        if not created:
            return self._take_over(observed)
        self._run.physical_id = observed.arn
        observed = self._settle(observed)
        self._undo_unless_kept(observed)
        for member in sorted(self._resource.members.desired(self._desired)):
            self._add_member(observed, member)
        return observed

    def _try_to_create(
        self, began: float, live: Observation | None
    ) -> tuple[Observation | None, bool]:
        """Return the created resource and True, or the resource that has the Name and False.

        Return None and False while Connect does not show that resource, or it may leave. While
        Connect hides it, it may be that of another delivery of this request. The stack may then
        have deleted it, so a second one would stay.
        """
        if self._hidden_since is not None and not self._run.lag_is_over(self._hidden_since):
            return self._holder(began, live), False
        markers = ownership.markers(self._request, ownership.CREATED_AT)
        tags = {**self._desired.Tags, **markers}
        try:
            return self._resource.create(self._desired, tags, self._request.request_id), True
        except errors.AlreadyExists:
            # The conflict proves that the resource exists. A change by others may hide it again.
            self._hidden_since = now = self._run.now()
            self._taken_since = now if self._taken_since is None else self._taken_since
            holder = self._holder(began, live)
            over = now - self._taken_since > backoff.CONFLICT_PATIENCE
            if over and holder is None and self._hidden_since is not None:
                raise
            return holder, False
        except errors.ProviderError as error:
            if not error.maybe_done:
                self._run.physical_id = self._run.initial_id
            raise

    def _holder(self, began: float, live: Observation | None) -> Observation | None:
        """Return the resource that has the Name, unless Connect hides it, or it may leave."""
        holder = self._resource.look_for(self._desired)
        if holder is not None:
            self._hidden_since = None
            if self._may_leave(holder, began, live):
                return None
        return holder

    def _may_leave(self, holder: Observation, began: float, live: Observation | None) -> bool:
        """Return whether the resource that has the Name is being deleted, or may be gone already.

        CloudFormation may have deleted a resource of this logical id just before this request. One
        that is no younger than the live resource is still there: the failed update of this rollback
        replaced it.
        """
        if holder.status is Status.DELETING:
            return True
        ours = ownership.owner(holder.tags, self._request) is Owner.THIS
        made_before = ours and not ownership.made_by(holder.tags, self._request)
        if not made_before or self._run.lag_is_over(began):
            return False
        held, lives = ownership.taken_at(holder.tags), live and ownership.taken_at(live.tags)
        return not (held and lives and held <= lives)

    def _settle(self, observed: Observation) -> Observation:
        """Wait until a resource is ready. The end of its transition may hide it once more."""
        look, began = partial(self._resource.look, observed.arn), self._run.now()

        def ready(seen: Observation | None) -> bool:
            if seen is None:
                return self._run.now() - began > backoff.CONFLICT_PATIENCE
            return seen.status is not Status.BUSY

        settled = self._run.wait(
            lambda: self._run.look_again(look),
            ready,
            f"{observed.arn} is still being created or changed",
            seen=observed,
        )
        if settled is None:
            raise errors.NotStabilized(f"{observed.arn} disappeared while it was being created")
        if settled.status is not Status.READY:
            raise errors.NotStabilized(f"{observed.arn} is {settled.attributes['Status']}")
        return settled

    def _undo_unless_kept(self, observed: Observation) -> None:
        """Undo this request if its stack neither waits for it nor has the resource.

        CloudFormation then canceled the request. It sends no Delete, or has already sent one. An
        adopted resource keeps the members that it had before this run.
        """
        if self._watch.keeps(observed.arn):
            return
        self._run.log(f"{self._request.request_type}: undo, CloudFormation no longer waits")
        members, adopted = self._resource.members, ownership.is_adopted(observed.tags)
        ours = members.added if adopted else members.desired(self._desired)
        self._deletion.undo(observed, ours)
        self._run.physical_id = self._run.initial_id
        raise errors.Superseded

    def _undo_earlier_run(self) -> None:
        """Undo the effects of this request so far, in this run or an earlier one."""
        observed = self._resource.look_for(self._desired)
        if observed is not None and ownership.made_by(observed.tags, self._request):
            self._undo_unless_kept(observed)

    def _take_over(self, observed: Observation) -> Observation:
        """Continue with the resource that has the Name, if this request made or may adopt it.

        Until we know that this request did not make it, a Delete must look for it.
        """
        request = self._request
        if isinstance(request, UpdateRequest) and observed.arn == request.physical_resource_id:
            self._run.physical_id = observed.arn  # a miss had hidden it
            return self._update_observed(request, observed)
        markers: Mapping[str, str] = {}
        if not self._claim.is_ours(observed):
            self._run.physical_id = self._run.initial_id
            if self._desired.ExistingResourcePolicy != "Adopt":
                raise self._claim.conflict(observed)
            markers = self._claim.adoption_markers(observed)
        elif ownership.made_by(observed.tags, request):
            self._undo_unless_kept(observed)
        observed, steps = self._plan(observed, markers=markers)
        if steps.action is Action.REPLACE:
            raise errors.AlreadyExists(
                f"{observed.arn} cannot be adopted: its {', '.join(steps.changed)} differs from "
                "the template and cannot be changed. Write the live values into the template"
            )
        if not markers:
            self._run.physical_id = observed.arn
        observed = self._settle(observed)
        observed = self._act(steps, observed)
        if ownership.is_adopted({**observed.tags, **markers}):
            self._connect.untag(observed.arn, observed.tags.keys() & {ownership.CREATED_AT})
        return self._compare_again(observed, markers) if markers else observed

    def _compare_again(self, observed: Observation, markers: Mapping[str, str]) -> Observation:
        """Return the adopted resource. Apply what Connect had not shown to differ."""
        observed, steps = self._compare(self._confirm(observed, markers))
        if steps.action is not Action.UPDATE:
            return observed
        self._run.log_plan(self._request.request_type, "update again", steps.changed)
        return self._act(steps, observed)

    def _confirm(self, observed: Observation, markers: Mapping[str, str]) -> Observation:
        """Wait until Connect shows the new owner; return the resource if the adoption still holds.

        In the same update, the old logical id may rename the resource before Connect shows the new
        one. Another stack may also take it, or its former owner may delete it.

        Raise ResourceConflict if somebody did, and Superseded if the adoption was undone.
        """
        taken = self._deletion.await_owner(observed, markers)
        taken = taken or self._run.look_again(partial(self._resource.look, observed.arn))
        if taken is None or taken.status is Status.DELETING:
            raise errors.ResourceConflict(
                f"{observed.arn} was deleted while this request took it over. Deploy again"
            )
        holds = ownership.made_by(taken.tags, self._request)
        if holds:
            self._undo_unless_kept(taken)
        if not holds or taken.state["Name"] != self._desired.state["Name"]:
            raise errors.ResourceConflict(f"{taken.arn} was renamed or taken by another request")
        return taken

    def _update(self, request: UpdateRequest) -> Observation:
        """Make the resource match the template. Re-create it if it is gone."""
        physical_id = request.physical_resource_id
        if not self._resource.owns(physical_id):
            return self._create()
        observed = self._run.look_again(partial(self._resource.look, physical_id))
        if observed is not None and observed.status is Status.DELETING:
            observed = self._run.wait(
                partial(self._resource.look, physical_id),
                lambda seen: seen is None or seen.status is not Status.DELETING,
                f"{physical_id} is still being deleted",
                seen=observed,
            )
        if observed is not None:
            try:
                return self._update_observed(request, observed)
            except errors.NotFound:
                if self._resource.look(physical_id) is not None:
                    raise  # the template names something else that does not exist
        previous = previous_properties(self._resource.model, request)
        if previous is not None:
            self._remove_rejected_replacement(request, previous, None)
        return self._create()

    def _update_observed(self, request: UpdateRequest, observed: Observation) -> Observation:
        """Make the live resource match the template."""
        previous = previous_properties(self._resource.model, request)
        if previous is not None:
            self._remove_rejected_replacement(request, previous, observed)
        self._claim.require_ours(observed)
        adopts = self._desired.ExistingResourcePolicy == "Adopt"
        markers = ownership.missing_markers(observed.tags, request, adopts=adopts)
        observed, steps = self._plan(observed, markers=markers, previous=previous)
        if steps.action is Action.REPLACE:
            if {"InstanceId", "Name"}.isdisjoint(steps.changed):
                raise errors.InvalidRequest(
                    f"Name: choose another one. A change of {', '.join(steps.changed)} needs a "
                    "replacement. CloudFormation creates the new resource before it deletes the "
                    "old one, and the old one still has this Name"
                )
            return self._create(observed)
        if observed.status is Status.BUSY and steps.action is Action.UPDATE:
            observed = self._settle(observed)
        if "Name" in steps.changed:
            try:
                self._await_free_name(observed)
            except errors.AlreadyExists as error:
                self._watch.end_rollback(error)
                steps = replace(steps, changed=())  # its destination fits the Name that it has
        return self._act(steps, observed)

    def _remove_rejected_replacement(
        self,
        request: UpdateRequest,
        previous: OwnedResourceProperties,
        observed: Observation | None,
    ) -> None:
        """Delete a replacement that the failed update made, if its response never arrived.

        Only a rollback has a previous template that the live resource cannot match. Without a live
        resource, the failed update re-created it, perhaps under another Name.
        """
        state, live = previous.state, observed.state if observed else self._desired.state
        fixed = previous.create_only if observed else previous.create_only | {"Name"}
        differs = any(state[name] != live[name] for name in fixed)
        if not differs or not self._watch.is_rolling_back(patient=True):
            return
        stray = self._run.look_again(partial(self._resource.look_for, previous))
        if stray is None or (observed is not None and _are_of_one_request(stray, observed)):
            return
        left = ownership.is_left_by_cancelled_create(stray.tags, request)
        recent = left and ownership.is_recent(stray.tags, request)
        if recent and self._stack.undoes(ownership.taken_at(stray.tags)) is not False:
            self._run.log(f"Update: delete the replacement of the failed update: {stray.arn}")
            self._deletion.undo(stray, self._resource.members.desired(previous))

    def _await_free_name(self, observed: Observation) -> None:
        """Wait while another resource has the Name. It may have given the Name up just now.

        A sibling of the same stack may also be about to change it. Meanwhile another logical id may
        take this resource over.

        Raise AlreadyExists if another resource keeps the Name, and ResourceConflict if this one is
        another owner's by then.
        """
        began = self._run.now()

        def look() -> Observation | None:
            holder = self._resource.look_for(self._desired)
            return None if holder is None or holder.arn == observed.arn else holder

        def ready(holder: Observation | None) -> bool:
            if holder is None:
                return True
            sibling = ownership.is_of_stack(holder.tags, self._request)
            patience = backoff.SIBLING_PATIENCE if sibling else backoff.CONSISTENCY_LAG
            return self._run.now() - began > patience

        waited = self._run.settle_time
        holder = self._run.wait(look, ready, "another resource still has the Name")
        if holder is not None:
            raise self._claim.conflict(holder, renames=True)
        if self._run.settle_time > waited and (now := self._resource.look(observed.arn)):
            self._claim.require_ours(now)

    def _plan(
        self,
        observed: Observation,
        *,
        markers: Mapping[str, str],
        previous: OwnedResourceProperties | None = None,
    ) -> tuple[Observation, Plan]:
        """Do the same as _compare(), and log the plan."""
        observed, steps = self._compare(observed, markers=markers, previous=previous)
        self._run.log_plan(self._request.request_type, steps.action.value, steps.changed)
        return observed, steps

    def _compare(
        self,
        observed: Observation,
        *,
        markers: Mapping[str, str] | None = None,
        previous: OwnedResourceProperties | None = None,
    ) -> tuple[Observation, Plan]:
        """Return the observation with its members, and the plan for it.

        previous: the properties of the previous template for this very resource.
        """
        desired, members = self._desired, self._resource.members
        before = previous or desired
        wanted, earlier = members.desired(desired), members.desired(before)
        if wanted or earlier:
            observed = replace(observed, members=members.list(observed))
        steps = plan(
            desired.state,
            observed,
            desired.create_only,
            previous=before.state,
            tags=({**desired.Tags, **(markers or {})}, before.Tags),
            members=(wanted, earlier),
        )
        return observed, steps

    def _act(self, steps: Plan, observed: Observation) -> Observation:
        """Apply a plan, adding before removing. Old tags go first only if both do not fit."""
        if len({**observed.tags, **steps.tag}) > TAG_LIMIT:
            self._connect.untag(observed.arn, steps.untag)
            steps = replace(steps, untag=frozenset())
        self._connect.tag(observed.arn, steps.tag)
        self._run.physical_id = observed.arn  # not before, or a Delete finds the old owner's tags
        for member in sorted(steps.add):
            self._add_member(observed, member)
        try:
            if steps.changed:
                observed = self._resource.update(observed, self._desired, steps.changed)
        except errors.Superseded:
            raise
        except errors.REFUSALS as error:
            taken = isinstance(error, errors.AlreadyExists)
            holder = self._resource.look_for(self._desired) if taken else None
            self._watch.end_rollback(
                self._claim.conflict(holder, renames=True) if holder else error
            )
        self._resource.members.remove_each(observed, steps.remove)
        self._connect.untag(observed.arn, steps.untag)
        return observed

    def _add_member(self, observed: Observation, member: str) -> None:
        """Add a member. A rollback continues without a member that Connect refuses."""
        members = self._resource.members
        try:
            members.add(observed, member)
        except (errors.NotFound, errors.InvalidRequest) as error:
            path = members.path(self._desired, member)
            self._watch.end_rollback(type(error)(f"{path}: {error}"))


def _are_of_one_request(stray: Observation, live: Observation) -> bool:
    """Return whether they are the same resource, or somebody copied one with its tags."""
    same_request = stray.tags.get(ownership.REQUEST_ID) == live.tags.get(ownership.REQUEST_ID)
    return stray.arn == live.arn or same_request
