"""The calls to Connect for Custom::ConnectQueueQuickConnects."""

from collections.abc import Iterable
from typing import Any

from connect_provider import arn
from connect_provider.errors import InvalidRequest
from connect_provider.queue_quick_connects.model import QueueQuickConnectsProperties
from connect_provider.reconcile.members import Members
from connect_provider.reconcile.plan import MemberIds, Observation


class QueueQuickConnects(Members):
    """The quick connects that a queue is associated with.

    AWS does not document how Connect treats a repeated association, or the dissociation of a quick
    connect that is not associated. If Connect refuses a call, the rest of it is sent again.
    """

    at_once = 50

    def desired(self, properties: QueueQuickConnectsProperties) -> MemberIds:
        """Return the bare ids of the template's quick connects."""
        return frozenset(arn.resource_id(item) for item in properties.QuickConnectIds)

    def path(self, properties: QueueQuickConnectsProperties, member: str) -> str:
        """Return the property that names a quick connect, such as "QuickConnectIds.3"."""
        ids = [arn.resource_id(item) for item in properties.QuickConnectIds]
        return f"QuickConnectIds.{ids.index(member)} ({member})"

    def list(self, observed: Observation) -> MemberIds:
        """List the quick connects (API: ListQueueQuickConnects)."""
        listed = self._connect.pages(
            "ListQueueQuickConnects",
            arn.region_of(observed.arn),
            "QuickConnectSummaryList",
            **_ids(observed),
            MaxResults=100,
        )
        return frozenset(item["Id"] for item in listed)

    def add(self, observed: Observation, *members: str) -> None:
        """Associate quick connects (API: AssociateQueueQuickConnects)."""
        try:
            self._associate(observed, members)
        except InvalidRequest:
            missing = frozenset(members) - self.list(observed)
            if len(missing) == len(members):
                raise
            self._associate(observed, missing)

    def _associate(self, observed: Observation, members: Iterable[str]) -> None:
        with self._adding(members):
            self._call("AssociateQueueQuickConnects", observed, members)

    def remove(self, observed: Observation, *members: str) -> None:
        """Dissociate quick connects (API: DisassociateQueueQuickConnects)."""
        try:
            self._call("DisassociateQueueQuickConnects", observed, members)
        except InvalidRequest:
            left = self.list(observed).intersection(members)
            if len(left) == len(members):
                raise
            self._call("DisassociateQueueQuickConnects", observed, left)

    def _call(self, operation: str, queue: Observation, members: Iterable[str]) -> None:
        if ids := sorted(members):
            region = arn.region_of(queue.arn)
            self._connect.call(operation, region, **_ids(queue), QuickConnectIds=ids)


def _ids(queue: Observation) -> dict[str, Any]:
    """Return the ids that every call on a queue needs."""
    instance = arn.resource_id(arn.instance_arn(queue.arn) or "")
    return {"InstanceId": instance, "QueueId": arn.resource_id(queue.arn)}
