"""`cfn-connect export` writes a template of what an instance has."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.template import Template

from cfn_connect import cli
from cfn_connect.clients import CommandError
from cfn_connect.commands import export
from cfn_connect.commands.export import Arguments
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands, contact_center
from tests.support.linting import lint
from tests.support.templates import parsed

QUEUE_1 = "bbbbbbbb-0001-4000-8000-000000000001"


@pytest.fixture
def center(connect: ConnectEmulator) -> ConnectEmulator:
    """A Connect with a contact center that was made by hand."""
    contact_center.seed(connect)
    return connect


def exported(**options: Any) -> str:
    """Return the template of the instance."""
    done = commands.run(export.run, Arguments(scene.INSTANCE_ID, **options))
    assert done.code == 0
    return done.text


def resources(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the properties of each resource of a type by its logical id."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == f"Custom::Connect{kind}"
    }


@pytest.mark.no_cover
def test_the_template_passes_cfn_lint(center: ConnectEmulator, tmp_path: Path) -> None:
    """It passes all of cfn-lint's rules, and ours, with and without parameters."""
    paths = [tmp_path / "parameters.yaml", tmp_path / "inline.yaml"]
    paths[0].write_text(exported())
    paths[1].write_text(exported(inline=True))
    found = lint(*paths)
    assert [str(match) for path in paths for match in found[path]] == []


@pytest.mark.no_cover
def test_the_template_declares_everything(center: ConnectEmulator) -> None:
    """Each resource adopts the one that exists, and repeats its properties."""
    template = parsed(exported(inline=True))
    declared = {each["Name"]: each for each in resources(template, "QuickConnect").values()}
    live = {each["Name"]: each for each in center.quick_connects.values()}
    assert declared.keys() == live.keys()
    for name, each in declared.items():
        assert each["ExistingResourcePolicy"] == "Adopt"
        assert each["QuickConnectConfig"] == live[name]["QuickConnectConfig"]
        assert each.get("Description", "") == live[name]["Description"]
        assert each.get("Tags", {}) == live[name]["Tags"]
    groups = {
        each["Name"]: each for each in resources(template, "TrafficDistributionGroup").values()
    }
    assert groups.keys() == {*contact_center.GROUPS, "default"}
    assert all(len(each["UserIds"]) in (15, 16) for each in groups.values())
    assert len(resources(template, "QueueQuickConnects")) == contact_center.QUEUES
    assert len(resources(template, "TrafficDistribution")) == len(groups)


@pytest.mark.no_cover
def test_each_text_is_read_as_the_same_text(center: ConnectEmulator) -> None:
    """YAML keeps names that look like numbers, dates, booleans or syntax, in any reader."""
    text = exported(types=("quick-connects",), inline=True)
    plain = yaml.load(text.replace("!ImportValue", ""), yaml.BaseLoader)  # noqa: S506
    names = {each["Name"] for each in resources(plain, "QuickConnect").values()}
    assert {*contact_center.ODD_TEXTS} <= names
    risky = [line for line in text.splitlines() if ": +" in line or ": 0" in line or ": 1" in line]
    assert risky == []


@pytest.mark.no_cover
def test_the_ids_and_numbers_are_parameters_with_defaults(center: ConnectEmulator) -> None:
    """Another instance needs other values, and no other template."""
    parameters = parsed(exported())["Parameters"]
    assert parameters["InstanceId"] == {"Type": "String", "Default": scene.INSTANCE_ID}
    assert parameters["AgentTransferFlowId"]["Default"] == scene.CONTACT_FLOW_ID
    assert parameters["Queue3QueueId"]["Default"] == "bbbbbbbb-0001-4000-8000-000000000003"
    assert parameters["Contact112UserId"]["Default"] == "cccccccc-0001-4000-8000-000000000032"
    assert parameters["Contact34PhoneNumber"]["Default"] == "+12065550034"
    assert parameters["Agent1ExampleComUserId"]["Default"].endswith("01"), "only in a group"
    assert "Parameters" not in parsed(exported(inline=True))


@pytest.mark.no_cover
def test_a_queue_offers_the_resources_of_the_template(center: ConnectEmulator) -> None:
    """The association refers to them. It is kept, because agents work with it."""
    template = parsed(exported())
    offers = template["Resources"]["Queue3Offers"]
    assert {"Fn::GetAtt": ["Contact39", "Arn"]} in offers["Properties"]["QuickConnectIds"]
    assert offers["DeletionPolicy"] == offers["UpdateReplacePolicy"] == "Retain"
    alone = parsed(exported(types=("queues",)))["Resources"]["Queue3Offers"]["Properties"]
    assert "dddddddd-0001-4000-8000-000000000039" in alone["QuickConnectIds"]


@pytest.mark.no_cover
def test_a_split_refers_to_its_group(center: ConnectEmulator) -> None:
    """Only the default group has a SignInConfig."""
    splits = resources(parsed(exported()), "TrafficDistribution")
    sales = splits["SalesLinesSplit"]
    assert sales["TrafficDistributionGroupId"] == {"Fn::GetAtt": ["SalesLinesGroup", "Arn"]}
    shares = {
        each["Region"]: each["Percentage"] for each in sales["TelephonyConfig"]["Distributions"]
    }
    assert shares == {scene.REGION: 60, scene.REPLICA_REGION: 40}
    assert [name for name, each in splits.items() if "SignInConfig" in each] == ["DefaultSplit"]


@pytest.mark.no_cover
def test_the_marker_tags_are_not_exported(center: ConnectEmulator) -> None:
    """A second export, after a deployment, gives the same text. So do other tags of AWS."""
    before = exported()
    for each in [*center.quick_connects.values(), *center.groups.values()]:
        each["Tags"] |= {"cfn:stack-id": "arn", "cfn:adopted-at": "now", "aws:x": "y"}
    assert exported() == before


@pytest.mark.no_cover
def test_names_with_the_same_words_get_ids_that_stay(center: ConnectEmulator) -> None:
    """A logical id depends on no other resource, unless both names have the same words."""
    ids = {
        each["Name"]: name for name, each in resources(parsed(exported()), "QuickConnect").items()
    }
    assert ids["Contact 33"] == "Contact33"
    assert ids["A-B"] != ids["A B"]
    assert ids["Ünïcödé"] == "Unicode"
    assert ids["サポート"].isascii()
    instance = center.instances[scene.INSTANCE_ID]
    flow = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}
    center.add_quick_connect(instance, "サポー", flow, {})
    after = {each["Name"]: n for n, each in resources(parsed(exported()), "QuickConnect").items()}
    assert ids.items() <= after.items()


@pytest.mark.no_cover
def test_many_resources_are_split_into_files(connect: ConnectEmulator, tmp_path: Path) -> None:
    """Each file is within CloudFormation's limits and refers only to itself."""
    contact_center.seed(connect, 1_000)
    options = Arguments(scene.INSTANCE_ID, output=str(tmp_path / "connect.yaml"))
    done = commands.run(export.run, options)
    paths = sorted(tmp_path.glob("connect-*.yaml"))
    assert len(paths) > 1
    assert all(str(path) in done.text for path in paths)
    names: list[str] = []
    for path in paths:
        template = parsed(path.read_text())
        assert len(template["Resources"]) <= 500
        assert len(template["Parameters"]) <= 200
        names += [each["Name"] for each in resources(template, "QuickConnect").values()]
        itself = Template(str(path), template)
        referred = [*itself.search_deep_keys("Ref"), *itself.search_deep_keys("Fn::GetAtt")]
        targets = [target if isinstance(target, str) else target[0] for *_, target in referred]
        assert set(targets) <= {*template["Resources"], *template["Parameters"]}
        assert any(target in template["Resources"] for target in targets)
    assert sorted(names) == sorted(each["Name"] for each in connect.quick_connects.values())
    found = lint(*paths, only_ours=True)
    assert [str(match) for path in paths for match in found[path]] == []
    with pytest.raises(CommandError, match="pass --output"):
        exported()


@pytest.mark.no_cover
def test_a_thousand_quick_connects_take_twelve_calls(connect: ConnectEmulator) -> None:
    """The search reads a hundred at a time. The names of flows and queues take a call each."""
    contact_center.seed(connect, 1_000)
    done = commands.run(
        export.run,
        Arguments(scene.INSTANCE_ID, ("quick-connects",), inline=True, output="/dev/null"),
    )
    assert done.calls == {"SearchQuickConnects": 10, "ListContactFlows": 1, "ListQueues": 1}


def test_a_queue_takes_a_call_for_each_hundred_of_its_quick_connects(
    center: ConnectEmulator,
) -> None:
    """Eleven queues offer few, and one offers all of the 250."""
    calls = commands.run(export.run, Arguments(scene.INSTANCE_ID, ("queues",))).calls
    assert calls == {"ListQueues": 1, "ListQueueQuickConnects": 11 + 3}


def test_a_group_takes_two_calls_and_its_split_one(center: ConnectEmulator) -> None:
    """One for its description and tags, and one for each ten of its users."""
    calls = commands.run(export.run, Arguments(scene.INSTANCE_ID, ("groups", "splits"))).calls
    assert calls["DescribeTrafficDistributionGroup"] == 3
    assert calls["ListTrafficDistributionGroupUsers"] == 3 * 2
    assert calls["GetTrafficDistribution"] == 3


def test_the_template_names_what_needs_care(center: ConnectEmulator) -> None:
    """A native stack must let go of its resources first. A group that is not ACTIVE is left out."""
    first = next(iter(center.quick_connects.values()))
    first["Tags"]["aws:cloudformation:stack-id"] = "arn:aws:cloudformation:…"
    center.keep_in(
        next(g for g in center.groups.values() if g["Name"] == "Night shift"), "CREATION_FAILED"
    )
    head = [line for line in exported().splitlines() if line.startswith("#")]
    assert f"#   {first['Name']!r}" in head
    assert "#   'Night shift'" in head
    assert "NightShiftGroup" not in exported()


def test_an_empty_instance_is_an_error(connect: ConnectEmulator) -> None:
    """An empty template would be refused."""
    with pytest.raises(CommandError, match="nothing to export"):
        exported(types=("quick-connects",))


def test_the_command_line_refuses_unknown_types(capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the known ones."""
    line = ["--region", scene.REGION, "export", "--instance-id", scene.INSTANCE_ID]
    assert cli.main([*line, "--types", "quick-connects,nothing"]) == 3
    assert "'nothing' is none of quick-connects, queues, groups, splits" in capsys.readouterr().err


def native(folder: Path, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the native template of the instance, and the resources to import."""
    path = folder / "native.yaml"
    arguments = Arguments(scene.INSTANCE_ID, native=True, output=str(path), **options)
    done = commands.run(export.run, arguments)
    imports = path.with_suffix(".import.json")
    assert done.text.splitlines() == [f"Wrote {path}", f"Wrote {imports}"]
    return parsed(path.read_text()), json.loads(imports.read_text())


def test_a_native_export_names_each_resource_to_import(
    center: ConnectEmulator, tmp_path: Path
) -> None:
    """The template passes cfn-lint. The import has the ARN of each of its resources."""
    kept = list(center.quick_connects)[:150]
    center.quick_connects = {arn: center.quick_connects[arn] for arn in kept}
    template, imports = native(tmp_path)
    assert [str(match) for match in lint(tmp_path / "native.yaml")[tmp_path / "native.yaml"]] == []
    assert {each["LogicalResourceId"] for each in imports} == template["Resources"].keys()
    arns = {arn for each in imports for arn in each["ResourceIdentifier"].values()}
    groups = {arn for arn, group in center.groups.items() if not group["IsDefault"]}
    assert arns == {*kept, *groups}
    assert all(each["DeletionPolicy"] == "Retain" for each in template["Resources"].values())
    assert template["Parameters"]["Queue1QueueArn"]["Default"].endswith("/queue/" + QUEUE_1)


def test_a_native_export_has_arns_and_tags_as_a_list(
    center: ConnectEmulator, tmp_path: Path
) -> None:
    """As the native types spell them."""
    kept = list(center.quick_connects)[:60]
    center.quick_connects = {arn: center.quick_connects[arn] for arn in kept}
    template, _ = native(tmp_path, inline=True)
    contact = template["Resources"]["Contact45"]["Properties"]
    config = contact["QuickConnectConfig"]
    instance = center.instances[scene.INSTANCE_ID].arn
    assert contact["InstanceArn"] == instance
    assert config["QueueConfig"]["QueueArn"] == f"{instance}/queue/bbbbbbbb-0001-4000-8000-{9:012}"
    assert config["QueueConfig"]["ContactFlowArn"].startswith(f"{instance}/contact-flow/")
    assert contact["Tags"] == [
        {"Key": "cost_center", "Value": "012"},
        {"Key": "team", "Value": "sales"},
    ]


def test_an_import_takes_at_most_200_resources(center: ConnectEmulator, tmp_path: Path) -> None:
    """More of them are split into files, each with an import of its own."""
    path = tmp_path / "native.yaml"
    commands.run(export.run, Arguments(scene.INSTANCE_ID, native=True, output=str(path)))
    sizes = [len(json.loads(each.read_text())) for each in tmp_path.glob("native-*.import.json")]
    assert sum(sizes) == contact_center.QUICK_CONNECTS + len(contact_center.GROUPS)
    assert max(sizes) <= 200


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "pass --output"),
        ({"csv": True}, "pass one of them"),
        ({"types": ("queues",), "output": "x"}, "nothing to export"),
    ],
)
def test_a_native_export_that_is_not_possible_is_an_error(
    options: dict[str, Any], problem: str, center: ConnectEmulator
) -> None:
    """The text says what to do."""
    with pytest.raises(CommandError, match=problem):
        exported(native=True, **options)


def test_the_default_group_has_no_native_type(connect: ConnectEmulator, tmp_path: Path) -> None:
    """An instance without anything else has nothing to import."""
    with pytest.raises(CommandError, match="export without --native"):
        exported(native=True, output=str(tmp_path / "x.yaml"))
