"""Deletes a resource that the stack owns. Releases an adopted one: keeps it, removes our tags."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from connect_provider import backoff, ownership
from connect_provider.connect import Connect
from connect_provider.errors import (
    InvalidRequest,
    NotFound,
    NotStabilized,
    ProviderError,
    ResourceConflict,
)
from connect_provider.ownership import Owner
from connect_provider.properties import OwnedResourceProperties, desired_properties
from connect_provider.reconcile.plan import MemberIds, Observation, Status
from connect_provider.reconcile.resource import Resource
from connect_provider.request import UNCONFIRMED, DeleteRequest, Request
from connect_provider.run import Run
from connect_provider.stack.resources import StackResources


class Deletion:
    """The deletion of a resource, for a Delete or to undo a superseded request.

    Invalid properties are no error: a stack can always be deleted.
    """

    def __init__(
        self,
        resource_type: type[Resource[Any]],
        request: Request,
        run: Run,
        stack: StackResources,
    ) -> None:
        self._connect = Connect(run)  # no guard: a deletion is always wanted
        self._resource = resource_type(self._connect)
        self._request = request
        self._run = run
        self._stack = stack

    def carry_out(self) -> None:
        """Delete the resource if it belongs to this request, and wait until it is gone."""
        physical_id = self._run.physical_id
        if self._resource.owns(physical_id):
            observed = self._owned(physical_id)
        else:
            observed = self._left_behind(physical_id)
        if observed is not None:
            self.undo(observed, self._members())

    def undo(self, observed: Observation, members: MemberIds) -> None:
        """End the ownership of a resource: hand it back, release it, or delete it.

        members: those to remove, if they are live.
        """
        tags, moved_from = observed.tags, observed.tags.get(ownership.MOVED_FROM, "")
        moved = moved_from not in ("", self._request.logical_resource_id)
        if moved and self._hand_back(observed, moved_from):
            return
        if moved and self.is_of_another_stack(observed.arn):
            return
        if ownership.is_adopted(tags) or not ownership.is_deletable(tags, adopts=self._adopts()):
            self._run.log(f"{self._request.request_type}: release the adopted resource")
            self._release(observed, members)
        else:
            self._delete(observed, members)

    def _hand_back(self, observed: Observation, logical_id: str) -> bool:
        """Return a moved resource to the logical id that had it; return whether that keeps it.

        The Delete of that logical id may come meanwhile. It leaves the resource alone if Connect
        still shows our tags.
        """
        if not self._keeps(observed, logical_id):
            return False
        if self.is_of_another_stack(observed.arn):
            return True
        self._run.log(f"{self._request.request_type}: hand the resource back to {logical_id}")
        owner = ownership.moved_back_markers(observed.tags, logical_id)
        with suppress(NotFound):  # somebody has deleted it, and Connect still showed it
            self._connect.tag(observed.arn, owner)
        self.await_owner(observed, owner)
        return self._keeps(observed, logical_id)

    def _keeps(self, observed: Observation, logical_id: str) -> bool:
        """Return whether the earlier logical id of a moved resource has it, or may go back to it.

        CloudFormation sends the Deletes of an operation after its Updates.
        """
        if isinstance(self._request, DeleteRequest):
            return self._stack.has(observed.arn, logical_id)
        taken = ownership.taken_at(observed.tags)
        return not self._stack.has_left(observed.arn, logical_id, taken)

    def is_of_another_stack(self, arn: str) -> bool:
        """Return whether another stack has taken a resource, perhaps during a wait of this run."""
        observed, stack_id = self._resource.look(arn), self._request.stack_id
        taken = observed and observed.tags.get(ownership.STACK_ID, stack_id) != stack_id
        if taken:
            self._run.log(f"{self._request.request_type}: another stack has taken {arn}")
        return bool(taken)

    def replaced_at(self, physical_id: str) -> datetime | None:
        """Return when a logical id of the stack took its present resource, None if unknown."""
        if not self._resource.owns(physical_id):
            return None
        observed = self._run.look_again(partial(self._resource.look, physical_id))
        return ownership.taken_at(observed.tags) if observed else None

    def await_owner(self, before: Observation, markers: Mapping[str, str]) -> Observation | None:
        """Wait until Connect shows the markers of a new owner; return the resource as it is then.

        If there was an owner before, its Delete comes next. Connect may show the new owner once and
        the old one in the next read, so only the end of the lag counts. The same holds for members,
        which an owner may just have removed.
        """
        look = partial(self._resource.look, before.arn)
        if before.members or ownership.owner(before.tags, self._request) is not Owner.NOBODY:
            self._run.outlast_lag()
            return look()
        return self._run.wait(
            look,
            lambda seen: (
                self._run.lag_is_over()
                or (seen is not None and markers.items() <= seen.tags.items())
            ),
            f"Connect does not show the new owner of {before.arn}",
        )

    def _owned(self, physical_id: str) -> Observation | None:
        """Return the resource if it belongs to this Delete."""
        observed = self._run.look_again(partial(self._resource.look, physical_id))
        if observed is None:
            self._run.log("Delete: nothing, the resource is gone")
        elif ownership.is_taken_since(observed.tags, self._request):
            self._run.log("Delete: nothing, a later request took the resource")
        elif ownership.owner(observed.tags, self._request) is not Owner.ANOTHER:
            return observed
        elif self._is_left_to_this(observed):
            owner = {ownership.LOGICAL_ID: self._request.logical_resource_id}
            return replace(observed, tags={**observed.tags, **owner})
        else:
            self._run.log("Delete: nothing, another stack or logical id owns the resource")
        return None

    def _is_left_to_this(self, observed: Observation) -> bool:
        """Return whether another logical id left a resource behind that it took from this one.

        Its creation was rolled back, and `Retain` kept it. It may also be deleted with this one. A
        Delete that runs again proves nothing, because the stack may have moved on.
        """
        tags = observed.tags
        if not ownership.was_moved_from(tags, self._request):
            return False
        logical_id, taken = tags.get(ownership.LOGICAL_ID, ""), ownership.taken_at(tags)
        left = self._stack.has_left(observed.arn, logical_id, taken, self.replaced_at)
        left = left and self._stack.is_of_present_operation()
        return left and not self.is_of_another_stack(observed.arn)  # the wait was long

    def _adopts(self) -> bool:
        properties = self._request.resource_properties
        return isinstance(properties, dict) and properties.get("ExistingResourcePolicy") == "Adopt"

    def _left_behind(self, physical_id: str) -> Observation | None:
        """Return the resource of a failed or canceled Create, if CloudFormation lacks its id."""
        desired = self._properties()
        if desired is None:
            return None  # a Create with these properties made no call

        def look() -> Observation | None:
            observed = self._resource.look_for(desired)
            return observed if observed and self._was_left(observed.tags, physical_id) else None

        try:
            observed = self._run.look_again(look)  # Connect may not show an adoption at once
        except (NotFound, InvalidRequest):
            return None  # not even the instance exists
        if observed is None or physical_id.startswith(UNCONFIRMED):
            return observed
        if self._stack.has(observed.arn):
            return None  # a later update made it
        undone = self._stack.undoes(ownership.taken_at(observed.tags))
        if undone or (undone is None and ownership.is_recent(observed.tags, self._request)):
            return observed
        self._run.log(f"Delete: nothing, an earlier operation made {observed.arn}")
        return None

    def _was_left(self, tags: ownership.Tags, physical_id: str) -> bool:
        """Return whether the request of an id without an ARN took the resource."""
        if not physical_id.startswith(UNCONFIRMED):
            return ownership.is_left_by_cancelled_create(tags, self._request)
        creator = physical_id.removeprefix(UNCONFIRMED)
        made = ownership.made_by(tags, self._request, creator)
        return made and not ownership.is_adopted(tags)

    def _delete(self, observed: Observation, members: MemberIds) -> None:
        """Wait until the resource can be deleted, delete it, and wait until it is gone.

        A refusal changes nothing. It is checked before the members are removed, or they are added
        again. To remove many takes minutes, and another stack may adopt the resource meanwhile.
        """
        idle = self._when_idle(observed)
        if idle is None:
            return
        removed = self._resource.members.live(idle, members)
        if removed and (blocker := self._lasting_blocker(idle)):
            raise ResourceConflict(f"{idle.arn} cannot be deleted. {blocker}")
        began = self._run.now()
        try:
            self._resource.members.remove_each(idle, removed)
            if self._run.now() - began > backoff.SLOW_REMOVAL and not self._owned(idle.arn):
                if self._resource.look(idle.arn) is not None:  # another owner has it
                    self._resource.members.put_back(idle, removed)
                return
            self._delete_alone(idle)
        except ProviderError as error:
            if error.unfinished:
                raise
            remaining = self._run.look_again(partial(self._resource.look, idle.arn))
            if remaining is None or remaining.status is Status.DELETING:
                self._await_deletion(remaining, began)  # of another run, or by somebody else
                return
            self._resource.members.put_back(idle, removed)
            raise

    def _when_idle(self, observed: Observation) -> Observation | None:
        """Return the resource when nothing changes it, or None if it is gone."""
        look = partial(self._resource.look, observed.arn)
        return self._run.wait(
            lambda: self._run.look_again(look),
            lambda seen: seen is None or seen.status is not Status.BUSY,
            f"{observed.arn} is still being changed",
            seen=observed,
        )

    def _lasting_blocker(self, observed: Observation) -> str:
        """Return what blocks the deletion. What just went may still show for the lag."""
        began = self._run.now()

        def look() -> tuple[str, bool]:
            over = self._run.lag_is_over(began)  # before the look, which may take long
            return self._resource.blocker(observed), over

        what, pace = f"{observed.arn} cannot be deleted", backoff.lag_delay
        return self._run.wait(look, lambda seen: not seen[0] or seen[1], what, pace=pace)[0]

    def _delete_alone(self, observed: Observation) -> None:
        """Delete a resource without members, and wait until it is gone."""
        look = partial(self._resource.look, observed.arn)
        try:
            remaining, began = self._resource.delete(observed), self._run.now()
        except NotFound:
            if self._run.look_again(look) is not None:  # the first try had no effect, or it is new
                self._run.note_change()
                self._delete_alone(observed)
            return
        except (InvalidRequest, ResourceConflict) as error:
            # Connect refuses a repeated deletion, and may still show the state before the first.
            # Another run may have deleted the resource just now, while Connect throttled this one.
            began = self._run.now()
            remaining = self._run.wait(
                lambda: self._run.look_again(look),
                lambda seen: (
                    not seen
                    or seen.status in (Status.DELETING, Status.BUSY)
                    or self._run.lag_is_over(began)
                ),
                f"{observed.arn} cannot be deleted: {error}",
            )
            if remaining and remaining.status is Status.BUSY:  # Connect hid that before
                self._run.note_change()
                if idle := self._when_idle(remaining):
                    self._delete_alone(idle)
                return
            taking_effect = remaining and remaining.status is Status.DELETING
            if remaining and not taking_effect and not error.maybe_done:
                raise type(error)(self._explain(observed, f"cannot be deleted: {error}")) from None
        self._await_deletion(remaining, began)

    def _await_deletion(self, observed: Observation | None, began: float) -> None:
        """Wait until the resource is gone. An older failure may show for the consistency lag."""
        if observed is None:
            return
        remaining = self._run.wait(
            partial(self._resource.look, observed.arn),
            lambda seen: (
                not seen or (seen.status is Status.FAILED and self._run.lag_is_over(began))
            ),
            f"{observed.arn} is still being deleted",
            seen=observed,
        )
        if remaining is not None:
            raise NotStabilized(self._explain(remaining, f"is {remaining.attributes['Status']}"))

    def _explain(self, observed: Observation, problem: str) -> str:
        blocker = self._resource.blocker(observed)
        return f"{observed.arn} {problem}. {blocker or 'Remove the resources that still use it'}"

    def _release(self, observed: Observation, members: MemberIds) -> None:
        """Release an adopted resource: keep it, remove our members and our tags."""
        if members and ownership.owner(observed.tags, self._request) is Owner.THIS:
            live = self._run.wait(
                lambda: self._resource.members.live(observed, members),
                lambda seen: seen == members or self._run.lag_is_over(),
                f"Connect does not list the members of {observed.arn}",
            )
            self._resource.members.remove_each(observed, live)
        with suppress(NotFound):  # somebody has deleted it, and Connect still showed it
            self._connect.untag(observed.arn, ownership.RELEASED & observed.tags.keys())

    def _members(self) -> MemberIds:
        """Return the members that the template names."""
        properties = self._properties()
        return self._resource.members.desired(properties) if properties else frozenset()

    def _properties(self) -> OwnedResourceProperties | None:
        """Return the properties, or None if they are invalid: then they were never applied."""
        model: type[OwnedResourceProperties] = self._resource.model
        try:
            return desired_properties(model, self._request)
        except InvalidRequest:
            return None
