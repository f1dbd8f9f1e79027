"""Mutants of correct templates: faulty ones with the line of the fault, and harmless ones."""

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from random import Random
from typing import NamedTuple

import yaml

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider.quick_connect.model import BLOCKS
from tests.support.template_sites import Member, Resource, Sites, child, end, function, start

_INSTANCE = "arn:aws:connect:us-east-1:111122223333:instance/99999999-9999-4999-8999-999999999999"
_IDS = {"a value with spaces": "the one", "another service": "arn:aws:sns:us-east-1:1:topic"}
_ANY = {"a list": "[x]", "a map": "{ a: b }"}
_NO_TEXT = {"null": "null"}

# Wrong values of each property, by the kind of the mistake.
VALUES: dict[str, dict[str, str]] = {
    "InstanceId": {**_IDS, "a queue": f"{_INSTANCE}/queue/1"},
    "QueueId": {**_IDS, "a flow": f"{_INSTANCE}/contact-flow/1", "an instance": _INSTANCE},
    "ContactFlowId": {**_IDS, "a queue": f"{_INSTANCE}/queue/1", "an instance": _INSTANCE},
    "UserId": {**_IDS, "an email address": "alice@example.com", "a queue": f"{_INSTANCE}/queue/1"},
    "TrafficDistributionGroupId": {**_IDS, "an instance": _INSTANCE},
    "PhoneNumber": {
        "no plus sign": '"12065550100"',
        "spaces": '"+1 206 555 0100"',
        "dashes": '"+1-206-555-0100"',
        "a leading zero": '"+0206555010"',
        "a number": "12065550100",
        "too long": '"+1206555010012345"',
    },
    "Region": {
        "a zone": "us-east-1a",
        "upper case": "US-EAST-1",
        "underscores": "us_east_1",
        "the name of a place": "Ohio",
        "a Region that does not exist": "us-esat-1",
    },
    "Percentage": {
        "not in steps": "55",
        "more than 100": "110",
        "negative": "-10",
        "a percent sign": '"50%"',
        "a word": "half",
        "a fraction": "0.5",
    },
    "Enabled": {"a word": "maybe", "a number": "2"},
    "QuickConnectType": {
        "lower case": "queue",
        "another word": "EXTERNAL",
        "the API's block": "PHONE",
    },
    "Name": {"empty": '""', "too long": "n" * 129},
    "Description": {"too long": "d" * 251},
    "ServiceTimeout": {"zero": "0", "too long": "3601", "a unit": "5m"},
    "ExistingResourcePolicy": {"another word": "Import", "lower case": "adopt"},
    "OutOfBandTraffic": {"another word": "Ignore"},
    "CrossRegionRouting": {"another word": "Disabled"},
}
VALUES |= {
    name.replace("Id", "Arn"): wrong for name, wrong in VALUES.items() if name.endswith("Id")
}
_REQUIRED = {"Name", "QuickConnectConfig", "QuickConnectType", "PhoneNumber", "TelephonyConfig"}
_REQUIRED |= {"Region", "Percentage", "Enabled", "Distributions", "ContactFlowId", "UserId"}
_TARGETED = {"QueueId", "QueueArn", "ContactFlowId", "ContactFlowArn", "UserId", "UserArn"}
_BLOCKS = {*BLOCKS.values(), "QuickConnectConfig", "TelephonyConfig", "AgentConfig"}
_PERCENT = re.compile(r"[1-8]?0")


class Mutant(NamedTuple):
    """A changed template. lines: where its error is; empty if the change is harmless."""

    template: str
    kind: str
    place: str
    text: str
    lines: frozenset[int] = frozenset()


class Edit(NamedTuple):
    """A change of a text; lines: the indexes in the old text of what has the error."""

    kind: str
    place: str
    begin: int
    end: int
    new: str
    at: tuple[int, ...] = ()

    def applied(self, template: str, text: str) -> Mutant:
        """Return the mutant of a template with this change."""
        new = text[: self.begin] + self.new + text[self.end :]
        grown = len(self.new) - (self.end - self.begin)
        moved = [it + grown if it > self.begin else it for it in self.at]
        lines = frozenset(new.count("\n", 0, it) + 1 for it in moved)
        return Mutant(template, self.kind, self.place, new, lines)


Make = Callable[[str, Sites], Iterator[Edit]]


def mutants(templates: dict[str, str], makers: tuple[Make, ...]) -> list[Mutant]:
    """Return every mutant of the templates."""
    found = []
    for name, text in templates.items():
        sites = Sites(text)
        edits = [edit for make in makers for edit in make(text, sites)]
        found += [edit.applied(name, text) for edit in edits]
    return list({mutant.text: mutant for mutant in found}.values())


def sample(found: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return so many mutants, of each place in turn."""
    random = Random(seed)
    places: dict[str, list[Mutant]] = {}
    for mutant in found:
        places.setdefault(mutant.place, []).append(mutant)
    shuffled = [random.sample(members, len(members)) for members in places.values()]
    mixed = [it for turn in zip_longest(*shuffled) for it in turn if it is not None]
    return mixed[:count]


def _replaced(node: yaml.Node, new: str, kind: str, place: str, *at: int) -> Edit:
    return Edit(kind, place, start(node), end(node), new, at or (start(node),))


def _before(member: Member, text: str, added: str) -> tuple[int, str]:
    """Return where and how to add a member before another one."""
    begin = start(member.key)
    column = begin - text.rfind("\n", 0, begin) - 1
    return begin, f"{added}, " if member.parent.flow_style else f"{added}\n{' ' * column}"


def _members(sites: Sites) -> Iterator[Member]:
    for resource in sites.resources():
        yield from sites.members(resource)


def _in_model(member: Member) -> bool:
    """Return whether a member is a property and no tag."""
    return member.path[:1] != ("Tags",)


def wrong_names(text: str, sites: Sites) -> Iterator[Edit]:
    """Misspell a property, add one that does not exist, and give one in both spellings."""
    for it in filter(_in_model, _members(sites)):
        name, quote = it.key.value, '"' if text[start(it.key)] == '"' else ""
        slips = {
            "letters of a name swapped": name[:2] + name[3] + name[2] + name[4:],
            "a name in lower case": name[0].lower() + name[1:],
            "a letter of a name missing": name[:-1],
        }
        for kind, slip in slips.items():
            if slip != name:
                yield _replaced(it.key, f"{quote}{slip}{quote}", kind, it.place)
        begin, added = _before(it, text, '"Colour": red')
        yield Edit("an unknown property", it.place, begin, begin, added, (begin,))
        if name in VALUES and name.endswith(("Id", "Arn")):
            other = name[:-2] + "Arn" if name.endswith("Id") else name[:-3] + "Id"
            begin, added = _before(it, text, f'"{other}": x')
            yield Edit("both spellings", it.place, begin, begin, added, (begin, start(it.key) + 1))


def missing(text: str, sites: Sites) -> Iterator[Edit]:
    """Leave out a required property, or the block of the type."""
    required = _REQUIRED | set(BLOCKS.values())
    for it in filter(_in_model, _members(sites)):
        if it.key.value in required and len(it.parent.value) > 1:
            index = [key for key, _ in it.parent.value].index(it.key)
            last = index == len(it.parent.value) - 1
            if not last:
                begin, stop = start(it.key), start(it.parent.value[index + 1][0])
            elif it.parent.flow_style:
                begin, stop = end(it.parent.value[index - 1][1]), end(it.value)
            else:
                continue
            yield Edit("a property missing", it.place, begin, stop, "", (it.owner,))


def wrong_values(text: str, sites: Sites) -> Iterator[Edit]:
    """Give a property a value of the wrong form, wherever the value comes from."""
    for it in filter(_in_model, _members(sites)):
        for leaf in sites.leaves(it):
            if leaf.node.value == "" and leaf.place != "literal":
                continue  # a value that no deployment uses
            elsewhere = leaf.place in ("mapping", "parameter")
            wrong = {**VALUES.get(leaf.name, {})}
            if not elsewhere and leaf.name != "ServiceToken":
                wrong |= _ANY | _NO_TEXT
            at = (leaf.used, start(leaf.node))
            for kind, new in wrong.items():
                if not (new.startswith('"') and leaf.node.value == new.strip('"')):
                    yield _replaced(
                        leaf.node, _json(new, text), f"{leaf.name}: {kind}", leaf.place, *at
                    )


def _json(new: str, text: str) -> str:
    """Return a value in the syntax of the template: text needs quotes in JSON."""
    if not text.lstrip().startswith("{"):
        return new
    known = {"[x]": '["x"]', "{ a: b }": '{ "a": "b" }'}
    plain = new.startswith('"') or new == "null" or new.lstrip("-").replace(".", "").isdigit()
    return known.get(new, new if plain else f'"{new}"')


def wrong_sums(text: str, sites: Sites) -> Iterator[Edit]:
    """Let the shares of a config not sum to 100, or name a Region twice."""
    for it in _members(sites):
        if it.key.value != "Distributions" or not isinstance(it.value, yaml.SequenceNode):
            continue
        for name in ("Percentage", "Region"):
            found = [child(item, name) for item in it.value.value]
            key = yaml.ScalarNode("", name)
            values = [it._replace(key=key, value=value) for value in found if value is not None]
            # Only the deployment knows the sum if it chooses one of the shares.
            if name == "Region" or all(any(sites.leaves(value)) for value in values):
                for value in values:
                    yield from _wrong_in_sum(sites, it, value)


def _wrong_in_sum(sites: Sites, it: Member, value: Member) -> Iterator[Edit]:
    name = value.key.value
    for leaf in sites.leaves(value):
        if name == "Percentage" and _PERCENT.fullmatch(leaf.node.value):
            new = str(int(leaf.node.value) + 10)
            kind = "shares that do not sum to 100"
            yield _replaced(leaf.node, new, kind, leaf.place, it.owner, leaf.used)
        if name == "Region" and leaf.place == "literal":
            for other in _literal_regions(it) - {leaf.node.value}:
                kind, new = "a Region twice", f'"{other}"'
                yield _replaced(leaf.node, new, kind, leaf.place, it.owner)


def _literal_regions(distributions: Member) -> set[str]:
    regions = [child(item, "Region") for item in distributions.value.value]
    return {it.value for it in regions if isinstance(it, yaml.ScalarNode) and not function(it)}


def same_regions(text: str, sites: Sites) -> Iterator[Edit]:
    """Give two of three Regions one value. The deployment chooses the rest."""
    stacks, imported = '{ "Ref": "AWS::Region" }', '{ "Fn::ImportValue": "x" }'
    pairs = [(one, one, imported) for one in (stacks, '"us-east-1"')]
    pairs += [(stacks, '{ "Fn::Sub": "${AWS::Region}" }', imported)]
    for name, value in _allowed_regions(sites):
        chosen = f'{{ "Ref": "{name}" }}'
        pairs += [(chosen, chosen, stacks), (stacks, chosen, f'"{value}"')]
    for it in _members(sites):
        if it.key.value != "Distributions" or not isinstance(it.value, yaml.SequenceNode):
            continue
        is_sign_in = any(child(item, "Enabled") is not None for item in it.value.value)
        share = '"Enabled": true' if is_sign_in else '"Percentage": { "Fn::ImportValue": "y" }'
        for pair in pairs:
            new = ", ".join(f'{{ "Region": {region}, {share} }}' for region in pair)
            yield _replaced(it.value, f"[{new}]", "a Region twice", it.place, it.owner)


def _allowed_regions(sites: Sites) -> Iterator[tuple[str, str]]:
    """Yield each parameter that allows only some Regions, and one of them."""
    parameters = child(sites.root, "Parameters")
    for key, value in parameters.value if isinstance(parameters, yaml.MappingNode) else ():
        allowed = child(value, "AllowedValues")
        if isinstance(allowed, yaml.SequenceNode) and "-" in allowed.value[0].value:
            yield key.value, allowed.value[0].value


def wrong_types(text: str, sites: Sites) -> Iterator[Edit]:
    """Give the type of another block."""
    for it in _members(sites):
        for leaf in sites.leaves(it) if it.key.value == "QuickConnectType" else ():
            for other in sorted(BLOCKS.keys() - {leaf.node.value}):
                at = (it.owner, leaf.used)
                yield _replaced(leaf.node, f'"{other}"', "another type", leaf.place, *at)


def wrong_blocks(text: str, sites: Sites) -> Iterator[Edit]:
    """Give two blocks, no block, or text as a block."""
    blocks = {
        "FlowConfig": '{ "ContactFlowId": "1" }',
        "PhoneConfig": '{ "PhoneNumber": "+12065550100" }',
    }
    for it in _members(sites):
        name = it.key.value
        if name not in _BLOCKS or function(it.value) is not None:
            continue
        for kind, new in {"a block is null": "null", "a block is text": '"x"'}.items():
            yield _replaced(it.value, new, kind, it.place, start(it.key), start(it.value))
        for other, block in blocks.items() if name in BLOCKS.values() else ():
            if child(it.parent, other) is None:
                begin, added = _before(it, text, f'"{other}": {block}')
                yield Edit("two blocks", it.place, begin, begin, added, (it.owner,))


def wrong_tags(text: str, sites: Sites) -> Iterator[Edit]:
    """Write tags that Connect refuses."""
    for it in _members(sites):
        if it.key.value == "Tags" and not it.path and function(it.value) is None:
            if it.value.flow_style:
                kind, at = "Tags: text", (start(it.key), start(it.value))
                yield Edit(kind, it.place, start(it.value), end(it.value), '"a=b"', at)
        elif it.path == ("Tags",):
            yield from _wrong_key(it.key, it.place)
            if isinstance(it.value, yaml.ScalarNode) and function(it.value) is None:
                yield from _wrong_tag_value(it)
        elif it.path == ("Tags", "-") and function(it.value) is None:
            if it.key.value == "Key" and isinstance(it.value, yaml.ScalarNode):
                at = (start(it.value), it.owner)
                for edit in _wrong_key(it.value, it.place):
                    yield edit._replace(at=at)
            elif it.key.value == "Value":
                new = '"Values"'
                yield _replaced(it.key, new, "a tag without a Value", it.place, it.owner)


def _wrong_key(key: yaml.ScalarNode, place: str) -> Iterator[Edit]:
    for kind, new in {
        "a reserved tag": '"aws:team"',
        "an odd character in a tag": '"team<1>"',
        "an empty tag": '""',
        "a tag that is too long": '"' + "k" * 129 + '"',
    }.items():
        yield _replaced(key, new, kind, place)


def _wrong_tag_value(it: Member) -> Iterator[Edit]:
    for kind, new in {
        "a tag with a list": '["x"]',
        "a tag with a map": '{ "a": "b" }',
        "a tag with a long value": '"' + "v" * 257 + '"',
        "a tag with null": "null",
    }.items():
        yield _replaced(it.value, new, kind, it.place)


def wrong_tokens(text: str, sites: Sites) -> Iterator[Edit]:
    """Use the wrong function, an unknown export, or the wrong type."""
    for resource in sites.resources():
        for it in sites.members(resource):
            if it.key.value == "ServiceToken" and (found := function(it.value)):
                yield from _wrong_token(text, resource, it, *found)


def _wrong_token(
    text: str, resource: Resource, it: Member, name: str, argument: yaml.Node
) -> Iterator[Edit]:
    if name != "ImportValue" or not isinstance(argument, yaml.ScalarNode):
        return
    prefix, _, export = argument.value.partition(":")
    other = "TrafficDistribution" if export.startswith("Qu") else "QuickConnect"
    begin, stop = start(it.value), end(it.value)
    short = text[begin] == "!"

    def imported(token: str) -> str:
        return f"!ImportValue {token}" if short else f'{{ "Fn::ImportValue": "{token}" }}'

    token, kind = start(it.value), start(resource.kind)
    for slip, new, at in (
        ("the token of the other function", imported(f"{prefix}:{other}"), (token, kind)),
        ("a token that is not exported", imported(f"{prefix}:{export[:-1]}"), (token,)),
        ("a token that is not imported", f'"{argument.value}"', (token,)),
        ("a token with a slip in its prefix", imported(f"{prefix[:-1]}:{export}"), (token,)),
        ("a token without a colon", imported(f"{prefix}-{export}"), (token,)),
    ):
        yield Edit(slip, it.place, begin, stop, new, at)
    written = resource.kind.value
    for slip, new in {
        "a type with a slip": written[:-1],
        "a type in lower case": written.lower(),
    }.items():
        yield _replaced(resource.kind, f'"{new}"', slip, it.place)


def wrong_resources(text: str, sites: Sites) -> Iterator[Edit]:
    """Make a resource twice, and refer to a resource of another type."""
    for resource in sites.resources():
        body, begin = resource.body, start(resource.key)
        if resource.looped or body.flow_style:
            continue
        for it in sites.members(resource):
            if it.path == () and it.key.value == "Name":
                column = begin - text.rfind("\n", 0, begin) - 1
                copy = f"Copied{text[begin : end(body)]}\n{' ' * column}"
                yield Edit("a name twice", it.place, begin, begin, copy, (start(it.key) + 1,))
            if it.key.value in _TARGETED and isinstance(it.value, yaml.ScalarNode):
                for other in sites.resources():
                    if other.key is not resource.key and not other.looped:
                        new = f'{{ "Ref": "{other.key.value}" }}'
                        yield _replaced(it.value, new, "a resource of another type", it.place)


def wrong_references(text: str, sites: Sites) -> Iterator[Edit]:
    """Refer to a parameter, an attribute or a condition that does not exist."""
    for node in _nodes(sites.root):
        match function(node):
            case ("Ref", yaml.ScalarNode() as name) if "::" not in name.value:
                yield _slip(text, name, "Ref", "")
            case ("GetAtt", yaml.ScalarNode() as name) if name.value.count(".") == 1:
                if _has_known_type(sites, name.value):
                    yield _slip(text, name, "GetAtt: the attribute", "x", at_end=True)
                yield _slip(text, name, "GetAtt: the resource", "x")
            case ("If", yaml.SequenceNode(value=[yaml.ScalarNode() as name, *_])):
                yield _slip(text, name, "If", "x")
            case ("Sub", yaml.ScalarNode() as name) if "${" in name.value and "&" not in name.value:
                yield _slip(text, name, "Sub", "")
    for resource in sites.resources():
        for key, value in resource.body.value:
            if key.value == "Condition":
                yield _slip(text, value, "Condition", "x")


def _has_known_type(sites: Sites, attribute: str) -> bool:
    """Return whether the resource of an attribute has a type whose attributes are known."""
    body = child(child(sites.root, "Resources"), attribute.partition(".")[0])
    kind = child(body, "Type")
    return kind is None or kind.value in RESOURCE_TYPES or not kind.value.startswith("Custom::")


def wrong_mappings(text: str, sites: Sites) -> Iterator[Edit]:
    """Name a mapping or a key in it that does not exist."""
    for node in _nodes(sites.root):
        found = function(node)
        if found is None or found[0] != "FindInMap":
            continue
        for place, key in zip(("the mapping", "a row", "a column"), found[1].value, strict=False):
            may_be_missing = len(found[1].value) == 4 and place != "the mapping"
            if isinstance(key, yaml.ScalarNode) and function(key) is None and not may_be_missing:
                yield _slip(text, key, f"FindInMap: {place}", "x", start(node))


def _slip(
    text: str, node: yaml.ScalarNode, kind: str, added: str, *at: int, at_end: bool = False
) -> Edit:
    """Insert letters in a name, so that nothing has it."""
    source = text[start(node) : end(node)]
    if kind == "Sub":
        new = source.replace("${", "${Xx", 1)
    elif at_end:
        new = re.sub(r"(?=[\"']?$)", added, source, count=1)
    else:
        new = re.sub(r"^((?:![A-Za-z]+ +)?[\"']?)", r"\1Xx", source, count=1)
    return _replaced(node, new, f"a slip in {kind}", "reference", start(node), *at)


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _nodes(item)


FAULTS: tuple[Make, ...] = (
    wrong_names,
    missing,
    wrong_values,
    wrong_sums,
    same_regions,
    wrong_types,
    wrong_blocks,
    wrong_tags,
    wrong_tokens,
    wrong_resources,
    wrong_references,
    wrong_mappings,
)


def same_meaning(text: str, sites: Sites) -> Iterator[Edit]:
    """Write a literal as a function that returns it, or in quotes."""
    conditions = child(sites.root, "Conditions")
    for it in filter(_in_model, _members(sites)):
        if not isinstance(it.value, yaml.ScalarNode) or function(it.value) is not None:
            continue
        value = f'"{it.value.value}"'
        if '"' in it.value.value or "{" in it.value.value or it.key.value == "ServiceToken":
            continue
        ways = {
            "Fn::Join": f'{{ "Fn::Join": ["", [{value}]] }}',
            "Fn::Select": f'{{ "Fn::Select": [0, [{value}]] }}',
            "in quotes": value,
        }
        if conditions is not None:
            name = conditions.value[0][0].value
            ways["Fn::If"] = f'{{ "Fn::If": ["{name}", {value}, {value}] }}'
        for kind, new in ways.items():
            yield _harmless(it.value, new, kind, it.place)


def _harmless(node: yaml.Node, new: str, kind: str, place: str) -> Edit:
    return Edit(kind, place, start(node), end(node), new)


def other_values(text: str, sites: Sites) -> Iterator[Edit]:
    """Give a property another correct value, or one that only the deployment knows."""
    stack, imported = '{ "Ref": "AWS::StackName" }', '{ "Fn::ImportValue": "x" }'
    others = {
        "Name": {"another name": '"Überlauf 2"', "the name of the stack": stack},
        "Description": {"another text": '"für alle"', "the name of the stack": stack},
        "PhoneNumber": {"another number": '"+442071838750"', "an import": imported},
        "QuickConnectType": {"an import": imported},
        "Percentage": {"an import": imported},
        "ServiceTimeout": {"the shortest": "180", "the longest": '"3600"'},
    }
    for it in filter(_in_model, _members(sites)):
        name, scalar = it.key.value, isinstance(it.value, yaml.ScalarNode)
        if name == "Name" and it.place == "loop":
            continue  # each iteration needs a name of its own
        known = others.get(name, {"an import": imported} if name.endswith(("Id", "Arn")) else {})
        for kind, new in known.items() if scalar and function(it.value) is None else ():
            yield _harmless(it.value, new, f"{name}: {kind}", it.place)


def other_layout(text: str, sites: Sites) -> Iterator[Edit]:
    """Add what does not matter, and use the other spelling of an id."""
    for resource in sites.resources():
        kind = next(key for key, value in resource.body.value if value is resource.kind)
        around = Member((), kind, resource.kind, resource.body, 0, "literal")
        for what in ('"Metadata": { "a": 1 }', '"UpdateReplacePolicy": "Retain"'):
            begin, added = _before(around, text, what)
            yield Edit(what, "resource", begin, begin, added)
        for it in sites.members(resource):
            name, quote = it.key.value, '"' if text[start(it.key)] == '"' else ""
            if name in VALUES and name.endswith(("Id", "Arn")):
                other = name[:-2] + "Arn" if name.endswith("Id") else name[:-3] + "Id"
                if child(it.parent, other) is not None:
                    continue
                yield _harmless(it.key, f"{quote}{other}{quote}", "the other spelling", it.place)
            if name == "ServiceToken":
                for what in ('"ServiceTimeout": 300',):
                    if child(it.parent, "ServiceTimeout") is None:
                        begin, added = _before(it, text, what)
                        yield Edit(what, it.place, begin, begin, added)


def other_order(text: str, sites: Sites) -> Iterator[Edit]:
    """Exchange two neighbors in a map."""
    for it in _members(sites):
        keys = [key for key, _ in it.parent.value]
        index = keys.index(it.key)
        if index + 1 < len(keys):
            key, value = it.parent.value[index + 1]
            first, between = text[start(it.key) : end(it.value)], text[end(it.value) : start(key)]
            if "#" not in between:
                new = f"{text[start(key) : end(value)]}{between}{first}"
                yield Edit("another order", it.place, start(it.key), end(value), new)


HARMLESS: tuple[Make, ...] = (same_meaning, other_values, other_layout, other_order)
