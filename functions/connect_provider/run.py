"""What every reconciler is given, and has to be."""

import logging
import time
from collections.abc import Iterable
from typing import Protocol

from connect_provider import backoff
from connect_provider.connect import Connect
from connect_provider.edge.helper import Helper
from connect_provider.errors import NotStabilized, ProviderError, ResourceConflict
from connect_provider.reconcile.plan import Observed
from connect_provider.request import CreateRequest, DeleteRequest, Invocation, UpdateRequest
from connect_provider.stack.describe import GONE, Phase, StackResource, phase_of, resource_of

logger = logging.getLogger("connect_provider")


class Run:
    """One run of a request: the Connect API until its deadline, the log, and the id so far."""

    def __init__(self, helper: Helper) -> None:
        """Begin the run that the helper is in."""
        self._helper = helper
        self.connect = Connect(helper.invocation)

    def answer_with(self, physical_id: str) -> None:
        """Answer with this id from now on, whatever happens; "" for the request's own."""
        self._helper.PhysicalResourceId = physical_id

    def log_plan(self, request_type: str, action: str, changed: Iterable[str] = ()) -> None:
        """Log what is going to be done: the action and the names of what changes."""
        names = list(changed)
        self.log(f"{request_type}: {action} {', '.join(names)}", action=action, changed=names)

    def log(self, message: str, **facts: object) -> None:
        """Log a message under the request's keys. It holds no property values."""
        keys = self._helper.invocation.log_keys
        logger.info("%s: %s", keys["logical_id"], message, extra={**keys, **facts})

    def phase(self, stack_id: str) -> Phase:
        """Return which way the stack is going now.

        Where CloudFormation does not tell, a request is taken for an ordinary one: a failover must
        not depend on it.
        """
        try:
            return phase_of(stack_id)
        except ProviderError as error:
            self.log(f"taken for an ordinary request: {error}")
            return Phase.UNKNOWN

    def rolling_back(self, stack_id: str) -> bool:
        """Tell whether the stack goes back to its previous template, with properties reversed."""
        return self.phase(stack_id) is Phase.ROLLING_BACK

    def attend(self, request: CreateRequest | UpdateRequest) -> "Attention":
        """Make every write of the run depend on CloudFormation waiting for the request."""
        attention = Attention(self._helper.invocation, request, self)
        self.connect.before_write = attention.check
        return attention

    def begin_wait(self) -> "Wait":
        """Begin to wait for something."""
        return Wait(self._helper.invocation)


class Wait:
    """A wait for a resource: looks at it, with growing pauses between them."""

    def __init__(self, invocation: Invocation) -> None:
        """Begin to wait now, until the run's time is up."""
        self._invocation = invocation
        self._began = time.monotonic()

    def elapsed(self) -> float:
        """Return the seconds since the wait began."""
        return time.monotonic() - self._began

    def pause(self, observed: Observed) -> None:
        """Sleep before the next look; raise NotStabilized, as unfinished, when time is up."""
        delay = backoff.settle_delay(self.elapsed())
        if delay >= self._invocation.time_to_wait():
            status = observed.attributes["Status"]
            error = NotStabilized(f"{observed.arn} is still {status}, and time is up")
            error.unfinished = True
            raise error
        time.sleep(delay)
        self._invocation.settle_time += delay


class Attention:
    """Whether CloudFormation still waits for a Create or an Update.

    It does no longer when it has cancelled the request, or when this is a late delivery: then the
    stack may have gone back, or on, and nobody would undo what is written now. Only a run that is
    late can be overtaken so; it asks, and goes on where CloudFormation does not tell.
    """

    def __init__(
        self, invocation: Invocation, request: CreateRequest | UpdateRequest, run: Run
    ) -> None:
        """Attend to one run of a request."""
        self._invocation = invocation
        self._request = request
        self._run = run
        self._ask_at = self._mute_until = float("-inf")

    def check(self) -> None:
        """Raise ResourceConflict when CloudFormation waits no longer."""
        if time.monotonic() < self._ask_at:
            return
        resource = self._ask()
        if resource is not None and not self._waited_for(resource):
            error = ResourceConflict("CloudFormation waits no longer for this request")
            error.overtaken = True
            raise error
        self._ask_at = time.monotonic() + backoff.ASK_AGAIN_AFTER

    def needs(self, arn: str) -> bool:
        """Tell whether the stack has what this request made, may go back to it, or waits for it.

        An update that has replaced it may still be rolled back.
        """
        resource = self._ask()
        if resource is None or resource.physical_id == arn:
            return True
        if resource.status in ("CREATE_FAILED", GONE) or resource.status.startswith("DELETE_"):
            return False
        if isinstance(self._request, CreateRequest):
            return not (resource.status == "CREATE_IN_PROGRESS" and self._is_anothers(resource))
        return resource.under_way or resource.physical_id != self._request.physical_resource_id

    def _waited_for(self, resource: StackResource) -> bool:
        another = "UPDATE_" if isinstance(self._request, CreateRequest) else "CREATE_"
        if resource.status.startswith(another) or self._is_anothers(resource):
            return False
        return resource.under_way

    def _is_anothers(self, resource: StackResource) -> bool:
        """Tell whether the status came so long after the request that it is due to a later one."""
        made = self._invocation.signed_at
        if made is None or resource.since is None:
            return False
        return (resource.since - made).total_seconds() > backoff.STATUS_LAG

    def _ask(self) -> StackResource | None:
        """Return the resource as the stack has it, None where that is not asked or not told."""
        if not self._invocation.late() or time.monotonic() < self._mute_until:
            return None
        try:
            resource = resource_of(self._request.stack_id, self._request.logical_resource_id)
        except ProviderError as error:
            self._mute_until = time.monotonic() + backoff.ASK_AGAIN_AFTER_NONE
            self._run.log(f"taken for one that CloudFormation waits for: {error}")
            return None
        return resource if self._is_news(resource) else None

    def _is_news(self, resource: StackResource) -> bool:
        """Tell whether the status can be due to this request, or a later one; it may lag behind."""
        if resource.status == GONE:
            return self._invocation.age() > backoff.STATUS_LAG
        made = self._invocation.signed_at
        return made is None or resource.since is None or resource.since >= made


class Reconciler(Protocol):
    """Serves the requests of one resource type. An instance serves one run."""

    def apply(self, request: CreateRequest | UpdateRequest) -> Observed:
        """Make the resource what the template says; return what is now."""

    def delete(self, request: DeleteRequest) -> None:
        """Undo what the template said, as far as it is this request's to undo."""
