"""The provider's reconcilers, which also tell the changes that they decide on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from cfn_connect.rehearsal import Write
from connect_provider.errors import NotFound
from connect_provider.ownership import ADOPTED_AT, CREATED_AT, REQUEST_ID
from connect_provider.properties import OwnedResourceProperties
from connect_provider.queue_quick_connects.reconciler import QueueAssociations
from connect_provider.reconcile.apply import Owned
from connect_provider.reconcile.plan import Action, MemberIds, Observation, Plan
from connect_provider.traffic_distribution import model
from connect_provider.traffic_distribution.reconciler import TrafficDistribution

_MADE_UP = (REQUEST_ID, CREATED_AT, ADOPTED_AT)  # the deployment has other values
_NEW = "(new)"


@dataclass(frozen=True)
class Change:
    """A property that differs, such as "Name", "Tags.owner" or "UserIds". None: there is none.

    before: the value in Connect.
    after: the value in the template.

    Both are UNKNOWN if only the deployment knows the property. A value can be a user's own text.
    """

    path: str
    before: Any
    after: Any


class Recorder(Protocol):
    """A reconciler that tells its changes.

    replaces: whether a live resource that the stack owns has to be replaced.
    """

    replaces: bool

    def apply(self) -> Observation:
        """Make the resource match the template; return it."""

    def delete(self) -> None:
        """Undo the template's effects."""

    def changes(
        self, writes: Sequence[Write], observed: Observation | None, *, drift: bool
    ) -> Iterator[Change]:
        """Yield the changes of a live resource.

        writes, observed: those of apply(). observed is None after a refusal.
        drift: whether to yield also what differs and stays.
        """


class OwnedRecorder(Owned):
    """The reconciler of a resource that the stack owns."""

    replaces = False
    _planned: tuple[Observation, Plan] | None = None

    def _plan(
        self,
        observed: Observation,
        *,
        markers: Mapping[str, str],
        previous: OwnedResourceProperties | None = None,
    ) -> tuple[Observation, Plan]:
        observed, steps = super()._plan(observed, markers=markers, previous=previous)
        self._planned = observed, steps
        self.replaces = steps.action is Action.REPLACE
        return observed, steps

    def changes(
        self, writes: Sequence[Write], observed: Observation | None, *, drift: bool
    ) -> Iterator[Change]:
        """Yield what the last plan changes."""
        if self._planned is None:
            return
        live, steps = self._planned
        state = self._desired.state
        for name in steps.changed:
            if name in state and state[name] != live.state[name]:
                yield Change(name, _shown(live.state[name]), _shown(state[name]))
        tags: dict[str, str | None] = {**steps.tag, **dict.fromkeys(steps.untag)}
        for key, value in sorted(tags.items()):
            if live.tags.get(key) != value:
                shown = _NEW if value and key in _MADE_UP else value
                yield Change(f"Tags.{key}", live.tags.get(key), shown)
        members = (live.members | steps.add) - steps.remove
        if members != live.members:
            yield Change("UserIds", sorted(live.members), sorted(members))


class OfferRecorder(QueueAssociations):
    """The reconciler of a queue's quick connects."""

    replaces = False

    def changes(
        self, writes: Sequence[Write], observed: Observation | None, *, drift: bool
    ) -> Iterator[Change]:
        """Yield what the calls change, or what the queue lacks. Both need a look at the queue."""
        if not drift and not writes:
            return
        queue, desired = self._queue(self._desired), self._members.desired(self._desired)
        if drift:
            before, after = desired & self._members.list(queue), desired
        else:
            removed, added = _named(writes, "Disassociate"), _named(writes, "Associate")
            before = frozenset[str]()
            with suppress(NotFound):  # the update of a missing queue may succeed
                before = self._members.list(queue)
            after = (before - removed) | added
        if before != after:
            yield Change("QuickConnectIds", sorted(before), sorted(after))


class TrafficRecorder(TrafficDistribution):
    """The reconciler of a group's traffic."""

    replaces = False
    _live: Mapping[str, Any] | None = None

    def _wanted(self, group: Observation, previous: model.Splits) -> model.Splits:
        self._live = group.state if self._live is None else self._live
        return super()._wanted(group, previous)

    def changes(
        self, writes: Sequence[Write], observed: Observation | None, *, drift: bool
    ) -> Iterator[Change]:
        """Yield what the calls change, or everything that differs."""
        live = self._live or {}
        desired = self._desired
        after: dict[str, Any] = dict(desired.splits) if drift and live else {}
        routing = observed.attributes["CrossRegionRouting"] if drift and observed else ""
        for write in writes:
            if write.operation == "UpdateTrafficDistribution":
                sent = [name for name in model.CONFIGS if name in write.parameters]
                after = {name: model.split_of(name, write.parameters[name]) for name in sent}
            if write.operation == "UpdateCrossRegionRouting":
                routing = "Enabled" if write.parameters["IsolatedAll"] else "Isolated"
        for name, split in after.items():
            if live.get(name) != split:
                yield Change(name, live.get(name), split)
        if routing and routing != desired.CrossRegionRouting:
            yield Change("CrossRegionRouting", routing, desired.CrossRegionRouting)


def _shown(value: Any) -> Any:
    """Return a value of a state. An instance is a Region and an id there."""
    return "/".join(value) if isinstance(value, tuple) else value


def _named(writes: Sequence[Write], verb: str) -> MemberIds:
    """Return the quick connects in the calls that begin with a verb."""
    named = [w.parameters["QuickConnectIds"] for w in writes if w.operation.startswith(verb)]
    return frozenset(quick_connect for ids in named for quick_connect in ids)
