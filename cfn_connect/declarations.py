"""Templates that declare the resources of an instance as they are."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfn_connect.inventory import Group, Queue, QuickConnect, Tagged
from cfn_connect.logical_ids import Wanted, logical_ids
from cfn_connect.resource_types import EXPORTED
from cfn_connect.yaml_text import GetAtt, ImportValue, Ref, text_of
from connect_provider.quick_connect.model import BLOCKS
from connect_provider.traffic_distribution.model import Splits, config_of

MOST_RESOURCES = 500  # CloudFormation's limits for a template
MOST_PARAMETERS = 200
_ENDINGS = {"ContactFlowId": "FlowId", "ContactFlowArn": "FlowArn"}
# A deletion would dissociate live queues and users, also when the first deployment rolls back.
_KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


@dataclass(frozen=True)
class Contents:
    """The resources to declare.

    users, splits: of each group, by its ARN.
    names: the name of each queue and flow, by its property's name and id, as far as known.
    logins: the login of each user that only a group names, by id.
    """

    instance_id: str
    quick_connects: list[QuickConnect] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    users: Mapping[str, list[str]] = field(default_factory=dict)
    splits: Mapping[str, Splits] = field(default_factory=dict)
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)
    logins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """Resources that belong in one file. offers: what the queues of the file offer of them."""

    resources: Mapping[str, Any]
    offers: Mapping[str, list[str | GetAtt]]


class Declarations:
    """The templates of some contents.

    inline: whether ids and phone numbers are written in the resources, and not as parameters.
    instance_property: the name of the property and parameter that is the instance.
    most_resources: the limit for each template.
    """

    instance_property = "InstanceId"
    most_resources = MOST_RESOURCES

    def __init__(self, contents: Contents, *, inline: bool) -> None:
        self._contents, self._inline = contents, inline
        self._ids = logical_ids(self._wanted(), taken=[self.instance_property])

    def files(self, comments: list[str]) -> list[str]:
        """Return the text of each template. None exceeds a limit of CloudFormation."""
        return [self._text(pieces, comments) for pieces in self._packed()]

    def _wanted(self) -> Iterator[Wanted]:
        """Yield each logical id to make. A parameter without a name gets one of its first user."""
        contents = self._contents
        values: dict[tuple[str, str], str] = {}
        for each in contents.quick_connects:
            yield Wanted(("QuickConnect", each.name), each.name)
            for name, value in each.block.items():
                values.setdefault((name, value), contents.names.get((name, value), each.name))
        for queue in contents.queues:
            yield Wanted(("Offers", queue.id), queue.name, "Offers")
            values["QueueId", queue.id] = queue.name
        for group in contents.groups:
            yield Wanted(("Group", group.name), group.name, "Group")
            yield Wanted(("Split", group.name), group.name, "Split")
            for user in contents.users.get(group.arn, ()):
                values.setdefault(("UserId", user), contents.logins.get(user, ""))
        for key, name in values.items():
            yield Wanted(key, name, _ENDINGS.get(key[0], key[0]))

    def _value(self, name: str, value: str) -> str | Ref:
        """Return the value of a property, or the parameter that has it as its default."""
        return value if self._inline else Ref(self._ids[name, value], value)

    @property
    def _instance(self) -> str | Ref:
        instance = self._contents.instance_id
        return instance if self._inline else Ref(self.instance_property, instance)

    def _resource(self, kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        token = {"ServiceToken": ImportValue(EXPORTED + kind)}
        return {"Type": f"Custom::Connect{kind}", "Properties": {**token, **properties}}

    # Packing

    def _packed(self) -> list[list[Piece]]:
        """Return the pieces of each file."""
        files: list[list[Piece]] = [[]]
        ids: set[str] = set()
        parameters: set[str] = set()
        for piece in self._pieces():
            ids |= self._ids_of(piece)
            parameters |= self._parameters_of(piece).keys()
            if len(ids) > self.most_resources or len(parameters) > MOST_PARAMETERS:
                files.append([])
                ids, parameters = self._ids_of(piece), set(self._parameters_of(piece))
            files[-1].append(piece)
        return files

    def _ids_of(self, piece: Piece) -> set[str]:
        return {*piece.resources, *(self._ids["Offers", queue] for queue in piece.offers)}

    def _parameters_of(self, piece: Piece) -> dict[str, Ref]:
        queues = [self._value("QueueId", queue) for queue in piece.offers]
        return {ref.name: ref for ref in _refs([self._instance, queues, piece.resources])}

    def _pieces(self) -> Iterator[Piece]:
        contents = self._contents
        queues_of: dict[str, list[str]] = {}
        for queue in contents.queues:
            for quick_connect in queue.offers:
                queues_of.setdefault(quick_connect, []).append(queue.id)
        for each in contents.quick_connects:
            logical_id = self._ids["QuickConnect", each.name]
            offers: dict[str, list[str | GetAtt]] = {
                queue: [GetAtt(logical_id)] for queue in queues_of.pop(each.id, ())
            }
            yield Piece({logical_id: self._quick_connect(each)}, offers)
        for quick_connect, queues in queues_of.items():  # those that no template declares
            yield Piece({}, {queue: [quick_connect] for queue in queues})
        for group in contents.groups:
            yield Piece(dict(self._group(group)), {})

    # Resources

    def _common(self, each: Tagged) -> dict[str, Any]:
        description = {"Description": each.description} if each.description else {}
        return {self.instance_property: self._instance, "Name": each.name, **description}

    def _quick_connect(self, each: QuickConnect) -> dict[str, Any]:
        block = {name: self._value(name, value) for name, value in each.block.items()}
        return self._resource(
            "QuickConnect",
            {
                **self._common(each),
                "QuickConnectConfig": {"QuickConnectType": each.type, BLOCKS[each.type]: block},
                **({"Tags": each.own_tags} if each.own_tags else {}),
                "ExistingResourcePolicy": "Adopt",
            },
        )

    def _offers(self, queue: Queue, offered: list[str | GetAtt]) -> dict[str, Any]:
        properties = {
            "InstanceId": self._instance,
            "QueueId": self._value("QueueId", queue.id),
            "QuickConnectIds": offered,
        }
        return {**_KEPT, **self._resource("QueueQuickConnects", properties)}

    def _group(self, group: Group) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield a group and its split. More users than parameters are written in the resource."""
        logical_id = self._ids["Group", group.name]
        users: list[Any] = self._contents.users.get(group.arn, [])
        if len(users) < MOST_PARAMETERS:
            users = [self._value("UserId", user) for user in users]
        properties = {
            **self._common(group),
            **({"UserIds": users} if users else {}),
            **({"Tags": group.own_tags} if group.own_tags else {}),
            "ExistingResourcePolicy": "Adopt",
        }
        yield logical_id, {**_KEPT, **self._resource("TrafficDistributionGroup", properties)}
        if splits := self._contents.splits.get(group.arn):
            split = {"TrafficDistributionGroupId": GetAtt(logical_id)}
            configs = {name: config_of(name, each) for name, each in splits.items()}
            declared = self._resource("TrafficDistribution", {**split, **configs})
            yield self._ids["Split", group.name], declared

    # Files

    def _text(self, pieces: list[Piece], comments: list[str]) -> str:
        resources: dict[str, Any] = {}
        parameters: dict[str, Ref] = {}
        offered: dict[str, list[str | GetAtt]] = {}
        for piece in pieces:
            resources.update(piece.resources)
            parameters.update(self._parameters_of(piece))
            for queue_id, offers in piece.offers.items():
                offered.setdefault(queue_id, []).extend(offers)
        for queue in self._contents.queues:
            if queue.id in offered:
                resources[self._ids["Offers", queue.id]] = self._offers(queue, offered[queue.id])
        declared = {
            name: {"Type": "String", "Default": ref.default}
            for name, ref in sorted(parameters.items())
        }
        template = {
            "AWSTemplateFormatVersion": "2010-09-09",
            **({"Parameters": declared} if declared else {}),
            "Resources": resources,
        }
        return text_of(template, comments)


def _refs(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    members: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping | list):
        for member in members:
            yield from _refs(member)
