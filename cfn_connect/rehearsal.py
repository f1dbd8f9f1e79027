"""A rehearsal of calls to Connect: reads are real, and no write leaves this machine.

The provider makes its calls as it does in Lambda. A write is recorded, and later reads show its
effect. A read goes to Connect once, and a repeated one gets the same response.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from cfn_connect.clients import Clients
from connect_provider import errors
from connect_provider.arn import instance_arn, region, resource_id

# The provider repeats calls itself, as it does in Lambda.
_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=20)
_READS = ("Describe", "Get", "List", "Search")

Key = tuple[str, str]  # Region and bare id
Parameters = Mapping[str, Any]
Output = dict[str, Any]
Reply = tuple[AWSResponse, Output]


@dataclass(frozen=True)
class Write:
    """A write that did not take place."""

    operation: str
    parameters: Parameters


@dataclass(frozen=True)
class _Kind:
    """The operations of a kind of resource that writes create and delete."""

    name: str
    items: str
    page: int
    taken: str

    @property
    def lists(self) -> str:
        """Return the operation that lists the resources of an instance."""
        return f"List{self.name}s"


_QUICK_CONNECT = _Kind(
    "QuickConnect", "QuickConnectSummaryList", 1000, "DuplicateResourceException"
)
_GROUP = _Kind(
    "TrafficDistributionGroup",
    "TrafficDistributionGroupSummaryList",
    10,
    "ResourceConflictException",
)
_KINDS = (_QUICK_CONNECT, _GROUP)


@dataclass(frozen=True)
class _Effects:
    """The effects of the requests so far.

    documents: each resource that was written, as its Describe operation shows it; None if it was
    deleted.
    splits: the traffic of groups, by the names of its configs.
    isolated: the isolated Regions of an instance, by its bare id.
    physical_ids: those that requests left, by stack id and logical id; "" after a Delete.
    """

    documents: dict[Key, Output | None] = field(default_factory=dict)
    splits: dict[Key, Output] = field(default_factory=dict)
    isolated: dict[str, list[str]] = field(default_factory=dict)
    physical_ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def copy(self) -> "_Effects":
        """Return a copy. The documents never change, so both share them."""
        tables = (getattr(self, each.name) for each in fields(self))
        return _Effects(*map(dict, tables))


class Rehearsal:
    """The Connect of requests that nobody sends.

    writes: those of the current request that Connect would accept.
    calls: how many calls the current request has made.
    is_failing: whether the last read failed for a reason that passes, such as throttling.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._made: dict[str, Any] = {}
        self.forget()

    def forget(self) -> None:
        """Forget everything that was read and written."""
        self._replies: dict[str, Reply] = {}
        self._seen: dict[Key, Output] = {}
        self.effects = _Effects()
        self.begin("")

    def begin(self, stack_id: str) -> None:
        """Begin a request of a stack. The effects of earlier requests remain."""
        self._stack_id = stack_id
        self.writes: list[Write] = []
        self.calls = 0
        self.is_failing = False

    def has_seen(self, arn: str) -> bool:
        """Return whether a read found the resource."""
        return (str(region(arn)), resource_id(arn)) in self._seen

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
        operation, parameters = model.name, context["parameters"]
        if not operation.startswith(_READS):
            reply = self._write(operation, context["client_region"], parameters)
            if "Error" not in reply[1]:
                self.writes.append(Write(operation, parameters))
            return reply
        known = self._written(operation, context["client_region"], parameters)
        known = known or self._replies.get(_request_of(operation, context))
        self.is_failing = known is None  # until the response arrives
        return known and (known[0], dict(known[1]))

    def _after_call(
        self, *, http_response: Any, parsed: Output, model: Any, context: Any, **_: object
    ) -> None:
        """Count a call that has a result, remember a read, and show the effects of writes."""
        operation, error = model.name, parsed.get("Error")
        if error:
            kind = errors.error_class(operation, error.get("Code"), http_response.status_code)
            if kind.transient:
                return
        self.is_failing = False
        self.calls += 1
        if operation.startswith(_READS):
            request = _request_of(operation, context)
            self._replies.setdefault(request, (http_response, dict(parsed)))
            if not error:
                self._show(operation, context["client_region"], context["parameters"], parsed)

    # Reads

    def _written(self, operation: str, region_name: str, p: Parameters) -> Reply | None:
        """Return the reply to the Describe of a resource that was written."""
        for kind in _KINDS:
            if operation == f"Describe{kind.name}":
                key = _key(region_name, p[f"{kind.name}Id"])
                if key in self.effects.documents:
                    document = self.effects.documents[key]
                    missing = _error(404, "ResourceNotFoundException", "it is deleted by now")
                    return _reply({kind.name: document}) if document else missing
        return None

    def _show(self, operation: str, region_name: str, p: Parameters, output: Output) -> None:
        """Note the resource in an output, and put the effects of writes into it."""
        for kind in _KINDS:
            if operation == f"Describe{kind.name}":
                self._seen[_key(region_name, p[f"{kind.name}Id"])] = output[kind.name]
            if operation == kind.lists:
                output[kind.items] = self._listed(kind, p, output)
        if operation == "GetTrafficDistribution":
            output.update(self.effects.splits.get(_key(region_name, p["Id"]), {}))
        if operation == "GetCrossRegionRouting" and p["InstanceId"] in self.effects.isolated:
            output["IsolatedRegions"] = self.effects.isolated[p["InstanceId"]]

    def _listed(self, kind: _Kind, p: Parameters, output: Output) -> list[Output]:
        """Return a page of a list. The last one has the resources that were written."""
        documents = self.effects.documents
        items = [i for i in output[kind.items] if _key("", i["Arn"]) not in documents]
        if output.get("NextToken"):
            return items
        instance = resource_id(p["InstanceId"])
        written = [_summary(document) for document in documents.values() if document]
        return items + [i for i in written if resource_id(i["InstanceArn"]) == instance]

    def _has_name(self, kind: _Kind, region_name: str, instance: str, name: str) -> bool:
        """Return whether a resource of an instance has a name. No call of the provider counts."""
        calls = self.calls
        paginator = self.client(region_name).get_paginator(xform_name(kind.lists))
        config = {"PageSize": kind.page}
        pages = paginator.paginate(InstanceId=instance, PaginationConfig=config)
        found = any(item["Name"] == name for page in pages for item in page[kind.items])
        self.calls = calls
        return found

    # Writes

    def _write(self, operation: str, region_name: str, p: Parameters) -> Reply:
        """Note the effect of a write; return its reply."""
        for kind in _KINDS:
            if operation == f"Create{kind.name}":
                return self._create(kind, region_name, p)
            if operation == f"Delete{kind.name}":
                self.effects.documents[_key(region_name, p[f"{kind.name}Id"])] = None
                return _reply({})
        if operation not in _EFFECTS:
            problem = f"{operation}: this version of cfn-connect cannot tell the effect"
            raise errors.GeneralServiceException(problem)
        _EFFECTS[operation](self, region_name, p)
        return _reply({})

    def _create(self, kind: _Kind, region_name: str, p: Parameters) -> Reply:
        """Create a resource, unless its name is taken."""
        instance = resource_id(p["InstanceId"])
        if self._has_name(kind, region_name, instance, p["Name"]):
            return _error(409, kind.taken, "the Name is in use")
        _, partition, _, _, account, *_ = self._stack_id.split(":")
        service = f"arn:{partition}:connect:{region_name}:{account}"
        home, new_id = f"{service}:instance/{instance}", f"planned-{len(self.effects.documents)}"
        if kind is _QUICK_CONNECT:
            arn = f"{home}/transfer-destination/{new_id}"
            created = {"QuickConnectARN": arn, "QuickConnectId": new_id}
        else:
            arn = f"{service}:traffic-distribution-group/{new_id}"
            created = {"Arn": arn, "Id": new_id}
        document = {**p, **created, "InstanceArn": home, "Status": "ACTIVE"}
        self.effects.documents[_key(region_name, arn)] = document
        return _reply(created)

    def _rename(self, region_name: str, p: Parameters) -> None:
        names = {name: p[name] for name in ("Name", "Description") if name in p}
        self._change(_key(region_name, p["QuickConnectId"]), **names)

    def _configure(self, region_name: str, p: Parameters) -> None:
        key = _key(region_name, p["QuickConnectId"])
        self._change(key, QuickConnectConfig=p["QuickConnectConfig"])

    def _tag(self, region_name: str, p: Parameters) -> None:
        key = _key(region_name, p["resourceArn"])
        self._change(key, Tags={**self._document(key).get("Tags", {}), **p["tags"]})

    def _untag(self, region_name: str, p: Parameters) -> None:
        key = _key(region_name, p["resourceArn"])
        tags = self._document(key).get("Tags", {}).items()
        self._change(key, Tags={k: v for k, v in tags if k not in p["tagKeys"]})

    def _distribute(self, region_name: str, p: Parameters) -> None:
        key = _key(region_name, p["Id"])
        configs = {name: config for name, config in p.items() if name != "Id"}
        self.effects.splits[key] = {**self.effects.splits.get(key, {}), **configs}

    def _isolate(self, region_name: str, p: Parameters) -> None:
        self.effects.isolated[p["InstanceId"]] = [region_name] if p["IsolatedAll"] else []

    def _leave(self, region_name: str, p: Parameters) -> None:
        """Note nothing: no later read of a request looks for this write."""

    def _document(self, key: Key) -> Output:
        """Return a resource as it is by now. A request reads each resource before it writes."""
        return self.effects.documents.get(key) or self._seen[key]

    def _change(self, key: Key, **changes: Any) -> None:
        self.effects.documents[key] = {**self._document(key), **changes}


_EFFECTS: Mapping[str, Callable[[Rehearsal, str, Parameters], None]] = {
    "UpdateQuickConnectName": Rehearsal._rename,
    "UpdateQuickConnectConfig": Rehearsal._configure,
    "TagResource": Rehearsal._tag,
    "UntagResource": Rehearsal._untag,
    "UpdateTrafficDistribution": Rehearsal._distribute,
    "UpdateCrossRegionRouting": Rehearsal._isolate,
    "AssociateTrafficDistributionGroupUser": Rehearsal._leave,
    "DisassociateTrafficDistributionGroupUser": Rehearsal._leave,
    "AssociateQueueQuickConnects": Rehearsal._leave,
    "DisassociateQueueQuickConnects": Rehearsal._leave,
}


def _remember(*, params: Output, context: Output, **_: object) -> None:
    """Keep a call's parameters. Later events have only the HTTP request."""
    context["parameters"] = params


def _request_of(operation: str, context: Mapping[str, Any]) -> str:
    """Return a text that is the same for each repetition of a read."""
    return f"{context['client_region']} {operation} {sorted(context['parameters'].items())}"


def _key(region_name: str, arn_or_id: str) -> Key:
    return region(arn_or_id) or region_name, resource_id(arn_or_id)


def _summary(document: Output) -> Output:
    """Return the entry of a resource in a list."""
    arn = document.get("QuickConnectARN") or document["Arn"]
    home = instance_arn(arn) or document["InstanceArn"]
    return {**document, "Arn": arn, "InstanceArn": home}


def _reply(output: Output, status: int = 200) -> Reply:
    return AWSResponse("", status, {}, None), {
        **output,
        "ResponseMetadata": {"HTTPStatusCode": status},
    }


def _error(status: int, code: str, message: str) -> Reply:
    return _reply({"Error": {"Code": code, "Message": message}}, status)
