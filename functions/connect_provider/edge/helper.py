"""crhelper, with its traps taken out.

crhelper gives the decorators, the dispatch and the fields of the answer. This subclass changes
what would leak, hang or lie; each override says what crhelper does instead.
"""

import logging
import signal
import traceback
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from crhelper import FAILED, CfnResource

from connect_provider import backoff
from connect_provider.edge import metrics, response
from connect_provider.errors import GeneralServiceException, InvalidRequest, ProviderError
from connect_provider.request import NEVER_CREATED, Invocation, LambdaContext

logger = logging.getLogger("connect_provider")
logger.setLevel(logging.INFO)

Handler = Callable[[dict[str, Any], LambdaContext], str]
_NEEDED = ("RequestType", "ResponseURL", "StackId", "RequestId", "LogicalResourceId")


class MalformedRequest(Exception):
    """The event does not say whom to answer, so nobody is."""


class WatchdogTimeout(BaseException):
    """Time is nearly up. Not an Exception, so that no library takes it for an error of its own."""


class Helper(CfnResource):
    """A crhelper whose answer always arrives, once, and says nothing that it should not.

    resource_types: those that the function serves, for its metrics.
    """

    invocation: Invocation
    resource_types: Container[object] = ()
    # What crhelper keeps of a request.
    RequestType: str
    _event: dict[str, Any]
    _context: LambdaContext
    _response_url: str
    _create_func: Handler | None
    _update_func: Handler | None
    _delete_func: Handler | None

    def __init__(self) -> None:
        """Leave the root logger's level alone, and do not sleep after a Delete.

        crhelper logs whole events, answers and the ResponseURL, so it is not to log at all.
        """
        logging.getLogger("crhelper").setLevel(logging.CRITICAL + 1)
        super().__init__(log_level=logging.getLevelName(logging.root.level), sleep_on_delete=0)
        self._courier = response.Courier()
        self._run_again: Exception | None = None

    # crhelper builds clients for Lambda, EventBridge and Logs unless it is under `sam local`. They
    # only serve its polling, which is not used.
    @property
    def _sam_local(self) -> bool:
        return True

    @_sam_local.setter
    def _sam_local(self, value: object) -> None:
        """Ignore what crhelper reads from the environment."""

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> None:
        """Run a request and answer it, or raise so that Lambda runs it again.

        crhelper answers a malformed event to the URL of the request before it, and raises nothing.
        """
        wrong = [key for key in _NEEDED if not _is_text(event, key)]
        if wrong:
            raise MalformedRequest(f"an event without {', '.join(wrong)} cannot be answered")
        self.invocation = Invocation(event, context)
        self.NoEcho = False
        self._run_again = None
        super().__call__(event, context)
        self._publish_metrics(event)
        if self._run_again is not None:
            raise self._run_again

    def _publish_metrics(self, event: Mapping[str, Any]) -> None:
        """Publish the run's metrics. An answered request is not run again for the sake of them."""
        outcome = "Succeeded" if self.Status != FAILED else "Failed"
        try:
            metrics.publish(
                self.invocation,
                "Unfinished" if self._run_again is not None else outcome,
                event.get("ResourceType"),
                self.resource_types,
                event["RequestType"],
            )
        except Exception:
            logger.exception("the run's metrics are lost", extra=self.invocation.log_keys)

    def generate_physical_id(self, event: Mapping[str, Any]) -> str:
        """Return the request's own id, or one that a Delete knows as never created."""
        return str(event.get("PhysicalResourceId") or NEVER_CREATED + event["RequestId"])

    def _log_setup(self, event: object, context: object) -> None:
        """Leave the loggers alone; crhelper sets the root logger's level in every request."""

    def _poll_enabled(self) -> bool:
        return False

    def _set_timeout(self) -> None:
        """Start no Timer thread: _wrap_function holds the watchdog."""

    def _get_func(self) -> Handler | None:
        functions = {"Create": self._create_func, "Update": self._update_func}
        return {**functions, "Delete": self._delete_func}.get(self.RequestType)

    def _wrap_function(self, func: Handler | None) -> None:
        """Run the function under the watchdog, and keep what it raises as the Reason.

        crhelper takes a missing function for a success, and its watchdog thread can answer while
        the function goes on and answers again. Here the watchdog interrupts the function, so that
        there is one answer.
        """
        try:
            if func is None:
                raise InvalidRequest("RequestType: neither Create, Update nor Delete")
            with _watchdog(backoff.watchdog_delay(self.invocation.time_left())):
                self.PhysicalResourceId = func(self._event, self._context)
        except WatchdogTimeout:
            self._fail("NotStabilized: the function was about to time out")
        except ProviderError as error:
            if error.unfinished and self.invocation.will_run_again():
                self._run_again = error
            self._fail(error.reason)
        except Exception as error:  # noqa: BLE001  # a bug of ours has to be answered too
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s\n%s", type(error).__name__, frames, extra=self.invocation.log_keys)
            failure = GeneralServiceException(
                f"{type(error).__name__} in the provider; its log has the place"
            )
            self._fail(failure.reason)

    def _fail(self, reason: str) -> None:
        self.Status, self.Reason = FAILED, reason

    def _cfn_response(self, event: Mapping[str, Any]) -> None:
        """Answer. crhelper gives a function that returned True a random id, even on an Update."""
        self._send()

    def _send(
        self, status: str | None = None, reason: str = "", send_response: object = None
    ) -> None:
        """Answer once, unless Lambda is to run the request again.

        crhelper retries for ever without a timeout, counts HTTP 403 and 503 as delivered, keeps
        the end of a long Reason, sends answers that CloudFormation drops for their size, and an
        empty id where it had none.
        """
        if self._run_again is not None:
            return
        if status is not None:
            self.Status, self.Reason = status, reason
        physical_id = self.PhysicalResourceId
        if not isinstance(physical_id, str) or not physical_id:
            physical_id = self.generate_physical_id(self._event)
        body = {
            "Status": self.Status,
            "Reason": self.Reason,
            "PhysicalResourceId": physical_id,
            "StackId": self.StackId,
            "RequestId": self.RequestId,
            "LogicalResourceId": self.LogicalResourceId,
            "NoEcho": self.NoEcho,
            "Data": self.Data if self.Status != FAILED else {},
        }
        level = logging.INFO if self.Status != FAILED else logging.ERROR
        keys = self.invocation.log_keys
        said = f"{keys['logical_id']}: {self.Status} {self.Reason}"
        try:
            self._courier.deliver(self._response_url, response.encode(body))
        except response.DeliveryError as error:
            self._run_again = error
            logger.error("%s was not delivered: %s", said, error, extra=keys)
        else:
            logger.log(level, "%s", said, extra=keys)


def _is_text(event: object, key: str) -> bool:
    value = event.get(key) if isinstance(event, Mapping) else None
    return isinstance(value, str) and bool(value)


@contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """Raise WatchdogTimeout in the body after so many seconds.

    An alarm signal interrupts even a blocking call; Lambda runs handlers in the main thread. It is
    repeated, since what is raised within a finalizer is lost.
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
