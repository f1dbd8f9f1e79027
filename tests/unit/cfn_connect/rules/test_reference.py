"""The pages and schemas in docs/ and the rules all come from the models."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider.quick_connect.model import QuickConnectProperties
from tests.support.harness import EVENTS, ROOT
from tests.support.linting import lint
from tests.support.templates import parsed
from tools import reference

FILES = reference.rendered()
SCHEMAS = {kind: f"docs/schemas/{made.page}.json" for kind, made in RESOURCE_TYPES.items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_generated_file_is_current(path: Path) -> None:
    """`make docs` has been run since the models changed."""
    assert path.read_text() == FILES[path]


def test_no_generated_folder_holds_anything_else() -> None:
    """A removed type leaves no page."""
    for folder in ("reference", "schemas"):
        assert set((ROOT / "docs" / folder).iterdir()) <= FILES.keys()


class ShortNames(QuickConnectProperties):
    """A quick connect with another limit and text for Name, and one more property."""

    __module__ = QuickConnectProperties.__module__  # its package names the page

    Name: str = Field(max_length=5, description="a very short name")
    Nickname: str = Field(description="what agents call it")


def test_a_changed_model_changes_page_schema_and_rules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only the model contains a limit, a text or a new property."""
    kind = "Custom::ConnectQuickConnect"
    changed = RESOURCE_TYPES[kind]._replace(model=ShortNames)
    monkeypatch.setitem(RESOURCE_TYPES, kind, changed)  # type: ignore[misc]
    files = reference.rendered()
    page = files[ROOT / "docs/reference/quick-connect.md"]
    schema = json.loads(files[ROOT / "docs/schemas/quick-connect.json"])
    assert "A very short name." in page
    assert "- *Maximum length*: `5`" in page
    assert schema["properties"]["Name"]["anyOf"][0]["maxLength"] == 5
    assert "Nickname" in schema["required"]
    template = tmp_path / "template.yaml"
    template.write_text((ROOT / "examples/reference/quick-connect.yaml").read_text())
    template.write_text(template.read_text().replace("Name: Sales", "Name: Salesroom"))
    messages = {match.message for match in lint(template)[template]}
    assert messages == {"Name: should have 5 or fewer characters", "Nickname: is required"}


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("*.json")))
def test_a_schema_accepts_every_valid_request(name: str) -> None:
    """The model accepts the properties of these requests in events/."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    schema = json.loads((ROOT / SCHEMAS[event["ResourceType"]]).read_text())
    found = [error.message for error in errors(schema, event["ResourceProperties"])]
    assert not found or name.endswith("_invalid")


REFUSED: dict[str, dict[str, Any]] = {
    "an unknown property": {"Nmae": "Sales"},
    "no name": {"Name": None},
    "a name that is too long": {"Name": "x" * 128},
    "both spellings": {"InstanceArn": "x"},
    "neither spelling": {"InstanceId": None},
    "an instance with a space": {"InstanceId": "a b"},
    "a timeout that is too long": {"ServiceTimeout": 4000},
    "a timeout in words": {"ServiceTimeout": "long"},
    "an unknown policy": {"ExistingResourcePolicy": "Import"},
    "too many tags": {"Tags": {f"key{index}": "x" for index in range(47)}},
    "a tag without a Value": {"Tags": [{"Key": "a"}]},
    "an unknown type": {"QuickConnectConfig": {"QuickConnectType": "MAIL"}},
    "no block of the type": {"QuickConnectConfig": {"QuickConnectType": "FLOW"}},
    "two blocks": {
        "QuickConnectConfig": {
            "QuickConnectType": "FLOW",
            "FlowConfig": {"ContactFlowId": "x"},
            "PhoneConfig": {"PhoneNumber": "+12065550100"},
        }
    },
    "a reserved tag": {"Tags": {"aws:team": "sales"}},
    "a reserved tag in a list": {"Tags": [{"Key": "AWS:team", "Value": "sales"}]},
    "a tag that is null": {"Tags": {"team": None}},
    "no function": {"Name": {"Rfe": "x"}},
    "no token": {"ServiceToken": None},
}
GOOD = sorted((Path(__file__).parent / "good").glob("*.yaml"))
TAKEN: dict[str, dict[str, Any]] = {
    "a function": {"Name": {"Ref": "x"}},
    "a function for a config": {"QuickConnectConfig": {"Fn::If": ["a", "b", "c"]}},
    "a timeout as text": {"ServiceTimeout": "300"},
    "a timeout": {"ServiceTimeout": 300},
    "a timeout that is a fraction": {"ServiceTimeout": "300.0"},
    "a spelling by a condition": {
        "InstanceId": {"Fn::If": ["IsId", "x", {"Ref": "AWS::NoValue"}]},
        "InstanceArn": {"Fn::If": ["IsId", {"Ref": "AWS::NoValue"}, "x"]},
    },
    "a block by a condition": {
        "QuickConnectConfig": {
            "QuickConnectType": {"Fn::If": ["IsFlow", "FLOW", "QUEUE"]},
            "FlowConfig": {"Fn::If": ["IsFlow", {"ContactFlowId": "x"}, {"Ref": "AWS::NoValue"}]},
            "QueueConfig": {"Fn::If": ["IsFlow", {"Ref": "AWS::NoValue"}, {"Ref": "Queue"}]},
        }
    },
    "a loop": {"Fn::ForEach::Each": ["x", ["Description"], {"${x}": "text"}]},
    "tags from a loop": {"Tags": {"Fn::ForEach::Each": ["x", ["a"], {"${x}": "text"}]}},
    "a macro": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {}}},
    "tags as a list": {"Tags": [{"Key": "a", "Value": {"Ref": "x"}}]},
    "a tag from a function": {"Tags": {"équipe": {"Ref": "x"}}},
}


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_schema_accepts_every_good_template(path: Path) -> None:
    """The templates have functions in their long form."""
    resources = parsed(path.read_text())["Resources"].values()
    for it in (r for r in resources if "Type" in r and r["Type"] in SCHEMAS):
        schema = json.loads((ROOT / SCHEMAS[it["Type"]]).read_text())
        sent = json.loads(json.dumps(it["Properties"], default=str))  # JSON knows no dates
        assert [error.message for error in errors(schema, sent)] == []


def errors(schema: Any, properties: Any) -> Any:
    return Draft202012Validator(schema).iter_errors(properties)


def properties(changes: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the schema of a quick connect, and properties with changes; None removes one."""
    event = json.loads((EVENTS / "quick_connect_create.json").read_text())
    changed = {**event["ResourceProperties"], **changes}
    schema = json.loads((ROOT / "docs/schemas/quick-connect.json").read_text())
    return schema, {name: value for name, value in changed.items() if value is not None}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_a_schema_refuses_a_mistake(changes: dict[str, Any]) -> None:
    """Each case has one mistake."""
    assert list(errors(*properties(changes)))


@pytest.mark.parametrize("changes", TAKEN.values(), ids=TAKEN)
def test_a_schema_accepts_functions_and_scalars(changes: dict[str, Any]) -> None:
    """A request never has these: functions, and scalars that are not text."""
    assert not list(errors(*properties(changes)))


@pytest.mark.parametrize("word", ["true", "Yes", "off", "1", True])
def test_a_schema_accepts_every_word_for_a_boolean(word: object) -> None:
    """YAML 1.2 reads text where YAML 1.1 and CloudFormation read a boolean."""
    schema = json.loads((ROOT / "docs/schemas/traffic-distribution.json").read_text())
    enabled = schema["$defs"]["SignInDistribution"]["properties"]["Enabled"]
    assert Draft202012Validator(enabled).is_valid(word)


def test_the_template_schema_refers_to_the_types() -> None:
    """An editor's language server follows it from file to file."""
    contents = {path.name: json.loads(path.read_text()) for path in FILES if path.suffix == ".json"}
    registry: Any = Registry().with_contents(contents.items(), default_specification=DRAFT202012)
    validator = Draft202012Validator(contents["template.json"], registry=registry)
    text = (ROOT / "examples/reference/traffic-distribution-group.yaml").read_text()
    assert validator.is_valid(parsed(text))
    assert not validator.is_valid(parsed(text.replace("Name: Service lines", 'Name: ""')))
    (resource,) = parsed(text)["Resources"].values()
    chosen = {"Fn::If": ["IsLive", resource["Properties"], {"Ref": "AWS::NoValue"}]}
    assert validator.is_valid({"Resources": {"Sales": {**resource, "Properties": chosen}}})
