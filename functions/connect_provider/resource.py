"""What a resource type has to bring: every call that is its own, and no decision."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from connect_provider.connect import Connect
from connect_provider.plan import Observed
from connect_provider.properties import OwnedResourceProperties

DesiredT = TypeVar("DesiredT", bound=OwnedResourceProperties)


class Resource(Protocol[DesiredT]):
    """A resource type. An instance serves one request."""

    model: type[DesiredT]
    create_only: frozenset[str]

    def __init__(self, connect: Connect) -> None:
        """Keep the Connect API of the request."""

    def owns(self, physical_id: str) -> bool:
        """Tell whether it is an id that create() returns."""

    def canonical(self, desired: DesiredT) -> Mapping[str, Any]:
        """Return the properties that are compared with Observed.state, in its form."""

    def observe(self, physical_id: str) -> Observed | None:
        """Return the resource as it is, None when it does not exist."""

    def find(self, desired: DesiredT) -> Observed | None:
        """Return the resource that has the desired name, None when there is none."""

    def create(self, desired: DesiredT, tags: Mapping[str, str], token: str) -> Observed:
        """Create the resource with one call, and return it as far as that call tells.

        token: the same in every run of a request, for an API that has an idempotency token.
        """

    def refuse_replacement(self, desired: DesiredT, observed: Observed) -> None:
        """Raise InvalidRequest when the new resource cannot stand beside the old one."""

    def update(self, observed: Observed, desired: DesiredT, changed: tuple[str, ...]) -> Observed:
        """Change the properties that `changed` names, tags excepted; return what is now."""

    def delete(self, observed: Observed) -> Observed | None:
        """Delete the resource; return what is left to wait for, None when it is gone."""

    def busy(self, observed: Observed) -> bool:
        """Tell whether a creation or change is under way, after which it can be used or deleted."""

    def check_created(self, observed: Observed) -> None:
        """Raise NotStabilized when the creation failed."""

    def check_deleting(self, observed: Observed) -> None:
        """Raise NotStabilized when the deletion failed."""
