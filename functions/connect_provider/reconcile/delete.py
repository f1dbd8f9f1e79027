"""Deletes a resource that the stack owns. Releases an adopted one: keeps it, removes our tags."""

from contextlib import suppress
from functools import partial
from typing import Any

from connect_provider import ownership
from connect_provider.connect import Connect
from connect_provider.errors import InvalidRequest, NotFound, NotStabilized
from connect_provider.ownership import Owner
from connect_provider.properties import OwnedResourceProperties, parse_properties
from connect_provider.reconcile.plan import Observation, Status
from connect_provider.reconcile.resource import Resource
from connect_provider.request import UNCONFIRMED, Request
from connect_provider.run import Run
from connect_provider.stack.watch import StackWatch


class Deletion:
    """The deletion of a resource, for a Delete or to undo a superseded request.

    Invalid properties are no error: a stack can always be deleted.
    """

    def __init__(
        self, resource_type: type[Resource[Any]], request: Request, run: Run, watch: StackWatch
    ) -> None:
        self._connect = Connect(run)  # no guard: a deletion is wanted, whatever the stack does
        self._resource = resource_type(self._connect)
        self._request = request
        self._run = run
        self._watch = watch

    def carry_out(self) -> None:
        """Delete the resource if it belongs to this request, and wait until it is gone."""
        physical_id = self._run.physical_id
        if self._resource.owns(physical_id):
            observed = self._owned(physical_id)
        else:
            observed = self._left_behind(physical_id)
        if observed is not None:
            self._delete(observed)

    def undo(self, observed: Observation) -> None:
        """Undo a superseded request: delete the resource, or release it if it was adopted."""
        if ownership.is_adopted(observed.tags):
            self._release(observed)
        else:
            self._delete(observed)

    def _owned(self, physical_id: str) -> Observation | None:
        """Return the resource if this Delete may delete it. Release it if it was adopted."""
        observed = self._resource.look(physical_id)
        if observed is None:
            self._run.log("Delete: nothing, the resource is gone")
            return None
        owner = ownership.owner(observed.tags, self._request)
        if owner is Owner.ANOTHER:
            self._run.log("Delete: nothing, another stack or logical id owns the resource")
        elif ownership.is_adopted_since(observed.tags, self._request):
            self._run.log("Delete: nothing, a later request adopted the resource")
        elif ownership.is_adopted(observed.tags) or (owner is Owner.NOBODY and self._adopts()):
            self._run.log("Delete: release the adopted resource")
            self._release(observed)
        else:
            return observed
        return None

    def _adopts(self) -> bool:
        properties = self._request.resource_properties
        return isinstance(properties, dict) and properties.get("ExistingResourcePolicy") == "Adopt"

    def _left_behind(self, physical_id: str) -> Observation | None:
        """Return the resource of a failed or cancelled Create whose id CloudFormation lacks."""
        desired = self._properties()
        if desired is None:
            return None  # a Create with these properties made no call
        try:
            observed = self._resource.look(self._resource.find(desired))
        except (NotFound, InvalidRequest):
            return None  # not even the instance exists
        if observed is None:
            return None
        if physical_id.startswith(UNCONFIRMED):
            creator = physical_id.removeprefix(UNCONFIRMED)
            ours = ownership.made_by(observed.tags, self._request, creator)
            ours = ours and not ownership.is_adopted(observed.tags)
        else:  # an id that CloudFormation made up
            ours = ownership.is_left_by_cancelled_create(observed.tags, self._request)
            ours = ours and not self._watch.has(observed.arn)  # a later update may have it
        return observed if ours else None

    def _delete(self, observed: Observation) -> None:
        """Wait until the resource can be deleted, delete it, and wait until it is gone."""
        arn = observed.arn
        look = partial(self._resource.look, arn)
        idle = self._run.wait(
            look,
            lambda seen: seen is None or seen.status is not Status.BUSY,
            f"{arn} is still being changed",
            seen=observed,
        )
        if idle is None:
            return
        self._remove_members(idle)
        remaining = None
        with suppress(NotFound):
            remaining = self._resource.delete(idle)
        if remaining is None:
            return
        began = self._run.now()
        remaining = self._run.wait(
            look,
            lambda seen: (
                not seen or (seen.status is Status.FAILED and self._run.lag_is_over(began))
            ),
            f"{arn} is still being deleted",
            seen=remaining,
        )
        if remaining is not None:
            usage = self._resource.usage(remaining)
            raise NotStabilized(f"{arn} is {remaining.attributes['Status']}. {usage}")

    def _release(self, observed: Observation) -> None:
        """Release an adopted resource: keep it, remove our members and our tags."""
        if ownership.owner(observed.tags, self._request) is Owner.THIS:
            self._remove_members(observed)
        self._connect.untag(observed.arn, ownership.RELEASED & observed.tags.keys())

    def _remove_members(self, observed: Observation) -> None:
        """Remove the members that the template added."""
        properties = self._properties()
        if properties is not None:
            self._resource.members.remove_desired(observed, properties)

    def _properties(self) -> OwnedResourceProperties | None:
        """Return the properties, or None if they are invalid: then they were never applied."""
        model: type[OwnedResourceProperties] = self._resource.model
        try:
            return parse_properties(model, self._request.resource_properties)
        except InvalidRequest:
            return None
