"""Assesses each Custom::Connect* resource of a stack: for its drift, or for a plan."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from cfn_connect.assess import Action, Assessment, Assessor, PlannedRequest
from cfn_connect.changes import Change
from cfn_connect.clients import Clients
from cfn_connect.resolve import PREFIX, UNKNOWN, Resource, contains_unknown
from cfn_connect.stacks import Source, Stack

_SHOWN = 3  # unknown properties
_KEPT = ("Retain", "RetainExceptOnCreate")
_QUICK_CONNECT, _OFFERS = f"{PREFIX}QuickConnect", f"{PREFIX}QueueQuickConnects"
_MACRO = (
    "its condition is unknown, or a macro changes it: create a change set, and plan it with "
    "--change-set-name"
)


class Result(NamedTuple):
    """A resource, and its assessment."""

    resource: Resource
    assessment: Assessment

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the known properties that differ, with both values."""
        return tuple(each for each in self.assessment.changes if each.after is not UNKNOWN)

    @property
    def reason(self) -> str:
        """Return the reason of a refusal, or why and where something is unknown."""
        assessment = self.assessment
        paths = [each.path for each in assessment.changes if each.after is UNKNOWN]
        if assessment.action is not Action.UNKNOWN or not paths:
            return assessment.reason
        more = " and others" if len(paths) > _SHOWN else ""
        return f"{assessment.reason}: {', '.join(paths[:_SHOWN])}{more}"


def drift(stack: Stack, clients: Clients) -> Iterator[Result]:
    """Yield for each resource what an update without a change of the template would do."""
    assessor = Assessor(clients)
    for name, resource in stack.resolved(stack.deployed, stack.physical_ids).items():
        if name not in stack.physical_ids and resource.properties is UNKNOWN:
            continue  # its condition is unknown, and the stack does not have it
        assessor.forget()
        yield Result(resource, _assessment(assessor, stack, resource, resource))


class Forecast:
    """What a deployment of a template would do, resource by resource.

    A template refers to resources that the same deployment creates, adopts or replaces. Therefore,
    a resource is assessed after the ones that it refers to.
    """

    def __init__(self, stack: Stack, target: Source, clients: Clients) -> None:
        self._stack, self._target = stack, target
        self._assessor = Assessor(clients)
        self._old = stack.resolved(stack.deployed, stack.physical_ids, prefix="")
        self._ids: dict[str, Any] = {}  # the physical ids after the deployment, where known
        self._new: dict[str, str] = {}  # stand-ins for those of new quick connects

    def results(self) -> Iterator[Result]:
        """Yield the result for each resource, those that leave the template last."""
        new = self._resolved()
        while ready := [it for it in new.values() if self._is_ready(it)]:
            yield from self._settled(ready)
            new = self._resolved()
        offers = self._with_new_quick_connects()
        for resource in _ours(it for name, it in new.items() if name not in self._ids):
            resource = offers.get(resource.logical_id, resource)
            yield Result(resource, self._assessed(resource))
        gone = self._stack.physical_ids.keys() - new.keys()
        for resource in _ours(it for name, it in self._old.items() if name in gone):
            yield Result(resource, self._leaving(resource))

    def _resolved(self) -> Mapping[str, Resource]:
        return self._stack.resolved(self._target, self._ids, prefix="")

    def _with_new_quick_connects(self) -> Mapping[str, Resource]:
        """Return the resources of queues that offer quick connects of the same deployment.

        Their ids are not known, but certainly new. Each has its logical id as a stand-in.
        """
        found = self._stack.resolved(self._target, {**self._ids, **self._new}, prefix=_OFFERS)
        return {name: it for name, it in found.items() if name not in self._ids}

    def _is_ready(self, resource: Resource) -> bool:
        """Return whether a resource is not settled, and everything that it refers to is known."""
        return resource.logical_id not in self._ids and not contains_unknown(resource.properties)

    def _settled(self, resources: list[Resource]) -> Iterator[Result]:
        """Note the physical ids after the deployment. Yield the results of our types.

        Lambda waits if a sibling still has the Name, so a refused update is assessed once more.
        """
        physical_ids, refused = self._stack.physical_ids, []
        for resource in resources:
            name = resource.logical_id
            if not _is_ours(resource):
                stays = self._old.get(name) == resource
                self._ids[name] = physical_ids.get(name, UNKNOWN) if stays else UNKNOWN
                continue
            assessment = self._assessed(resource)
            if assessment.action is Action.REFUSED and name in physical_ids:
                refused.append(resource)
            else:
                yield self._noted(resource, assessment)
        for resource in refused:
            yield self._noted(resource, self._assessed(resource))

    def _noted(self, resource: Resource, assessment: Assessment) -> Result:
        """Note the physical id of a resource after the deployment; return its result."""
        name = resource.logical_id
        is_new = assessment.action in (Action.CREATE, Action.REPLACE)
        self._ids[name] = UNKNOWN if is_new else assessment.arn or UNKNOWN
        if is_new and resource.resource_type == _QUICK_CONNECT:
            self._new[name] = f"{self._stack.instance_arn(resource)}/transfer-destination/{name}"
        return Result(resource, assessment)

    def _assessed(self, resource: Resource) -> Assessment:
        """Assess a resource of the template. CloudFormation skips one that does not change."""
        stack, name = self._stack, resource.logical_id
        if name not in stack.physical_ids:
            return _assessment(self._assessor, stack, resource, None)
        old = self._old.get(name, replace(resource, properties=UNKNOWN))
        arn = stack.physical_ids[name]
        is_same = old == resource and not contains_unknown(resource.properties)
        if is_same and not stack.failure_of(name):
            return Assessment(Action.NONE, arn)
        if reason := _refusal(old, resource):
            return Assessment(Action.REFUSED, arn, reason=reason)
        template = self._target.template["Resources"].get(name, {})
        keeps = template.get("UpdateReplacePolicy") == "Retain"
        return _assessment(self._assessor, stack, resource, old, keeps_replaced=keeps)

    def _leaving(self, resource: Resource) -> Assessment:
        """Assess a resource that leaves the template."""
        stack, name = self._stack, resource.logical_id
        policy = stack.deployed.template["Resources"].get(name, {}).get("DeletionPolicy")
        if policy in _KEPT:
            reason = f"DeletionPolicy {policy} keeps it"
            return Assessment(Action.NONE, stack.physical_ids[name], reason=reason)
        return _assessment(self._assessor, stack, None, resource)


def _is_ours(resource: Resource) -> bool:
    return resource.resource_type.startswith(PREFIX)


def _ours(resources: Iterator[Resource]) -> list[Resource]:
    return [*filter(_is_ours, resources)]


def _assessment(
    assessor: Assessor,
    stack: Stack,
    new: Resource | None,
    old: Resource | None,
    *,
    keeps_replaced: bool = False,
) -> Assessment:
    """Assess a request to Lambda: a Create without old, and a Delete without new."""
    present = new or old
    assert present
    name = present.logical_id
    physical_id = stack.physical_ids.get(name, "")
    if status := stack.failure_of(name):
        reason = f"it is {status}, so its properties are not known: deploy the stack again"
        return Assessment(Action.UNKNOWN, physical_id, reason=reason)
    if UNKNOWN in [each.properties for each in (new, old) if each]:
        return Assessment(Action.UNKNOWN, physical_id, reason=_MACRO)
    request = PlannedRequest(
        present.resource_type,
        stack.id,
        name,
        physical_id,
        new.properties if new else None,
        old.properties if old else None,
        keeps_replaced,
    )
    return assessor.assess(request)


def _refusal(old: Resource, new: Resource) -> str:
    """Return why CloudFormation itself would refuse a change, or ""."""
    if old.resource_type != new.resource_type:
        return "CloudFormation changes no Type: choose another logical id"
    if UNKNOWN in (old.properties, new.properties):
        return ""
    tokens = [each.properties.get("ServiceToken") for each in (old, new)]
    if UNKNOWN not in tokens and tokens[0] != tokens[1]:
        return "CloudFormation changes no ServiceToken: choose another logical id"
    return ""
