"""`cfn-connect plan` says what a deployment would do in Connect."""

import json
from pathlib import Path
from typing import Any

import pytest

from cfn_connect import cli
from cfn_connect.clients import Clients, CommandError
from cfn_connect.commands import plan
from cfn_connect.report import Form
from sandbox import scene
from sandbox.cloudformation import StackResource, Stacks, Template
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands
from tests.support.cloudformation import Stack
from tests.support.commands import Done
from tests.support.deployed import deploy
from tests.support.harness import Sink

QUICK_CONNECT = "Custom::ConnectQuickConnect"
OFFERS = "Custom::ConnectQueueQuickConnects"
GROUP = "Custom::ConnectTrafficDistributionGroup"
INSTANCE = {"InstanceId": scene.INSTANCE_ID}
FLOW = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}
NUMBERS = ("+12065550100", "+12065550199")


def phone(number: str) -> dict[str, Any]:
    """Return the config of a quick connect with a phone number."""
    return {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": number}}


def desk(name: str = "Desk", **properties: Any) -> tuple[str, dict[str, Any]]:
    """Return a quick connect."""
    return QUICK_CONNECT, {**INSTANCE, "Name": name, "QuickConnectConfig": FLOW, **properties}


def offers(*ids: Any) -> tuple[str, dict[str, Any]]:
    """Return the quick connects of a queue."""
    return OFFERS, {**INSTANCE, "QueueId": scene.QUEUE_ID, "QuickConnectIds": [*ids]}


@pytest.fixture
def stack(connect: ConnectEmulator, sink: Sink, stacks: Stacks) -> Stack:
    """A stack with a quick connect, a group, and the quick connects of a queue."""
    scene.add_quick_connects(connect)
    connect.repeats_fail = False
    made = Stack(sink, stacks)
    group = {**INSTANCE, "Name": "Lines", "UserIds": [scene.USER_ID]}
    resources = {"Desk": desk(), "Lines": (GROUP, group), "Offers": offers(*OFFERED)}
    deploy(made, resources)
    connect.journal.clear()
    return made


OFFERED = scene.QUICK_CONNECT_IDS[:2]


def written(folder: Path, template: dict[str, Any]) -> str:
    """Write a template; return its path."""
    path = folder / "template.json"
    path.write_text(json.dumps(template))
    return str(path)


def changed(stack: Stack, **resources: tuple[str, dict[str, Any]] | None) -> dict[str, Any]:
    """Return the deployed template with other resources. None removes one."""
    template: dict[str, Any] = json.loads(stack.stacks.templates[stack.id].text)
    for name, resource in resources.items():
        template["Resources"].pop(name, None)
        if resource:
            kind, properties = resource
            template["Resources"][name] = {"Type": kind, "Properties": properties}
    return template


class Plan:
    """The output of the command: of a template, or with other options.

    rows: each resource in the JSON, by logical id.
    """

    def __init__(
        self, stack: Stack, folder: Path, template: dict[str, Any] | None = None, **options: Any
    ) -> None:
        if template is not None:
            options["template_file"] = written(folder, template)
        arguments = plan.Arguments(stack.id, form=Form.JSON, **options)
        self.done: Done = commands.run(plan.run, arguments)
        self.code = self.done.code
        self.json = json.loads(self.done.text)
        self.rows = {each["logicalId"]: each for each in self.json["resources"]}

    @property
    def actions(self) -> dict[str, str]:
        """Return the action of each resource that changes."""
        states = {name: row["state"] for name, row in self.rows.items()}
        return {name: state for name, state in states.items() if state != "nothing"}

    def differences(self, name: str) -> dict[str, tuple[object, object]]:
        """Return each property of a resource that changes, with both values."""
        changes = self.rows[name]["differences"]
        return {each["property"]: (each["from"], each["to"]) for each in changes}


def test_the_deployed_template_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    """CloudFormation sends no request, so nothing is read, even if somebody changed a resource."""
    for done in (Plan(stack, tmp_path, changed(stack)), Plan(stack, tmp_path)):
        assert (done.code, done.actions, done.json["calls"]) == (0, {}, 0)
        assert done.rows.keys() == {"Desk", "Lines", "Offers"}
        assert done.done.calls.total() == 0


def test_an_update_names_each_property_with_both_values(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """The number of calls is that of the deployment."""
    template = {
        "Desk": desk("Front", Tags={"team": "a"}),
        "Offers": offers(OFFERED[0], scene.QUICK_CONNECT_IDS[2]),
    }
    planned = Plan(stack, tmp_path, changed(stack, **template))
    assert planned.code == 0
    assert planned.actions == {"Desk": "update", "Offers": "update"}
    assert planned.differences("Desk") == {"Name": ("Desk", "Front"), "Tags.team": (None, "a")}
    moved = ([OFFERED[1]], [scene.QUICK_CONNECT_IDS[2]])
    assert planned.differences("Offers") == {"QuickConnectIds": moved}
    connect.journal.clear()
    deploy(stack, {"Lines": stack.template["Lines"], **template})
    assert planned.json["calls"] == len(connect.journal)


def test_a_plan_shows_only_the_quick_connects_that_the_queue_gains_or_loses(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """A new resource makes its calls, even if the queue offers the quick connects already."""
    third, queue = scene.QUICK_CONNECT_IDS[2], stack.ids["Offers"]
    deploy(stack, {"Desk": stack.template["Desk"], "Lines": stack.template["Lines"]})
    connect.queue_quick_connects[queue] = {*OFFERED}
    planned = Plan(stack, tmp_path, changed(stack, Offers=offers(*OFFERED)))
    assert planned.rows["Offers"]["differences"] == []
    assert planned.json["calls"] == 1
    planned = Plan(stack, tmp_path, changed(stack, Offers=offers(*OFFERED, third)))
    assert planned.differences("Offers") == {"QuickConnectIds": ([], [third])}


def test_a_missing_queue_loses_no_quick_connect(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """The update succeeds."""
    connect.instances[scene.INSTANCE_ID].queues.remove(scene.QUEUE_ID)
    offered = {"Offers": offers(OFFERED[0])}
    planned = Plan(stack, tmp_path, changed(stack, **offered))
    assert planned.actions == {"Offers": "update"}
    assert planned.rows["Offers"]["differences"] == []
    deploy(stack, {**stack.template, **offered})


def test_new_resources_are_created_or_adopt_others(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """The plan names the ARN that it would adopt."""
    instance = connect.instances[scene.INSTANCE_ID]
    arn = connect.add_quick_connect(instance, "Taken", FLOW, {})
    adopting = desk("Taken", ExistingResourcePolicy="Adopt")
    planned = Plan(stack, tmp_path, changed(stack, New=desk("New"), Taken=adopting))
    assert planned.code == 0
    assert planned.actions == {"New": "create", "Taken": "adopt"}
    assert planned.rows["Taken"]["arn"] == arn


def test_a_refusal_has_the_reason_of_lambda(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """Exit code 1."""
    arn = connect.add_quick_connect(connect.instances[scene.INSTANCE_ID], "Taken", FLOW, {})
    planned = Plan(stack, tmp_path, changed(stack, New=desk("Taken")))
    assert planned.code == 1
    assert planned.actions == {"New": "refused"}
    assert planned.rows["New"]["reason"].startswith(f"AlreadyExists: {arn} has this Name.")


def test_a_resource_that_leaves_the_template_is_deleted_released_or_dissociated(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """The marker tags decide."""
    tags = connect.groups[stack.ids["Lines"]]["Tags"]
    tags["cfn:adopted-at"] = tags.pop("cfn:created-at")
    planned = Plan(stack, tmp_path, {**changed(stack), "Resources": {"Topic": TOPIC}})
    assert planned.code == 0
    assert planned.actions == {"Desk": "delete", "Lines": "release", "Offers": "dissociate"}


TOPIC = {"Type": "AWS::SNS::Topic"}


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_resource_that_the_deployed_template_retains_stays(
    policy: str, stack: Stack, stacks: Stacks, tmp_path: Path
) -> None:
    """CloudFormation sends no Delete."""
    deployed = changed(stack)
    deployed["Resources"]["Desk"]["DeletionPolicy"] = policy
    stacks.templates[stack.id] = Template(json.dumps(deployed))
    planned = Plan(stack, tmp_path, changed(stack, Desk=None))
    assert (planned.code, planned.actions) == (0, {})
    assert planned.rows["Desk"]["reason"] == f"DeletionPolicy {policy} keeps it"


def test_another_instance_replaces_a_resource(stack: Stack, tmp_path: Path) -> None:
    """The calls include the Delete of the old one."""
    moved = desk(InstanceId=scene.OTHER_INSTANCE_ID)
    planned = Plan(stack, tmp_path, changed(stack, Desk=moved))
    assert planned.actions == {"Desk": "replace"}
    assert list(planned.differences("Desk")) == ["InstanceId"]


def test_a_replaced_resource_stays_if_its_policy_retains_it(stack: Stack, tmp_path: Path) -> None:
    """The Delete is left out of the calls."""
    template = changed(stack, Desk=desk(InstanceId=scene.OTHER_INSTANCE_ID))
    deleted = Plan(stack, tmp_path, template)
    template["Resources"]["Desk"]["UpdateReplacePolicy"] = "Retain"
    retained = Plan(stack, tmp_path, template)
    assert retained.actions == {"Desk": "replace"}
    reason = "UpdateReplacePolicy Retain keeps the old resource"
    assert retained.rows["Desk"]["reason"] == reason
    assert retained.json["calls"] < deleted.json["calls"]


def test_a_name_can_pass_from_one_resource_to_another(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """Lambda waits for the sibling that gives it up. The order in the template does not matter."""
    deploy(stack, {**stack.template, "Second": desk("Second")})
    moved = {"Desk": desk("Second"), "Second": desk("Third")}
    planned = Plan(stack, tmp_path, changed(stack, **moved))
    assert (planned.code, planned.actions) == (0, {"Desk": "update", "Second": "update"})
    deploy(stack, {**stack.template, **moved})
    swapped = {"Desk": desk("Third"), "Second": desk("Second")}
    planned = Plan(stack, tmp_path, changed(stack, **swapped))
    assert (planned.code, planned.actions) == (1, {"Desk": "refused", "Second": "refused"})


def test_a_resource_that_failed_is_unknown(stack: Stack, stacks: Stacks, tmp_path: Path) -> None:
    """Even if its template stays the same."""
    shown_as = StackResource("UPDATE_FAILED", stack.ids["Desk"], None, QUICK_CONNECT)
    stacks.show(stack.id, "UPDATE_FAILED", {**stack.shown, "Desk": shown_as})
    planned = Plan(stack, tmp_path)
    assert (planned.code, planned.actions) == (2, {"Desk": "unknown"})


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ((OFFERS, offers(*OFFERED)[1]), "CloudFormation changes no Type"),
        (desk(ServiceToken="other"), "CloudFormation changes no ServiceToken"),
    ],
)
def test_a_change_that_cloudformation_refuses_is_refused(
    resource: tuple[str, dict[str, Any]], reason: str, stack: Stack, tmp_path: Path
) -> None:
    """Lambda gets no request."""
    planned = Plan(stack, tmp_path, changed(stack, Desk=resource))
    assert (planned.code, planned.actions) == (1, {"Desk": "refused"})
    assert planned.rows["Desk"]["reason"] == f"{reason}: choose another logical id"


# Parameters and conditions

PARAMETERS = """
Parameters:
  Name: {Type: String}
  Team: {Type: String, Default: a, AllowedValues: [a, b]}
  Items: {Type: CommaDelimitedList, Default: "a, b", AllowedValues: [a, b]}
Conditions:
  HasSecond: !Equals [!Ref Team, b]
Resources:
  Desk:
    Type: Custom::ConnectQuickConnect
    Properties: &desk
      InstanceId: 11111111-1111-4111-8111-111111111111
      Name: !Ref Name
      Tags: {team: !Ref Team}
      QuickConnectConfig:
        QuickConnectType: FLOW
        FlowConfig: {ContactFlowId: aaaaaaaa-0001-4000-8000-000000000001}
  Second:
    Type: Custom::ConnectQuickConnect
    Condition: HasSecond
    Properties: {<<: *desk, Name: Second}
"""


@pytest.fixture
def with_parameters(connect: ConnectEmulator, sink: Sink, stacks: Stacks) -> Stack:
    """A stack whose template has parameters: Name has the value Desk, and Team a."""
    made = Stack(sink, stacks)
    deploy(made, {"Desk": desk("Desk", Tags={"team": "a"})})
    stacks.templates[made.id] = Template(PARAMETERS, {"Name": "Desk", "Team": "a"})
    return made


def overridden(stack: Stack, folder: Path, *overrides: str) -> Plan:
    """Plan the deployed template with other parameters."""
    return Plan(stack, folder, overrides=overrides)


def test_a_parameter_keeps_its_value_unless_it_is_overridden(
    with_parameters: Stack, tmp_path: Path
) -> None:
    """A value may contain an equals sign."""
    assert overridden(with_parameters, tmp_path).actions == {}
    planned = overridden(with_parameters, tmp_path, "Name=a=b")
    assert planned.actions == {"Desk": "update"}
    assert planned.differences("Desk") == {"Name": ("Desk", "a=b")}


def test_a_condition_that_changes_creates_and_deletes(
    with_parameters: Stack, stacks: Stacks, tmp_path: Path
) -> None:
    """As the parameter decides."""
    planned = overridden(with_parameters, tmp_path, "Team=b")
    assert planned.actions == {"Desk": "update", "Second": "create"}
    resources = {"Desk": desk("Desk", Tags={"team": "b"}), "Second": desk("Second")}
    deploy(with_parameters, resources)
    held = Template(PARAMETERS, {"Name": "Desk", "Team": "b"})
    stacks.templates[with_parameters.id] = held
    planned = overridden(with_parameters, tmp_path, "Team=a")
    assert planned.actions == {"Desk": "update", "Second": "delete"}


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("Team=c",), "the parameter Team has a value that AllowedValues lacks: correct it"),
        (("Items=a,c",), "the parameter Items has a value that AllowedValues lacks: correct it"),
        (("Nome=a",), "the template has no parameter Nome: correct its name"),
        (("Name",), "--parameter-overrides: 'Name' is not Key=Value"),
    ],
)
def test_a_wrong_override_is_an_error(
    overrides: tuple[str, ...], problem: str, with_parameters: Stack, tmp_path: Path
) -> None:
    """The message says what to do."""
    with pytest.raises(CommandError, match=problem):
        overridden(with_parameters, tmp_path, *overrides)


def test_a_new_parameter_needs_a_value(stack: Stack, tmp_path: Path) -> None:
    """It has neither a default nor a value in the stack."""
    template = {**changed(stack), "Parameters": {"New": {"Type": "String"}}}
    with pytest.raises(CommandError, match="pass --parameter-overrides New=VALUE"):
        Plan(stack, tmp_path, template)
    assert Plan(stack, tmp_path, template, overrides=("New=1",)).code == 0


# References between resources


def referring(stack: Stack, **resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a template whose queue offers the quick connect Desk of the stack."""
    offered = offers({"Fn::GetAtt": ["Desk", "Id"]})
    return changed(stack, Offers=offered, **resources)


def test_a_reference_to_a_resource_that_stays_is_known(stack: Stack, tmp_path: Path) -> None:
    """Also if it gets an update."""
    planned = Plan(stack, tmp_path, referring(stack, Desk=desk("Front")))
    assert planned.code == 0
    desk_id = stack.ids["Desk"].rpartition("/")[2]
    assert planned.differences("Offers") == {"QuickConnectIds": ([*OFFERED], [desk_id])}


def test_a_reference_to_an_adopted_resource_is_known(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """The order in the template does not matter."""
    arn = connect.add_quick_connect(connect.instances[scene.INSTANCE_ID], "Taken", FLOW, {})
    template = changed(
        stack,
        Offers=offers(*OFFERED, {"Ref": "Taken"}),
        Taken=desk("Taken", ExistingResourcePolicy="Adopt"),
    )
    planned = Plan(stack, tmp_path, template)
    assert planned.actions == {"Offers": "update", "Taken": "adopt"}
    assert planned.differences("Offers") == {"QuickConnectIds": ([], [arn.rpartition("/")[2]])}


@pytest.mark.parametrize(
    ("name", "resource", "actions"),
    [
        ("New", desk("New"), {"New": "create", "Offers": "update"}),
        (
            "Desk",
            desk(InstanceId=scene.OTHER_INSTANCE_ID),
            {"Desk": "replace", "Offers": "replace"},
        ),
    ],
)
def test_a_queue_offers_a_quick_connect_that_gets_an_id(
    name: str,
    resource: tuple[str, dict[str, Any]],
    actions: dict[str, str],
    stack: Stack,
    tmp_path: Path,
) -> None:
    """Its logical id stands in for the id, which is certainly a new one."""
    template = changed(stack, **{name: resource}, Offers=offers(*OFFERED, {"Ref": name}))
    template["Resources"]["Offers"]["Properties"]["InstanceId"] = resource[1]["InstanceId"]
    planned = Plan(stack, tmp_path, template)
    assert planned.actions == actions
    assert name in planned.rows["Offers"]["differences"][-1]["to"]


def test_another_reference_to_a_resource_that_gets_an_id_is_unknown(
    stack: Stack, tmp_path: Path
) -> None:
    """Exit code 2, and the property is named."""
    group = (GROUP, {**INSTANCE, "Name": "New"})
    split = {"TrafficDistributionGroupId": {"Ref": "New"}, "TelephonyConfig": {}}
    template = changed(stack, New=group, Split=("Custom::ConnectTrafficDistribution", split))
    planned = Plan(stack, tmp_path, template)
    assert planned.code == 2
    assert planned.actions == {"New": "create", "Split": "unknown"}
    assert planned.rows["Split"]["reason"].endswith(": TrafficDistributionGroupId")


def test_a_reference_to_a_native_resource_is_known_while_it_stays(
    stack: Stack, stacks: Stacks, tmp_path: Path
) -> None:
    """A change may replace it."""
    queue = {"Type": "AWS::Connect::Queue", "Properties": {"Name": "Orders"}}
    deployed = changed(stack)
    deployed["Resources"] |= {"Queue": queue}
    resources = dict(stack.shown)
    arn = stack.ids["Offers"]  # that of the queue
    resources["Queue"] = StackResource("CREATE_COMPLETE", arn, None, "AWS::Connect::Queue")
    stacks.show(stack.id, "UPDATE_COMPLETE", resources)
    stacks.templates[stack.id] = Template(json.dumps(deployed))
    offers_there = {**offers(OFFERED[0])[1], "QueueId": {"Ref": "Queue"}}
    template = changed(stack, Offers=(OFFERS, offers_there))
    assert Plan(stack, tmp_path, template).actions == {"Offers": "update"}
    template["Resources"]["Queue"]["Properties"]["Name"] = "Returns"
    assert Plan(stack, tmp_path, template).actions == {"Offers": "unknown"}


# Transforms and change sets

MACRO = {"Transform": ["Company::Macro"]}


def test_a_macro_makes_everything_unknown_until_a_change_set_has_run_it(
    stack: Stack, stacks: Stacks, tmp_path: Path
) -> None:
    """The reason names the option."""
    template = {**changed(stack, Desk=desk("Front")), **MACRO}
    planned = Plan(stack, tmp_path, template)
    assert planned.code == 2
    assert {*planned.actions.values()} == {"unknown"}
    assert "plan it with --change-set-name" in planned.rows["Desk"]["reason"]

    processed = json.dumps({**template, **MACRO})
    stacks.change_sets["next"] = Template(json.dumps(template), {}, processed)
    planned = Plan(stack, tmp_path, change_set_name="next")
    assert (planned.code, planned.actions) == (0, {"Desk": "update"})


def test_a_change_set_has_parameters(with_parameters: Stack, tmp_path: Path) -> None:
    """They are those of the change set, and not of the stack."""
    with_parameters.stacks.change_sets["next"] = Template(PARAMETERS, {"Name": "N", "Team": "a"})
    planned = Plan(with_parameters, tmp_path, change_set_name="next")
    assert planned.differences("Desk") == {"Name": ("Desk", "N")}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"change_set_name": "failed"}, "the change set failed is FAILED: No updates."),
        ({"change_set_name": "failed", "template_file": "x"}, "pass --change-set-name alone"),
        ({"change_set_name": "failed", "overrides": ("A=1",)}, "pass --change-set-name alone"),
    ],
)
def test_a_change_set_that_cannot_be_planned_is_an_error(
    options: dict[str, Any], problem: str, stack: Stack, stacks: Stacks, tmp_path: Path
) -> None:
    """The message says what to do."""
    stacks.change_sets["failed"] = Template("")
    with pytest.raises(CommandError, match=problem):
        Plan(stack, tmp_path, **options)


# The command line and the output


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"Resources: [", "the template cannot be read: "),
        (b"{", "the template cannot be read: "),
        (b"a: b", "the template has no Resources"),
        (b"Resources: {A: {}}", "the resource A of the template has no Type: add it"),
        (b"Resources: {A: {Type: T, Properties: hello}}", "Resources.A.Properties in the template"),
        (b"Resources: {}\nParameters: [a]", "Parameters in the template is no map: correct it"),
        (b"Resources: {}\nParameters: {a: b}", "Parameters.a in the template is no map"),
        (b"Resources: {}\nMappings: [a]", "Mappings in the template is no map: correct it"),
        (b"\xff", "{path} is not UTF-8: save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_template_is_an_error(
    content: bytes, problem: str, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, exit code 3."""
    path = tmp_path / "template.yaml"
    path.write_bytes(content)
    assert cli.main(["plan", "--stack-name", stack.id, "--template-file", str(path)]) == 3
    shown = capsys.readouterr().err
    assert shown.startswith(f"Error: {problem.format(path=path)}")
    assert shown.count("\n") == 1


def test_the_command_line_takes_overrides_as_the_aws_cli_does(
    with_parameters: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several may follow one option."""
    path = tmp_path / "template.yaml"
    path.write_text(PARAMETERS)
    line = ["plan", "--parameter-overrides", "Name=Front", "Team=b"]
    line += ["--stack-name", with_parameters.id, "--template-file", str(path)]
    assert cli.main(line) == 0
    assert capsys.readouterr().out == (
        "update  Desk    Name: from Desk, to Front\n"
        "update  Desk    Tags.team: from a, to b\n"
        "create  Second\n"
        "1 create, 1 update: 5 Connect calls, about 3 seconds.\n"
    )


def test_phone_numbers_are_hidden_unless_asked_for(stack: Stack, tmp_path: Path) -> None:
    """In each form."""
    deploy(stack, {**stack.template, "Desk": desk(QuickConnectConfig=phone(NUMBERS[0]))})
    path = written(tmp_path, changed(stack, Desk=desk(QuickConnectConfig=phone(NUMBERS[1]))))
    for form in Form:
        for show_values in (False, True):
            arguments = plan.Arguments(stack.id, path, form=form, show_values=show_values)
            shown = commands.run(plan.run, arguments).text
            assert all((number in shown) == show_values for number in NUMBERS)
            assert ("hidden" in shown) != show_values
    text = commands.run(plan.run, plan.Arguments(stack.id, path)).text
    assert "PhoneNumber: changed (hidden; --show-values shows it)\n" in text


def test_an_adoption_names_the_resource_and_what_changes(
    stack: Stack, connect: ConnectEmulator, tmp_path: Path
) -> None:
    """The marker tags of every adoption are left out."""
    arn = connect.add_quick_connect(connect.instances[scene.INSTANCE_ID], "Taken", FLOW, {})
    adopting = desk("Taken", ExistingResourcePolicy="Adopt", Tags={"team": "a"})
    path = written(tmp_path, changed(stack, Taken=adopting))
    text = commands.run(plan.run, plan.Arguments(stack.id, path)).text
    assert f"adopt    Taken   {arn}\nadopt    Taken   Tags.team: from nothing, to a\n" in text
    assert "cfn:" not in text


def test_markdown_leaves_out_what_does_not_change(stack: Stack, tmp_path: Path) -> None:
    """The summary counts it."""
    path = written(tmp_path, changed(stack, New=desk("New")))
    text = commands.run(plan.run, plan.Arguments(stack.id, path, form=Form.MARKDOWN)).text
    assert text.splitlines()[2:] == [
        "1 create, 3 nothing: 1 Connect call, about 1 second.",
        "",
        "| resource | state | property | from | to |",
        "|---|---|---|---|---|",
        "| New | create |  | | |",
    ]


def test_an_empty_section_is_as_good_as_none(stack: Stack, tmp_path: Path) -> None:
    """The resource has no properties, so Lambda would refuse it."""
    template = {**changed(stack), "Parameters": None, "Conditions": None}
    template["Resources"]["Empty"] = {"Type": QUICK_CONNECT, "Properties": None}
    planned = Plan(stack, tmp_path, template)
    assert planned.actions == {"Empty": "refused"}
    assert planned.rows["Empty"]["reason"].startswith("InvalidRequest: ")


class Caller(Clients):
    """The clients of an identity that STS knows."""

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the client of a service."""
        return self if service == "sts" else super().client(service, region)

    def get_caller_identity(self) -> dict[str, str]:
        """Return the identity."""
        return {"Arn": "arn:aws:iam::123456789012:user/me"}


@pytest.mark.parametrize("form", [Form.TEXT, Form.MARKDOWN])
def test_the_plan_of_a_stack_to_create_says_so(form: Form, stacks: Stacks, tmp_path: Path) -> None:
    """The name may be misspelled, or the Region wrong."""
    template = {"Resources": {"New": {"Type": QUICK_CONNECT, "Properties": desk("New")[1]}}}
    arguments = plan.Arguments("desk", written(tmp_path, template), form=form)
    text = commands.run(plan.run, arguments, Caller(scene.REGION)).text
    problem = "The stack desk does not exist in us-east-1: a deployment would create it. 1 create"
    assert problem in text
    arguments = plan.Arguments("desk", written(tmp_path, template), form=Form.JSON)
    done = commands.run(plan.run, arguments, Caller(scene.REGION))
    assert json.loads(done.text)["stackExists"] is False


def test_a_stack_to_create_needs_a_template(stacks: Stacks) -> None:
    """The name may be misspelled."""
    problem = "the stack desk does not exist in us-east-1: pass --template-file"
    with pytest.raises(CommandError, match=problem):
        commands.run(plan.run, plan.Arguments("desk"))


@pytest.mark.parametrize("name", ["", "arn:foo", "contact center", "arn:aws:s3:::bucket"])
def test_a_text_that_names_no_stack_is_an_error(name: str) -> None:
    """A variable of CI may be blank."""
    with pytest.raises(CommandError, match="is no name or ARN of a stack: check --stack-name"):
        commands.run(plan.run, plan.Arguments(name))


def test_a_deleted_stack_is_an_error(stack: Stack, stacks: Stacks) -> None:
    """Its ARN still finds it."""
    stacks.show(stack.id, "DELETE_COMPLETE", {})
    with pytest.raises(CommandError, match="is DELETE_COMPLETE: pass the name of a stack that"):
        commands.run(plan.run, plan.Arguments(stack.id))


def test_a_stack_that_was_never_created_has_to_be_deleted(stacks: Stacks, tmp_path: Path) -> None:
    """CloudFormation deploys nothing to it."""
    stack_id = "arn:aws:cloudformation:us-east-1:123456789012:stack/desk/1"
    stacks.show(stack_id, "ROLLBACK_COMPLETE", {})
    with pytest.raises(CommandError, match="is ROLLBACK_COMPLETE and has no resources: delete"):
        commands.run(plan.run, plan.Arguments("desk"))
