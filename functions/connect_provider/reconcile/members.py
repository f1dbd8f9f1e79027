"""Members of a resource, such as the users of a group: how to list, add and remove them."""

from contextlib import suppress
from typing import Any

from connect_provider.connect import Connect
from connect_provider.errors import NotFound
from connect_provider.reconcile.plan import MemberIds, Observation


class Members:
    """The members of a resource type: none, unless a subclass says otherwise."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def desired(self, properties: Any) -> MemberIds:
        """Return the bare ids of the members in the properties."""
        return frozenset()

    def path(self, properties: Any, member: str) -> str:
        """Return the property that names a member, such as "UserIds.16"."""
        return member

    def list(self, observed: Observation) -> MemberIds:
        """Return the bare ids of all live members."""
        return frozenset()

    def add(self, observed: Observation, member: str) -> None:
        """Add a member; do nothing if it is one already. Raise NotFound if it does not exist."""

    def remove(self, observed: Observation, member: str) -> None:
        """Remove a member. Raise NotFound if it does not exist, or the resource."""

    def remove_each(self, observed: Observation, members: MemberIds) -> None:
        """Remove members. Treat a missing member or resource as removed."""
        for member in sorted(members):
            with suppress(NotFound):
                self.remove(observed, member)

    def add_each(self, observed: Observation, members: MemberIds) -> None:
        """Add members."""
        for member in sorted(members):
            self.add(observed, member)

    def live(self, observed: Observation, properties: Any) -> MemberIds:
        """Return the live members that the properties name, without a call if they name none."""
        desired = self.desired(properties)
        with suppress(NotFound):  # an earlier run has deleted the resource
            return desired & self.list(observed) if desired else desired
        return frozenset()
