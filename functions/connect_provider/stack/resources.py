"""Asks the stack which logical id has a resource, and which operation made a change."""

import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from connect_provider import backoff
from connect_provider.errors import ProviderError
from connect_provider.request import DeleteRequest, Request
from connect_provider.run import Run
from connect_provider.stack.describe import GONE, StackDescription, StackResource
from connect_provider.stack.events import failed_updates, has_begun_since

T = TypeVar("T")


class StackResources:
    """The resources of the stack that sent a request, as CloudFormation shows them.

    The ownership moves between logical ids of a stack. So a resource may belong to another one.
    """

    def __init__(self, run: Run, request: Request, stack: StackDescription) -> None:
        self._run = run
        self._request = request
        self._stack = stack

    def has(self, arn: str, logical_id: str = "") -> bool:
        """Return whether the stack has the resource now, under this or another logical id.

        If another logical id could not be created, or is given up, it does not count.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """

        def look() -> bool:
            resource = self._stack.resource(logical_id or self._request.logical_resource_id)
            if resource.physical_id != arn or resource.status == "DELETE_COMPLETE":
                return False
            failed = resource.status == "CREATE_FAILED"
            return not (logical_id and (failed or self._is_given_up(resource)))

        return self._shown(look, bool)

    def has_left(
        self,
        arn: str,
        logical_id: str,
        taken: datetime | None,
        replaced_at: Callable[[str], datetime | None] | None = None,
    ) -> bool:
        """Return whether an earlier operation left the resource of another logical id behind.

        If the present operation creates or replaces that resource, its id may be missing.

        taken: when the other logical id took it, or lost it if it was moved.
        replaced_at: returns when that logical id took its present resource. None: it was moved.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """

        def look() -> tuple[bool, bool]:
            resource = self._stack.resource(logical_id)
            if self._is_given_up(resource):
                return True, False
            if resource.physical_id == arn:
                return False, resource.status != "DELETE_SKIPPED"
            if replaced_at and resource.status.startswith("UPDATE_"):
                return not self._is_of_operation(replaced_at(resource.physical_id)), False
            return not self._is_of_operation(taken), False

        return self._shown(look, lambda seen: seen[1])[0]

    def is_of_present_operation(self) -> bool:
        """Return whether no later operation than that of the request has begun.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """
        return self._shown(partial(self._is_of_operation, self._run.signed_at), operator.not_)

    def undoes(self, changed: datetime | None) -> bool | None:
        """Return whether this request undoes the operation that made a change then. None: unknown.

        An earlier operation, or somebody else before it, may have made the change. An Update comes
        in the operation that it rolls back. A Delete may come in a later one than the Create.
        """
        deletes = isinstance(self._request, DeleteRequest)
        creates = self._request.logical_resource_id if deletes else ""
        if changed is None:
            return None
        begun = self._told(lambda: self._has_begun_since(changed, backoff.STATUS_LAG, creates))
        return None if begun is None else not begun

    def moved_traffic(self, changed: datetime | None) -> bool:
        """Return whether an update that the rollback undoes may have made the last change, then.

        Somebody else may have made it, before the update or after its end.
        """
        if changed is None:
            return True
        logical_id = self._request.logical_resource_id
        updates = self._told(lambda: failed_updates(self._stack.events(), logical_id))
        if not updates:
            return True
        skew = timedelta(seconds=backoff.CLOCK_SKEW)
        return any(
            update.began - skew <= changed <= (update.ended or changed) + skew for update in updates
        )

    def _told(self, look: Callable[[], T]) -> T | None:
        """Return what the stack shows, or None if CloudFormation does not tell."""

        def attempt() -> tuple[T | None, bool]:
            try:
                return look(), True
            except ProviderError as error:
                self._run.log(f"cannot tell which operation made a change: {error}")
                return None, False

        return self._run.wait_for_status(attempt, lambda _: True)

    def _is_given_up(self, resource: StackResource) -> bool:
        """Return whether the stack deletes a resource, or no longer has it.

        If `Retain` keeps the resource in the present operation, it stays with its logical id.
        """
        if resource.status == "DELETE_SKIPPED":
            return not self._is_of_operation(resource.since)
        return resource.status == GONE or resource.status.startswith("DELETE_")

    def _is_of_operation(self, moment: datetime | None) -> bool:
        """Return whether a moment is in the present operation. An unknown one is not.

        Raise ProviderError if CloudFormation does not tell.
        """
        return moment is not None and not self._has_begun_since(moment, backoff.SUPERSEDING_LAG)

    def _has_begun_since(self, moment: datetime, lag: float, creates: str = "") -> bool | None:
        """Return whether the operation began after a moment. The times may differ by a lag."""
        until = moment + timedelta(seconds=lag)
        return has_begun_since(self._stack.events(), until, creates)

    def _shown(self, look: Callable[[], T], enough: Callable[[T], bool]) -> T:
        """Return what the stack shows when its status no longer lags, or once it is enough.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """

        def attempt() -> tuple[T | ProviderError, bool]:
            try:
                return look(), True
            except ProviderError as error:
                return error, not error.transient

        def is_enough(seen: T | ProviderError) -> bool:
            return isinstance(seen, ProviderError) or enough(seen)

        seen = self._run.wait_for_status(attempt, is_enough)
        if isinstance(seen, ProviderError):
            raise type(seen)(str(seen), unfinished=True)
        return seen
