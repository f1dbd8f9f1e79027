"""One run of one request by Lambda.

Only this module reads the time and sleeps, so a simulated clock replaces `time` here.
"""

import logging
import os
import random
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Protocol, TypeVar

from connect_provider import backoff
from connect_provider.errors import NotStabilized
from connect_provider.request import NEVER_CREATED, own_texts, signed_at

logger = logging.getLogger("connect_provider")

DEFAULT_SERVICE_TIMEOUT = 3600.0  # seconds; CloudFormation's default and maximum

T = TypeVar("T")


class LambdaContext(Protocol):
    """The part of Lambda's context object that the provider uses."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the run."""


class Run:
    """One run of one request: its clock, deadlines, log and physical id.

    physical_id: the id of the response, from now on.
    initial_id: the physical id of the event, or an id that says that nothing was created.
    signed_at: when CloudFormation made the request, or None if the event does not tell.
    log_keys: every log line of the request carries these.
    retries, settle_time: repeated calls and seconds of waiting so far, for the metrics.
    """

    rng: random.Random = random.SystemRandom()  # copies of a process must pause differently

    def __init__(self, event: Mapping[str, Any], context: LambdaContext) -> None:
        """Start the clock. The event has passed request.check_envelope()."""
        self.initial_id = str(event.get("PhysicalResourceId") or NEVER_CREATED + event["RequestId"])
        self.physical_id = self.initial_id
        self.signed_at = signed = signed_at(event["ResponseURL"])
        self.log_keys = {
            "stack_id": event["StackId"],
            "logical_id": event["LogicalResourceId"],
            "cfn_request_id": event["RequestId"],
        }
        self.retries = 0
        self.settle_time = 0.0
        self._changed_at = self._made_at = self.now()  # an earlier run may have changed something
        self._event = event
        self._context = context
        self._began = time.time()
        self._age = max(self._began - signed.timestamp(), 0.0) if signed else None
        self._service_timeout = _service_timeout(event.get("ResourceProperties"))

    @cached_property
    def own_texts(self) -> list[tuple[str, str]]:
        """Return the user's own texts, which no Reason or log line may show. Only errors ask."""
        return own_texts(self._event)

    def now(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return time.time() - self._began

    def age(self) -> float:
        """Return the seconds since CloudFormation made the request, or since the run began."""
        return (self._age or 0.0) + self.elapsed()

    def is_late(self) -> bool:
        """Return whether CloudFormation may have canceled or completed the request already."""
        return self._age is not None and self.age() >= backoff.SUPERSEDING_LAG

    def until_expiry(self) -> float:
        """Return the seconds until CloudFormation stops waiting for the response."""
        return self._service_timeout - self.age()

    def has_expired(self) -> bool:
        """Return whether CloudFormation has stopped waiting for the response."""
        return self.until_expiry() <= 0

    def time_left(self) -> float:
        """Return the seconds until Lambda ends the run."""
        return self._context.get_remaining_time_in_millis() / 1000

    def time_to_wait(self) -> float:
        """Return the seconds that the run may still spend on waiting and retrying.

        They end shortly before Lambda's timeout or CloudFormation's, whichever is first.
        """
        until_response = self.until_expiry() - backoff.RESPONSE_RESERVE
        return min(self.time_left() - backoff.SETTLE_RESERVE, until_response)

    def will_run_again(self) -> bool:
        """Return whether Lambda will surely run this request again if this run raises now."""
        attempts = int(os.environ.get("MAXIMUM_RETRY_ATTEMPTS", "0"))
        return backoff.will_run_again(self._age, self.age(), self._service_timeout, attempts)

    def wait(
        self,
        look: Callable[[], T],
        ready: Callable[[T], bool],
        what: str,
        *,
        seen: Any = None,
        pace: Callable[[float], float] = backoff.settle_delay,
    ) -> T:
        """Look with growing pauses until the result is ready; return that result.

        what: the beginning of the Reason if time runs out, "… is still being created".
        seen: the result of a look that the caller has just made.
        pace: returns the next pause after so many seconds.

        Raise NotStabilized, as unfinished, when the run's time is up.
        """
        began = self.now()
        result: T = look() if seen is None else seen
        while not ready(result):
            delay = pace(self.now() - began)
            if delay >= self.time_to_wait():
                raise NotStabilized(f"{what}, and the time is up", unfinished=True)
            self.sleep(delay)
            self.settle_time += delay
            result = look()
        return result

    def look_again(self, look: Callable[[], T | None]) -> T | None:
        """Look until the resource shows; return None if it stays missing. A miss is not proof.

        Another run of the same request may have made a change until the first look.
        """
        began = self.now()

        def attempt() -> tuple[T | None, bool]:
            over = self.lag_is_over(began)  # before the look, which may take long
            return look(), over

        what = "Connect still does not show the resource"
        return self.wait(
            attempt,
            lambda outcome: outcome[0] is not None or outcome[1],
            what,
            pace=backoff.lag_delay,
        )[0]

    def wait_for_status(self, look: Callable[[], tuple[T, bool]], enough: Callable[[T], bool]) -> T:
        """Return what the stack shows when its status no longer lags, or once it is enough.

        If CloudFormation does not respond, ask again for half a minute more. If the time of the
        run is nearly up, the last look counts.

        look: returns what the stack shows, and whether CloudFormation responded.
        """
        current_at = self.now() + max(backoff.STATUS_LAG - self.age(), 0.0)

        def attempt() -> tuple[T, bool]:
            overdue = self.now() - current_at  # before the look
            hurried = self.time_to_wait() <= backoff.STATUS_LAG
            seen, told = look()
            over = overdue > (0.0 if told else backoff.STATUS_LAG)
            return seen, over or hurried or (told and enough(seen))

        what, pace = "CloudFormation does not show the stack's status", backoff.lag_delay
        return self.wait(attempt, lambda outcome: outcome[1], what, pace=pace)[0]

    def outlast_lag(self) -> None:
        """Sleep until Connect must show every change of this run, or until the time is up."""
        seconds = max(min(self.lag_left(), self.time_to_wait()), 0.0)
        self.sleep(seconds)
        self.settle_time += seconds

    def note_change(self, *, of_members: bool = False) -> None:
        """Note that something may have changed in Connect just now, most often by this run.

        of_members: whether only the members of a resource changed. No other member is new then.
        """
        self._changed_at = self.now()
        if not of_members:
            self._made_at = self._changed_at

    def lag_is_over(self, since: float | None = None) -> bool:
        """Return whether Connect must show every change by now.

        The changes are older than this run, as are those of earlier runs, or this run made them.

        since: when somebody else may have made a change, as now() tells.
        """
        return self.lag_left(since) < 0

    def lag_left(self, since: float | None = None, *, of_members: bool = False) -> float:
        """Return the seconds until the lag is over; since: as in lag_is_over().

        of_members: only until every resource shows that may be a member, or have some.
        """
        latest = self._made_at if of_members else self._changed_at
        latest = latest if since is None else max(latest, since)
        return latest + backoff.CONSISTENCY_LAG - self.now()

    def log_plan(self, request_type: str, action: str, changed: Iterable[str] = ()) -> None:
        """Log the action and the names of the properties that change."""
        names = list(changed)
        text = f"{request_type}: {action} {', '.join(names)}".rstrip()
        self.log(text, action=action, changed=names)

    def log(self, message: str, **facts: object) -> None:
        """Log a message under the request's keys. The message holds no property values."""
        keys = self.log_keys
        logger.info("%s: %s", keys["logical_id"], message, extra={**keys, **facts})


def _service_timeout(properties: Any) -> float:
    """Return the ServiceTimeout property in seconds, or the default if it is not valid."""
    try:
        seconds = float(properties["ServiceTimeout"])
    except (KeyError, TypeError, ValueError):
        return DEFAULT_SERVICE_TIMEOUT
    return seconds if 1 <= seconds <= DEFAULT_SERVICE_TIMEOUT else DEFAULT_SERVICE_TIMEOUT
