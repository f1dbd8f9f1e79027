"""What a resource type has to bring: every call that is its own, and no decision."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from connect_provider.connect import Connect
from connect_provider.properties import OwnedResourceProperties
from connect_provider.reconcile.plan import Observed

DesiredT = TypeVar("DesiredT", bound=OwnedResourceProperties)


class Resource(ABC, Generic[DesiredT]):
    """A resource type, to be subclassed. An instance serves one request."""

    model: type[DesiredT]

    def __init__(self, connect: Connect) -> None:
        """Keep the Connect API of the request."""
        self._connect = connect

    @abstractmethod
    def owns(self, physical_id: str) -> bool:
        """Tell whether it is an id that create() returns."""

    @abstractmethod
    def canonical(self, desired: DesiredT) -> Mapping[str, Any]:
        """Return the properties that are compared with Observed.state, in its form."""

    @abstractmethod
    def observe(self, physical_id: str) -> Observed | None:
        """Return the resource as it is, None when it does not exist."""

    @abstractmethod
    def find(self, desired: DesiredT) -> Observed | None:
        """Return the resource that has the desired name, None when there is none."""

    @abstractmethod
    def create(self, desired: DesiredT, tags: Mapping[str, str], token: str) -> Observed:
        """Create the resource with one call, and return it as far as that call tells.

        token: the same in every run of a request, for an API that has an idempotency token.
        """

    @abstractmethod
    def update(self, observed: Observed, desired: DesiredT, changed: tuple[str, ...]) -> Observed:
        """Change the properties that `changed` names, but tags and members; return what is."""

    @abstractmethod
    def delete(self, observed: Observed) -> Observed | None:
        """Delete the resource; return what is left to wait for, None when it is gone."""

    # What only some resource types have. The rest keep these.

    def refuse_replacement(self, desired: DesiredT, observed: Observed) -> None:
        """Raise InvalidRequest when the new resource cannot stand beside the old one."""

    def busy(self, observed: Observed) -> bool:
        """Tell whether a creation or change is under way, after which it can be used or deleted."""
        return False

    def check_created(self, observed: Observed) -> None:
        """Raise NotStabilized when the creation failed."""

    def check_deleting(self, observed: Observed) -> None:
        """Raise NotStabilized when the deletion failed."""

    def members(self, desired: DesiredT) -> frozenset[str]:
        """Return the bare ids of what the template makes belong to the resource."""
        return frozenset()

    def list_members(self, observed: Observed) -> frozenset[str]:
        """Return the bare ids of everything that belongs to the resource."""
        return frozenset()

    def join(self, observed: Observed, member: str) -> None:
        """Make one more belong to the resource; it may already."""

    def leave(self, observed: Observed, member: str) -> None:
        """Make one belong to the resource no longer; it may not have."""
