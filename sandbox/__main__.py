"""`python -m sandbox demo` and `python -m sandbox up`."""

import argparse
import signal
import sys
import threading

from rich.console import Console

from sandbox import demo, scene, stacks
from sandbox.aws import Sandbox, SandboxError


def up(console: Console) -> None:
    """Deploy the provider, print what points tools at the sandbox, and wait for Ctrl-C."""
    with Sandbox() as sandbox, demo.explained(sandbox, console):
        for region in (scene.REGION, scene.REPLICA_REGION):
            stacks.deploy_provider(sandbox, lambda _: None, region)
        console.print("[bold]The sandbox is up.[/] In another terminal:\n")
        for name, value in sandbox.environment.items():
            console.print(f"export {name}={value}", markup=False, highlight=False)
        console.print("\nThe provider is deployed in both Regions. From this folder:\n")
        parameters = " ".join(f"{name}={value}" for name, value in demo.PARAMETERS.items())
        console.print(
            f"aws cloudformation deploy --stack-name {demo.STACK} "
            f"--template-file examples/{demo.TEMPLATE.name} --parameter-overrides {parameters}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        group = sandbox.connect.default_group(scene.INSTANCE_ID)["Arn"]
        console.print(
            f"aws cloudformation deploy --region {scene.REPLICA_REGION} "
            f"--stack-name {demo.FAILOVER_STACK} "
            f"--template-file examples/{demo.FAILOVER_TEMPLATE.name} --parameter-overrides "
            f"TrafficDistributionGroupArn={group} ActiveRegion=Second",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        console.print(f"aws cloudformation describe-stack-events --stack-name {demo.STACK}")
        console.print(f"aws cloudformation delete-stack --stack-name {demo.STACK}")
        console.print("\nCtrl-C stops and removes everything.")
        threading.Event().wait()


def _interrupt(*_: object) -> None:
    """Take a closed terminal, or a kill, for Ctrl-C: what was started has to be stopped."""
    raise KeyboardInterrupt


def main() -> None:
    """Run the command that the first argument names."""
    commands = {"demo": demo.run, "up": up}
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("command", choices=commands)
    command = commands[parser.parse_args().command]
    console = Console()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        command(console)
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left of the sandbox.")
        sys.exit(130)
    except SandboxError as error:
        console.print(f"\n[bold red]Failed:[/] {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
