"""Reconciles what the provider creates, owns and deletes: observe, plan, act, settle."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connect_provider import backoff, ownership
from connect_provider.errors import (
    AlreadyExists,
    InvalidRequest,
    NotFound,
    NotStabilized,
    ProviderError,
    ResourceConflict,
)
from connect_provider.ownership import Owner
from connect_provider.properties import (
    TAG_LIMIT,
    OwnedResourceProperties,
    parse_properties,
    previous_properties,
)
from connect_provider.reconcile.delete import Deletion
from connect_provider.reconcile.plan import Action, Observed, Plan, plan
from connect_provider.reconcile.resource import Resource
from connect_provider.request import (
    UNCONFIRMED,
    CreateRequest,
    DeleteRequest,
    UpdateRequest,
)
from connect_provider.run import Run

Properties = OwnedResourceProperties


class Owned:
    """The reconciler of a resource type whose ownership is written on each resource."""

    def __init__(self, resource: type[Resource[Any]], run: Run) -> None:
        """Serve one run of a request for the resource type."""
        self._run = run
        self._connect = run.connect
        self._resource = resource(run.connect)

    def apply(self, request: CreateRequest | UpdateRequest) -> Observed:
        """Create the resource, or make it what the template says."""
        desired = parse_properties(self._resource.model, request.resource_properties)
        self._attention = self._run.attend(request)
        try:
            if isinstance(request, UpdateRequest):
                return self._update(request, desired)
            return self._create(request, desired)
        except ProviderError as error:
            if error.overtaken:
                self._withdraw_earlier(request, desired)
            raise

    def _create(self, request: CreateRequest | UpdateRequest, desired: Properties) -> Observed:
        """Create the resource, or go on with what an earlier run of this request created.

        While the create call is under way nobody knows whether it takes effect, and the id says so:
        a Delete then looks for what this request made.
        """
        markers = ownership.creation_markers(request)
        self._run.log_plan(request.request_type, Action.CREATE.value)
        self._run.answer_with(UNCONFIRMED + request.request_id)
        try:
            tags = {**desired.Tags, **markers}
            observed = self._resource.create(desired, tags, request.request_id)
        except AlreadyExists as conflict:
            return self._take_over(request, desired, conflict)
        except ProviderError as error:
            if not error.maybe_done:
                self._run.answer_with("")
            raise
        self._run.answer_with(observed.arn)
        observed = self._settle(observed)
        self._withdraw_unless_needed(request, observed)
        for member in sorted(self._resource.members(desired)):
            self._join(request, observed, member)
        return observed

    def _withdraw_unless_needed(
        self, request: CreateRequest | UpdateRequest, observed: Observed
    ) -> None:
        """Undo what this request made, if its stack neither waits for it nor has it.

        It was cancelled, and no Delete comes for it: one may have come already.
        """
        if self._attention.needs(observed.arn):
            return
        self._run.log(f"{request.request_type}: undo it, since CloudFormation waits no longer")
        self._connect.before_write = None
        Deletion(self._resource, self._run).withdraw(request, observed)
        self._run.answer_with("")
        raise ResourceConflict("CloudFormation waits no longer for this request")

    def _withdraw_earlier(
        self, request: CreateRequest | UpdateRequest, desired: Properties
    ) -> None:
        """Undo what this request has made or adopted so far, in this run or in an earlier one."""
        observed = self._resource.find(desired)
        if observed is not None and ownership.made_by(observed.tags, request):
            self._withdraw_unless_needed(request, observed)

    def _take_over(
        self,
        request: CreateRequest | UpdateRequest,
        desired: Properties,
        conflict: AlreadyExists,
    ) -> Observed:
        """Go on with the resource that has the name, if this request made it or may adopt it.

        Until it is known not to be this request's, a Delete has to look for it.
        """
        observed = self._resource.find(desired)
        if observed is None:
            raise conflict
        markers: Mapping[str, str] = {}
        if not self._is_ours(request, observed):
            self._run.answer_with("")
            if desired.ExistingResourcePolicy != "Adopt":
                raise AlreadyExists(f"{conflict} ({_how_to_resolve(observed)})")
            markers = ownership.adoption_markers(request)
        elif ownership.made_by(observed.tags, request):
            self._withdraw_unless_needed(request, observed)
        observed, steps = self._plan(request, desired, observed, markers, previous=None)
        if steps.action is Action.REPLACE:
            raise AlreadyExists(
                f"{observed.arn} cannot be adopted: {', '.join(steps.changed)} of it differs from "
                "the template, and cannot be changed. Say in the template what Connect has"
            )
        self._run.answer_with(observed.arn)
        observed = self._settle(observed)
        observed = self._carry_out(request, steps, desired, observed)
        if markers or ownership.adopted(observed.tags):
            self._connect.untag(observed.arn, observed.tags.keys() & {ownership.CREATED_AT})
        return observed

    def _is_ours(self, request: CreateRequest | UpdateRequest, observed: Observed) -> bool:
        """Tell whether this request made the resource, or a rollback goes back to it.

        A replacement that is rolled back is an Update with the reversed properties. What it would
        create is still there: it is what was to be replaced.
        """
        if ownership.made_by(observed.tags, request):
            return True
        return (
            isinstance(request, UpdateRequest)
            and ownership.owner(observed.tags, request) is Owner.THIS
            and request.physical_resource_id != observed.arn
            and self._run.rolling_back(request.stack_id)
        )

    def _update(self, request: UpdateRequest, desired: Properties) -> Observed:
        """Make the resource what the template says; create it anew where it is gone."""
        physical_id = request.physical_resource_id
        owns = self._resource.owns(physical_id)
        observed = self._resource.observe(physical_id) if owns else None
        if observed is None:
            return self._create(request, desired)
        if ownership.owner(observed.tags, request) is Owner.ANOTHER:
            return self._leave_to_its_owner(request, observed)
        previous = previous_properties(self._resource.model, request)
        observed, steps = self._plan(request, desired, observed, {}, previous)
        if steps.action is Action.REPLACE:
            try:
                self._resource.refuse_replacement(desired, observed)
            except InvalidRequest:
                if not self._run.rolling_back(request.stack_id):
                    raise
                self._run.log("Update: nothing, since what the rollback goes back to is gone")
                return observed
            return self._create(request, desired)
        return self._carry_out(request, steps, desired, observed)

    def _leave_to_its_owner(self, request: UpdateRequest, observed: Observed) -> Observed:
        """Refuse to update what another stack adopted, but let a rollback end."""
        if self._run.rolling_back(request.stack_id):
            self._run.log("Update: nothing, since it belongs to another stack or logical id")
            return observed
        raise ResourceConflict(
            f"{observed.arn} was adopted{_owned_by(observed)}. Remove this resource from the "
            "template, which leaves the other's alone, or take it back with another logical id "
            "and ExistingResourcePolicy: Adopt"
        )

    def _plan(
        self,
        request: CreateRequest | UpdateRequest,
        desired: Properties,
        observed: Observed,
        markers: Mapping[str, str],
        previous: Properties | None,
    ) -> tuple[Observed, Plan]:
        """Return the plan, and what it was made for, members included; log it.

        previous: what the previous template said of this very resource.
        """
        members = self._resource.members(desired)
        previous_members = self._resource.members(previous) if previous else frozenset()
        if members or previous_members:
            observed = replace(observed, members=self._resource.list_members(observed))
        steps = plan(
            self._resource.canonical(desired),
            observed,
            self._resource.model.create_only,
            tags=({**desired.Tags, **markers}, previous.Tags if previous else {}),
            members=(members, previous_members),
        )
        self._run.log_plan(request.request_type, steps.action.value, steps.changed)
        return observed, steps

    def _join(
        self, request: CreateRequest | UpdateRequest, observed: Observed, member: str
    ) -> None:
        """Make one more belong to the resource; a rollback goes on without who is gone."""
        try:
            self._resource.join(observed, member)
        except NotFound:
            if not self._run.rolling_back(request.stack_id):
                raise
            self._run.log("Update: a member that the rollback goes back to is gone")

    def _carry_out(
        self,
        request: CreateRequest | UpdateRequest,
        steps: Plan,
        desired: Properties,
        observed: Observed,
    ) -> Observed:
        """Carry out a plan: what is added first, so that no moment lacks both old and new.

        Only where both do not fit at the same time, old tags go first.
        """
        if len({**observed.tags, **steps.tag}) > TAG_LIMIT:
            self._connect.untag(observed.arn, steps.untag)
            steps = replace(steps, untag=frozenset())
        self._connect.tag(observed.arn, steps.tag)
        for member in sorted(steps.join):
            self._join(request, observed, member)
        observed = self._resource.update(observed, desired, steps.changed)
        for member in sorted(steps.leave):
            self._resource.leave(observed, member)
        self._connect.untag(observed.arn, steps.untag)
        return observed

    def _settle(self, observed: Observed) -> Observed:
        """Wait until a created resource is stable."""
        wait = self._run.begin_wait()
        while self._resource.busy(observed):
            wait.pause(observed)
            seen = self._resource.observe(observed.arn)
            if seen is None and wait.elapsed() > backoff.CONSISTENCY_LAG:
                raise NotStabilized(f"{observed.arn} disappeared while it was being created")
            observed = seen or observed
        self._resource.check_created(observed)
        return observed

    def delete(self, request: DeleteRequest) -> None:
        """Delete the resource if it is this request's to delete, and wait until it is gone."""
        Deletion(self._resource, self._run).carry_out(request)


def _how_to_resolve(observed: Observed) -> str:
    """Return who has the Name, and what to do."""
    owner = _owned_by(observed)
    then = ", and remove it from that stack afterwards: before, that would delete it"
    return (
        f"{observed.arn} has this Name{owner}. Choose another Name, or set ExistingResourcePolicy "
        f"to Adopt to take it over{then if owner else ''}"
    )


def _owned_by(observed: Observed) -> str:
    """Return ", owned by LogicalId of the stack's ARN", or nothing where no markers tell."""
    stack, logical_id = (observed.tags.get(k) for k in (ownership.STACK_ID, ownership.LOGICAL_ID))
    return f", owned by {logical_id} of {stack}" if stack and logical_id else ""
