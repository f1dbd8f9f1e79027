"""crhelper without its traps.

crhelper provides the decorators, the dispatch and the fields of the response. This subclass
replaces the parts that leak, hang or log a secret. Each override says how crhelper behaves instead.
"""

import logging
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from crhelper import FAILED, CfnResource

from connect_provider import backoff
from connect_provider.edge.response import DeliveryError, ResponseSender, fit
from connect_provider.errors import GeneralServiceException, InvalidRequest, ProviderError
from connect_provider.run import Run

logger = logging.getLogger("connect_provider")
logger.setLevel(logging.INFO)

Handler = Callable[[dict[str, Any], Run], None]


class WatchdogTimeout(BaseException):
    """The time is nearly up. Not an Exception, so that no library handles it as its own error."""


class Helper(CfnResource):
    """A crhelper that responds exactly once, or raises.

    A Run takes the place of Lambda's context, and crhelper passes it on to the handler.
    """

    # crhelper sets these for each request.
    _event: dict[str, Any]
    _context: Run
    _response_url: str
    _create_func: Handler | None
    _update_func: Handler | None
    _delete_func: Handler | None

    def __init__(self) -> None:
        """Silence crhelper: it logs events, responses and the ResponseURL."""
        logging.getLogger("crhelper").setLevel(logging.CRITICAL + 1)
        super().__init__(log_level=logging.getLevelName(logging.root.level))
        self._sender = ResponseSender()
        self._response: dict[str, Any] = {}
        self._run_again: Exception | None = None

    # crhelper builds clients for Lambda, EventBridge and Logs unless it runs under `sam local`.
    # Only its polling needs them, and we do not use polling.
    @property
    def _sam_local(self) -> bool:
        return True

    @_sam_local.setter
    def _sam_local(self, value: object) -> None:
        """Ignore the value that crhelper reads from the environment."""

    def __call__(self, event: dict[str, Any], run: Run) -> dict[str, Any]:  # type: ignore[override]
        """Run a request; return the response that was delivered.

        Raise if the request is to run again. crhelper never raises.
        """
        self._run_again = None
        super().__call__(event, run)
        if self._run_again is not None:
            raise self._run_again
        return self._response

    def _wait_for_cwlogs(self) -> None:
        """Respond to a Delete at once. crhelper waits for two minutes."""

    def _log_setup(self, event: object, context: object) -> None:
        """Leave the loggers alone. crhelper sets the root logger's level in every request."""

    def _poll_enabled(self) -> bool:
        return False

    def _set_timeout(self) -> None:
        """Start no Timer thread. _wrap_function runs the watchdog."""

    def _get_func(self) -> Handler | None:
        """Return the handler. crhelper also looks for polling functions."""
        handlers = {"Create": self._create_func, "Update": self._update_func}
        return {**handlers, "Delete": self._delete_func}.get(self._event["RequestType"])

    def _wrap_function(self, func: Handler | None) -> None:
        """Run the handler under the watchdog; turn an exception into the Reason.

        crhelper reports SUCCESS if there is no handler, and takes the handler's result for the
        physical id. Its watchdog thread responds while the handler continues and responds too.
        Here the run holds the physical id, and the watchdog interrupts the handler.
        """
        run = self._context
        try:
            if func is None:
                raise InvalidRequest("RequestType: should be Create, Update or Delete")
            with _watchdog(backoff.watchdog_delay(run.time_left())):
                func(self._event, run)
        except WatchdogTimeout:
            self._fail("NotStabilized: the function was about to time out")
        except ProviderError as error:
            if error.unfinished and run.will_run_again():
                self._run_again = error
            self._fail(error.reason)
        except Exception as error:  # noqa: BLE001  # a bug of ours needs a response too
            name, frames = type(error).__name__, traceback.format_tb(error.__traceback__)
            logger.error("%s\n%s", name, "".join(frames), extra=run.log_keys)
            bug = GeneralServiceException(
                f"{name} in the provider. The function's log shows the place"
            )
            self._fail(bug.reason)
        self.PhysicalResourceId = run.physical_id

    def _fail(self, reason: str) -> None:
        self.Status, self.Reason = FAILED, reason

    def _send(
        self, status: str | None = None, reason: str = "", send_response: object = None
    ) -> None:
        """Deliver the response once, unless Lambda is to run the request again.

        crhelper retries forever without a timeout and takes HTTP 403 and 503 for a delivery. It
        keeps only the end of a long Reason, and sends responses that are too large.
        """
        if self._run_again is not None:
            return
        if status is not None:  # crhelper itself failed
            self.Status, self.Reason = status, reason
        run = self._context
        response = {
            "Status": self.Status,
            "Reason": self.Reason,
            "PhysicalResourceId": run.physical_id,
            "StackId": self.StackId,
            "RequestId": self.RequestId,
            "LogicalResourceId": self.LogicalResourceId,
            "NoEcho": False,
            "Data": self.Data if self.Status != FAILED else {},
        }
        level = logging.INFO if self.Status != FAILED else logging.ERROR
        outcome = f"{self.LogicalResourceId}: {self.Status} {self.Reason}".rstrip()
        try:
            self._response = fit(response)
            self._sender.send(self._response_url, self._response)
        except DeliveryError as error:
            self._run_again = error
            logger.error("%s: not delivered: %s", outcome, error, extra=run.log_keys)
        else:
            logger.log(level, "%s", outcome, extra=run.log_keys)


@contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """Raise WatchdogTimeout in the body after this many seconds.

    An alarm signal interrupts even a blocking call. Lambda runs handlers in the main thread. The
    alarm repeats, because an exception in a finalizer is lost.
    """
    armed = True

    def interrupt(*_: object) -> None:
        if armed:
            raise WatchdogTimeout

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 1.0)
    try:
        try:
            yield
        finally:
            armed = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
