"""The contract of a resource type: its own calls to Connect, and no decisions."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from connect_provider.connect import Connect
from connect_provider.errors import NotFound
from connect_provider.properties import OwnedResourceProperties
from connect_provider.reconcile.members import Members
from connect_provider.reconcile.plan import Observation

DesiredT = TypeVar("DesiredT", bound=OwnedResourceProperties)


class Resource(ABC, Generic[DesiredT]):
    """A resource type with five verbs, to be subclassed. An instance serves one run.

    arn_pattern: matches the physical ids that create() returns.
    members_type: how to list, add and remove members. By default, there are none.
    """

    model: type[DesiredT]
    arn_pattern: ClassVar[re.Pattern[str]]
    members_type: type[Members] = Members

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self.members = self.members_type(connect)

    @abstractmethod
    def observe(self, physical_id: str) -> Observation:
        """Return the live resource. Raise NotFound if it does not exist."""

    @abstractmethod
    def find(self, desired: DesiredT) -> str | None:
        """Return the ARN of the live resource with the desired Name, or None if there is none."""

    @abstractmethod
    def create(self, desired: DesiredT, tags: Mapping[str, str], token: str) -> Observation:
        """Create the resource with one call; return it as far as the response shows it.

        token: an idempotency token, the same in every run of a request.
        """

    def update(
        self, observed: Observation, desired: DesiredT, changed: tuple[str, ...]
    ) -> Observation:
        """Change the properties named in `changed`, except tags and members; return the result.

        By default, every property is create-only, so there is nothing to change.
        """
        return observed

    @abstractmethod
    def delete(self, observed: Observation) -> Observation | None:
        """Delete the resource; return the rest to wait for, or None if nothing is left.

        Raise NotFound if it does not exist.
        """

    def blocker(self, observed: Observation) -> str:
        """Return why Connect would refuse to delete the resource, or "" if nothing is known."""
        return ""

    def look(self, physical_id: str | None) -> Observation | None:
        """Return the live resource, or None if it does not exist."""
        try:
            return self.observe(physical_id) if physical_id else None
        except NotFound:
            return None

    def look_for(self, desired: DesiredT) -> Observation | None:
        """Return the live resource with the desired Name, or None if it does not show.

        The list may lag behind, so the resource itself must have the Name.
        """
        observed = self.look(self.find(desired))
        return observed if observed and observed.state["Name"] == desired.state["Name"] else None

    def owns(self, physical_id: str) -> bool:
        """Return whether it is an ARN of this type."""
        return self.arn_pattern.fullmatch(physical_id) is not None
