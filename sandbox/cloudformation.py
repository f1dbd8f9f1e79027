"""CloudFormation as a function sees it: a server for responses, and the API of stacks."""

import json
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

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

_EVENTS_PER_PAGE = 100
_StackEvent = tuple[str, str, float] | tuple[str, str, float, str]
_SLOW = 4.0  # seconds; the functions wait for five


class Sink:
    """An HTTPS server that takes responses.

    replies: the first replies. A number is an HTTP status. "drop" closes the connection, "hang"
    never replies, and "slow" succeeds after a pause. A redirect leads to another path.
    now, pause: the clock of the requests.
    refused: the paths of the URLs that refuse every response with HTTP 503.
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
        self._server = HttpServer(self.handle, tls, place)
        self._now, self._pause = now, pause
        self.host = f"{place.host}:{self._server.port}"
        self.reset()

    def reset(self) -> None:
        """Forget every response, and every reply to come."""
        self.requests: list[HttpRequest] = []
        self.replies: list[int | str] = []
        self.refused: set[str] = set()
        self.watch: Callable[[str], None] | None = None

    def url(self, age: timedelta | None = timedelta(0)) -> str:
        """Return a ResponseURL signed `age` ago; with None it has no date."""
        url = f"{self._server.url}/response/{uuid.uuid4()}?X-Amz-Signature=secret"
        if age is None:
            return url
        signed = datetime.fromtimestamp(self._now(), UTC) - age
        return f"{url}&X-Amz-Date={signed:%Y%m%dT%H%M%SZ}"

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Take a response."""
        if self.watch:
            self.watch("before")
        self.requests.append(request)
        if self.watch:
            self.watch("after")
        if urlsplit(request.path).path in self.refused:
            return HttpResponse(503)
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


@dataclass(frozen=True)
class StackResource:
    """A resource as its stack shows it. since: when it got its status; None if nobody tells.

    reason: the ResourceStatusReason of the event.
    """

    status: str
    physical_id: str = ""
    since: float | None = None
    resource_type: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Template:
    """A template that a stack or a change set holds.

    parameters: each value by name. One of the Parameter Store has its resolved value, too.
    processed: the text after the transforms, or None if it is the same.
    """

    text: str
    parameters: Mapping[str, str | tuple[str, str]] = field(default_factory=dict)
    processed: str | None = None


@dataclass(frozen=True)
class _View:
    """A stack as CloudFormation shows it from a moment on."""

    since: float
    status: str
    resources: Mapping[str, StackResource]


_STACK_NAME = "s"
_XML = {"Content-Type": "text/xml"}
_NONE = HttpResponse(
    400,
    b"<ErrorResponse><Error><Code>ValidationError</Code><Message>none</Message></Error>"
    b"</ErrorResponse>",
    _XML,
)
_THROTTLED = HttpResponse(
    400,
    b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
    b"</ErrorResponse>",
    _XML,
)
# Replies of a front end that is ill. None of them holds an error document.
ILL = {
    "503 without an error": HttpResponse(503, b"<ServiceUnavailableException/>", _XML),
    "an HTML page": HttpResponse(502, b"<html><body>Bad Gateway</body></html>", _XML),
    "403 without an error": HttpResponse(403, b"<AccessDenied></AccessDenied>", _XML),
}


class Stacks:
    """A CloudFormation that describes stacks, their resources and their events.

    status: the stack's status; a number is an HTTP error instead.
    request_type: the type of the request that is in progress.
    physical_id: the stack's physical id of the resource.
    since: the time of the resource's status on the functions' clock; None leaves it out.
    resource_status: the resource's status; "" derives it from the stack's.
    events: the stack's events, latest first: a logical id, its status, the functions' time, and
    perhaps a reason. The logical id "" stands for the stack itself. Without any, the stack shows
    those of the last request, and of the one that it rolls back.

    These describe every stack without a view of its own; see show(). Such a stack lists nothing,
    as if it did not exist.
    templates: those of stacks, by stack id.
    change_sets: their templates, by name. One with an empty text has failed.
    exports: the exported values by name.
    outputs: those of stacks, by stack id and name.
    lag: the seconds until a view is shown.
    events_lag: the seconds until its events are shown, after that.
    reply: the response to every question, if it is set.
    throttles: returns whether a call of an operation is throttled.
    """

    def __init__(self, place: Place = LOOPBACK, now: Callable[[], float] = time.time) -> None:
        self._server = HttpServer(self.handle, place=place)
        self._now = now
        self.url = self._server.url
        self.reset()

    def reset(self) -> None:
        """Begin again: a stack is in an update, and waits for the request that it has sent."""
        self.status: str | int = "UPDATE_IN_PROGRESS"
        self.request_type = "Create"
        self.physical_id = ""
        self.since: float | None = None
        self.resource_status = ""
        self.events: list[_StackEvent] = []
        self._request_events: dict[str, list[_StackEvent]] = {}
        self._noted: set[str] = set()
        self.templates: dict[str, Template] = {}
        self.change_sets: dict[str, Template] = {}
        self.exports: dict[str, str] = {}
        self.outputs: dict[str, dict[str, str]] = {}
        self.lag = self.events_lag = 0.0
        self.reply: HttpResponse | None = None
        self.throttles: Callable[[str], bool] = lambda _operation: False
        self._views: dict[str, list[_View]] = {}

    def show(self, stack_id: str, status: str, resources: Mapping[str, StackResource]) -> None:
        """Show a stack and its resources, after the lag."""
        view = _View(self._now(), status, dict(resources))
        self._views.setdefault(stack_id, []).append(view)

    def sent(self, event: Any) -> None:
        """Note that a request is in progress."""
        if isinstance(event, dict):
            self.request_type = str(event.get("RequestType"))
            self._note(event)

    def _note(self, event: Mapping[str, Any]) -> None:
        """Note the events of a request. It begins an operation, or belongs to a rollback."""
        name, signed = str(event.get("LogicalResourceId")), self._signed_at(event)
        stack_id, url = str(event.get("StackId")), str(event.get("ResponseURL"))
        earlier = self._request_events.get(stack_id, [])
        if url in self._noted:
            return  # Lambda delivers it again
        self._noted.add(url)
        request = (name, f"{self.request_type.upper()}_IN_PROGRESS", signed)
        if "ROLLBACK" in str(self.status):
            events = [request, ("", str(self.status), signed), *earlier]
        else:
            events = [request, ("", request[1], signed)]
        self._request_events[stack_id] = events

    def _signed_at(self, event: Mapping[str, Any]) -> float:
        """Return when a request was signed. One without a date counts as signed now."""
        query = urlsplit(str(event.get("ResponseURL"))).query
        date = parse_qs(query).get("X-Amz-Date")
        if date is None:
            return self._now()
        return datetime.strptime(f"{date[0]}+0000", "%Y%m%dT%H%M%SZ%z").timestamp()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Serve an HTTP request."""
        if self.reply is not None:
            return self.reply
        if isinstance(self.status, int):
            return HttpResponse(self.status)
        asked = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        operation = asked["Action"]
        if self.throttles(operation):
            return _THROTTLED
        result = _RESULTS[operation](self, asked)
        if result is None:
            return _NONE
        result = f"<{operation}Result>{result}</{operation}Result>"
        xml = f"<{operation}Response>{result}</{operation}Response>"
        return HttpResponse(200, xml.encode(), _XML)

    # Each returns the XML of a result, or None if the stack, the resource or the set is missing.

    def _stack(self, asked: Mapping[str, str]) -> str | None:
        stack_id, view = self._view(asked)
        if view is None and not stack_id.startswith("arn:"):
            return None
        status = view.status if view else self.status
        name = stack_id.split("/")[1] if view else _STACK_NAME
        described = f"<StackName>{name}</StackName><StackId>{stack_id}</StackId>"
        described += "<CreationTime>2027-01-15T08:00:00Z</CreationTime>"
        described += f"<StackStatus>{status}</StackStatus>"
        if stack_id in self.templates:
            described += _parameters(self.templates[stack_id])
        outputs = "".join(
            f"<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
            for name, value in self.outputs.get(stack_id, {}).items()
        )
        described += f"<Outputs>{outputs}</Outputs>"
        return f"<Stacks><member>{described}</member></Stacks>"

    def _stack_resource(self, asked: Mapping[str, str]) -> str | None:
        return self._resource(asked["LogicalResourceId"], self._view(asked)[1])

    def _stack_resources(self, asked: Mapping[str, str]) -> str | None:
        _, view = self._view(asked)
        if view is None:
            return None
        shown = "".join(
            f"<member>{_described(*each)}<ResourceType>{each[1].resource_type}</ResourceType></member>"
            for each in view.resources.items()
        )
        return f"<StackResourceSummaries>{shown}</StackResourceSummaries>"

    def _stack_events(self, asked: Mapping[str, str]) -> str:
        views = self._shown(asked["StackName"], self.lag + self.events_lag)
        noted = self._request_events.get(asked["StackName"], [])
        events = _events_of(views) if views else self.events or noted
        start = int(asked.get("NextToken", "0"))
        end = start + _EVENTS_PER_PAGE
        shown = (_event(asked["StackName"], *event) for event in events[start:end])
        members = "".join(f"<member>{event}</member>" for event in shown)
        token = f"<NextToken>{end}</NextToken>" if end < len(events) else ""
        return f"<StackEvents>{members}</StackEvents>{token}"

    def _template(self, asked: Mapping[str, str]) -> str:
        if "ChangeSetName" in asked:
            template = self.change_sets[asked["ChangeSetName"]]
        else:
            template = self.templates[self._view(asked)[0]]
        is_original = asked["TemplateStage"] == "Original" or template.processed is None
        body = template.text if is_original else template.processed
        return f"<TemplateBody>{escape(str(body))}</TemplateBody>"

    def _change_set(self, asked: Mapping[str, str]) -> str | None:
        template = self.change_sets.get(asked["ChangeSetName"])
        if template is None:
            return None
        if not template.text:
            return "<Status>FAILED</Status><StatusReason>No updates.</StatusReason>"
        return f"<Status>CREATE_COMPLETE</Status>{_parameters(template)}"

    def _list_exports(self, _asked: Mapping[str, str]) -> str:
        members = "".join(
            f"<member><Name>{name}</Name><Value>{value}</Value></member>"
            for name, value in self.exports.items()
        )
        return f"<Exports>{members}</Exports>"

    def _view(self, asked: Mapping[str, str]) -> tuple[str, _View | None]:
        """Return the id of a stack, and what it shows."""
        name = asked["StackName"]
        ids = [each for each in self._views if name in (each, each.split("/")[1])]
        views = self._shown(ids[-1], self.lag) if ids else []
        return (ids[-1] if ids else name), (views[-1] if views else None)

    def _shown(self, stack_id: str, lag: float) -> list[_View]:
        """Return the views that a lag lets through; without one, the first."""
        views = self._views.get(stack_id, [])
        return [view for view in views if view.since + lag <= self._now()] or views[:1]

    def _resource(self, logical_id: str, view: _View | None) -> str | None:
        """Describe a resource; None if the stack does not have it."""
        if view is None:
            shown = StackResource(self._resource_status(), self.physical_id, self.since)
        elif logical_id in view.resources:
            shown = view.resources[logical_id]
        else:
            return None
        detail = _described(logical_id, shown)
        if shown.since is not None:
            since = datetime.fromtimestamp(shown.since, UTC)
            detail += f"<LastUpdatedTimestamp>{since:%Y-%m-%dT%H:%M:%SZ}</LastUpdatedTimestamp>"
        return f"<StackResourceDetail>{detail}</StackResourceDetail>"

    def _resource_status(self) -> str:
        """Return the status of the resource. A rollback sends Updates, and cancels every Create.

        A clean-up deletes resources that the stack no longer has.
        """
        if self.resource_status:
            return self.resource_status
        status = str(self.status)
        if self.request_type == "Delete" and "CLEANUP" in status:
            return "UPDATE_COMPLETE"
        moving = status.endswith("_IN_PROGRESS") and "CLEANUP" not in status
        if status.startswith("DELETE") or (self.request_type == "Create" and "ROLLBACK" in status):
            return "DELETE_COMPLETE"
        return f"{self.request_type.upper()}_{'IN_PROGRESS' if moving else 'COMPLETE'}"

    def close(self) -> None:
        """Stop listening."""
        self._server.close()


_RESULTS: Mapping[str, Callable[[Stacks, Mapping[str, str]], str | None]] = {
    "DescribeStacks": Stacks._stack,
    "DescribeStackResource": Stacks._stack_resource,
    "ListStackResources": Stacks._stack_resources,
    "DescribeStackEvents": Stacks._stack_events,
    "GetTemplate": Stacks._template,
    "DescribeChangeSet": Stacks._change_set,
    "ListExports": Stacks._list_exports,
}


def _parameters(template: Template) -> str:
    members = ""
    for name, value in template.parameters.items():
        given, *resolved = (value,) if isinstance(value, str) else value
        members += f"<member><ParameterKey>{name}</ParameterKey>"
        members += f"<ParameterValue>{escape(given)}</ParameterValue>"
        members += "".join(f"<ResolvedValue>{escape(each)}</ResolvedValue>" for each in resolved)
        members += "</member>"
    return f"<Parameters>{members}</Parameters>"


def _described(logical_id: str, resource: StackResource) -> str:
    return (
        f"<LogicalResourceId>{logical_id}</LogicalResourceId>"
        f"<PhysicalResourceId>{resource.physical_id}</PhysicalResourceId>"
        f"<ResourceStatus>{resource.status}</ResourceStatus>"
    )


def _events_of(views: list[_View]) -> list[_StackEvent]:
    """Return the events that led to the last view, latest first."""
    events: list[_StackEvent] = []
    before = _View(0.0, "", {})
    for view in views:
        if view.status != before.status:
            events.append(("", view.status, view.since))
        for name, resource in view.resources.items():
            if before.resources.get(name) != resource:
                events.append((name, resource.status, view.since, resource.reason))
        before = view
    return events[::-1]


def _event(stack_id: str, logical_id: str, status: str, when: float, reason: str = "") -> str:
    """Describe an event of the stack, or of a resource in it."""
    name, physical_id = (logical_id, "") if logical_id else (stack_id.split("/")[1], stack_id)
    return (
        f"<LogicalResourceId>{name}</LogicalResourceId>"
        f"<PhysicalResourceId>{physical_id}</PhysicalResourceId>"
        f"<ResourceStatus>{status}</ResourceStatus>"
        f"<ResourceStatusReason>{reason}</ResourceStatusReason>"
        f"<Timestamp>{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%SZ}</Timestamp>"
    )
