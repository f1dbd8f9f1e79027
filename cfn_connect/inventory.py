"""The quick connects, queue associations and traffic distribution groups of an instance.

The search reads a hundred quick connects at a time with their tags. Reading each one alone would
take as many calls as there are quick connects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore import xform_name

from connect_provider.arn import resource_id
from connect_provider.ownership import MARKERS
from connect_provider.quick_connect.model import BLOCKS, canonical_config
from connect_provider.traffic_distribution.model import CONFIGS, Splits, split_of

_NATIVE_OWNER = "aws:cloudformation:stack-id"


@dataclass(frozen=True)
class Tagged:
    """A live resource with tags. tags: all of them, also those of owners and of AWS."""

    arn: str
    name: str
    description: str
    tags: Mapping[str, str]

    @property
    def id(self) -> str:
        """Return the bare id."""
        return resource_id(self.arn)

    @property
    def own_tags(self) -> dict[str, str]:
        """Return the tags that a template can declare, by key."""
        own = {k: v for k, v in self.tags.items() if k not in MARKERS and not k.startswith("aws:")}
        return dict(sorted(own.items()))

    @property
    def is_native(self) -> bool:
        """Return whether a stack has it as a resource of a native type."""
        return _NATIVE_OWNER in self.tags


@dataclass(frozen=True)
class QuickConnect(Tagged):
    """A live quick connect. config: its QuickConnectConfig with bare ids."""

    config: Mapping[str, Any]

    @property
    def type(self) -> str:
        """Return its type, such as QUEUE."""
        return str(self.config["QuickConnectType"])

    @property
    def block(self) -> Mapping[str, str]:
        """Return the settings of its type."""
        block: Mapping[str, str] = self.config[BLOCKS[self.type]]
        return block


@dataclass(frozen=True)
class Group(Tagged):
    """A live traffic distribution group."""

    status: str
    is_default: bool


@dataclass(frozen=True)
class Queue:
    """A queue, and the bare ids of the quick connects that it offers."""

    id: str
    name: str
    offers: tuple[str, ...]


class Inventory:
    """The resources of an instance. Each is read on first use, and only once.

    client: a Connect client of the instance's home Region.
    """

    def __init__(self, client: Any, instance_id: str) -> None:
        self._client = client
        self.instance_id = resource_id(instance_id)

    @cached_property
    def quick_connects(self) -> list[QuickConnect]:
        """Return every quick connect, by name (API: SearchQuickConnects)."""
        found = self._pages("SearchQuickConnects", "QuickConnects", MaxResults=100)
        quick_connects = [
            QuickConnect(
                item["QuickConnectARN"],
                item["Name"],
                item.get("Description", ""),
                item.get("Tags", {}),
                canonical_config(item["QuickConnectConfig"]),
            )
            for item in found
        ]
        return sorted(quick_connects, key=lambda each: each.name)

    @cached_property
    def queues(self) -> list[Queue]:
        """Return the queues that offer quick connects, by name (API: ListQueueQuickConnects)."""
        queues = []
        for queue_id, name in self.queue_names.items():
            offers = self._pages(
                "ListQueueQuickConnects",
                "QuickConnectSummaryList",
                QueueId=queue_id,
                MaxResults=100,
            )
            if ids := tuple(sorted(item["Id"] for item in offers)):
                queues.append(Queue(queue_id, name, ids))
        return sorted(queues, key=lambda queue: (queue.name, queue.id))

    @cached_property
    def groups(self) -> list[Group]:
        """Return every group that is not being deleted, by name."""
        listed = self._pages(
            "ListTrafficDistributionGroups", "TrafficDistributionGroupSummaryList", MaxResults=10
        )
        groups = [
            self._group(item["Arn"]) for item in listed if item["Status"] != "PENDING_DELETION"
        ]
        return sorted(groups, key=lambda group: group.name)

    def _group(self, arn: str) -> Group:
        described = self._client.describe_traffic_distribution_group(TrafficDistributionGroupId=arn)
        found = described["TrafficDistributionGroup"]
        return Group(
            arn,
            found["Name"],
            found.get("Description", ""),
            found.get("Tags", {}),
            found["Status"],
            bool(found.get("IsDefault")),
        )

    def users_of(self, group: Group) -> list[str]:
        """Return the bare ids of a group's users (API: ListTrafficDistributionGroupUsers)."""
        pages = self._client.get_paginator("list_traffic_distribution_group_users").paginate(
            TrafficDistributionGroupId=group.arn
        )
        listed = [
            each for page in pages for each in page["TrafficDistributionGroupUserSummaryList"]
        ]
        return sorted(resource_id(each["UserId"]) for each in listed)

    def splits_of(self, group: Group) -> Splits:
        """Return the splits that a template can declare (API: GetTrafficDistribution)."""
        found = self._client.get_traffic_distribution(Id=group.arn)
        names = [each for each in CONFIGS if group.is_default or each != "SignInConfig"]
        return {name: split_of(name, found[name]) for name in names if found.get(name)}

    @cached_property
    def queue_names(self) -> dict[str, str]:
        """Return the name of each standard queue, by id (API: ListQueues)."""
        listed = self._pages("ListQueues", "QueueSummaryList", QueueTypes=["STANDARD"])
        return {item["Id"]: item["Name"] for item in listed}

    @cached_property
    def flow_names(self) -> dict[str, str]:
        """Return the name of each contact flow, by id (API: ListContactFlows)."""
        listed = self._pages("ListContactFlows", "ContactFlowSummaryList")
        return {item["Id"]: item["Name"] for item in listed}

    @cached_property
    def user_names(self) -> dict[str, str]:
        """Return the login of each user, by id (API: ListUsers)."""
        listed = self._pages("ListUsers", "UserSummaryList", MaxResults=1000)
        return {item["Id"]: item["Username"] for item in listed}

    def _pages(self, operation: str, items: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        paginator = self._client.get_paginator(xform_name(operation))
        for page in paginator.paginate(InstanceId=self.instance_id, **parameters):
            yield from page[items]
