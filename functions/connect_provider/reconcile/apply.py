"""Creates or updates a resource that the stack owns: observe, plan, act, settle."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from connect_provider import errors, ownership
from connect_provider.connect import Connect
from connect_provider.ownership import Owner
from connect_provider.properties import (
    TAG_LIMIT,
    OwnedResourceProperties,
    parse_properties,
    previous_properties,
)
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
        self._deletion = Deletion(resource_type, request, run, watch)
        self._request = request
        self._run = run
        self._watch = watch

    def delete(self) -> None:
        """Delete the resource if it belongs to this request, and wait until it is gone."""
        self._deletion.carry_out()

    @cached_property
    def _desired(self) -> OwnedResourceProperties:
        model: type[OwnedResourceProperties] = self._resource.model
        return parse_properties(model, self._request.resource_properties)

    def apply(self) -> Observation:
        """Make the resource match the template; return it."""
        _ = self._desired  # invalid properties fail here, before any call
        try:
            if isinstance(self._request, UpdateRequest):
                return self._update(self._request)
            return self._create()
        except errors.Superseded:
            self._undo_earlier_run()
            raise

    def _create(self) -> Observation:
        """Create the resource, or continue with the one that an earlier run of this request made.

        During the create call nobody knows whether it takes effect, and the physical id says so. A
        Delete then looks for a resource that this request made.
        """
        self._run.log_plan(self._request.request_type, Action.CREATE.value)
        self._run.physical_id = UNCONFIRMED + self._request.request_id
        try:
            markers = ownership.markers(self._request, ownership.CREATED_AT)
            tags = {**self._desired.Tags, **markers}
            observed = self._resource.create(self._desired, tags, self._request.request_id)
        except errors.AlreadyExists as conflict:
            return self._take_over(conflict)
        except errors.ProviderError as error:
            if not error.maybe_done:
                self._run.physical_id = self._run.initial_id
            raise
        self._run.physical_id = observed.arn
        observed = self._settle(observed)
        self._undo_unless_kept(observed)
        for member in sorted(self._resource.members.desired(self._desired)):
            self._add_member(observed, member)
        return observed

    def _settle(self, observed: Observation) -> Observation:
        """Wait until a created resource is ready."""
        arn, began = observed.arn, self._run.now()
        settled = self._run.wait(
            partial(self._resource.look, arn),
            lambda seen: seen.status is not Status.BUSY if seen else self._run.lag_is_over(began),
            f"{arn} is still being created",
            seen=observed,
        )
        if settled is None:
            raise errors.NotStabilized(f"{arn} disappeared while it was being created")
        if settled.status is not Status.READY:
            raise errors.NotStabilized(f"{arn} is {settled.attributes['Status']}")
        return settled

    def _undo_unless_kept(self, observed: Observation) -> None:
        """Undo this request if its stack neither waits for it nor has the resource.

        CloudFormation then cancelled the request and sends no Delete, or has sent one already.
        """
        if self._watch.keeps(observed.arn):
            return
        self._run.log(f"{self._request.request_type}: undo, CloudFormation no longer waits")
        self._deletion.undo(observed)
        self._run.physical_id = self._run.initial_id
        raise errors.Superseded

    def _undo_earlier_run(self) -> None:
        """Undo the effects of this request so far, in this run or an earlier one."""
        observed = self._resource.look(self._resource.find(self._desired))
        if observed is not None and ownership.made_by(observed.tags, self._request):
            self._undo_unless_kept(observed)

    def _take_over(self, conflict: errors.AlreadyExists) -> Observation:
        """Continue with the resource that has the Name, if this request made or may adopt it.

        Until we know that this request did not make it, a Delete must look for it.
        """
        observed = self._resource.look(self._resource.find(self._desired))
        if observed is None:
            raise conflict
        markers: Mapping[str, str] = {}
        if not self._is_ours(observed):
            self._run.physical_id = self._run.initial_id
            if self._desired.ExistingResourcePolicy != "Adopt":
                raise errors.AlreadyExists(f"{conflict} ({_how_to_resolve(observed)})")
            markers = ownership.markers(self._request, ownership.ADOPTED_AT)
        elif ownership.made_by(observed.tags, self._request):
            self._undo_unless_kept(observed)
        observed, steps = self._plan(observed, markers=markers)
        if steps.action is Action.REPLACE:
            raise errors.AlreadyExists(
                f"{observed.arn} cannot be adopted: its {', '.join(steps.changed)} differs from "
                "the template and cannot be changed. Write the live values into the template"
            )
        self._run.physical_id = observed.arn
        observed = self._settle(observed)
        observed = self._act(steps, observed)
        if markers or ownership.is_adopted(observed.tags):
            self._connect.untag(observed.arn, observed.tags.keys() & {ownership.CREATED_AT})
        return observed

    def _is_ours(self, observed: Observation) -> bool:
        """Return whether this request made the resource, or a rollback goes back to it.

        The rollback of a replacement is an Update with reversed properties. The replaced resource
        still exists then, so there is nothing to create.
        """
        if ownership.made_by(observed.tags, self._request):
            return True
        return (
            isinstance(self._request, UpdateRequest)
            and ownership.owner(observed.tags, self._request) is Owner.THIS
            and self._request.physical_resource_id != observed.arn
            and self._watch.is_rolling_back()
        )

    def _update(self, request: UpdateRequest) -> Observation:
        """Make the resource match the template. Re-create it if it is gone."""
        physical_id = request.physical_resource_id
        owns = self._resource.owns(physical_id)
        observed = self._resource.look(physical_id) if owns else None
        if observed is None:
            return self._create()
        if ownership.owner(observed.tags, request) is Owner.ANOTHER:
            return self._leave_to_its_owner(observed)
        previous = previous_properties(self._resource.model, request)
        observed, steps = self._plan(observed, previous=previous)
        if steps.action is not Action.REPLACE:
            return self._act(steps, observed)
        if {"InstanceId", "Name"}.isdisjoint(steps.changed):
            return self._refuse_replacement(steps, observed)
        return self._create()

    def _refuse_replacement(self, steps: Plan, observed: Observation) -> Observation:
        """Refuse a replacement that keeps its Name, but let a rollback end.

        The old resource has the Name until CloudFormation has the new one.
        """
        if self._watch.is_rolling_back():
            self._run.log("Update: nothing, the rollback would go back to a resource that is gone")
            return observed
        raise errors.InvalidRequest(
            f"Name: choose another one. A change of {', '.join(steps.changed)} needs a "
            "replacement. CloudFormation creates the new resource before it deletes the old one, "
            "and the old one still has this Name"
        )

    def _leave_to_its_owner(self, observed: Observation) -> Observation:
        """Refuse to update a resource that another stack adopted, but let a rollback end."""
        if self._watch.is_rolling_back():
            self._run.log("Update: nothing, another stack or logical id owns the resource")
            return observed
        raise errors.ResourceConflict(
            f"{observed.arn} was adopted{ownership.owner_text(observed.tags)}. Remove this resource"
            " from the template, which keeps the other stack's resource. Or take it back with "
            "another logical id and ExistingResourcePolicy: Adopt"
        )

    def _plan(
        self,
        observed: Observation,
        *,
        markers: Mapping[str, str] | None = None,
        previous: OwnedResourceProperties | None = None,
    ) -> tuple[Observation, Plan]:
        """Return the observation with its members, and the plan for it; log the plan.

        previous: the properties of the previous template for this very resource.
        """
        desired, members = self._desired, self._resource.members
        wanted = members.desired(desired)
        earlier = members.desired(previous) if previous else frozenset()
        if wanted or earlier:
            observed = replace(observed, members=members.list(observed))
        steps = plan(
            desired.state,
            observed,
            desired.create_only,
            tags=({**desired.Tags, **(markers or {})}, previous.Tags if previous else {}),
            members=(wanted, earlier),
        )
        self._run.log_plan(self._request.request_type, steps.action.value, steps.changed)
        return observed, steps

    def _act(self, steps: Plan, observed: Observation) -> Observation:
        """Apply a plan, adding before removing. Old tags go first only if both do not fit."""
        if len({**observed.tags, **steps.tag}) > TAG_LIMIT:
            self._connect.untag(observed.arn, steps.untag)
            steps = replace(steps, untag=frozenset())
        self._connect.tag(observed.arn, steps.tag)
        for member in sorted(steps.add):
            self._add_member(observed, member)
        observed = self._resource.update(observed, self._desired, steps.changed)
        self._resource.members.remove_each(observed, steps.remove)
        self._connect.untag(observed.arn, steps.untag)
        return observed

    def _add_member(self, observed: Observation, member: str) -> None:
        """Add a member. A rollback goes on without one that no longer exists."""
        try:
            self._resource.members.add(observed, member)
        except errors.NotFound:
            if not self._watch.is_rolling_back():
                raise
            self._run.log("Update: a member that the rollback would restore is gone")


def _how_to_resolve(observed: Observation) -> str:
    """Return the owner of the Name, and how to proceed."""
    owner = ownership.owner_text(observed.tags)
    then = ". Then remove it from that stack: removed before, it would be deleted"
    return (
        f"{observed.arn} has this Name{owner}. Choose another Name, or set ExistingResourcePolicy "
        f"to Adopt to take it over{then if owner else ''}"
    )
