"""A rehearsal of calls to Connect: reads are real, and no write leaves this machine.

The provider makes its calls as it does in Lambda. A write is recorded, and later reads show its
effect. A read goes to Connect once, and a repeated one gets the same response.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from cfn_connect.clients import Clients
from cfn_connect.effects import KINDS, Effects, Kind, Output, Parameters
from connect_provider import errors
from connect_provider.arn import region, resource_id

# The provider repeats calls itself, as it does in Lambda.
_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=20)
_READS = ("Describe", "Get", "List", "Search")

Reply = tuple[AWSResponse, Output]


@dataclass(frozen=True)
class Write:
    """A write that did not take place."""

    operation: str
    parameters: Parameters


class Rehearsal:
    """The Connect of requests that nobody sends.

    effects: those of the requests so far.
    writes: those of the current request that Connect would accept.
    calls: how many calls the current request has made.
    is_failing: whether the last read failed for a reason that passes, such as throttling.
    is_unreachable: whether the last read had no response.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._made: dict[str, Any] = {}
        self.forget()

    def forget(self) -> None:
        """Forget everything that was read and written."""
        self._replies: dict[str, Reply] = {}
        self.effects = Effects()
        self.begin("")

    def begin(self, stack_id: str) -> None:
        """Begin a request of a stack. The effects of earlier requests remain."""
        self._stack_id = stack_id
        self.writes: list[Write] = []
        self.calls = 0
        self.is_failing = self.is_unreachable = False

    def has_seen(self, arn: str) -> bool:
        """Return whether a read found the resource."""
        return (str(region(arn)), resource_id(arn)) in self.effects.seen

    def client(self, region_name: str, _read_timeout: int = 0) -> Any:
        """Return the client of a Region. None of its writes reaches the network."""
        if region_name not in self._made:
            client = self._clients.new_client("connect", region_name, _CONFIG)
            client.meta.events.register("before-parameter-build.connect", _remember)
            client.meta.events.register("before-call.connect", self._before_call)
            client.meta.events.register("after-call.connect", self._after_call)
            self._made[region_name] = client
        return self._made[region_name]

    # Events of botocore

    def _before_call(self, *, model: Any, context: Mapping[str, Any], **_: object) -> Reply | None:
        """Return the reply to a write or a repeated read, or None to send a read."""
        call = model.name, context["client_region"], context["parameters"]
        if not model.name.startswith(_READS):
            return self._write(*call)
        known = self._replies.get(_text_of(*call))
        if self.effects.is_written(*call):
            output = self.effects.describe(*call)
            known = _reply(output) if output else _error(404, "ResourceNotFoundException")
        self.is_failing = self.is_unreachable = known is None  # until the response arrives
        return known and (known[0], dict(known[1]))

    def _after_call(
        self, *, http_response: Any, parsed: Output, model: Any, context: Any, **_: object
    ) -> None:
        """Count a call that has a result, remember a read, and show the effects of writes."""
        self.is_unreachable = False
        call = model.name, context["client_region"], context["parameters"]
        if error := parsed.get("Error"):
            kind = errors.error_class(model.name, error.get("Code"), http_response.status_code)
            if kind.transient:
                return
        self.is_failing = False
        self.calls += 1
        if model.name.startswith(_READS):
            self._replies.setdefault(_text_of(*call), (http_response, dict(parsed)))
            if not error:
                self.effects.show(*call, parsed)

    # Writes

    def _write(self, operation: str, region_name: str, p: Parameters) -> Reply:
        """Record a write with its effect; return its reply."""
        output: Output = {}
        kind = next((kind for kind in KINDS if operation == f"Create{kind.name}"), None)
        if kind is None:
            self.effects.write(operation, region_name, p)
        elif self._has_name(kind, region_name, p):
            return _error(409, kind.taken)
        else:
            _, partition, _, _, account, *_ = self._stack_id.split(":")
            service = f"arn:{partition}:connect:{region_name}:{account}"
            output = self.effects.create(kind, service, region_name, p)
        self.writes.append(Write(operation, p))
        return _reply(output)

    def _has_name(self, kind: Kind, region_name: str, p: Parameters) -> bool:
        """Return whether a resource of the instance has the Name. The lookup does not count."""
        calls = self.calls
        instance = {"InstanceId": resource_id(p["InstanceId"])}
        pages = (
            self.client(region_name)
            .get_paginator(xform_name(kind.lists))
            .paginate(**instance, PaginationConfig={"PageSize": kind.page})
        )
        try:
            found = any(item["Name"] == p["Name"] for page in pages for item in page[kind.items])
        except ClientError as error:
            failure = errors.from_botocore(kind.lists, error, instance)
            if isinstance(failure, errors.AccessDenied):
                raise failure from None  # it names the lookup, and not the write
            raise
        self.calls = calls
        return found


def _remember(*, params: Output, context: Output, **_: object) -> None:
    """Keep a call's parameters. Later events have only the HTTP request."""
    context["parameters"] = params


def _text_of(operation: str, region_name: str, p: Parameters) -> str:
    """Return a text that is the same for each repetition of a read."""
    return f"{region_name} {operation} {sorted(p.items())}"


def _reply(output: Output, status: int = 200) -> Reply:
    return AWSResponse("", status, {}, None), {
        **output,
        "ResponseMetadata": {"HTTPStatusCode": status},
    }


def _error(status: int, code: str) -> Reply:
    return _reply({"Error": {"Code": code, "Message": "due to an earlier request"}}, status)
