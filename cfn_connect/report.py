"""The output of plan and drift: a text, JSON, or Markdown for a pull request.

Phone numbers and descriptions are hidden by default, because logs of CI keep the output.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from rich.console import Console
from rich.progress import track
from rich.text import Text

ItemT = TypeVar("ItemT")

_HIDDEN = "(hidden)"
_CHANGED = "changed (hidden; --show-values shows it)"
_PRIVATE = ("Description", "PhoneNumber")
# Codes that control a terminal, and those that change the direction of text.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>()#!|&~@]")


class Form(Enum):
    """The form of the output."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class Difference(NamedTuple):
    """A property that has two values. path: such as Tags.team."""

    path: str
    left: Any
    right: Any


def differences(path: str, left: Any, right: Any) -> Iterator[Difference]:
    """Yield each property within two values that differs.

    Of two lists, each side has only the entries that the other one lacks.
    """
    if isinstance(left, Mapping) or isinstance(right, Mapping):
        left, right = left or {}, right or {}
        for name in sorted({*left, *right}):
            yield from differences(f"{path}.{name}", left.get(name), right.get(name))
    elif isinstance(left, list) and isinstance(right, list):
        more = [each for each in left if each not in right]
        less = [each for each in right if each not in left]
        yield Difference(path, more, less)
    elif left != right:
        yield Difference(path, left, right)


@dataclass(frozen=True)
class Row:
    """A resource, and what there is to say about it.

    color: of its state, for a terminal.
    arn: of the live resource, or of the one that is gone.
    names_arn: whether people see the ARN even if there is more to say.
    """

    logical_id: str
    resource_type: str
    state: str
    color: str
    arn: str = ""
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    names_arn: bool = False

    @property
    def remarks(self) -> list[str]:
        """Return what people see of the resource before its differences."""
        is_all = not self.reason and not self.differences
        remarks = [self.arn if is_all or self.names_arn else "", self.reason]
        return [remark for remark in remarks if remark] or [""] * is_all


@dataclass(frozen=True)
class Report:
    """What a command found in a stack.

    sides: the names of the two values of a difference.
    summary: a sentence about all rows.
    facts: further members of the JSON.
    """

    stack_id: str
    sides: tuple[str, str]
    rows: tuple[Row, ...]
    summary: str
    facts: Mapping[str, Any]

    def show(self, form: Form, console: Console, *, show_values: bool) -> None:
        """Print the report. The console itself would replace tabs and emoji codes."""
        if form is Form.JSON:
            found = self._json(show_values=show_values)
            console.file.write(f"{json.dumps(found, indent=2, ensure_ascii=False)}\n")
        elif form is Form.MARKDOWN:
            lines = self._markdown(show_values=show_values)
            console.file.write("".join(f"{line}\n" for line in lines))
        else:
            for text in self._text(show_values=show_values):
                console.print(text, soft_wrap=True)

    def _text(self, *, show_values: bool) -> Iterator[Text]:
        """Yield a line for each difference, with the resource in it, so that grep finds both."""
        width = max((len(row.state) for row in self.rows), default=0) + 2
        wide = max((len(_visible(row.logical_id)) for row in self.rows), default=0) + 2
        left_name, right_name = self.sides
        for row in self.rows:
            details = row.remarks
            for path, left, right in _shown(row, show_values=show_values):
                values = f"{left_name} {left}, {right_name} {right}"
                is_hidden = left == right == _HIDDEN
                details.append(f"{path}: {_CHANGED if is_hidden else values}")
            for detail in details:
                state = (f"{row.state:{width}}", row.color)
                name = f"{_visible(row.logical_id):{wide}}"
                line = Text.assemble(state, name, _visible(detail))
                line.rstrip()
                yield line
        yield Text(self.summary)

    def _json(self, *, show_values: bool) -> Mapping[str, Any]:
        left_name, right_name = (side.lower() for side in self.sides)
        resources = [
            {
                "logicalId": row.logical_id,
                "type": row.resource_type,
                "state": row.state,
                "arn": row.arn,
                "differences": [
                    {
                        "property": path,
                        left_name: _without_private(path, left, show_values=show_values),
                        right_name: _without_private(path, right, show_values=show_values),
                    }
                    for path, left, right in row.differences
                ],
                "reason": row.reason,
            }
            for row in self.rows
        ]
        return {"stackId": self.stack_id, "resources": resources, **self.facts}

    def _markdown(self, *, show_values: bool) -> Iterator[str]:
        name = self.stack_id.split("/")[1]
        yield f"### {_escaped(name)}\n"
        yield f"{_escaped(self.summary)}\n"
        if not self.rows:
            return
        left_name, right_name = self.sides
        yield f"| resource | state | property | {left_name} | {right_name} |"
        yield "|---|---|---|---|---|"
        for row in self.rows:
            head = f"| {_escaped(row.logical_id)} | {_escaped(row.state)}"
            for remark in row.remarks:
                yield f"{head} | {_escaped(remark)} | | |"
            for cell in _shown(row, show_values=show_values):
                yield f"{head} | {' | '.join(map(_escaped, cell))} |"


def tracked(results: Iterable[ItemT], total: int, title: str) -> Iterable[ItemT]:
    """Yield the results, with a bar on a terminal. The bar is not part of the output."""
    errors = Console(stderr=True)
    hidden = not errors.is_terminal
    return track(results, title, total or None, console=errors, disable=hidden, transient=True)


def _shown(row: Row, *, show_values: bool) -> Iterator[tuple[str, str, str]]:
    """Yield the texts of each difference of a row."""
    for path, left, right in row.differences:
        old, new = (_without_private(path, it, show_values=show_values) for it in (left, right))
        yield path, _text_of(old), _text_of(new)


def _text_of(value: Any) -> str:
    """Return a value as text. A text is as it is."""
    if value in (None, "", []):
        return "nothing"
    if isinstance(value, list):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _without_private(path: str, value: Any, *, show_values: bool) -> Any:
    """Return a value, or _HIDDEN for a phone number or a description."""
    is_private = path.rpartition(".")[2] in _PRIVATE
    return _HIDDEN if value and is_private and not show_values else value


def _visible(text: str) -> str:
    """Return a text in one line, with the escape of Python for each control character."""
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, in one cell of a table."""
    return _MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", _visible(text))
