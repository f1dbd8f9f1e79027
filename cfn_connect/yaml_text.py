"""Templates as YAML: functions in their short form, and text that every reader keeps as text."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

# Other text goes in quotes: readers of YAML 1.1 and 1.2 take 1e3, 012, y or +1206 for numbers and
# booleans. PyYAML itself quotes text such as "yes".
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9 _/.()-]|:(?=\S))*[A-Za-z0-9)]")
# PyYAML writes quotes around the operand of each function.
_OPERAND = re.compile(r"^( *(?:- |\w+: )!\w+ )'([\w.:-]+)'$", re.MULTILINE)


@dataclass(frozen=True)
class Ref:
    """!Ref of a parameter. default: its value."""

    name: str
    default: str


@dataclass(frozen=True)
class GetAtt:
    """!GetAtt of a resource's attribute."""

    name: str
    attribute: str = "Arn"


@dataclass(frozen=True)
class ImportValue:
    """!ImportValue of an export."""

    name: str


class _Dumper(yaml.SafeDumper):
    """Writes templates. Equal values are written again, not as aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Return that no value becomes an alias."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Indent the items of a list, as the examples do."""
        super().increase_indent(flow, indentless=False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def _function(tag: str) -> Any:
    def represent(dumper: _Dumper, function: Any) -> yaml.ScalarNode:
        parts = [function.name, *([function.attribute] if tag == "!GetAtt" else [])]
        return dumper.represent_scalar(tag, ".".join(parts))

    return represent


_Dumper.add_representer(str, _text)
for _kind in (Ref, GetAtt, ImportValue):
    _Dumper.add_representer(_kind, _function(f"!{_kind.__name__}"))


def text_of(template: Mapping[str, Any], comments: list[str]) -> str:
    """Return a template, with an empty line before each section and each of its resources."""
    parts = ["".join(f"# {line}\n" for line in comments)] if comments else []
    for name, section in template.items():
        if name != "Resources":
            parts.append(_dump({name: section}))
            continue
        resources = [textwrap.indent(_dump({i: each}), "  ") for i, each in section.items()]
        parts.append("Resources:\n" + "\n".join(resources))
    return "\n".join(parts)


def _dump(value: Any) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    return _OPERAND.sub(r"\1\2", text)
