"""The main job on a laptop: a stack is created, updated and deleted by the real handlers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Column, Table

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
_GROUP_SETTLE_SECONDS = 2.0  # how long a traffic distribution group takes to be made or deleted
_COLORS = {"COMPLETE": "green", "PROGRESS": "cyan", "FAILED": "red"}


def run(console: Console) -> None:
    """Run the demo; raise SandboxError if anything is not as it should be."""
    template = TEMPLATE.read_text()
    console.print("[bold]An AWS on this machine[/]: MiniStack, and an emulator of Amazon Connect")
    with Sandbox() as sandbox, explained(sandbox, console):
        sandbox.connect.settle_seconds = _GROUP_SETTLE_SECONDS
        before = _resources(sandbox)
        _heading(console, "Deploy the provider (template.yaml)")
        stacks.deploy_provider(sandbox, _watcher(console))
        _heading(console, f"Create the stack {STACK} (examples/{TEMPLATE.name})")
        outputs = stacks.deploy(sandbox, STACK, template, PARAMETERS, _watcher(console))
        _show_outputs(console, outputs)
        _heading(console, "Update it: another team name, in a Name and in Tags")
        renamed = {**PARAMETERS, "Team": "renewals"}
        updated = stacks.deploy(sandbox, STACK, template, renamed, _watcher(console))
        _check(updated == outputs, "the update should keep every Arn and Id")
        names = sorted(q["Name"] for q in sandbox.connect.quick_connects.values())
        console.print(f"In Connect now: {', '.join(names)}. Every Arn and Id is still the same.")
        _heading(console, "Delete it")
        stacks.delete(sandbox, STACK, _watcher(console))
        _check(_resources(sandbox) == before, "the deleted stack should leave nothing in Connect")
        console.print("Nothing is left of it in Connect.")
        stacks.delete(sandbox, stacks.PROVIDER_STACK, _watcher(console))
        functions = sandbox.client("lambda").list_functions()["Functions"]
        _check(not functions, "the deleted provider should leave no function")
    console.print("\n[bold green]Done.[/] The sandbox is gone, too.")


@contextmanager
def explained(sandbox: Sandbox, console: Console) -> Iterator[None]:
    """Show what the functions logged when something in the body fails."""
    try:
        yield
    except BaseException:
        for group in sandbox.client("logs").describe_log_groups()["logGroups"]:
            lines = sandbox.logs(group["logGroupName"])
            console.rule(f"Log of {group['logGroupName']}")
            console.print("\n".join(lines[-40:]) or "(empty)", markup=False, highlight=False)
        raise


def _resources(sandbox: Sandbox) -> set[str]:
    """Return the ARNs of everything in Connect."""
    return {*sandbox.connect.quick_connects, *sandbox.connect.groups}


def _check(is_so: bool, expectation: str) -> None:  # noqa: FBT001
    if not is_so:
        raise SandboxError(expectation)


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/]")


def _watcher(console: Console) -> stacks.Watch:
    """Return what prints a stack event in a line."""

    def watch(event: Mapping[str, Any]) -> None:
        status = event["ResourceStatus"]
        color = next((c for word, c in _COLORS.items() if status.endswith(word)), "white")
        line = f"  [{color}]{status:<19}[/] {event['LogicalResourceId']:<17} "
        console.print(f"{line} [dim]{event['ResourceType']}[/]", highlight=False, no_wrap=True)
        if status.endswith("FAILED"):
            console.print(f"      {event.get('ResourceStatusReason', '')}", markup=False)

    return watch


def _show_outputs(console: Console, outputs: Mapping[str, str]) -> None:
    """Print the stack's outputs: the Arn and Id of every resource."""
    table = Table("Output", Column("Value", overflow="fold"), box=None, header_style="bold")
    for key, value in outputs.items():
        table.add_row(key, value)
    console.print(table)
