"""CloudFormation as a function sees it: a server for responses, and the API of stacks."""

import json
import ssl
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import trustme

from sandbox.http_server import (
    LOOPBACK,
    NEVER,
    DropConnection,
    HttpRequest,
    HttpResponse,
    HttpServer,
    Place,
)

_SLOW = 4.0  # seconds; the functions wait for five


class Sink:
    """An HTTPS server that takes responses.

    replies: the first replies. A number is an HTTP status. "drop" closes the connection, "hang"
    never replies, and "slow" succeeds after a pause. A redirect leads to another path.
    now, pause: the clock of the requests.
    watch: called with "before" and "after" each request; it may raise DropConnection.
    """

    def __init__(
        self,
        authority: trustme.CA,
        place: Place = LOOPBACK,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(place.host).configure_cert(tls)
        self._server = HttpServer(self._handle, tls, place)
        self._now, self._pause = now, pause
        self.host = f"{place.host}:{self._server.port}"
        self.reset()

    def reset(self) -> None:
        """Forget every response, and every reply to come."""
        self.requests: list[HttpRequest] = []
        self.replies: list[int | str] = []
        self.watch: Callable[[str], None] | None = None

    def url(self, age: timedelta | None = timedelta(0)) -> str:
        """Return a ResponseURL signed `age` ago; with None it has no date."""
        url = f"{self._server.url}/response/{uuid.uuid4()}?X-Amz-Signature=secret"
        if age is None:
            return url
        signed = datetime.fromtimestamp(self._now(), UTC) - age
        return f"{url}&X-Amz-Date={signed:%Y%m%dT%H%M%SZ}"

    def _handle(self, request: HttpRequest) -> HttpResponse:
        if self.watch:
            self.watch("before")
        self.requests.append(request)
        if self.watch:
            self.watch("after")
        reply = self.replies.pop(0) if self.replies else 200
        if reply == "drop":
            raise DropConnection
        if reply == "hang":
            return NEVER
        if reply == "slow":
            self._pause(_SLOW)
            return HttpResponse(200)
        return HttpResponse(int(reply), headers={"Location": f"{self._server.url}/elsewhere"})

    @property
    def responses(self) -> list[dict[str, Any]]:
        """Return the responses that arrived, oldest first."""
        return [json.loads(request.body) for request in self.requests]

    def close(self) -> None:
        """Stop listening."""
        self._server.close()


class Stacks:
    """A CloudFormation that serves DescribeStacks, DescribeStackResource and DescribeStackEvents.

    status: the stack's status; a number is an HTTP error instead.
    request_type: the type of the request that is in progress.
    physical_id: the stack's physical id of the resource.
    since: the time of the resource's status on the functions' clock; None leaves it out.
    resource_status: the resource's status; "" derives it from the stack's.
    events: the stack's events, latest first: a logical id, its status, and the functions' time.
    reply: the response to every question, if it is set.
    """

    def __init__(self, place: Place = LOOPBACK) -> None:
        self._server = HttpServer(self._handle, place=place)
        self.url = self._server.url
        self.reset()

    def reset(self) -> None:
        """Begin again: a stack is in an update, and waits for the request that it has sent."""
        self.status: str | int = "UPDATE_IN_PROGRESS"
        self.request_type = "Create"
        self.physical_id = ""
        self.since: float | None = None
        self.resource_status = ""
        self.events: list[tuple[str, str, float]] = []
        self.reply: HttpResponse | None = None

    def sent(self, event: Any) -> None:
        """Note that a request is in progress."""
        if isinstance(event, dict):
            self.request_type = str(event.get("RequestType"))

    def _handle(self, request: HttpRequest) -> HttpResponse:
        if self.reply is not None:
            return self.reply
        if isinstance(self.status, int):
            return HttpResponse(self.status)
        asked = parse_qs(request.body.decode())
        operation = asked["Action"][0]
        if operation == "DescribeStackResource":
            result = self._resource(asked["LogicalResourceId"][0])
        elif operation == "DescribeStackEvents":
            members = "".join(f"<member>{_event(*event)}</member>" for event in self.events)
            result = f"<StackEvents>{members}</StackEvents>"
        else:
            stack = f"<StackName>s</StackName><StackStatus>{self.status}</StackStatus>"
            result = f"<Stacks><member>{stack}</member></Stacks>"
        result = f"<{operation}Result>{result}</{operation}Result>"
        xml = f"<{operation}Response>{result}</{operation}Response>"
        return HttpResponse(200, xml.encode(), {"Content-Type": "text/xml"})

    def _resource(self, logical_id: str) -> str:
        """Describe the resource. A rollback sends Updates, and cancels every Create."""
        status = str(self.status)
        moving = status.endswith("_IN_PROGRESS") and "CLEANUP" not in status
        if status.startswith("DELETE") or (self.request_type == "Create" and "ROLLBACK" in status):
            shown = "DELETE_COMPLETE"
        else:
            shown = f"{self.request_type.upper()}_{'IN_PROGRESS' if moving else 'COMPLETE'}"
        shown = self.resource_status or shown
        detail = f"<LogicalResourceId>{logical_id}</LogicalResourceId>"
        detail += f"<PhysicalResourceId>{self.physical_id}</PhysicalResourceId>"
        detail += f"<ResourceStatus>{shown}</ResourceStatus>"
        if self.since is not None:
            since = datetime.fromtimestamp(self.since, UTC)
            detail += f"<LastUpdatedTimestamp>{since:%Y-%m-%dT%H:%M:%SZ}</LastUpdatedTimestamp>"
        return f"<StackResourceDetail>{detail}</StackResourceDetail>"

    def close(self) -> None:
        """Stop listening."""
        self._server.close()


def _event(logical_id: str, status: str, when: float) -> str:
    """Describe an event of the stack."""
    return (
        f"<LogicalResourceId>{logical_id}</LogicalResourceId>"
        f"<ResourceStatus>{status}</ResourceStatus>"
        f"<Timestamp>{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%SZ}</Timestamp>"
    )
