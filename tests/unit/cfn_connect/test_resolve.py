"""The resolver, where the sandbox cannot be the reference."""

from pathlib import Path
from typing import Any

import pytest

from cfn_connect.resolve import UNKNOWN, Deployment, contains_unknown, resolve
from tests.support.templates import parsed

GOOD = Path(__file__).parent / "rules/good"
PSEUDO = {"AWS::Region": "us-east-1", "AWS::AccountId": "222222222222"}


def resolved(text: str, **facts: Any) -> dict[str, Any]:
    """Return the properties of each resource in a template, by logical id."""
    deployment = Deployment(pseudo=PSEUDO, **facts)
    return {it.logical_id: it.properties for it in resolve(parsed(text), deployment)}


def good(name: str, **facts: Any) -> dict[str, Any]:
    """Return the same for a template of the lint rules."""
    return resolved((GOOD / f"{name}.yaml").read_text(), **facts)


def value(expression: str, sections: str = "", **facts: Any) -> Any:
    """Return what Lambda gets for an expression, or None if it is removed."""
    resource = f"Resources: {{A: {{Type: Custom::ConnectA, Properties: {{P: {expression}}}}}}}"
    return resolved(f"{sections}\n{resource}", **facts)["A"].get("P")


def test_a_boolean_default_equals_its_text() -> None:
    """CloudFormation compares text."""
    found = good("conditions_in_other_words")
    shares = [it["Percentage"] for it in found["Traffic"]["TelephonyConfig"]["Distributions"]]
    assert shares == ["40", "60"]
    assert found["Sales"]["Name"] == "Sales"
    assert found["Sales"]["QuickConnectConfig"].keys() == {"QuickConnectType", "PhoneConfig"}


def test_a_condition_reads_the_account_and_the_region() -> None:
    """Pseudo parameters decide conditions, too."""
    found = good("conditions_on_one_value")
    shares = [it["Percentage"] for it in found["Traffic"]["TelephonyConfig"]["Distributions"]]
    assert shares == ["100", "0"]
    config = found["Sales"]["QuickConnectConfig"]
    assert config["FlowConfig"] == {"ContactFlowId": "aaaaaaaa-0001-4000-8000-000000000001"}


def test_a_loop_fills_its_variable_in_plain_text() -> None:
    """Fn::ForEach replaces ${Name} and &{Name} everywhere."""
    found = good("foreach_in_plain_text")
    assert {logical_id: it["Name"] for logical_id, it in found.items()} == {
        "Desk0100": "Desk 0100",
        "Desk0101": "Desk 0101",
    }


@pytest.mark.parametrize(
    "name",
    [
        "dynamic_references",
        "loops_over_parameters",
        "macro_for_the_properties",
        "parameter_store_parameter",
    ],
)
def test_a_value_that_only_the_deployment_knows_is_unknown(name: str) -> None:
    """Secrets, the Parameter Store and macros are never read as equal."""
    found = good(name)
    assert found
    assert all(contains_unknown(properties) for properties in found.values())


def test_a_native_resource_is_unknown_until_it_has_an_id() -> None:
    """The physical id of a resource in the stack is its Ref."""
    found = good("native_resources_beside")
    assert contains_unknown([*found.values()])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('!Join ["-", [a, !Ref Nobody]]', UNKNOWN),
        ('!Sub "x-${Nobody.Arn}"', UNKNOWN),
        ('!Sub ["${A}-${!B}", {A: 1}]', "1-${B}"),
        ('!Sub "${AWS::Region}"', "us-east-1"),
        ("!Select [1, [a, b]]", "b"),
        ("!Select [2, [a, b]]", UNKNOWN),
        ('!Select [1, !Split [",", "a,b"]]', "b"),
        ("!Base64 a", "YQ=="),
        ("{Fn::Length: [a, b]}", "2"),
        ("!ImportValue nobody", UNKNOWN),
        ("!GetAZs us-east-1", UNKNOWN),
        ("!FindInMap [M, a, b]", "1"),
        ("!FindInMap [M, a, c]", UNKNOWN),
        ("!FindInMap [M, a, c, {DefaultValue: d}]", "d"),
        ("!If [Always, a, b]", "a"),
        ("!If [Never, a, !Ref AWS::NoValue]", None),
        ("!If [Open, a, b]", UNKNOWN),
        ("!If [Decided, a, b]", "a"),
        ("!If [Missing, a, b]", UNKNOWN),
        ("!If [Always, a]", UNKNOWN),
        ("!Sub [a]", UNKNOWN),
        ("!FindInMap [M, a]", UNKNOWN),
        ("{Fn::ForEach::Loop: [Turn]}", UNKNOWN),
        ("!Ref Items", ["a", "b"]),
        ("!Join [+, !Ref Items]", "a+b"),
        ("{A: 1.5, B: true, C: [!Ref AWS::NoValue, 2]}", {"A": "1.5", "B": "true", "C": ["2"]}),
        ('!Sub "{{resolve:ssm:/${AWS::Region}}}"', UNKNOWN),
        ("!Ref Secret", UNKNOWN),
        ("!Ref Secrets", UNKNOWN),
        ('!Split ["-", !Ref Secret]', UNKNOWN),
        ("{Ref: [a, b]}", UNKNOWN),
        ("!ImportValue {a: b}", UNKNOWN),
        ("!FindInMap [[M], a, b]", UNKNOWN),
        ("!FindInMap [M, a, c, {}]", UNKNOWN),
        ("!FindInMap [M, a, b, c]", UNKNOWN),
        ("!FindInMap [Flat, a, b]", UNKNOWN),
        ("!FindInMap M", UNKNOWN),
        ("!If [Circular, a, b]", UNKNOWN),
        ("!If [Number, a, b]", UNKNOWN),
        ("!If [Listed, a, b]", UNKNOWN),
    ],
)
def test_a_function_returns_its_value_or_unknown(expression: str, expected: Any) -> None:
    """A value that depends on an unknown one is unknown."""
    sections = """
Parameters:
  Items: {Type: CommaDelimitedList, Default: "a, b"}
  Given: {Type: String}
  Secret: {Type: String, Default: "a-{{resolve:ssm:/p}}"}
  Secrets: {Type: CommaDelimitedList, Default: "a, {{resolve:ssm:/p}}"}
Mappings: {M: {a: {b: 1}}, Flat: {a: b}}
Conditions:
  Always: !Equals [a, a]
  Never: !Not [!Condition Always]
  Open: !And [!Condition Always, !Equals [!Ref Given, a]]
  Decided: !Or [!Condition Open, !Condition Always]
  Circular: {Condition: Circular}
  Number: {Fn::And: 3}
  Listed: {Condition: [Always]}
"""
    assert value(expression, sections) == expected


def test_a_resource_exists_if_its_condition_holds() -> None:
    """A resource without the condition is left out. It is unknown if the condition is."""
    text = """
Parameters: {Given: {Type: String}}
Conditions: {No: !Equals [a, b], Open: !Equals [!Ref Given, a]}
Resources:
  A: {Type: Custom::ConnectA, Condition: No}
  B: {Type: Custom::ConnectA, Condition: Open}
  C: {Type: AWS::SNS::Topic}
"""
    assert resolved(text) == {"B": UNKNOWN}
    assert resolved(text, parameters={"Given": "a"}) == {"B": {}}
