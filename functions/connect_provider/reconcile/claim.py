"""Decides whether a request may use a resource that exists already, and as whose."""

from collections.abc import Mapping
from typing import Any

from connect_provider import errors, ownership
from connect_provider.connect import Connect
from connect_provider.ownership import Owner
from connect_provider.properties import replaced_properties
from connect_provider.reconcile.delete import Deletion
from connect_provider.reconcile.plan import Observation, Status
from connect_provider.reconcile.resource import Resource
from connect_provider.request import Request, UpdateRequest
from connect_provider.stack.watch import StackWatch


class Claim:
    """The claim of a request to a resource that has its Name or its physical id."""

    def __init__(
        self,
        resource: Resource[Any],
        connect: Connect,
        deletion: Deletion,
        request: Request,
        watch: StackWatch,
    ) -> None:
        self._resource = resource
        self._connect = connect
        self._deletion = deletion
        self._request = request
        self._watch = watch
        self._stack = watch.resources

    def is_ours(self, observed: Observation) -> bool:
        """Return whether this request made the resource, or a rollback goes back to it.

        The rollback of a replacement is an Update with reversed properties. The replaced resource
        still exists then, so there is nothing to create.
        """
        if ownership.made_by(observed.tags, self._request):
            return True
        return (
            isinstance(self._request, UpdateRequest)
            and ownership.owner(observed.tags, self._request) is Owner.THIS
            and self._watch.turns_out_to_roll_back()
        )

    def conflict(self, observed: Observation, *, renames: bool = False) -> errors.AlreadyExists:
        """Return the error that names the resource with the Name, its owner, and the way out.

        renames: the stack has a resource already, and a rename adopts no other one.
        """
        owner = ownership.owner_text(observed.tags, self._request)
        advice = "set ExistingResourcePolicy to Adopt to take it over"
        if renames:
            advice = "rename or delete that resource first. A rename adopts nothing"
        elif ownership.owner(observed.tags, self._request) is Owner.THIS:
            advice += ", unless CloudFormation still has to delete it after a failed update"
        elif ownership.is_of_stack(observed.tags, self._request):
            advice = "set ExistingResourcePolicy to Adopt to move it to this logical id"
        elif owner:
            advice += ". Only then remove it from that stack, which otherwise deletes it"
        return errors.AlreadyExists(
            f"{observed.arn} has this Name{owner}. Choose another Name, or {advice}"
        )

    def adoption_markers(self, observed: Observation) -> Mapping[str, str]:
        """Return the tags that take the resource over.

        The ownership moves if the stack has the resource under another logical id, or lets go of it
        in the present operation. It may still have the resource under the earlier logical id: a
        move was canceled and `Retain` kept its target, or this is the second move of an operation.
        Otherwise, `Retain` kept the resource itself.
        """
        tags, request, arn = observed.tags, self._request, observed.arn
        if ownership.is_of_stack(tags, request):
            own = request.logical_resource_id
            holder = tags.get(ownership.LOGICAL_ID, own)
            earlier = tags.get(ownership.MOVED_FROM, own)
            if earlier != own and self._stack.has(arn, earlier):
                return ownership.move_markers(tags, request, earlier)
            if holder != own and not self._has_left(arn, holder, tags):
                return ownership.move_markers(tags, request, holder)
        return ownership.markers(request, ownership.ADOPTED_AT)

    def require_ours(self, observed: Observation) -> None:
        """Raise ResourceConflict if the resource cannot be updated, or is another owner's."""
        tags, logical_id = observed.tags, self._request.logical_resource_id
        if observed.status is Status.FAILED:
            raise errors.ResourceConflict(
                f"{observed.arn} is {observed.attributes['Status']}. Delete it, and the next "
                "update re-creates it"
            )
        if ownership.owner(tags, self._request) is not Owner.ANOTHER:
            return
        if ownership.was_moved_from(tags, self._request) and self._may_take_back(observed):
            owner = ownership.moved_back_markers(tags, logical_id)
            self._connect.tag(observed.arn, owner)
            self._deletion.await_owner(observed, owner)
            return
        raise errors.ResourceConflict(
            f"{observed.arn} was adopted{ownership.owner_text(tags, self._request)}. Remove this "
            "resource from the template, which keeps the other owner's resource. Or take it back "
            "with another logical id and ExistingResourcePolicy: Adopt"
        )

    def _may_take_back(self, observed: Observation) -> bool:
        """Return whether another logical id no longer has the resource that it took from this one.

        It may be about to take it. Only a rollback ends that, unless it returns to another one.
        """
        is_left = self._is_left(observed)  # it may take half a minute to tell
        return is_left and not self._deletion.is_of_another_stack(observed.arn)

    def _is_left(self, observed: Observation) -> bool:
        arn, logical_id = observed.arn, observed.tags.get(ownership.LOGICAL_ID, "")
        if self._has_left(arn, logical_id, observed.tags):
            return True
        if replaced_properties(self._resource.model, self._request) is not None:
            return False
        rolls_back = not self._stack.has(arn, logical_id) and self._watch.turns_out_to_roll_back()
        return rolls_back and not self._stack.has(arn, logical_id)  # the wait was long

    def _has_left(self, arn: str, logical_id: str, tags: ownership.Tags) -> bool:
        """Return whether an earlier operation left the resource of another logical id behind."""
        taken, replaced_at = ownership.taken_at(tags), self._deletion.replaced_at
        return self._stack.has_left(arn, logical_id, taken, replaced_at)
