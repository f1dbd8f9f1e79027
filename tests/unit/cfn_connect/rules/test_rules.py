"""The rules find every mistake in bad/, on the right line, and none in good/."""

import re
from pathlib import Path

import pytest

from cfn_connect.rules import _open
from tests.support.linting import lint

ODD = {
    "no properties": "",
    "empty properties": "Properties: {}",
    "properties that are text": "Properties: x",
    "properties that are a list": "Properties: [x]",
    "properties from a parameter": "Properties: !Ref X",
    "a condition that is a map": "Condition: {x: y}",
    "a condition that is not there": "Condition: Missing",
    "a config that is a list": "Properties: {QuickConnectConfig: [x]}",
    "a type that is a map": "Properties: {QuickConnectConfig: {QuickConnectType: {a: b}}}",
    "an Fn::If with two parts": "Properties: {Name: !If [a, b]}",
    "an Fn::If with none": "Properties: {Name: !If []}",
    "an Fn::If without a condition": "Properties: {Name: !If [{a: b}, c, d]}",
    "an Fn::If of what is not there": "Properties: {Name: !If [Missing, c, d]}",
    "a Ref of a list": "Properties: {Name: {Ref: [a]}}",
    "an Fn::GetAtt of one part": "Properties: {Name: {Fn::GetAtt: Sales}}",
    "an Fn::GetAtt of three parts": "Properties: {Name: {Fn::GetAtt: [Sales, a, b]}}",
    "an Fn::GetAtt of a map": "Properties: {Name: {Fn::GetAtt: {a: b}}}",
    "an Fn::Sub of a list": "Properties: {Name: !Sub [[a], {}]}",
    "an Fn::Sub without variables": "Properties: {Name: !Sub ['${Sales.Foo}', x]}",
    "an Fn::FindInMap of no mapping": "Properties: {Name: !FindInMap [a, b, c]}",
    "a tag without a Key": "Properties: {Tags: [{Value: x}]}",
    "a key that is a number": "Properties: {1: 2}",
    "a name that is a date": "Properties: {Name: 2026-01-01}",
}

# Parts of the messages about the resources and outputs of a loop.
IN_LOOPS = {
    "agent_missing_in_nested_loops": [
        "Agents has no row Bob",
        "(in DeskSalesBob and DeskServiceBob)",
    ],
    "mapping_in_a_loop": ["PhoneNumber: should be", "(Mappings/Lines/B/Number, in DeskB)"],
    "name_twice_in_a_loop": ["Name: DeskSales has", "(in DeskService)"],
    "resource_made_by_foreach": ["PhoneNumber: should be", "(in DeskSales and DeskService)"],
    "slips_in_a_loop": [
        "Desciption: unknown property; did you mean Description? (in DeskSales and 2 others)",
        "should refer to AWS::Connect::ContactFlow; Offer${Desk} is",
        "Desk${Desk}.ARN: unknown attribute",
    ],
}

Findings = dict[Path, list[tuple[int, str]]]
FOLDER = Path(__file__).parent
BAD = sorted((FOLDER / "bad").glob("*.yaml"))
GOOD = sorted((FOLDER / "good").glob("*.yaml"))


@pytest.fixture(scope="module", autouse=True)
def _traced() -> None:
    """Make the validators again: a test marked no_cover may have made them, without a trace."""
    _open._validator.cache_clear()
    _open._watched.cache_clear()


@pytest.fixture(scope="module")
def findings() -> Findings:
    """The lines and rules of the findings; in good templates, those of cfn-lint's rules, too."""
    found = lint(*BAD, *GOOD, only_ours=True) | lint(*GOOD)  # coverage traces the first one only
    return {p: sorted((m.linenumber, m.rule.id) for m in found[p]) for p in [*BAD, *GOOD]}


def expected(path: Path) -> list[tuple[int, str]]:
    """Return the line and id of every rule in a comment at a line's end."""
    lines = enumerate(path.read_text().splitlines(), start=1)
    marks = [(number, re.search(r" #((?: [EW]\d{4})+)$", line)) for number, line in lines]
    return [(number, rule) for number, mark in marks if mark for rule in mark[1].split()]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_mistake_is_reported_at_its_line(path: Path, findings: Findings) -> None:
    """The finding has the right rule and line, and there is no other."""
    assert expected(path)
    assert findings[path] == expected(path)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_template_has_no_finding(path: Path, findings: Findings) -> None:
    """Intrinsic functions do not matter."""
    assert findings[path] == []


@pytest.mark.parametrize("name", IN_LOOPS)
def test_a_message_about_a_loop_names_the_iterations(name: str) -> None:
    """A mistake of several iterations is one message. It has the words of the template."""
    path = FOLDER / "bad" / f"{name}.yaml"
    found = [match.message for match in lint(path, only_ours=True)[path]]
    said = "\n".join(found)
    assert all(part in said for part in IN_LOOPS[name])
    assert len(found) == len(expected(path))


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_an_odd_template_crashes_no_rule(body: str, tmp_path: Path) -> None:
    """cfn-lint's own rules report the mistake."""
    template = tmp_path / "template.yaml"
    resource = ", ".join(filter(None, ["Type: Custom::ConnectQuickConnect", body]))
    template.write_text(f"Resources: {{Sales: {{{resource}}}}}")
    found = lint(template)[template]
    assert found
    assert not [match for match in found if "xception" in match.message]


def test_a_resource_without_a_type_crashes_no_rule(tmp_path: Path) -> None:
    """The rules know only its service token."""
    template = tmp_path / "template.yaml"
    token = "ServiceToken: !ImportValue cfn-connect-provider:QuickConnect"
    template.write_text(f"Resources: {{Sales: {{Properties: {{{token}}}}}}}")
    assert [match.rule.id for match in lint(template)[template]] == ["E3001"]


@pytest.mark.parametrize("transform", ["", "Transform: AWS::LanguageExtensions"])
@pytest.mark.parametrize("loop", ["x", "[a]", "[a, [b], c]", "[a, b, {c: d}]", "[a, [b], {c: d}]"])
def test_an_odd_loop_crashes_no_rule(loop: str, transform: str, tmp_path: Path) -> None:
    """cfn-lint's own rules report the mistake."""
    template = tmp_path / "template.yaml"
    template.write_text(f"{transform}\nResources: {{'Fn::ForEach::X': {loop}}}")
    found = [match.message for match in lint(template)[template]]
    assert found
    assert not [message for message in found if "processing rule E96" in message]


@pytest.mark.parametrize("side", ["{Ref: [a]}", "[a]", "{a: b}", "null", "1", "true"])
def test_an_odd_condition_crashes_no_rule(side: str, tmp_path: Path) -> None:
    """The rules find the mistake in the resource nevertheless."""
    template = tmp_path / "template.yaml"
    slip = "Sales: {Type: Custom::ConnectQuickConnect, Properties: {Name: !If [Odd, [a], [b]]}}"
    template.write_text(f"Conditions: {{Odd: !Equals [a, {side}]}}\nResources: {{{slip}}}")
    found = lint(template)[template]
    assert "E9603" in {match.rule.id for match in found}
    assert not [match for match in found if "xception" in match.message]
