"""The places of a template's text where an author can make a mistake.

PyYAML's nodes know their place in the text. So a mutation is an edit of the text, and the line of
its error is known.
"""

from collections.abc import Iterator
from typing import NamedTuple

import yaml

from cfn_connect.resource_types import RESOURCE_TYPES

_LONG = {"Condition", "Ref"}  # the functions whose long form has no "Fn::"


class Leaf(NamedTuple):
    """A scalar that a property can have.

    name: the property. used: where the property has it; a mapping's value is elsewhere.
    place: literal, condition, mapping, parameter or loop.
    """

    name: str
    node: yaml.ScalarNode
    used: int
    place: str


class Member(NamedTuple):
    """A key and its value in a map of properties.

    path: the names of the maps around it. owner: where the map's own key is.
    """

    path: tuple[str, ...]
    key: yaml.ScalarNode
    value: yaml.Node
    parent: yaml.MappingNode
    owner: int
    place: str


class Resource(NamedTuple):
    """A resource of one of our types. looped: whether an Fn::ForEach makes it."""

    key: yaml.ScalarNode
    body: yaml.MappingNode
    kind: yaml.ScalarNode
    looped: bool


def start(node: yaml.Node) -> int:
    """Return the index of a node's first character, after its tag."""
    return int(node.start_mark.index)


def end(node: yaml.Node) -> int:
    """Return the index after a node's last character. PyYAML counts what follows a block to it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return the value of a key, or None."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value  # type: ignore[no-any-return]
    return None


def function(node: yaml.Node) -> tuple[str, yaml.Node] | None:
    """Return the name of a function in either form, such as "If", and the node of its argument."""
    if node.tag.startswith("!"):
        return node.tag[1:], node
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
        key, value = node.value[0]
        if key.value in _LONG or key.value.startswith("Fn::"):
            return key.value.removeprefix("Fn::"), value
    return None


class Sites:
    """The places of one template."""

    def __init__(self, text: str) -> None:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        assert isinstance(root, yaml.MappingNode)
        self.root = root

    def resources(self) -> Iterator[Resource]:
        """Yield each resource of our types."""
        yield from self._resources_in(child(self.root, "Resources"), looped=False)

    def _resources_in(self, node: yaml.Node | None, *, looped: bool) -> Iterator[Resource]:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value.startswith("Fn::ForEach"):
                yield from self._resources_in(value.value[2], looped=True)
            kind = child(value, "Type")
            if isinstance(kind, yaml.ScalarNode) and kind.value in RESOURCE_TYPES:
                yield Resource(key, value, kind, looped)

    def members(self, resource: Resource) -> Iterator[Member]:
        """Yield every member of a resource's properties, at every depth."""
        for key, value in resource.body.value:
            if key.value == "Properties":
                place = "loop" if resource.looped else "literal"
                yield from self._members(value, (), start(key), place)

    def _members(
        self, node: yaml.Node, path: tuple[str, ...], owner: int, place: str
    ) -> Iterator[Member]:
        match function(node):
            case ("If", argument):
                for branch in argument.value[1:]:
                    yield from self._members(branch, path, start(branch), "condition")
                return
            case (_, _):
                return
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                yield from self._members(item, (*path, "-"), start(item), place)
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value.startswith("Fn::"):
                continue
            yield Member(path, key, value, node, owner, place)
            yield from self._members(value, (*path, key.value), start(key), place)

    def leaves(self, member: Member) -> Iterator[Leaf]:
        """Yield every scalar that a member's value can be."""
        for node, used, place in self._scalars(member.value, member.place, start(member.value)):
            yield Leaf(member.key.value, node, used, place)

    def _scalars(
        self, node: yaml.Node, place: str, used: int
    ) -> Iterator[tuple[yaml.ScalarNode, int, str]]:
        match function(node):
            case ("If", argument):
                for branch in argument.value[1:]:
                    yield from self._scalars(branch, "condition", start(branch))
            case ("FindInMap", argument) if isinstance(argument, yaml.SequenceNode):
                for cell in self._cells(argument.value[:3]):
                    yield cell, used, "mapping"
                for options in argument.value[3:]:
                    default = child(options, "DefaultValue")
                    if isinstance(default, yaml.ScalarNode) and function(default) is None:
                        yield default, used, "mapping"
            case ("Ref", yaml.ScalarNode(value=name)):
                parameter = child(child(self.root, "Parameters"), name)
                kind, default = child(parameter, "Type"), child(parameter, "Default")
                is_text = kind is not None and not str(kind.value).startswith("AWS::SSM")
                if isinstance(default, yaml.ScalarNode) and is_text:
                    yield default, used, "parameter"
            case None if isinstance(node, yaml.ScalarNode):
                yield node, used, place

    def _cells(self, keys: list[yaml.Node]) -> Iterator[yaml.ScalarNode]:
        """Yield the values of a mapping that keys select. A function selects every row.

        A row with an empty value is for deployments that do not make the resource.
        """
        found: list[yaml.Node | None] = [child(self.root, "Mappings")]
        for key in keys:
            found = [
                value
                for node in found
                if isinstance(node, yaml.MappingNode)
                for name, value in node.value
                if function(key) is not None or key.value == name.value
                if not _has_empty_value(value)
            ]
        yield from (cell for cell in found if isinstance(cell, yaml.ScalarNode))


def _has_empty_value(row: yaml.Node) -> bool:
    members = row.value if isinstance(row, yaml.MappingNode) else ()
    return any(value.value == "" for _, value in members)
