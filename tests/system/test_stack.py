"""A CloudFormation engine and the real handlers create, update and delete stacks."""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox import demo, scene, stacks
from sandbox.aws import Sandbox, SandboxError
from tools.build import FUNCTIONS

TEMPLATE = demo.TEMPLATE.read_text()
REQUIREMENTS = FUNCTIONS / "requirements.txt"
PROBE = """
from importlib import import_module

def handler(event, context):
    return {name: import_module(name).__version__ for name in event}
"""


def test_a_function_of_the_sandbox_imports_the_versions_that_lambda_installs(
    sandbox: Sandbox,
) -> None:
    """MiniStack pins an older botocore. The artifact brings its own dependencies."""
    artifact = io.BytesIO(stacks.artifact(sandbox.python))
    with zipfile.ZipFile(artifact, "a") as archive:
        archive.writestr("probe.py", PROBE)
    client = sandbox.client("lambda")
    settings = {"Runtime": "python3.13", "Handler": "probe.handler", "FunctionName": "probe"}
    role = client.get_function(FunctionName="cfn-connect-provider-QuickConnect")["Configuration"]
    settings["Role"] = role["Role"]
    client.create_function(**settings, Code={"ZipFile": artifact.getvalue()})
    pins = dict(re.findall(r"^(\w+)==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE))
    wanted = {name: pins[name] for name in ("boto3", "botocore", "pydantic", "urllib3")}
    response = client.invoke(FunctionName="probe", Payload=json.dumps([*wanted]))
    client.delete_function(FunctionName="probe")
    assert json.loads(response["Payload"].read()) == wanted


def test_a_stack_is_created_updated_and_deleted(sandbox: Sandbox) -> None:
    """Every resource keeps its Arn and Id in an update, and the deletion leaves nothing."""
    before = set(sandbox.connect.groups)
    outputs = stacks.deploy(sandbox, "life", TEMPLATE, demo.PARAMETERS, lambda _: None)
    names = {key.removesuffix("Arn") for key in outputs if key.endswith("Arn")}
    assert len(names) == 5
    for name in names:
        arn, short = outputs[f"{name}Arn"], outputs[f"{name}Id"]
        assert arn in sandbox.connect.holdings
        assert arn.endswith(f"/{short}")
    renamed = {**demo.PARAMETERS, "Team": "renewals"}
    assert stacks.deploy(sandbox, "life", TEMPLATE, renamed, lambda _: None) == outputs
    live = sandbox.connect.quick_connects[outputs["SalesArn"]]
    assert (live["Name"], live["Tags"]["team"]) == ("Sales (renewals)", "renewals")
    stacks.delete(sandbox, "life", lambda _: None)
    assert sandbox.connect.quick_connects == {}
    assert set(sandbox.connect.groups) == before


def test_a_failed_update_is_rolled_back(sandbox: Sandbox) -> None:
    """CloudFormation reverses the properties, and the state is as before."""
    outputs = stacks.deploy(sandbox, "rollback", TEMPLATE, demo.PARAMETERS, lambda _: None)
    before = dict(sandbox.connect.quick_connects[outputs["CourierArn"]])
    reasons: list[str] = []

    def watch(event: Mapping[str, Any]) -> None:
        reasons.append(event.get("ResourceStatusReason") or "")

    broken = re.sub(r"Name: Survey", "Name: " + "x" * 128, TEMPLATE)
    changed = {**demo.PARAMETERS, "PhoneNumber": "+15557654321"}
    with pytest.raises(SandboxError, match="ROLLBACK_COMPLETE"):
        stacks.deploy(sandbox, "rollback", broken, changed, watch)
    assert any("InvalidRequest: Name: " in reason for reason in reasons)
    assert sandbox.connect.quick_connects[outputs["CourierArn"]] == before
    stacks.delete(sandbox, "rollback", lambda _: None)
    assert sandbox.connect.quick_connects == {}


def test_two_queues_that_offer_each_other_deploy_update_roll_back_and_delete(
    sandbox: Sandbox,
) -> None:
    """An operator's own association stays."""
    connect, template = sandbox.connect, demo.DESK_TEMPLATE.read_text()
    before, manual = connect.holdings, "an operator's own"

    def deploy(text: str) -> dict[str, list[str]]:
        stacks.deploy(sandbox, "desk", text, demo.DESK_PARAMETERS, lambda _: None)
        return demo.offers(sandbox)

    first = deploy(template)
    assert first["Orders"] == ["Agent Alice", "Agent Bob", "On call", "To returns"]
    assert first["Returns"] == ["Agent Alice", "Agent Bob", "On call", "To orders"]
    instance = connect.instances[scene.INSTANCE_ID]
    config = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}
    arn = connect.add_quick_connect(instance, manual, config, {})
    queue = f"{instance.arn}/queue/{scene.QUEUE_ID}"
    connect.queue_quick_connects[queue].add(arn.rpartition("/")[2])
    fewer = template.replace("[Alice, Bob]", "[Alice]")
    assert deploy(fewer)["Orders"] == ["Agent Alice", "On call", "To returns", manual]
    broken = template.replace("Name: On call", "Name: " + "x" * 128)
    with pytest.raises(stacks.StackFailed, match="UPDATE_ROLLBACK_COMPLETE"):
        deploy(broken)
    assert demo.offers(sandbox)["Orders"] == ["Agent Alice", "On call", "To returns", manual]
    stacks.delete(sandbox, "desk", lambda _: None)
    assert demo.offers(sandbox) == {"Orders": [manual]}
    connect.queue_quick_connects.clear()
    del connect.quick_connects[arn]
    assert connect.holdings == before


def test_a_failover_moves_everything_and_a_refused_one_is_rolled_back(sandbox: Sandbox) -> None:
    """With OutOfBandTraffic: Fail, a manual traffic change stays, and the rollback completes."""
    group = sandbox.connect.default_group(scene.INSTANCE_ID)
    template = demo.FAILOVER_TEMPLATE.read_text()
    template = template.replace(
        "      AgentConfig:", "      OutOfBandTraffic: Fail\n      AgentConfig:"
    )
    parameters = {"TrafficDistributionGroupArn": group["Arn"], "SecondShare": "0"}
    stacks.deploy(sandbox, "failover", template, parameters, lambda _: None)
    parameters["SecondShare"] = "100"
    outputs = stacks.deploy(sandbox, "failover", template, parameters, lambda _: None)
    assert outputs["Telephony"] == outputs["Agents"] == "us-east-1=0,us-west-2=100"
    by_hand = [{"Region": scene.REGION, "Percentage": 50}]
    by_hand += [{"Region": scene.REPLICA_REGION, "Percentage": 50}]
    group["traffic"]["TelephonyConfig"] = {"Distributions": by_hand}
    parameters["SecondShare"] = "0"
    with pytest.raises(stacks.StackFailed, match="UPDATE_ROLLBACK_COMPLETE"):
        stacks.deploy(sandbox, "failover", template, parameters, lambda _: None)
    assert group["traffic"]["TelephonyConfig"] == {"Distributions": by_hand}
    stacks.delete(sandbox, "failover", lambda _: None)
    assert group["traffic"]["TelephonyConfig"] == {"Distributions": by_hand}


def test_a_failed_function_shows_its_log(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's log has the Reason of a FAILED response."""
    monkeypatch.setattr(sandbox.connect, "quick_connect_quota", 0)
    with pytest.raises(SandboxError):
        stacks.deploy(sandbox, "quota", TEMPLATE, demo.PARAMETERS, lambda _: None)
    groups = sandbox.client("logs").describe_log_groups()["logGroups"]
    lines = [line for group in groups for line in sandbox.logs(group["logGroupName"])]
    assert any("FAILED ServiceLimitExceeded: CreateQuickConnect" in line for line in lines)
    assert not any("X-Amz" in line or "cfn-response" in line for line in lines)
