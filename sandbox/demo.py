"""The demo: the real handlers create, update and delete a stack on a laptop."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from sandbox import scene, stacks
from sandbox.aws import Sandbox, SandboxError
from sandbox.connect_account import bare

STACK = "contact-centre"
TEMPLATE = stacks.ROOT / "examples/contact-centre.yaml"
PARAMETERS = {
    "InstanceId": scene.INSTANCE_ID,
    "QueueId": scene.QUEUE_ID,
    "UserId": scene.USER_ID,
    "ContactFlowId": scene.CONTACT_FLOW_ID,
}
DESK_STACK = "transfer-desk"
DESK_TEMPLATE = stacks.ROOT / "examples/transfer-desk.yaml"
DESK_PARAMETERS = {
    "InstanceId": scene.INSTANCE_ID,
    "OrdersQueueId": scene.QUEUE_ID,
    "ReturnsQueueId": scene.OTHER_QUEUE_ID,
    "AgentFlowId": scene.CONTACT_FLOW_ID,
    "QueueFlowId": scene.OTHER_CONTACT_FLOW_ID,
}
FAILOVER_STACK = "failover"
FAILOVER_TEMPLATE = stacks.ROOT / "examples/failover.yaml"
# It fails after the traffic change, so that CloudFormation rolls the change back.
_BROKEN_RESOURCE = f"""  Broken:
    Type: Custom::ConnectQuickConnect
    DependsOn: Traffic
    Properties:
      ServiceToken: !ImportValue cfn-connect-provider:QuickConnect
      InstanceId: {scene.INSTANCE_ID}
      Name: A flow without its FlowConfig
      QuickConnectConfig:
        QuickConnectType: FLOW

Outputs:
"""
_GROUP_SETTLE_SECONDS = 2.0  # how long the creation or deletion of a group takes
_BAR_WIDTH = 40
_COLORS = {"COMPLETE": "green", "PROGRESS": "cyan", "FAILED": "red"}


def run(console: Console) -> None:
    """Run the demo; raise SandboxError if a check fails."""
    template = TEMPLATE.read_text()
    console.print("[bold]An emulated AWS on this machine[/]: MiniStack and a Connect emulator.")
    console.print("It is faster than AWS, where a traffic distribution group takes longer.")
    with Sandbox() as sandbox, explained(sandbox, console):
        sandbox.connect.settle_seconds = _GROUP_SETTLE_SECONDS
        before = sandbox.connect.holdings
        _heading(console, "Deploy the provider from template.yaml: two functions")
        stacks.deploy_provider(sandbox, _watcher(console, only="AWS::CloudFormation::Stack"))
        _heading(console, f"Create the stack {STACK} (examples/{TEMPLATE.name})")
        outputs = stacks.deploy(sandbox, STACK, template, PARAMETERS, _watcher(console))
        _show_outputs(console, outputs)
        _heading(console, "Update the stack: the parameter Team changes a Name and the Tags")
        renamed = {**PARAMETERS, "Team": "renewals"}
        updated = stacks.deploy(sandbox, STACK, template, renamed, _watcher(console))
        _check(updated == outputs, "the update should keep every Arn and Id")
        names = sorted(q["Name"] for q in sandbox.connect.quick_connects.values())
        console.print(f"Quick connects in Connect now: {', '.join(names)}.")
        console.print("Every Arn and Id stayed the same.")
        _offer_transfers(sandbox, console)
        _fail_over(sandbox, console)
        _heading(console, "Delete the three stacks")
        for name in (STACK, DESK_STACK, FAILOVER_STACK):
            stacks.delete(sandbox, name, _watcher(console))
        after = sandbox.connect.holdings
        _check(after == before, "the deleted stacks should leave nothing in Connect")
        console.print("Connect holds none of their resources. The traffic split did not change.")
        stacks.delete(sandbox, stacks.PROVIDER_STACK, lambda _: None)
        functions = sandbox.client("lambda").list_functions()["Functions"]
        _check(not functions, "the deleted provider should leave no function")
    console.print("\n[bold green]Done.[/] The sandbox is removed.")


def _offer_transfers(sandbox: Sandbox, console: Console) -> None:
    """Offer the agents of two queues transfers to each other, to agents and to a phone number."""
    _heading(console, f"Create the stack {DESK_STACK} (examples/{DESK_TEMPLATE.name})")
    template = DESK_TEMPLATE.read_text()
    stacks.deploy(sandbox, DESK_STACK, template, DESK_PARAMETERS, _watcher(console))
    seen = offers(sandbox)
    console.print("\nqueue -> quick connects that its agents see")
    for queue, names in seen.items():
        console.print(f"  {queue:<10} -> {', '.join(names)}", highlight=False)
    shared = ["Agent Alice", "Agent Bob", "On call"]
    expected = {"Orders": [*shared, "To returns"], "Returns": [*shared, "To orders"]}
    _check(seen == expected, "each queue should offer a transfer to the other one")


def offers(sandbox: Sandbox) -> dict[str, list[str]]:
    """Return the names of the quick connects that each queue offers, by the name of the queue."""
    connect = sandbox.connect
    return {
        connect.names[bare(queue)]: sorted(
            connect.quick_connects[f"{queue.partition('/queue/')[0]}/transfer-destination/{i}"][
                "Name"
            ]
            for i in offered
        )
        for queue, offered in sorted(connect.queue_quick_connects.items())
        if offered
    }


def _fail_over(sandbox: Sandbox, console: Console) -> None:
    """Move a contact center to its other Region in steps, and roll a move back."""
    group = sandbox.connect.default_group(scene.INSTANCE_ID)
    template = FAILOVER_TEMPLATE.read_text()
    parameters = {"TrafficDistributionGroupArn": group["Arn"]}
    steps = {
        0: f"Send all traffic to the first Region (examples/{FAILOVER_TEMPLATE.name})",
        30: "Move gradually: update one parameter, SecondShare=30",
        100: "Fail over: SecondShare=100",
    }
    for share, heading in steps.items():
        _heading(console, heading)
        parameters["SecondShare"] = str(share)
        stacks.deploy(sandbox, FAILOVER_STACK, template, parameters, _watcher(console))
        _show_traffic(console, group["traffic"])
        taken = f"the second Region should take {share} % of the calls"
        _check(_telephony(group) == _expected(share), taken)
    _heading(console, "Fail back in an update that fails: CloudFormation rolls the traffic back")
    shifts = len(_shifts(sandbox))
    broken = template.replace("Outputs:\n", _BROKEN_RESOURCE)
    parameters["SecondShare"] = "0"
    try:
        stacks.deploy(sandbox, FAILOVER_STACK, broken, parameters, _watcher(console))
    except stacks.StackFailed as failure:
        _check(failure.status == "UPDATE_ROLLBACK_COMPLETE", str(failure))
    made = _shifts(sandbox)[shifts:]
    for sender, shift in zip(("The update", "The rollback"), made, strict=False):
        console.print(f"\n{sender} sent this UpdateTrafficDistribution:")
        _show_traffic(console, shift)
    _check(
        len(_shifts(sandbox)) == shifts + 2,
        "the failed update should change the traffic once, and its rollback once more",
    )
    _check(_telephony(group) == _expected(100), "the rollback should restore the split")


def _expected(second_share: int) -> dict[str, int]:
    return {scene.REGION: 100 - second_share, scene.REPLICA_REGION: second_share}


def _telephony(group: Mapping[str, Any]) -> dict[str, int]:
    shares = group["traffic"]["TelephonyConfig"]["Distributions"]
    return {share["Region"]: share["Percentage"] for share in shares}


def _shifts(sandbox: Sandbox) -> list[Mapping[str, Any]]:
    """Return the input of every UpdateTrafficDistribution so far."""
    journal = sandbox.connect.journal
    return [entry.parameters for entry in journal if entry.operation == "UpdateTrafficDistribution"]


def _show_traffic(console: Console, traffic: Mapping[str, Any]) -> None:
    """Draw how telephony, agents and sign-ins are split between the Regions."""
    for name in ("TelephonyConfig", "AgentConfig", "SignInConfig"):
        for share in traffic[name]["Distributions"]:
            percentage = share.get("Percentage", 100 if share.get("Enabled") else 0)
            filled = _BAR_WIDTH * percentage // 100
            shown = f"{percentage:>3} %" if "Percentage" in share else str(share["Enabled"])
            console.print(
                f"  {name.removesuffix('Config'):<10} {share['Region']:<10} "
                f"[green]{'█' * filled}[/][dim]{'░' * (_BAR_WIDTH - filled)}[/] {shown}",
                highlight=False,
            )


@contextmanager
def explained(sandbox: Sandbox, console: Console) -> Iterator[None]:
    """Show the functions' logs if the body fails."""
    try:
        yield
    except SandboxError:
        for group in sandbox.client("logs").describe_log_groups()["logGroups"]:
            lines = sandbox.logs(group["logGroupName"])
            console.rule(f"Log of {group['logGroupName']}")
            console.print("\n".join(lines[-40:]) or "(empty)", markup=False, highlight=False)
        raise


def _check(is_so: bool, expectation: str) -> None:  # noqa: FBT001
    if not is_so:
        raise SandboxError(expectation)


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/]")


def _watcher(console: Console, only: str = "") -> stacks.Watch:
    """Return a function that prints stack events; only: the prefix of the types to print."""

    def watch(event: Mapping[str, Any]) -> None:
        if not event["ResourceType"].startswith(only):
            return
        status = event["ResourceStatus"]
        color = next((c for word, c in _COLORS.items() if status.endswith(word)), "white")
        line = f"  {event['LogicalResourceId']:<20}  [dim]{event['ResourceType']:<39}[/]"
        console.print(f"{line}  [{color}]{status}[/]", highlight=False, soft_wrap=True)
        if status.endswith("FAILED"):
            console.print(f"      {event.get('ResourceStatusReason', '')}", markup=False)

    return watch


def _show_outputs(console: Console, outputs: Mapping[str, str]) -> None:
    """Print the stack's outputs: the Arn and Id of every resource."""
    width = max(map(len, outputs))
    for key, value in outputs.items():
        console.print(f"  {key:<{width}}  {value}", highlight=False, soft_wrap=True)
