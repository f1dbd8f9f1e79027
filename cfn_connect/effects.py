"""The effects that writes would have on Connect, shown in the responses to later reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from connect_provider import errors
from connect_provider.arn import instance_arn, region, resource_id

Key = tuple[str, str]  # Region and bare id
Parameters = Mapping[str, Any]
Output = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of resource that writes create and delete.

    name: as in the names of its operations.
    items, page: the member of a list's output, and the number of resources that a page can hold.
    taken: the error of a create whose Name is taken.
    """

    name: str
    items: str
    page: int
    taken: str

    @property
    def lists(self) -> str:
        """Return the operation that lists the resources of an instance."""
        return f"List{self.name}s"


_QUICK_CONNECT = Kind("QuickConnect", "QuickConnectSummaryList", 1000, "DuplicateResourceException")
_GROUP = Kind(
    "TrafficDistributionGroup",
    "TrafficDistributionGroupSummaryList",
    10,
    "ResourceConflictException",
)
KINDS = (_QUICK_CONNECT, _GROUP)


@dataclass(frozen=True)
class Effects:
    """The effects of the requests so far.

    seen: each resource that a read found, as its Describe operation shows it.
    documents: the same for each resource that was written; None if it was deleted.
    splits: the traffic of groups, by the names of its configs.
    isolated: the isolated Regions of an instance, by its bare id.
    physical_ids: those that requests left, by stack id and logical id; "" after a Delete.
    """

    seen: dict[Key, Output] = field(default_factory=dict)
    documents: dict[Key, Output | None] = field(default_factory=dict)
    splits: dict[Key, Output] = field(default_factory=dict)
    isolated: dict[str, list[str]] = field(default_factory=dict)
    physical_ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def copy(self) -> "Effects":
        """Return a copy. The documents never change, so both share them."""
        tables = (getattr(self, each.name) for each in fields(self))
        return Effects(*map(dict, tables))

    # Reads

    def is_written(self, operation: str, region_name: str, p: Parameters) -> bool:
        """Return whether a call describes a resource that was written."""
        return any(_described(k, operation, region_name, p) in self.documents for k in KINDS)

    def describe(self, operation: str, region_name: str, p: Parameters) -> Output | None:
        """Return the output of such a call, or None if the resource was deleted."""
        kind = next(kind for kind in KINDS if operation == f"Describe{kind.name}")
        document = self.documents[_key(region_name, p[f"{kind.name}Id"])]
        return {kind.name: document} if document else None

    def show(self, operation: str, region_name: str, p: Parameters, output: Output) -> None:
        """Note the resource in an output, and put the effects into it."""
        for kind in KINDS:
            if key := _described(kind, operation, region_name, p):
                self.seen[key] = output[kind.name]
            if operation == kind.lists:
                output[kind.items] = self._listed(kind, p, output)
        if operation == "GetTrafficDistribution":
            output.update(self.splits.get(_key(region_name, p["Id"]), {}))
        if operation == "GetCrossRegionRouting" and p["InstanceId"] in self.isolated:
            output["IsolatedRegions"] = self.isolated[p["InstanceId"]]

    def _listed(self, kind: Kind, p: Parameters, output: Output) -> list[Output]:
        """Return a page of a list. The last one has the resources that were written."""
        items = [i for i in output[kind.items] if _key("", i["Arn"]) not in self.documents]
        if output.get("NextToken"):
            return items
        instance = resource_id(p["InstanceId"])
        written = [_summary(document) for document in self.documents.values() if document]
        return items + [i for i in written if resource_id(i["InstanceArn"]) == instance]

    # Writes

    def create(self, kind: Kind, service: str, region_name: str, p: Parameters) -> Output:
        """Create a resource; return the output. service: the beginning of its ARN."""
        new_id = f"planned-{len(self.documents)}"
        home = f"{service}:instance/{resource_id(p['InstanceId'])}"
        if kind is _QUICK_CONNECT:
            arn = f"{home}/transfer-destination/{new_id}"
            created = {"QuickConnectARN": arn, "QuickConnectId": new_id}
        else:
            arn = f"{service}:traffic-distribution-group/{new_id}"
            created = {"Arn": arn, "Id": new_id}
        document = {**p, **created, "InstanceArn": home, "Status": "ACTIVE"}
        self.documents[_key(region_name, arn)] = document
        return created

    def write(self, operation: str, region_name: str, p: Parameters) -> None:
        """Note the effect of a write that creates nothing.

        Raise GeneralServiceException if nobody knows it.
        """
        if operation not in _WRITES:
            problem = f"{operation}: this version of cfn-connect cannot tell the effect"
            raise errors.GeneralServiceException(problem)
        _WRITES[operation](self, region_name, p)

    def _delete_quick_connect(self, region_name: str, p: Parameters) -> None:
        self.documents[_key(region_name, p["QuickConnectId"])] = None

    def _delete_group(self, region_name: str, p: Parameters) -> None:
        self.documents[_key(region_name, p["TrafficDistributionGroupId"])] = None

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
        self.splits[key] = {**self.splits.get(key, {}), **configs}

    def _isolate(self, region_name: str, p: Parameters) -> None:
        self.isolated[p["InstanceId"]] = [region_name] if p["IsolatedAll"] else []

    def _leave(self, region_name: str, p: Parameters) -> None:
        """Note nothing: no later read of a request looks for this write."""

    def _document(self, key: Key) -> Output:
        """Return a resource as it is by now. A request reads each resource before it writes."""
        return self.documents.get(key) or self.seen[key]

    def _change(self, key: Key, **changes: Any) -> None:
        self.documents[key] = {**self._document(key), **changes}


_WRITES: Mapping[str, Callable[[Effects, str, Parameters], None]] = {
    "UpdateQuickConnectName": Effects._rename,
    "UpdateQuickConnectConfig": Effects._configure,
    "DeleteQuickConnect": Effects._delete_quick_connect,
    "DeleteTrafficDistributionGroup": Effects._delete_group,
    "TagResource": Effects._tag,
    "UntagResource": Effects._untag,
    "UpdateTrafficDistribution": Effects._distribute,
    "UpdateCrossRegionRouting": Effects._isolate,
    "AssociateTrafficDistributionGroupUser": Effects._leave,
    "DisassociateTrafficDistributionGroupUser": Effects._leave,
    "AssociateQueueQuickConnects": Effects._leave,
    "DisassociateQueueQuickConnects": Effects._leave,
}


def _described(kind: Kind, operation: str, region_name: str, p: Parameters) -> Key | None:
    """Return the resource that a call describes, if it is of the kind."""
    is_describe = operation == f"Describe{kind.name}"
    return _key(region_name, p[f"{kind.name}Id"]) if is_describe else None


def _key(region_name: str, arn_or_id: str) -> Key:
    return region(arn_or_id) or region_name, resource_id(arn_or_id)


def _summary(document: Output) -> Output:
    """Return the entry of a resource in a list."""
    arn = document.get("QuickConnectARN") or document["Arn"]
    home = instance_arn(arn) or document["InstanceArn"]
    return {**document, "Arn": arn, "InstanceArn": home}
