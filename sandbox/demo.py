"""The demo: the real handlers create, update and delete a stack on a laptop."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from sandbox import scene, stacks
from sandbox.aws import Sandbox, SandboxError

STACK = "contact-centre"
TEMPLATE = stacks.ROOT / "examples/contact-centre.yaml"
PARAMETERS = {
    "InstanceId": scene.INSTANCE_ID,
    "QueueId": scene.QUEUE_ID,
    "UserId": scene.USER_ID,
    "ContactFlowId": scene.CONTACT_FLOW_ID,
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
    console.print(
        "Its times are not those of AWS, where a traffic distribution group takes longer."
    )
    with Sandbox() as sandbox, explained(sandbox, console):
        sandbox.connect.settle_seconds = _GROUP_SETTLE_SECONDS
        before = _resources(sandbox)
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
        _fail_over(sandbox, console)
        _heading(console, "Delete both stacks")
        for name in (STACK, FAILOVER_STACK):
            stacks.delete(sandbox, name, _watcher(console))
        _check(_resources(sandbox) == before, "the deleted stacks should leave nothing in Connect")
        console.print("Connect holds none of their resources. The traffic split did not change.")
        stacks.delete(sandbox, stacks.PROVIDER_STACK, lambda _: None)
        functions = sandbox.client("lambda").list_functions()["Functions"]
        _check(not functions, "the deleted provider should leave no function")
    console.print("\n[bold green]Done.[/] The sandbox is removed.")


def _fail_over(sandbox: Sandbox, console: Console) -> None:
    """Fail a contact center over to its other Region, and roll a failback back."""
    group = sandbox.connect.default_group(scene.INSTANCE_ID)
    template = FAILOVER_TEMPLATE.read_text()
    steps = {
        "First": f"Send all traffic to the first Region (examples/{FAILOVER_TEMPLATE.name})",
        "Second": "Fail over: update one parameter, ActiveRegion=Second",
    }
    for active, heading in steps.items():
        _heading(console, heading)
        parameters = {"TrafficDistributionGroupArn": group["Arn"], "ActiveRegion": active}
        stacks.deploy(sandbox, FAILOVER_STACK, template, parameters, _watcher(console))
        _show_traffic(console, group["traffic"])
        _check(_telephony(group) == _expected(active), f"{active} should take every call")
    _heading(console, "Fail back in an update that fails: CloudFormation rolls the traffic back")
    shifts = len(_shifts(sandbox))
    broken = template.replace("Outputs:\n", _BROKEN_RESOURCE)
    parameters["ActiveRegion"] = "First"
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
        "the failed update should send one shift and its rollback one more",
    )
    _check(_telephony(group) == _expected("Second"), "the rollback should restore the split")


def _expected(active: str) -> dict[str, int]:
    first = 100 if active == "First" else 0
    return {scene.REGION: first, scene.REPLICA_REGION: 100 - first}


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


def _resources(sandbox: Sandbox) -> set[str]:
    """Return the ARNs of all resources in Connect."""
    return {*sandbox.connect.quick_connects, *sandbox.connect.groups}


def _check(is_so: bool, expectation: str) -> None:  # noqa: FBT001
    if not is_so:
        raise SandboxError(expectation)


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/]")


def _watcher(console: Console, only: str = "") -> stacks.Watch:
    """Return a function that prints stack events, if wanted of one resource type only."""

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
