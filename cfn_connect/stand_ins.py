"""The clock, the stack and the clients of a request that nobody sends."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import ModuleType
from typing import Any

from cfn_connect.clients import Clients, CommandError
from cfn_connect.rehearsal import Rehearsal
from connect_provider import arn, connect, errors
from connect_provider.request import Request
from connect_provider.run import Run
from connect_provider.stack import describe
from connect_provider.stack.describe import Phase, StackDescription
from connect_provider.stack.resources import StackResources
from connect_provider.stack.watch import StackWatch

_LAMBDA_TIMEOUT = 900.0  # seconds
_PATIENCE = 120.0  # seconds


@contextmanager
def in_lambda(stack_id: str, rehearsal: Rehearsal, clients: Clients) -> Iterator[None]:
    """Let the provider believe that it runs in Lambda, in the stack's Region."""
    region = stack_id.split(":")[3]
    with (
        _replaced(connect, "client", rehearsal.client),
        _replaced(describe, "client", partial(clients.client, "cloudformation")),
        _replaced(arn, "own_region", lambda: region),
    ):
        yield


@contextmanager
def _replaced(module: ModuleType, name: str, stand_in: object) -> Iterator[None]:
    """Put a function in the place of one in a module of the provider."""
    original = getattr(module, name)
    setattr(module, name, stand_in)
    try:
        yield
    finally:
        setattr(module, name, original)


class RehearsedRun(Run):
    """A run whose waits take no time. It is its own Lambda context."""

    def __init__(self, event: Mapping[str, Any], rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal
        self._waited = self._paused = 0.0
        super().__init__(event, self)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda would end the run."""
        return int((_LAMBDA_TIMEOUT - self.elapsed()) * 1000)

    def now(self) -> float:
        """Return the seconds of a clock that jumps over each wait."""
        return super().now() + self._waited

    def elapsed(self) -> float:
        """Return the seconds since the run began, with the waits."""
        return super().elapsed() + self._waited

    def sleep(self, seconds: float) -> None:
        """Jump over a wait. Pause before a failed read is repeated."""
        if not self._rehearsal.is_failing:
            self._waited += seconds
            return
        self._paused += seconds
        if self._paused > _PATIENCE:
            if self._rehearsal.is_unreachable:  # the next resource would take as long
                raise CommandError("Connect does not respond: check --region and the network")
            raise errors.NotStabilized("Connect throttles or fails; try later", unfinished=True)
        super().sleep(seconds)


class ForwardStack(StackWatch):
    """The stack of a deployment that goes forward. Its status does not lag."""

    def __init__(self, run: Run, request: Request, rehearsal: Rehearsal) -> None:
        super().__init__(run, request)
        self.resources = RehearsedResources(run, request, self._stack, rehearsal)

    def _look(self) -> tuple[Phase, bool]:
        """Return the direction of a deployment that has not failed."""
        return Phase.FORWARD, True

    def turns_out_to_roll_back(self) -> bool:
        """Return the same as is_rolling_back(), without a wait for the stack's status."""
        return False


class RehearsedResources(StackResources):
    """The resources of a stack after the requests that were rehearsed so far."""

    def __init__(
        self, run: Run, request: Request, stack: StackDescription, rehearsal: Rehearsal
    ) -> None:
        super().__init__(run, request, stack)
        self._stack_id = request.stack_id
        self._rehearsal = rehearsal

    def has(self, arn: str, logical_id: str = "") -> bool:
        """Return whether the stack has the resource, perhaps due to an earlier request."""
        known = self._rehearsal.effects.physical_ids.get((self._stack_id, logical_id))
        return super().has(arn, logical_id) if known is None else known == arn

    def has_left(
        self,
        arn: str,
        logical_id: str,
        taken: datetime | None,
        replaced_at: Callable[[str], datetime | None] | None = None,
    ) -> bool:
        """Return whether an earlier operation left the resource of another logical id behind."""
        known = self._rehearsal.effects.physical_ids.get((self._stack_id, logical_id))
        if known is not None:
            return known == ""
        return super().has_left(arn, logical_id, taken, replaced_at)
