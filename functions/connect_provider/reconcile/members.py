"""Members of a resource, such as the users of a group: how to list, add and remove them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from connect_provider.connect import Connect
from connect_provider.errors import NotFound, ProviderError
from connect_provider.reconcile.plan import MemberIds, Observation


class Members:
    """The members of a resource type: none, unless a subclass says otherwise.

    at_once: how many members one call of the API takes.
    added: the ids that calls of this run added, or may have added.
    """

    at_once: ClassVar[int] = 1

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self.added: MemberIds = frozenset()

    def desired(self, properties: Any) -> MemberIds:
        """Return the bare ids of the members in the properties."""
        return frozenset()

    def path(self, properties: Any, member: str) -> str:
        """Return the property that names a member, such as "UserIds.16"."""
        return member

    def list(self, observed: Observation) -> MemberIds:
        """Return the bare ids of all live members. Raise NotFound if the resource is gone."""
        return frozenset()

    def add(self, observed: Observation, *members: str) -> None:
        """Add up to `at_once` members. Some may be members already.

        Raise NotFound if one does not exist, or the resource.
        """

    @contextmanager
    def _adding(self, members: Iterable[str]) -> Iterator[None]:
        """Note the members that a call adds."""
        try:
            yield
        except ProviderError as error:
            if error.maybe_done:
                self.added |= frozenset(members)
            raise
        self.added |= frozenset(members)

    def remove(self, observed: Observation, *members: str) -> None:
        """Remove up to `at_once` members. Raise NotFound if one does not exist, or the resource."""

    def batches(self, members: Iterable[str]) -> Iterator[tuple[str, ...]]:
        """Yield the members, sorted, as many at a time as one call takes."""
        ids = sorted(members)
        for start in range(0, len(ids), self.at_once):
            yield tuple(ids[start : start + self.at_once])

    def remove_each(self, observed: Observation, members: MemberIds) -> None:
        """Remove members. Treat a missing member or resource as removed."""
        for batch in self.batches(members):
            try:
                self.remove(observed, *batch)
            except NotFound:
                if len(batch) > 1:
                    self._remove_one_by_one(observed, batch)

    def _remove_one_by_one(self, observed: Observation, members: Iterable[str]) -> None:
        """Remove the members that exist, after Connect did not find one of them."""
        with suppress(NotFound):  # the resource is gone
            for member in sorted(self.list(observed).intersection(members)):
                with suppress(NotFound):
                    self.remove(observed, member)

    def put_back(self, observed: Observation, members: MemberIds) -> None:
        """Add members again. One that Connect refuses does not keep the others out."""
        for member in sorted(members):
            try:
                self.add(observed, member)
            except ProviderError as error:
                self._connect.run.log(f"cannot add {member} again: {error}")

    def live(self, observed: Observation, members: MemberIds) -> MemberIds:
        """Return those of the members that are live, without a call for none."""
        with suppress(NotFound):  # an earlier run has deleted the resource
            return members & self.list(observed) if members else members
        return frozenset()
