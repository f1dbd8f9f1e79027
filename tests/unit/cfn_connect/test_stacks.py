"""A stack as its commands read it: parameters, physical ids and attributes."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from cfn_connect.clients import Clients
from cfn_connect.resolve import UNKNOWN
from cfn_connect.stacks import Source, Stack
from sandbox import scene
from sandbox.cloudformation import StackResource, Stacks, Template

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/desk/1"
DESK = f"arn:aws:connect:us-east-1:123456789012:instance/{scene.INSTANCE_ID}/transfer-destination/d"
GROUP = "arn:aws:connect:us-east-1:123456789012:traffic-distribution-group/g"
QUEUE = f"arn:aws:connect:us-east-1:123456789012:instance/{scene.INSTANCE_ID}/queue/q"
NESTED = "arn:aws:cloudformation:us-east-1:123456789012:stack/nested/2"


class Account(Clients):
    """An account whose services respond once to each of some operations.

    responses: of each operation, by service and method. A text is the code of an error.
    """

    def __init__(self, responses: Mapping[tuple[str, str], Any] | None = None) -> None:
        super().__init__(scene.REGION)
        self._responses = responses or {}
        self._stubbed: dict[str, Any] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the emulated CloudFormation, or a client with the responses of its service."""
        if service == "cloudformation":
            return super().client(service, region)
        if service not in self._stubbed:
            client = boto3.client(service, region_name=scene.REGION)
            stubber = Stubber(client)
            for (name, method), response in self._responses.items():
                if name == service and isinstance(response, str):
                    stubber.add_client_error(method, response, "No")
                elif name == service:
                    stubber.add_response(method, response)
            stubber.activate()
            self._stubbed[service] = client
        return self._stubbed[service]


def template(value: object, **parameters: object) -> str:
    """Return a template with a resource whose property P has the value."""
    resource = {"Type": "Custom::ConnectA", "Properties": {"P": value}}
    return json.dumps({"Parameters": parameters, "Resources": {"A": resource}})


def value(
    stacks: Stacks,
    held: Template,
    account: Account | None = None,
    resources: Mapping[str, StackResource] | None = None,
) -> Any:
    """Return the property P of the deployed template, as Lambda got it."""
    stacks.templates[STACK] = held
    stacks.show(STACK, "UPDATE_COMPLETE", resources or {})
    stack = Stack("desk", account or Account())
    return property_of(stack, stack.deployed)


def property_of(stack: Stack, source: Source) -> Any:
    """Return the property P of a template."""
    return stack.resolved(source, stack.physical_ids)["A"].properties["P"]


REF = {"Ref": "N"}
PLAIN, SECRET = {"Type": "String"}, {"Type": "String", "NoEcho": "true"}
STORED = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/p"}
FOUND = {"Parameter": {"Value": "now"}}
SSM = ("ssm", "get_parameter")


@pytest.mark.parametrize(
    ("declaration", "given", "expected"),
    [
        (PLAIN, "a", "a"),
        (SECRET, "****", UNKNOWN),
        ({**SECRET, "NoEcho": True}, "****", UNKNOWN),
        (STORED, ("/p", "then"), "then"),
        ({"Type": "List<Number>"}, "1, 2", ["1", "2"]),
    ],
    ids=["text", "a secret", "another secret", "of the Parameter Store", "a list"],
)
def test_a_parameter_has_the_value_of_the_deployment(
    declaration: dict[str, object], given: Any, expected: object, stacks: Stacks
) -> None:
    """CloudFormation shows no secret. The Parameter Store may have another value by now."""
    assert value(stacks, Template(template(REF, N=declaration), {"N": given})) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [(FOUND, "now"), ("AccessDeniedException", UNKNOWN), ("ParameterNotFound", UNKNOWN)],
)
def test_a_deployment_reads_the_parameter_store_again(
    response: Any, expected: object, stacks: Stacks
) -> None:
    """Without the permission, the value is unknown."""
    account = Account({SSM: response})
    stacks.templates[STACK] = Template(template(REF, N=STORED), {"N": ("/p", "then")})
    stacks.show(STACK, "UPDATE_COMPLETE", {})
    stack = Stack("desk", account)
    assert property_of(stack, stack.to_deploy(None, {})) == expected


def test_a_secret_stays_unknown_if_the_new_template_shows_it(stacks: Stacks) -> None:
    """CloudFormation keeps the value, and does not show it. An override is known."""
    stacks.templates[STACK] = Template(template(REF, N=SECRET), {"N": "****"})
    stacks.show(STACK, "UPDATE_COMPLETE", {})
    stack = Stack("desk", Account())
    for declaration in (PLAIN, STORED):
        shown = stack.to_deploy(template(REF, N=declaration), {})
        assert property_of(stack, shown) is UNKNOWN
    assert property_of(stack, stack.to_deploy(template(REF, N=PLAIN), {"N": "b"})) == "b"


def test_a_secret_stays_unknown_even_if_it_is_overridden(stacks: Stacks) -> None:
    """No output can show it."""
    stacks.templates[STACK] = Template(template(REF, N=SECRET), {"N": "****"})
    stacks.show(STACK, "UPDATE_COMPLETE", {})
    stack = Stack("desk", Account())
    assert property_of(stack, stack.to_deploy(None, {"N": "b"})) is UNKNOWN


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Ref": "AWS::StackId"}, STACK),
        (
            {"Fn::Sub": "${AWS::StackName}-${AWS::Region}-${AWS::AccountId}"},
            "desk-us-east-1-123456789012",
        ),
        ({"Fn::Sub": "${AWS::Partition} ${AWS::URLSuffix}"}, "aws amazonaws.com"),
        ({"Fn::ImportValue": "queue"}, QUEUE),
        ({"Fn::ImportValue": "other"}, UNKNOWN),
    ],
)
def test_the_stack_gives_pseudo_parameters_and_exports(
    expression: object, expected: object, stacks: Stacks
) -> None:
    """They are those of the stack's own Region and account."""
    stacks.exports["queue"] = QUEUE
    assert value(stacks, Template(template(expression))) == expected


def test_exports_are_read_only_if_the_template_imports(stacks: Stacks) -> None:
    """Others need no permission for ListExports."""
    del stacks.exports
    assert value(stacks, Template(template("a"))) == "a"


# Attributes of other resources

RESOURCES = {
    "Desk": StackResource("CREATE_COMPLETE", DESK, None, "Custom::ConnectQuickConnect"),
    "Group": StackResource(
        "CREATE_COMPLETE", GROUP, None, "Custom::ConnectTrafficDistributionGroup"
    ),
    "Offers": StackResource("CREATE_COMPLETE", QUEUE, None, "Custom::ConnectQueueQuickConnects"),
    "Queue": StackResource("CREATE_COMPLETE", QUEUE, None, "AWS::Connect::Queue"),
    "Nested": StackResource("CREATE_COMPLETE", NESTED, None, "AWS::CloudFormation::Stack"),
    "Other": StackResource("CREATE_COMPLETE", "x", None, "Custom::Other"),
    "Gone": StackResource("DELETE_COMPLETE", "x", None, "AWS::Connect::Queue"),
}
READ = ("cloudcontrol", "get_resource")


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("Desk.Arn", DESK),
        ("Desk.QuickConnectArn", DESK),
        ("Desk.Id", "d"),
        ("Desk.InstanceArn", DESK.partition("/transfer")[0]),
        ("Desk.QuickConnectType", UNKNOWN),
        ("Desk.MadeUpArn", UNKNOWN),
        ("Desk.QueueArn", UNKNOWN),
        ("Group.TrafficDistributionGroupArn", GROUP),
        ("Group.InstanceArn", UNKNOWN),
        ("Offers.QueueId", "q"),
        ("Other.Arn", UNKNOWN),
        ("Gone.QueueArn", UNKNOWN),
        ("Missing.Arn", UNKNOWN),
    ],
)
def test_an_attribute_that_the_arn_tells_needs_no_call(
    attribute: str, expected: object, stacks: Stacks
) -> None:
    """The others of our types are unknown."""
    held = Template(template({"Fn::GetAtt": attribute}))
    assert value(stacks, held, resources=RESOURCES) == expected


def described(**properties: object) -> dict[str, Any]:
    """Return a response of Cloud Control."""
    text = json.dumps(properties)
    return {"ResourceDescription": {"Identifier": QUEUE, "Properties": text}}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (described(QueueArn=QUEUE), QUEUE),
        (described(Name="Orders"), UNKNOWN),
        ("AccessDeniedException", UNKNOWN),
        ("UnsupportedActionException", UNKNOWN),
    ],
    ids=["readable", "no such attribute", "no permission", "not supported"],
)
def test_cloud_control_reads_the_attributes_of_a_native_resource(
    response: Any, expected: object, stacks: Stacks
) -> None:
    """Two attributes take one call. Without the permission, they are unknown."""
    both = {"Fn::GetAtt": ["Queue", "QueueArn"]}
    held = Template(template([both, both]))
    found = value(stacks, held, Account({READ: response}), RESOURCES)
    assert found == [expected, expected]


def test_another_error_of_cloud_control_is_an_error(stacks: Stacks) -> None:
    """Throttling says nothing about the attribute."""
    held = Template(template({"Fn::GetAtt": ["Queue", "QueueArn"]}))
    with pytest.raises(ClientError, match="ThrottlingException"):
        value(stacks, held, Account({READ: "ThrottlingException"}), RESOURCES)


def test_a_nested_stack_has_its_outputs(stacks: Stacks) -> None:
    """Without Cloud Control."""
    stacks.show(NESTED, "CREATE_COMPLETE", {})
    stacks.outputs = {NESTED: {"QueueId": "q"}}
    held = Template(template({"Fn::GetAtt": "Nested.Outputs.QueueId"}))
    assert value(stacks, held, resources=RESOURCES) == "q"


# Transforms


def test_the_deployed_template_is_the_processed_one(stacks: Stacks) -> None:
    """None of its transforms is left to run, so the values are known."""
    macro = json.dumps({**json.loads(template("a")), "Transform": "Company::Macro"})
    processed = json.dumps({**json.loads(template("b")), "Transform": "Company::Macro"})
    assert value(stacks, Template(macro, {}, processed)) == "b"


def test_a_stack_to_create_has_an_account_and_no_id(stacks: Stacks) -> None:
    """A template that refers to the id is unknown."""
    caller = {"Arn": "arn:aws-cn:iam::210987654321:user/me"}
    stack = Stack("new", Account({("sts", "get_caller_identity"): caller}))
    assert not stack.exists
    both = [{"Fn::Sub": "${AWS::AccountId} ${AWS::URLSuffix}"}, {"Ref": "AWS::StackId"}]
    source = stack.to_deploy(template(both), {})
    assert property_of(stack, source) == ["210987654321 amazonaws.com.cn", UNKNOWN]
