"""`cfn-connect check` finds obstacles before a deployment or a failover."""

from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from cfn_connect.clients import Clients
from cfn_connect.commands import check
from cfn_connect.commands.check import Arguments
from cfn_connect.resource_types import EXPORTS
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands
from tests.support.commands import Done

ROLE = "arn:aws:iam::123456789012:role/deployer"
ROOT = "arn:aws:iam::123456789012:root"
IDENTITY = "arn:aws:sts::123456789012:assumed-role/deployer/me"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/cfn-connect-provider/1"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:one"
OTHER_FUNCTION = FUNCTION.replace("one", "two")
QUICK_CONNECTS = {"QuotaName": "Quick connects per instance", "Value": 100.0}


class Account(Clients):
    """An account that has everything, apart from Connect, which is the emulator.

    responses: of each operation, by service and method. A text is the code of an error.
    """

    def __init__(self) -> None:
        super().__init__(scene.REGION)
        functions = dict(zip(sorted(EXPORTS), [FUNCTION, OTHER_FUNCTION] * 2, strict=True))
        exports = [
            {"Name": name, "Value": value, "ExportingStackId": STACK}
            for name, value in functions.items()
        ]
        self.responses: dict[tuple[str, str], Any] = {
            ("sts", "get_caller_identity"): {"Arn": IDENTITY},
            ("cloudformation", "list_exports"): {"Exports": exports},
            ("cloudformation", "describe_stacks"): self.version("0.1.0"),
            ("iam", "simulate_principal_policy"): self.simulated("allowed", "allowed"),
            ("service-quotas", "list_service_quotas"): {"Quotas": [QUICK_CONNECTS]},
        }
        self.elsewhere: dict[tuple[str, str], Any] = {}
        self._stubbed: dict[tuple[str, str], Any] = {}

    def version(self, version: str) -> dict[str, Any]:
        """Return the description of the provider's stack."""
        output = {"OutputKey": "Version", "OutputValue": version}
        stack = {"StackName": "p", "StackStatus": "CREATE_COMPLETE", "CreationTime": 0}
        return {"Stacks": [{**stack, "Outputs": [output]}]}

    def simulated(self, *decisions: str) -> dict[str, Any]:
        """Return the decisions on the functions."""
        return {
            "EvaluationResults": [
                {
                    "EvalActionName": "lambda:InvokeFunction",
                    "EvalResourceName": name,
                    "EvalDecision": decision,
                }
                for name, decision in zip((FUNCTION, OTHER_FUNCTION), decisions, strict=True)
            ]
        }

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a client with the responses of its service."""
        if service == "connect":
            return super().client(service, region)
        key = (service, region or scene.REGION)
        if key not in self._stubbed:
            self._stubbed[key] = self.stubbed(*key)
        return self._stubbed[key]

    def stubbed(self, service: str, region: str) -> Any:
        """Return a new client, which responds once to each operation, in their order."""
        client = boto3.client(service, region_name=region)
        stubber = Stubber(client)
        local = self.elsewhere if region == scene.REPLICA_REGION else {}
        for (name, method), response in ({**self.responses, **local}).items():
            if name != service:
                continue
            if isinstance(response, str):
                stubber.add_client_error(method, response, "No")
            else:
                stubber.add_response(method, response, self.expected(method))
        stubber.activate()
        return client

    def expected(self, method: str) -> Mapping[str, Any] | None:
        """Return the parameters that a call must have; None for any."""
        if method == "simulate_principal_policy":
            return {
                "PolicySourceArn": ROLE,
                "ActionNames": ["lambda:InvokeFunction"],
                "ResourceArns": [FUNCTION, OTHER_FUNCTION],
            }
        return None


def checked(account: Account, *, failover: bool = False) -> Done:
    """Run the command."""
    return commands.run(check.run, Arguments(scene.INSTANCE_ID, failover), account)


@pytest.fixture
def account() -> Account:
    """An account that is ready."""
    return Account()


def test_an_account_without_an_obstacle_ends_with_success(
    connect: ConnectEmulator, account: Account
) -> None:
    """Each line says what was checked."""
    done = checked(account)
    assert done.code == 0
    assert done.text.splitlines() == [
        f"ok      you are {IDENTITY}; the instance is ACTIVE",
        "ok      us-east-1: the provider is deployed, version 0.1.0",
        f"ok      you may use lambda:InvokeFunction on {FUNCTION}",
        f"ok      you may use lambda:InvokeFunction on {OTHER_FUNCTION}",
        "ok      0 of 100 quick connects",
    ]
    assert done.calls == {"DescribeInstance": 1, "SearchQuickConnects": 1}


def test_a_replicated_instance_is_ready_for_a_failover(
    connect: ConnectEmulator, account: Account
) -> None:
    """The provider must be in both Regions."""
    group = connect.add_group(connect.instances[scene.INSTANCE_ID], "Lines", "", {})
    connect.keep_in(group, "ACTIVE")
    group["users"].add(scene.USER_ID)
    done = checked(account, failover=True)
    assert done.code == 0
    assert {f"connect:{operation}" for operation in done.calls} == (
        commands.connect_actions("check")
    )
    for line in (
        "ok      us-west-2: the provider is deployed, version 0.1.0",
        "ok      us-west-2: the replica is INSTANCE_REPLICATION_COMPLETE",
        "ok      each QUEUE is replicated",
        "ok      group Lines: ACTIVE, with 1 agents",
        "ok      global routing connects the Regions",
    ):
        assert line in done.text.splitlines()


@pytest.mark.parametrize(
    ("operation", "response", "line"),
    [
        (
            ("cloudformation", "list_exports"),
            {"Exports": []},
            "problem us-east-1: no provider for QueueQuickConnects, QuickConnect",
        ),
        (
            ("iam", "simulate_principal_policy"),
            Account().simulated("allowed", "implicitDeny"),
            f"problem allow lambda:InvokeFunction on {OTHER_FUNCTION} for {IDENTITY}",
        ),
        (
            ("service-quotas", "list_service_quotas"),
            {"Quotas": [{**QUICK_CONNECTS, "Value": 0.0}]},
            "problem 0 of 0 quick connects: ask Service Quotas for more",
        ),
    ],
    ids=["no provider", "no permission", "no quota"],
)
def test_an_obstacle_is_a_problem_with_its_fix(
    operation: tuple[str, str],
    response: Any,
    line: str,
    connect: ConnectEmulator,
    account: Account,
) -> None:
    """The exit code is 1."""
    account.responses[operation] = response
    done = checked(account)
    assert done.code == 1
    assert line in done.text


@pytest.mark.parametrize(
    ("operation", "response", "line"),
    [
        (("sts", "get_caller_identity"), {"Arn": ROOT}, "IAM cannot simulate the root user"),
        (("iam", "simulate_principal_policy"), "AccessDenied", "allow SimulatePrincipalPolicy"),
        (("cloudformation", "describe_stacks"), "AccessDenied", "allow DescribeStacks"),
        (("service-quotas", "list_service_quotas"), "AccessDeniedException", "ListServiceQuotas"),
        (("service-quotas", "list_service_quotas"), {"Quotas": []}, "Service Quotas has no"),
    ],
)
def test_a_check_that_is_not_possible_is_unknown(
    operation: tuple[str, str],
    response: Any,
    line: str,
    connect: ConnectEmulator,
    account: Account,
) -> None:
    """The other checks go on, and the exit code is 2."""
    account.responses[operation] = response
    done = checked(account)
    assert done.code == 2
    (unknown,) = [each for each in done.text.splitlines() if each.startswith("unknown ")]
    assert line in unknown


def test_each_obstacle_of_a_failover_is_found(connect: ConnectEmulator, account: Account) -> None:
    """The lines say what to do."""
    instance = connect.instances[scene.INSTANCE_ID]
    instance.ready_at = float("inf")
    instance.isolated = True
    finding = {"Id": "b", "ResourceType": "QUEUE", "Message": "no flow"}
    instance.replication_findings = [finding, {**finding, "Id": "c"}]
    connect.keep_in(connect.add_group(instance, "Empty", "", {}), "ACTIVE")
    connect.keep_in(connect.add_group(instance, "Broken", "", {}), "CREATION_FAILED")
    account.elsewhere["cloudformation", "describe_stacks"] = account.version("0.0.9")
    done = checked(account, failover=True)
    assert done.code == 1
    problems = [e.removeprefix("problem ") for e in done.text.splitlines() if "problem" in e]
    assert problems == [
        "the versions differ: deploy the newer one in each Region",
        "us-west-2: the replica is INSTANCE_REPLICATION_IN_PROGRESS",
        "2 of type QUEUE are not replicated, such as b: no flow",
        "group Broken: CREATION_FAILED, not ACTIVE",
        "group Empty: no agents: associate the agents who take its calls",
        "the Regions us-east-1, us-west-2 are isolated: end it with CrossRegionRouting",
    ]


def test_an_instance_without_a_replica_cannot_fail_over(
    connect: ConnectEmulator, account: Account
) -> None:
    """It has no group to check, and no global routing."""
    instance = connect.add_instance(scene.INSTANCE_ID, scene.REGION)
    instance.global_routing = False
    connect.groups.clear()
    done = checked(account, failover=True)
    assert done.code == 1
    assert "problem the instance has no replica: replicate it first" in done.text
    assert "ok      the instance has no global routing to isolate" in done.text


def test_an_instance_that_does_not_exist_is_an_error(
    connect: ConnectEmulator, account: Account
) -> None:
    """There is nothing to check."""
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        commands.run(check.run, Arguments("none"), account)
