"""The state of Connect in one account: instances, their resources, and tags."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.connect_model import ServiceError

ACCOUNT = "123456789012"


@dataclass
class Instance:
    """A Connect instance. Its sets hold the ids of everything in it that exists.

    global_routing: whether contacts of one Region can reach agents in the other.
    isolated: whether an operator or a stack has stopped that.
    """

    id: str
    region: str
    replica_region: str | None = None
    contact_flows: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    global_routing: bool = True
    isolated: bool = False

    @property
    def arn(self) -> str:
        """Return the instance's ARN in its home Region."""
        return f"arn:aws:connect:{self.region}:{ACCOUNT}:instance/{self.id}"


class ConnectAccount:
    """The state of Connect. Operations are methods named _operation_name(region, parameters).

    settle_seconds: how long the creation or deletion of a group takes.
    creation_fails, deletion_fails: whether it fails.
    shift_seconds: how long a change of a group's traffic takes.
    lag_seconds: how long the group stays ACTIVE with the old split before the change.
    late_seconds: how long a read returns the old split after the change.
    lost_configs: the names of the configs that never change.
    repeats_fail: whether Connect refuses to associate a quick connect twice with a queue, or to
    dissociate one that is not associated.
    deletion_dissociates: whether a deleted quick connect leaves its queues.
    names: the names of queues, users and contact flows, by id.
    """

    _clock: Callable[[], float]

    def reset(self) -> None:
        """Forget everything."""
        self.instances: dict[str, Instance] = {}
        self.quick_connects: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.queue_quick_connects: dict[str, set[str]] = {}
        self.names: dict[str, str] = {}
        self.phone_numbers: list[dict[str, str]] = []
        self.settle_seconds = 0.0
        self.shift_seconds = 0.0
        self.lost_configs: set[str] = set()
        self.lag_seconds = 0.0
        self.late_seconds = 0.0
        self.creation_fails = False
        self.deletion_fails = False
        self.repeats_fail = True
        self.deletion_dissociates = True
        self.quick_connect_quota = 100
        self.queue_quick_connect_quota = 1000
        self.group_quota = 10
        self._tokens: dict[str, str] = {}

    @property
    def holdings(self) -> set[str]:
        """Return all that a stack can leave behind: resources, queues, and what queues offer."""
        queues = {
            f"{instance.arn}/queue/{queue}"
            for instance in self.instances.values()
            for queue in instance.queues
        }
        offers = {
            f"{queue} offers {quick_connect}"
            for queue, offered in self.queue_quick_connects.items()
            for quick_connect in offered
        }
        return {*self.quick_connects, *self.groups, *queues, *offers}

    def _instance(self, region: str, arn_or_id: str) -> Instance:
        instance = self.instances.get(bare(arn_or_id))
        if instance is None or instance.region != region:
            raise ServiceError("ResourceNotFoundException", "no such instance")
        return instance

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


def bare(arn_or_id: str) -> str:
    """Return the id at the end of an ARN."""
    return arn_or_id.rpartition("/")[2]


def page(items: list[Any], name: str, p: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return one page of a list."""
    start, size = int(p.get("NextToken", 0)), p.get("MaxResults", most)
    page: dict[str, Any] = {name: items[start : start + size]}
    if start + size < len(items):
        page["NextToken"] = str(start + size)
    return page
