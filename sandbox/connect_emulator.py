"""Amazon Connect's behaviour, as far as the provider uses it, over HTTP.

What an operation accepts comes from the service model (connect_model.py). By hand is only what the
model does not say: names that are taken, states that change with time, quotas, rates, Regions.
"""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name

from sandbox.connect_model import ConnectCall, ConnectModel, ServiceError
from sandbox.http_server import DropConnection, HttpRequest, HttpResponse

ACCOUNT = "123456789012"
_PHONE_NUMBER = re.compile(r"\+[1-9]\d{1,14}")
_BLOCKS = {
    "USER": "UserConfig",
    "QUEUE": "QueueConfig",
    "PHONE_NUMBER": "PhoneConfig",
    "FLOW": "FlowConfig",
}


@dataclass(frozen=True)
class JournalEntry:
    """One call, and what was answered: an error's code, or "" for a success."""

    region: str
    operation: str
    parameters: Mapping[str, Any]
    error: str


@dataclass
class Fault:
    """What is to go wrong with the next calls of an operation.

    error: an error's code; "drop" closes the connection; "garbage" answers what is not JSON.
    after: the call takes effect all the same.
    """

    operation: str
    error: str
    after: bool = False
    times: int = 1
    message: str = "a fault on demand"


@dataclass
class Instance:
    """A Connect instance. What its sets do not hold does not exist."""

    id: str
    region: str
    replica_region: str | None = None
    contact_flows: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)

    @property
    def arn(self) -> str:
        """Return the instance's ARN in its home Region."""
        return f"arn:aws:connect:{self.region}:{ACCOUNT}:instance/{self.id}"


class ConnectEmulator:
    """The state of Connect in one account, and the calls on it.

    settle_seconds: how long a group takes to be created or deleted.
    creation_fails, deletion_fails: how that ends.
    shift_seconds: how long it takes to shift a group's traffic; shift_is_lost: it never happens.
    regions_off: the Regions that do not answer.
    rate: requests a second for each API, with bursts of five; None for no limit.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self.model = ConnectModel()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.instances: dict[str, Instance] = {}
        self.quick_connects: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.phone_numbers: list[dict[str, str]] = []
        self.journal: list[JournalEntry] = []
        self.faults: list[Fault] = []
        self.settle_seconds = 0.0
        self.shift_seconds = 0.0
        self.shift_is_lost = False
        self.regions_off: set[str] = set()
        self.creation_fails = False
        self.deletion_fails = False
        self.rate: float | None = None
        self.quick_connect_quota = 100
        self.group_quota = 10
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}
        self._tokens: dict[str, str] = {}

    # Setting the scene

    def add_instance(
        self, instance_id: str, region: str, replica_region: str | None = None
    ) -> Instance:
        """Add an instance; with a replica it also gets its default traffic distribution group."""
        instance = Instance(instance_id, region, replica_region)
        self.instances[instance_id] = instance
        if replica_region:
            self._add_group(instance, "default", "", {}, is_default=True)["Status"] = "ACTIVE"
        return instance

    def add_quick_connect(
        self, instance: Instance, name: str, config: Mapping[str, Any], tags: Mapping[str, str]
    ) -> str:
        """Add a quick connect, as somebody in the console does; return its ARN."""
        new_id = str(uuid.uuid4())
        arn = f"{instance.arn}/transfer-destination/{new_id}"
        self.quick_connects[arn] = {
            "InstanceArn": instance.arn,
            "QuickConnectARN": arn,
            "QuickConnectId": new_id,
            "Name": name,
            "Description": "",
            "QuickConnectConfig": config,
            "Tags": dict(tags),
        }
        return arn

    def default_group(self, instance_id: str) -> dict[str, Any]:
        """Return the default traffic distribution group of an instance that has a replica."""
        return next(
            group
            for group in self.groups.values()
            if group["IsDefault"] and _bare(group["InstanceArn"]) == instance_id
        )

    def claim_phone_number(self, group_arn: str) -> str:
        """Claim a phone number to a group; return its id."""
        number_id = str(uuid.uuid4())
        self.phone_numbers.append({"PhoneNumberId": number_id, "TargetArn": group_arn})
        return number_id

    def fault(self, operation: str, error: str, *, after: bool = False, times: int = 1) -> None:
        """Let the next calls of an operation go wrong; see Fault."""
        self.faults.append(Fault(operation, error, after, times))

    def forget_tokens(self) -> None:
        """Forget every ClientToken, as Connect does after a while."""
        self._tokens.clear()

    def calls(self) -> list[str]:
        """Return the operations that were called, in order."""
        return [entry.operation for entry in self.journal]

    # Serving

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer an HTTP request."""
        with self._lock:
            try:
                call = self.model.parse(request)
            except ServiceError as error:
                return self.model.error_response(error)
            if call.region in self.regions_off:
                raise DropConnection
            fault = self._next_fault(call.operation)
            try:
                if fault and not fault.after:
                    return self._fail(call, fault)
                output = self._dispatch(call)
                if fault:
                    return self._fail(call, fault)
            except ServiceError as error:
                self._note(call, error.code)
                return self.model.error_response(error)
            self._note(call, "")
            return HttpResponse(200, json.dumps(output).encode())

    def _next_fault(self, operation: str) -> Fault | None:
        fault = next((f for f in self.faults if f.operation == operation and f.times > 0), None)
        if fault:
            fault.times -= 1
        return fault

    def _fail(self, call: ConnectCall, fault: Fault) -> HttpResponse:
        self._note(call, fault.error)
        if fault.error == "drop":
            raise DropConnection
        if fault.error == "garbage":
            return HttpResponse(200, b"<html>")
        return self.model.error_response(ServiceError(fault.error, fault.message))

    def _note(self, call: ConnectCall, error: str) -> None:
        self.journal.append(JournalEntry(call.region, call.operation, call.parameters, error))

    def _dispatch(self, call: ConnectCall) -> dict[str, Any]:
        self._spend(call)
        self._settle()
        operation = getattr(self, f"_{xform_name(call.operation)}", None)
        if operation is None:
            raise ServiceError("UnknownOperationException", call.operation)
        output: dict[str, Any] = operation(call.region, call.parameters) or {}
        return output

    def _spend(self, call: ConnectCall) -> None:
        """Take a token from the API's bucket."""
        if self.rate is None:
            return
        key, now = (call.region, call.operation), self._clock()
        tokens, seen = self._buckets.get(key, (5.0, now))
        tokens = min(5.0, tokens + (now - seen) * self.rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            raise ServiceError("ThrottlingException", "Rate exceeded")
        self._buckets[key] = (tokens - 1, now)

    # Quick connects

    def _create_quick_connect(self, region: str, p: Mapping[str, Any]) -> dict[str, str]:
        instance = self._instance(region, p["InstanceId"])
        self._check_config(instance, p["QuickConnectConfig"])
        siblings = [q for q in self.quick_connects.values() if q["InstanceArn"] == instance.arn]
        if any(q["Name"] == p["Name"] for q in siblings):
            raise ServiceError("DuplicateResourceException", f"Name {p['Name']} is in use")
        if len(siblings) >= self.quick_connect_quota:
            raise ServiceError("LimitExceededException", "too many quick connects")
        arn = self.add_quick_connect(
            instance, p["Name"], p["QuickConnectConfig"], p.get("Tags", {})
        )
        self.quick_connects[arn]["Description"] = p.get("Description", "")
        return {"QuickConnectARN": arn, "QuickConnectId": _bare(arn)}

    def _describe_quick_connect(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(self._quick_connect(region, p))
        del found["InstanceArn"]
        if not found["Description"]:
            del found["Description"]
        if not found["Tags"]:
            del found["Tags"]
        return {"QuickConnect": {**found, "LastModifiedTime": time.time()}}

    def _update_quick_connect_name(self, region: str, p: Mapping[str, Any]) -> None:
        found = self._quick_connect(region, p)
        found.update({key: p[key] for key in ("Name", "Description") if key in p})

    def _update_quick_connect_config(self, region: str, p: Mapping[str, Any]) -> None:
        found = self._quick_connect(region, p)
        self._check_config(self._instance(region, p["InstanceId"]), p["QuickConnectConfig"])
        found["QuickConnectConfig"] = p["QuickConnectConfig"]

    def _delete_quick_connect(self, region: str, p: Mapping[str, Any]) -> None:
        del self.quick_connects[self._quick_connect(region, p)["QuickConnectARN"]]

    def _list_quick_connects(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, p["InstanceId"])
        items = [
            {
                "Id": q["QuickConnectId"],
                "Arn": q["QuickConnectARN"],
                "Name": q["Name"],
                "QuickConnectType": q["QuickConnectConfig"]["QuickConnectType"],
            }
            for q in self.quick_connects.values()
            if q["InstanceArn"] == instance.arn
        ]
        return _page(items, "QuickConnectSummaryList", p, 1000)

    def _quick_connect(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, p["InstanceId"])
        arn = f"{instance.arn}/transfer-destination/{_bare(p['QuickConnectId'])}"
        if arn not in self.quick_connects:
            raise ServiceError("ResourceNotFoundException", "no such quick connect")
        return self.quick_connects[arn]

    def _check_config(self, instance: Instance, config: Mapping[str, Any]) -> None:
        block = _BLOCKS[config["QuickConnectType"]]
        if [name for name in _BLOCKS.values() if name in config] != [block]:
            raise ServiceError("InvalidRequestException", f"expected {block} alone")
        known = {
            "ContactFlowId": instance.contact_flows,
            "QueueId": instance.queues,
            "UserId": instance.users,
        }
        for name, value in config[block].items():
            if name in known and _bare(value) not in known[name]:
                raise ServiceError("ResourceNotFoundException", f"{name} {value} does not exist")
            if name == "PhoneNumber" and not _PHONE_NUMBER.fullmatch(value):
                raise ServiceError("InvalidRequestException", f"{value} is not E.164")

    # Traffic distribution groups

    def _create_traffic_distribution_group(
        self, region: str, p: Mapping[str, Any]
    ) -> dict[str, str]:
        token = p.get("ClientToken")
        if token in self._tokens:
            arn = self._tokens[token]
            return {"Id": _bare(arn), "Arn": arn}
        instance = self._instance(region, p["InstanceId"])
        if instance.replica_region is None:
            raise ServiceError("ResourceNotReadyException", "the instance is not replicated")
        siblings = [g for g in self.groups.values() if g["InstanceArn"] == instance.arn]
        if any(g["Name"] == p["Name"] for g in siblings):
            raise ServiceError("ResourceConflictException", f"Name {p['Name']} is in use")
        if len(siblings) >= self.group_quota:
            raise ServiceError("ServiceQuotaExceededException", "too many groups")
        group = self._add_group(
            instance, p["Name"], p.get("Description", ""), p.get("Tags", {}), is_default=False
        )
        if token:
            self._tokens[token] = group["Arn"]
        return {"Id": group["Id"], "Arn": group["Arn"]}

    def _add_group(
        self,
        instance: Instance,
        name: str,
        description: str,
        tags: Mapping[str, str],
        *,
        is_default: bool,
    ) -> dict[str, Any]:
        new_id = str(uuid.uuid4())
        arn = f"arn:aws:connect:{instance.region}:{ACCOUNT}:traffic-distribution-group/{new_id}"
        group = {
            "Id": new_id,
            "Arn": arn,
            "Name": name,
            "Description": description,
            "InstanceArn": instance.arn,
            "Status": "CREATION_IN_PROGRESS",
            "Tags": dict(tags),
            "IsDefault": is_default,
            "next": (
                "CREATION_FAILED" if self.creation_fails else "ACTIVE",
                self._clock() + self.settle_seconds,
            ),
            "traffic": _first_split(instance),
            "shifting": None,
            "users": set(),
        }
        self.groups[arn] = group
        return group

    def _settle(self) -> None:
        """Let every group take the state whose time has come."""
        for arn, group in list(self.groups.items()):
            following, when = group["next"]
            if following is None or self._clock() < when:
                continue
            if following == "gone":
                del self.groups[arn]
            else:
                group["Status"], group["next"] = following, (None, 0.0)
                group["traffic"].update(group["shifting"] or {})
                group["shifting"] = None

    def _describe_traffic_distribution_group(
        self, region: str, p: Mapping[str, Any]
    ) -> dict[str, Any]:
        group = dict(self._group(region, p["TrafficDistributionGroupId"]))
        for hidden in ("next", "traffic", "shifting", "users"):
            del group[hidden]
        if not group["Description"]:
            del group["Description"]
        return {"TrafficDistributionGroup": group}

    def _list_traffic_distribution_groups(
        self, region: str, p: Mapping[str, Any]
    ) -> dict[str, Any]:
        wanted = _bare(p["InstanceId"]) if "InstanceId" in p else None
        names = ("Id", "Arn", "Name", "InstanceArn", "Status", "IsDefault")
        items = [
            {name: group[name] for name in names}
            for group in self.groups.values()
            if wanted in (None, _bare(group["InstanceArn"]))
            and region in self._regions_of(group["InstanceArn"])
        ]
        return _page(items, "TrafficDistributionGroupSummaryList", p, 10)

    def _delete_traffic_distribution_group(self, region: str, p: Mapping[str, Any]) -> None:
        group = self._group(region, p["TrafficDistributionGroupId"])
        _check_home(region, group)
        if group["IsDefault"]:
            raise ServiceError("InvalidRequestException", "the default group cannot be deleted")
        if group["Status"] in ("CREATION_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            raise ServiceError("InvalidRequestException", f"the group is {group['Status']}")
        if any(n["TargetArn"] == group["Arn"] for n in self.phone_numbers):
            raise ServiceError("ResourceInUseException", "phone numbers are claimed to the group")
        if group["Status"] != "PENDING_DELETION":
            group["Status"] = "PENDING_DELETION"
            end = "DELETION_FAILED" if self.deletion_fails else "gone"
            group["next"] = (end, self._clock() + self.settle_seconds)

    def _get_traffic_distribution(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        group = self._group(region, p["Id"])
        return {"Id": group["Id"], "Arn": group["Arn"], **group["traffic"]}

    def _update_traffic_distribution(self, region: str, p: Mapping[str, Any]) -> None:
        group = self._group(region, p["Id"])
        if group["Status"] != "ACTIVE":
            raise ServiceError("ResourceConflictException", f"the group is {group['Status']}")
        configs = {name: p[name] for name in group["traffic"] if name in p}
        if "TelephonyConfig" not in configs:
            raise ServiceError("InvalidRequestException", "TelephonyConfig is required")
        regions = sorted(filter(None, self._regions_of(group["InstanceArn"])))
        for name, config in configs.items():
            _check_distributions(name, config["Distributions"], regions)
        sign_in = configs.get("SignInConfig", group["traffic"]["SignInConfig"])
        if sign_in != group["traffic"]["SignInConfig"] and not group["IsDefault"]:
            raise ServiceError("InvalidRequestException", "SignInConfig needs the default group")
        group["Status"], group["shifting"] = "UPDATE_IN_PROGRESS", {}
        if not self.shift_is_lost:
            group["shifting"] = configs
        group["next"] = ("ACTIVE", self._clock() + self.shift_seconds)

    def _associate_traffic_distribution_group_user(self, region: str, p: Mapping[str, Any]) -> None:
        self._users(region, p).add(p["UserId"])

    def _disassociate_traffic_distribution_group_user(
        self, region: str, p: Mapping[str, Any]
    ) -> None:
        self._users(region, p).discard(p["UserId"])

    def _users(self, region: str, p: Mapping[str, Any]) -> set[str]:
        """Return a group's users, for a call that changes one of them."""
        group = self._group(region, p["TrafficDistributionGroupId"])
        _check_home(region, group)
        instance = self.instances.get(_bare(p["InstanceId"]))
        if instance is None or p["UserId"] not in instance.users:
            raise ServiceError("ResourceNotFoundException", "no such user")
        users: set[str] = group["users"]
        return users

    def _list_traffic_distribution_group_users(
        self, region: str, p: Mapping[str, Any]
    ) -> dict[str, Any]:
        group = self._group(region, p["TrafficDistributionGroupId"])
        items = [{"UserId": user} for user in sorted(group["users"])]
        return _page(items, "TrafficDistributionGroupUserSummaryList", p, 10)

    def _list_phone_numbers_v2(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        items = [n for n in self.phone_numbers if n["TargetArn"] == p.get("TargetArn")]
        return _page(items, "ListPhoneNumbersSummaryList", p, 1000)

    def _group(self, region: str, arn_or_id: str) -> dict[str, Any]:
        """Return a group; from the replica's Region only its ARN names it."""
        for group in self.groups.values():
            home = group["Arn"].split(":")[3]
            if arn_or_id == group["Arn"] and region in self._regions_of(group["InstanceArn"]):
                return group
            if arn_or_id == group["Id"] and region == home:
                return group
        raise ServiceError("ResourceNotFoundException", "no such traffic distribution group")

    def _regions_of(self, instance_arn: str) -> tuple[str | None, ...]:
        instance = self.instances[_bare(instance_arn)]
        return instance.region, instance.replica_region

    # Tags

    def _tag_resource(self, region: str, p: Mapping[str, Any]) -> None:
        tags = self._tags(region, p["resourceArn"])
        if len({**tags, **p["tags"]}) > 50:
            raise ServiceError("InvalidRequestException", "too many tags")
        tags.update(p["tags"])

    def _untag_resource(self, region: str, p: Mapping[str, Any]) -> None:
        tags = self._tags(region, p["resourceArn"])
        for key in p["tagKeys"]:
            tags.pop(key, None)

    def _list_tags_for_resource(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        return {"tags": self._tags(region, p["resourceArn"])}

    def _tags(self, region: str, arn: str) -> dict[str, str]:
        found = self.quick_connects.get(arn) or self.groups.get(arn)
        if found is None or region != arn.split(":")[3]:
            raise ServiceError("ResourceNotFoundException", "no such resource")
        tags: dict[str, str] = found["Tags"]
        return tags

    def _instance(self, region: str, arn_or_id: str) -> Instance:
        instance = self.instances.get(_bare(arn_or_id))
        if instance is None or instance.region != region:
            raise ServiceError("ResourceNotFoundException", "no such instance")
        return instance


def _check_home(region: str, group: Mapping[str, Any]) -> None:
    if group["Arn"].split(":")[3] != region:
        raise ServiceError("InvalidRequestException", "only in the home Region")


def _first_split(instance: Instance) -> dict[str, Any]:
    """Return the split of a new group: everything in the home Region."""
    home, replica = instance.region, instance.replica_region
    shares = [{"Region": home, "Percentage": 100}, {"Region": replica, "Percentage": 0}]
    places = [{"Region": home, "Enabled": True}, {"Region": replica, "Enabled": True}]
    return {
        "TelephonyConfig": {"Distributions": shares},
        "AgentConfig": {"Distributions": shares},
        "SignInConfig": {"Distributions": places},
    }


def _check_distributions(name: str, items: list[Mapping[str, Any]], regions: list[str]) -> None:
    """Check the rules of the administrator guide, which the model does not hold."""
    if sorted(item["Region"] for item in items) != regions:
        raise ServiceError("InvalidRequestException", f"{name}: list {' and '.join(regions)}")
    if name == "SignInConfig":
        return
    shares = [item["Percentage"] for item in items]
    if sum(shares) != 100 or any(share % 10 for share in shares):
        raise ServiceError("InvalidRequestException", f"{name}: steps of 10 that sum to 100")


def _bare(arn_or_id: str) -> str:
    return arn_or_id.rpartition("/")[2]


def _page(items: list[Any], name: str, p: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return one page of a list."""
    start, size = int(p.get("NextToken", 0)), p.get("MaxResults", most)
    page: dict[str, Any] = {name: items[start : start + size]}
    if start + size < len(items):
        page["NextToken"] = str(start + size)
    return page
