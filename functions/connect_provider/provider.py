"""A request's way through: parse, observe, plan, act, settle."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from connect_provider import connect, ownership, waiting
from connect_provider.errors import (
    AlreadyExists,
    InvalidRequest,
    NotStabilized,
    ProviderError,
    ResourceConflict,
)
from connect_provider.helper import Helper
from connect_provider.ownership import Owner
from connect_provider.plan import Action, Observed, Plan, plan
from connect_provider.properties import OwnedResourceProperties, parse_properties
from connect_provider.request import (
    NEVER_CREATED,
    UNCONFIRMED,
    DeleteRequest,
    LambdaContext,
    Request,
    UpdateRequest,
    parse_request,
)
from connect_provider.resource import Resource

logger = logging.getLogger("connect_provider")


class Provider:
    """Serves the requests of the resource types that one function handles."""

    def __init__(self, helper: Helper, resources: Mapping[str, type[Resource[Any]]]) -> None:
        """Register with crhelper. resources: ResourceType -> what serves it."""
        self._helper = helper
        self._resources = resources
        for register in (helper.create, helper.update, helper.delete):
            register(self._serve)

    def _serve(self, event: dict[str, Any], context: LambdaContext) -> str:
        """Do what a request asks; return the physical id."""
        request = parse_request(event)
        if isinstance(request, DeleteRequest):
            self._delete(request)
            return request.physical_resource_id
        resource = self._resource(request)
        desired = parse_properties(resource.model, request.resource_properties)
        if isinstance(request, UpdateRequest):
            observed = self._update(request, resource, desired)
        else:
            observed = self._create(request, resource, desired)
        self._helper.Data.update(observed.attributes)
        return observed.arn

    def _resource(self, request: Request) -> Resource[Any]:
        """Return what serves the request's ResourceType."""
        if request.resource_type not in self._resources:
            known = ", ".join(self._resources)
            raise InvalidRequest(f"ResourceType: this function serves {known}")
        self._connect = connect.Connect(self._helper.invocation.time_to_wait)
        return self._resources[request.resource_type](self._connect)

    def _create(
        self, request: Request, resource: Resource[Any], desired: OwnedResourceProperties
    ) -> Observed:
        """Create the resource, or go on with what an earlier run of this request created.

        While the create call is under way nobody knows whether it takes effect, and the id says so:
        a Delete then looks for what this request made.
        """
        markers = ownership.creation_markers(request)
        self._log(request, Plan(Action.CREATE))
        self._helper.PhysicalResourceId = UNCONFIRMED + request.request_id
        try:
            observed = resource.create(desired, {**desired.Tags, **markers}, request.request_id)
        except AlreadyExists as conflict:
            self._helper.PhysicalResourceId = ""
            return self._take_over(request, resource, desired, conflict)
        except ProviderError as error:
            if not error.maybe_done:
                self._helper.PhysicalResourceId = ""
            raise
        self._helper.PhysicalResourceId = observed.arn
        return self._settle(resource, observed)

    def _take_over(
        self,
        request: Request,
        resource: Resource[Any],
        desired: OwnedResourceProperties,
        conflict: AlreadyExists,
    ) -> Observed:
        """Go on with the resource that has the name, if this request made it or may adopt it."""
        observed = resource.find(desired)
        if observed is None:
            raise conflict
        markers: Mapping[str, str] = {}
        if not ownership.made_by(observed.tags, request):
            if desired.ExistingResourcePolicy != "Adopt":
                raise AlreadyExists(
                    f"{conflict} ({observed.arn} has this Name. Choose another Name, delete it, or "
                    "set ExistingResourcePolicy to Adopt to take it over)"
                )
            markers = ownership.adoption_markers(request)
        steps = self._plan(request, resource, desired, observed, markers)
        if steps.action is Action.REPLACE:
            raise AlreadyExists(
                f"{observed.arn} cannot be adopted: {', '.join(steps.changed)} of it differs from "
                "the template, and cannot be changed"
            )
        self._helper.PhysicalResourceId = observed.arn
        observed = self._apply(resource, desired, observed, steps)
        if markers:
            self._connect.untag(observed.arn, observed.tags.keys() & {ownership.CREATED_AT})
        return self._settle(resource, observed)

    def _update(
        self, request: UpdateRequest, resource: Resource[Any], desired: OwnedResourceProperties
    ) -> Observed:
        """Make the resource what the template says; create it anew where it is gone."""
        physical_id = request.physical_resource_id
        observed = resource.observe(physical_id) if resource.owns(physical_id) else None
        if observed and ownership.owner(observed.tags, request) is Owner.ANOTHER:
            raise ResourceConflict(f"{observed.arn} belongs to another stack or logical id now")
        steps = self._plan(request, resource, desired, observed, {})
        if observed is None:
            return self._create(request, resource, desired)
        if steps.action is Action.REPLACE:
            resource.refuse_replacement(desired, observed)
            return self._create(request, resource, desired)
        return self._apply(resource, desired, observed, steps)

    def _plan(
        self,
        request: Request,
        resource: Resource[Any],
        desired: OwnedResourceProperties,
        observed: Observed | None,
        markers: Mapping[str, str],
    ) -> Plan:
        """Return the plan, and log it."""
        steps = plan(
            resource.canonical(desired),
            {**desired.Tags, **markers},
            _previous_tags(request, resource),
            observed,
            resource.create_only,
        )
        self._log(request, steps)
        return steps

    def _apply(
        self,
        resource: Resource[Any],
        desired: OwnedResourceProperties,
        observed: Observed,
        steps: Plan,
    ) -> Observed:
        """Carry out a plan: new tags first, so that no moment lacks both old and new ones."""
        self._connect.tag(observed.arn, steps.tag)
        observed = resource.update(observed, desired, steps.changed)
        self._connect.untag(observed.arn, steps.untag)
        return observed

    def _settle(self, resource: Resource[Any], observed: Observed) -> Observed:
        """Wait until a created resource is stable."""
        settled = self._wait(resource, observed)
        if settled is None:
            raise NotStabilized(f"{observed.arn} disappeared while it was being created")
        resource.check_created(settled)
        return settled

    def _wait(self, resource: Resource[Any], observed: Observed) -> Observed | None:
        """Wait until nothing is under way; return what there is then."""
        began = time.monotonic()
        seen: Observed | None = observed
        while seen is not None and resource.busy(seen):
            self._pause(seen, began)
            seen = resource.observe(seen.arn)
        return seen

    def _delete(self, request: DeleteRequest) -> None:
        """Delete the resource if it is this request's to delete, and wait until it is gone."""
        if request.physical_resource_id.startswith(NEVER_CREATED):
            return
        resource = self._resource(request)
        observed = self._deletable(request, resource)
        remaining = self._wait(resource, observed) if observed else None
        if remaining is None:
            return
        remaining = resource.delete(remaining)
        began = time.monotonic()
        while remaining is not None:
            self._pause(remaining, began)
            remaining = resource.observe(remaining.arn)
            if remaining is not None:
                resource.check_deleting(remaining)

    def _deletable(self, request: DeleteRequest, resource: Resource[Any]) -> Observed | None:
        """Return what this Delete is to delete, after it has released what it is not to."""
        physical_id = request.physical_resource_id
        if not resource.owns(physical_id):
            return self._left_behind(request, resource)
        observed = resource.observe(physical_id)
        if observed is None:
            self._log_kept(request, "it is gone")
            return None
        owner = ownership.owner(observed.tags, request)
        properties = request.resource_properties
        policy = isinstance(properties, dict) and properties.get("ExistingResourcePolicy")
        if owner is Owner.ANOTHER:
            self._log_kept(request, "it belongs to another stack or logical id")
        elif owner is Owner.NOBODY and policy == "Adopt":
            self._log_kept(request, "it was adopted, and has been released")
        elif ownership.adopted(observed.tags):
            self._connect.untag(observed.arn, ownership.MARKERS & observed.tags.keys())
            self._log_kept(request, "it was adopted, and is released")
        else:
            return observed
        return None

    def _left_behind(self, request: DeleteRequest, resource: Resource[Any]) -> Observed | None:
        """Return what a create without a known id left: one that failed, or was cancelled."""
        try:
            desired = parse_properties(resource.model, request.resource_properties)
        except InvalidRequest:
            return None  # a create with these properties made no call
        observed = resource.find(desired)
        if observed is None:
            return None
        physical_id = request.physical_resource_id
        if physical_id.startswith(UNCONFIRMED):
            created_by = physical_id.removeprefix(UNCONFIRMED)
            ours = ownership.made_by(observed.tags, request, created_by)
            ours = ours and not ownership.adopted(observed.tags)
        else:
            ours = ownership.left_by_cancelled_create(observed.tags, request)
        return observed if ours else None

    def _pause(self, observed: Observed, began: float) -> None:
        """Sleep before the next look, or say that time is up."""
        delay = waiting.settle_delay(time.monotonic() - began)
        if delay >= self._helper.invocation.time_to_wait():
            status = observed.attributes["Status"]
            error = NotStabilized(f"{observed.arn} is still {status}, and time is up")
            error.unfinished = True
            raise error
        time.sleep(delay)

    def _log(self, request: Request, steps: Plan) -> None:
        facts = {"action": steps.action.value, "changed": list(steps.changed)}
        logger.info(
            "%s: %s %s",
            request.request_type,
            steps.action.value,
            ", ".join(steps.changed),
            extra={**self._helper.invocation.log_keys, **facts},
        )

    def _log_kept(self, request: Request, why: str) -> None:
        keys = self._helper.invocation.log_keys
        logger.info("Delete: nothing deleted, since %s", why, extra=keys)


def _previous_tags(request: Request, resource: Resource[Any]) -> Mapping[str, str]:
    """Return the tags of the previous template, as far as they were ever applied.

    On a rollback the previous properties are those that failed. When they do not even parse, no
    call was made for them, and none of their tags is ours.
    """
    if not isinstance(request, UpdateRequest):
        return {}
    try:
        previous = parse_properties(resource.model, request.old_resource_properties)
    except InvalidRequest:
        return {}
    return dict(previous.Tags)
