"""Deletes what the provider owns, and nothing else: what was adopted is released."""

from typing import Any

from connect_provider import backoff, ownership
from connect_provider.errors import InvalidRequest, NotFound, ProviderError
from connect_provider.ownership import Owner
from connect_provider.properties import parse_properties
from connect_provider.reconcile.plan import Observed
from connect_provider.reconcile.resource import Resource
from connect_provider.request import UNCONFIRMED, DeleteRequest, Request
from connect_provider.run import Run
from connect_provider.stack.describe import resource_of


class Deletion:
    """One run of a Delete. The properties are never validated: a stack can always be deleted."""

    def __init__(self, resource: Resource[Any], run: Run) -> None:
        """Serve one run of a Delete of such a resource."""
        self._resource = resource
        self._run = run

    def carry_out(self, request: DeleteRequest) -> None:
        """Delete the resource if it is this request's to delete, and wait until it is gone."""
        observed = self._deletable(request)
        if observed is not None:
            self._delete(request, observed)

    def withdraw(self, request: Request, observed: Observed) -> None:
        """Undo what a request of its stack made: delete it, or release what was adopted."""
        if ownership.adopted(observed.tags):
            self._release(request, observed)
        else:
            self._delete(request, observed)

    def _delete(self, request: Request, observed: Observed) -> None:
        """Delete the resource, and wait until it is gone."""
        remaining = self._wait(observed)
        if remaining is None:
            return
        self._withdraw_members(request, remaining)
        remaining = self._resource.delete(remaining)
        wait = self._run.begin_wait()
        while remaining is not None:
            wait.pause(remaining)
            remaining = self._resource.observe(remaining.arn)
            if remaining is not None and wait.elapsed() > backoff.CONSISTENCY_LAG:
                self._resource.check_deleting(remaining)

    def _release(self, request: Request, observed: Observed) -> None:
        """Leave what was adopted where it is, with nothing of the stack's on it."""
        if ownership.owner(observed.tags, request) is Owner.THIS:
            self._withdraw_members(request, observed)
        self._run.connect.untag(observed.arn, ownership.RELEASED & observed.tags.keys())

    def _wait(self, observed: Observed) -> Observed | None:
        """Wait until nothing is under way; return what there is then to be deleted."""
        wait = self._run.begin_wait()
        seen: Observed | None = observed
        while seen is not None and self._resource.busy(seen):
            wait.pause(seen)
            seen = self._resource.observe(seen.arn)
        return seen

    def _deletable(self, request: DeleteRequest) -> Observed | None:
        """Return what this Delete is to delete, after it has released what it is not to."""
        physical_id = request.physical_resource_id
        if not self._resource.owns(physical_id):
            return self._left_behind(request)
        observed = self._resource.observe(physical_id)
        if observed is None:
            self._run.log("Delete: nothing, since it is gone")
            return None
        owner = ownership.owner(observed.tags, request)
        properties = request.resource_properties
        policy = isinstance(properties, dict) and properties.get("ExistingResourcePolicy")
        if owner is Owner.ANOTHER:
            self._run.log("Delete: nothing, since it belongs to another stack or logical id")
        elif ownership.adopted_since(observed.tags, request):
            self._run.log("Delete: nothing, since it was adopted again later")
        elif ownership.adopted(observed.tags) or (owner is Owner.NOBODY and policy == "Adopt"):
            self._run.log("Delete: release it, since it was adopted")
            self._release(request, observed)
        else:
            return observed
        return None

    def _left_behind(self, request: DeleteRequest) -> Observed | None:
        """Return what a create without a known id left: one that failed, or was cancelled."""
        try:
            desired = parse_properties(self._resource.model, request.resource_properties)
        except InvalidRequest:
            return None  # a create with these properties made no call
        try:
            observed = self._resource.find(desired)
        except (NotFound, InvalidRequest):
            return None  # not even the instance exists
        if observed is None:
            return None
        physical_id = request.physical_resource_id
        if physical_id.startswith(UNCONFIRMED):
            created_by = physical_id.removeprefix(UNCONFIRMED)
            ours = ownership.made_by(observed.tags, request, created_by)
            ours = ours and not ownership.adopted(observed.tags)
        else:  # CloudFormation made the id up
            ours = ownership.left_by_cancelled_create(observed.tags, request)
            ours = ours and not self._in_use(request, observed)
        return observed if ours else None

    def _in_use(self, request: DeleteRequest, observed: Observed) -> bool:
        """Tell whether the stack has the resource by now: from an update that came after all.

        Where CloudFormation does not tell, the Delete goes on in the next run.
        """
        try:
            resource = resource_of(request.stack_id, request.logical_resource_id)
        except ProviderError as error:
            error.unfinished = True
            raise
        return resource.physical_id == observed.arn

    def _withdraw_members(self, request: Request, observed: Observed) -> None:
        """Take out the members that the template put in."""
        try:
            properties = parse_properties(self._resource.model, request.resource_properties)
        except InvalidRequest:
            return  # they were never applied
        members = self._resource.members(properties)
        if not members:
            return
        try:
            there = self._resource.list_members(observed)
        except NotFound:
            return  # an earlier run has deleted the resource
        for member in sorted(members & there):
            self._resource.leave(observed, member)
