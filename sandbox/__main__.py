"""`python -m sandbox demo`, `up`, `invoke EVENT` and `serve EVENT`."""

import argparse
import json
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from sandbox import demo, invoke, scene, signals, stacks
from sandbox.aws import Sandbox, SandboxError

_NEEDED = {"RequestType", "ResourceType", "StackId", "LogicalResourceId", "ResourceProperties"}


def up(console: Console) -> None:
    """Deploy the provider, print the tools' environment, and wait for Ctrl-C."""
    with Sandbox() as sandbox, demo.explained(sandbox, console):
        scene.add_quick_connects(sandbox.connect)
        basic = f"{sandbox.connect.instances[scene.INSTANCE_ID].arn}/queue/{scene.QUEUE_IDS[2]}"
        sandbox.connect.queue_quick_connects[basic] = {*scene.QUICK_CONNECT_IDS}
        for region in (scene.REGION, scene.REPLICA_REGION):
            stacks.deploy_provider(sandbox, lambda _: None, region)
        console.print("[bold]The sandbox is up.[/] Set these variables in another terminal:\n")
        queue = {"INSTANCE_ID": scene.INSTANCE_ID, "QUEUE_ID": scene.QUEUE_IDS[2]}
        for name, value in {**sandbox.environment, **queue}.items():
            console.print(f"export {name}={value}", markup=False, highlight=False)
        console.print("\nThe provider is deployed in both Regions. In this folder, run:\n")
        for stack, template, values in (
            (demo.STACK, demo.TEMPLATE, demo.PARAMETERS),
            (demo.DESK_STACK, demo.DESK_TEMPLATE, demo.DESK_PARAMETERS),
        ):
            parameters = " ".join(f"{name}={value}" for name, value in values.items())
            capability = "--capabilities CAPABILITY_AUTO_EXPAND "
            console.print(
                f"aws cloudformation deploy --stack-name {stack} "
                f"{capability if stack == demo.DESK_STACK else ''}"
                f"--template-file examples/{template.name} --parameter-overrides {parameters}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        group = sandbox.connect.default_group(scene.INSTANCE_ID)["Arn"]
        console.print(
            f"aws cloudformation deploy --region {scene.REPLICA_REGION} "
            f"--stack-name {demo.FAILOVER_STACK} "
            f"--template-file examples/{demo.FAILOVER_TEMPLATE.name} --parameter-overrides "
            f"TrafficDistributionGroupArn={group} SecondShare=0  # then 30, and 100",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        console.print(f"aws cloudformation describe-stack-events --stack-name {demo.STACK}")
        console.print(f"aws cloudformation delete-stack --stack-name {demo.STACK}")
        _show_contents(sandbox, console)
        console.print("\nPress Ctrl-C to stop the sandbox and remove everything in it.")
        threading.Event().wait()


def _show_contents(sandbox: Sandbox, console: Console) -> None:
    """Print the resources in the sandbox's Connect, and the commands that list them."""
    connect = sandbox.connect
    quick_connects = connect.quick_connects.values()
    names = {**connect.names, **{q["QuickConnectId"]: q["Name"] for q in quick_connects}}
    kinds = {
        "queue": scene.QUEUE_IDS,
        "user": scene.USER_IDS,
        "contact flow": scene.CONTACT_FLOW_IDS,
        "quick connect": scene.QUICK_CONNECT_IDS,
    }
    console.print(f"\nThe instance {scene.INSTANCE_ID} holds:\n")
    for kind, ids in kinds.items():
        for each in ids:
            console.print(f"  {kind:<13}  {names[each]:<11}  {each}", highlight=False)
    console.print()
    listings = ("list-queues", "list-users", "list-contact-flows", "search-quick-connects")
    offered = f"list-queue-quick-connects --queue-id {scene.QUEUE_IDS[2]}"
    for listing in (*listings, offered):
        command = f"aws connect {listing} --instance-id {scene.INSTANCE_ID}"
        console.print(command, highlight=False, soft_wrap=True)
    console.print("\naws resourcegroupstaggingapi finds no Connect resource: it is not emulated.")


def _request(path: str) -> Path:
    """Return the path of a file that holds a request."""
    try:
        event = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise argparse.ArgumentTypeError(f"{path}: {why}; choose a file from events/") from None
    missing = _NEEDED - set(event)
    if missing:
        raise argparse.ArgumentTypeError(f"{path}: the request lacks {', '.join(sorted(missing))}")
    return Path(path)


_UNTIL_STOPPED = {up, invoke.serve}  # Ctrl-C is their normal end, so `make` reports no error


def _command() -> partial[None]:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, command in {"demo": demo.run, "up": up}.items():
        commands.add_parser(name, help=_help(command)).set_defaults(command=command)
    for name, with_event in {"invoke": invoke.invoke, "serve": invoke.serve}.items():
        subparser = commands.add_parser(name, help=_help(with_event))
        subparser.add_argument("event", type=_request, help="a request, such as a file of events/")
        subparser.set_defaults(command=with_event)
    arguments = vars(parser.parse_args())
    return partial(arguments.pop("command"), **arguments)


def _help(command: Callable[..., None]) -> str:
    """Return a command's help: the start of its docstring."""
    return (command.__doc__ or "").partition(";")[0]


def main() -> None:
    """Run the command that the first argument names."""
    command = _command()
    console = Console()
    signals.interrupt_once()
    try:
        command(console)
    except KeyboardInterrupt:
        console.print("\nStopped. The sandbox is removed.")
        sys.exit(0 if command.func in _UNTIL_STOPPED else 130)
    except SandboxError as error:
        console.print(f"\n[bold red]Failed:[/] {escape(str(error))}")
        sys.exit(1)


if __name__ == "__main__":
    main()
