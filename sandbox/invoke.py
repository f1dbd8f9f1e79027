"""Run one request through `sam local invoke`, and show its response to CloudFormation."""

import shlex
import time
from pathlib import Path

from rich.console import Console
from rich.json import JSON

from sandbox import sam
from sandbox.aws import SandboxError
from sandbox.sam_local import SamLocal

_COLORS = {"SUCCESS": "green", "FAILED": "red"}


def invoke(console: Console, event: Path) -> None:
    """Send a request to its function in Docker; raise SandboxError unless it responds."""
    with _built(console) as local:
        request = local.stage(event)
        command = local.command(request)
        console.print(f"[bold]{request['RequestType']} {request['ResourceType']}[/]")
        console.print(shlex.join(command), style="dim", highlight=False, soft_wrap=True)
        done = sam.run(command)
        if done.returncode or not local.sink.requests:
            raise SandboxError("the function sent no response; see sam's output above")
        _show(console, local, 0, 0)


def serve(console: Console, event: Path) -> None:
    """Serve a request's dependencies, print sam's command for it, and show every response."""
    with _built(console) as local:
        command = local.command(local.stage(event))
        console.print("The emulators of Connect and CloudFormation are up. In another terminal:\n")
        console.print(shlex.join(command), highlight=False, soft_wrap=True)
        console.print("\nCtrl-C stops it.")
        responses = calls = 0
        while True:
            if len(local.sink.requests) > responses:
                _show(console, local, responses, calls)
                responses, calls = responses + 1, len(local.connect.journal)
            time.sleep(0.1)


def _built(console: Console) -> SamLocal:
    local = SamLocal()
    console.print("sam builds the functions ...", style="dim")
    sam.build(local.folder)
    return local


def _show(console: Console, local: SamLocal, responses: int, calls: int) -> None:
    """Show the response number `responses`, and the calls since call number `calls`."""
    made = ", ".join(local.connect.calls()[calls:]) or "not at all"
    console.print(f"\nConnect was called: {made}", highlight=False, soft_wrap=True)
    response = local.sink.responses[responses]
    color = _COLORS[response["Status"]]
    console.print(f"CloudFormation would get: [bold {color}]{response['Status']}[/]")
    console.print(JSON.from_data(response), soft_wrap=True)
