"""Templates that declare the resources of an instance as native AWS::Connect types, to import them.

The native types have ARNs where the API has ids. They know neither the users of a group, nor its
split, nor the default group.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cfn_connect.declarations import Contents, Declarations, Piece
from cfn_connect.inventory import Group, QuickConnect
from cfn_connect.yaml_text import Ref
from connect_provider.quick_connect.model import BLOCKS

# An import needs a DeletionPolicy on each resource.
_KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
_IDENTIFIERS = {
    "AWS::Connect::QuickConnect": "QuickConnectArn",
    "AWS::Connect::TrafficDistributionGroup": "TrafficDistributionGroupArn",
}
_PATHS = {"UserArn": "agent", "QueueArn": "queue", "ContactFlowArn": "contact-flow"}


class NativeDeclarations(Declarations):
    """The templates of some contents, without the resources that no native type can express."""

    instance_property = "InstanceArn"
    most_resources = 200  # of an import

    def __init__(self, contents: Contents, *, inline: bool) -> None:
        groups = [group for group in contents.groups if not group.is_default]
        native = Contents(
            _instance_arn(contents),
            [_with_arns(each, _instance_arn(contents)) for each in contents.quick_connects],
            groups=groups,
            names={_as_arn(key, _instance_arn(contents)): v for key, v in contents.names.items()},
        )
        super().__init__(native, inline=inline)
        self._arns = {
            self._ids["QuickConnect", each.name]: each.arn for each in native.quick_connects
        }
        self._arns |= {self._ids["Group", each.name]: each.arn for each in groups}

    def imports(self) -> list[list[dict[str, Any]]]:
        """Return the resources to import with each template (API: CreateChangeSet)."""
        return [list(self._imports(pieces)) for pieces in self._packed()]

    def _imports(self, pieces: list[Piece]) -> Iterator[dict[str, Any]]:
        for piece in pieces:
            for logical_id, resource in piece.resources.items():
                yield {
                    "ResourceType": resource["Type"],
                    "LogicalResourceId": logical_id,
                    "ResourceIdentifier": {_IDENTIFIERS[resource["Type"]]: self._arns[logical_id]},
                }

    def _resource(self, kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Type": f"AWS::Connect::{kind}", **_KEPT, "Properties": dict(properties)}

    def _quick_connect(self, each: QuickConnect) -> dict[str, Any]:
        block: dict[str, str | Ref] = {n: self._value(n, value) for n, value in each.block.items()}
        config = {"QuickConnectType": each.type, BLOCKS[each.type]: block}
        return self._resource(
            "QuickConnect", {**self._common(each), "QuickConnectConfig": config, **_tags(each)}
        )

    def _group(self, group: Group) -> Iterator[tuple[str, dict[str, Any]]]:
        properties = {**self._common(group), **_tags(group)}
        yield self._ids["Group", group.name], self._resource("TrafficDistributionGroup", properties)


def _instance_arn(contents: Contents) -> str:
    """Return the ARN of the instance. Its resources have the same Region and account."""
    first = next(iter([*contents.quick_connects, *contents.groups]))
    return f"{':'.join(first.arn.split(':')[:5])}:instance/{contents.instance_id}"


def _as_arn(key: tuple[str, str], instance: str) -> tuple[str, str]:
    """Return the native name and value of a property with an id."""
    name = key[0].removesuffix("Id") + "Arn"
    return (name, f"{instance}/{_PATHS[name]}/{key[1]}") if name in _PATHS else key


def _with_arns(each: QuickConnect, instance: str) -> QuickConnect:
    block = dict(_as_arn(setting, instance) for setting in each.block.items())
    config = {"QuickConnectType": each.type, BLOCKS[each.type]: block}
    return QuickConnect(each.arn, each.name, each.description, each.tags, config)


def _tags(each: QuickConnect | Group) -> dict[str, list[dict[str, str]]]:
    tags = [{"Key": key, "Value": value} for key, value in each.own_tags.items()]
    return {"Tags": tags} if tags else {}
