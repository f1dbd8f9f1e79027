"""A resource's properties as the template has them: literals, blocks, Fn::If and functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cfnlint.helpers import is_function
from cfnlint.template import Template

from cfn_connect.rules._literals import text
from cfn_connect.rules._loops import Path, is_open
from cfn_connect.rules._open import Open

Decisions = tuple[tuple[str, bool], ...]  # conditions, and whether each holds


class View(Protocol):
    """What is assumed of the deployment."""

    def holds(self, condition: str) -> bool | None:
        """Tell whether a condition holds; None if it can be either."""

    def value(self, function: "Function") -> object:
        """Return what a function comes to; an Open if that is not known."""


@dataclass(frozen=True, eq=False)
class Node:
    """A value in a template. Its path is the way to it in the template, Fn::If included."""

    path: Path
    value: Any
    optional = False  # whether it can come to AWS::NoValue

    def seen(self, view: View) -> "Node":
        """Return the node that stands here in this view."""
        return self

    def plain(self, view: View) -> object:
        """Return the value that Lambda gets, as far as the view knows it."""
        return self.value

    def at(self, view: View, location: Path) -> "Node":
        """Return the node at a location in the plain value, or the nearest node above it."""
        return self

    def functions(self, view: View) -> Iterator["Function"]:
        """Yield every function that the view shows."""
        yield from ()

    def branches(self) -> Iterator[Decisions]:
        """Yield the decisions that lead to each branch of each Fn::If."""
        yield from ()


class Nothing(Node):
    """AWS::NoValue."""

    optional = True


class Function(Node):
    """An intrinsic function other than Fn::If, a macro or a dynamic reference."""

    def plain(self, view: View) -> object:
        return view.value(self)

    def functions(self, view: View) -> Iterator["Function"]:
        yield self


@dataclass(frozen=True, eq=False)
class Choice(Node):
    """An Fn::If. Its value is the condition."""

    yes: Node
    no: Node

    @property
    def optional(self) -> bool:  # type: ignore[override]
        return self.yes.optional or self.no.optional

    def seen(self, view: View) -> Node:
        holds = view.holds(self.value)
        return self if holds is None else (self.yes if holds else self.no).seen(view)

    def plain(self, view: View) -> object:
        node = self.seen(view)
        return Open(self) if node is self else node.plain(view)

    def at(self, view: View, location: Path) -> Node:
        node = self.seen(view)
        return self if node is self else node.at(view, location)

    def functions(self, view: View) -> Iterator[Function]:
        node = self.seen(view)
        if node is not self:
            yield from node.functions(view)

    def branches(self) -> Iterator[Decisions]:
        for holds, node in ((True, self.yes), (False, self.no)):
            yield ((self.value, holds),)
            yield from (((self.value, holds), *inner) for inner in node.branches())


class Block(Node):
    """A map or a list of nodes."""

    def members(self, view: View) -> Mapping[str | int, Node]:
        """Return the members that the view shows, by key or by index."""
        items = self.value.items() if isinstance(self.value, dict) else enumerate(self.value)
        kept = ((key, node.seen(view)) for key, node in items)
        there = [(key, node) for key, node in kept if not isinstance(node, Nothing)]
        return dict(there if isinstance(self.value, dict) else enumerate(n for _, n in there))

    def plain(self, view: View) -> object:
        plain = {key: node.plain(view) for key, node in self.members(view).items()}
        return plain if isinstance(self.value, dict) else list(plain.values())

    def at(self, view: View, location: Path) -> Node:
        member = self.members(view).get(location[0]) if location else None
        return member.at(view, location[1:]) if member else self

    def functions(self, view: View) -> Iterator[Function]:
        for node in self.members(view).values():
            yield from node.functions(view)

    def branches(self) -> Iterator[Decisions]:
        for node in self.value.values() if isinstance(self.value, dict) else self.value:
            yield from node.branches()


def node_of(cfn: Template, value: Any, path: Path = ()) -> Node:
    """Return the node of a value in a template."""
    match is_function(value):
        case ("Fn::If", [str(condition), yes, no]):
            return Choice(
                path,
                condition,
                node_of(cfn, yes, (*path, "Fn::If", 1)),
                node_of(cfn, no, (*path, "Fn::If", 2)),
            )
        case ("Ref", "AWS::NoValue"):
            return Nothing(path, None)
    if is_open(cfn, value):
        return Function(path, value)
    if isinstance(value, dict):
        return Block(path, {text(k): node_of(cfn, v, (*path, k)) for k, v in value.items()})
    if isinstance(value, list):
        return Block(path, [node_of(cfn, v, (*path, i)) for i, v in enumerate(value)])
    return Node(path, text(value))
