"""One request through `sam local invoke`, and the answer that CloudFormation would get."""

import shlex
import time
from pathlib import Path

from rich.console import Console
from rich.json import JSON

from sandbox.aws import SandboxError
from sandbox.sam_local import SamLocal, run

_COLORS = {"SUCCESS": "green", "FAILED": "red"}


def invoke(console: Console, event: Path) -> None:
    """Send a request to its function in Docker; raise SandboxError unless it is answered."""
    with SamLocal() as local:
        request = local.stage(event)
        command = local.command(request)
        console.print(f"[bold]{request['RequestType']} {request['ResourceType']}[/]")
        console.print(shlex.join(command), style="dim", highlight=False, soft_wrap=True)
        done = run(command)
        if done.returncode or not local.sink.requests:
            raise SandboxError("the function gave no answer; what sam says of it is above")
        _show(console, local)


def serve(console: Console, event: Path) -> None:
    """Keep running what a request needs, print how sam sends it, and show every answer."""
    with SamLocal() as local:
        command = local.command(local.stage(event))
        console.print("An emulated Connect is up, and takes answers. In another terminal:\n")
        console.print(shlex.join(command), highlight=False, soft_wrap=True)
        console.print("\nCtrl-C stops it.")
        while True:
            if local.sink.requests:
                _show(console, local)
                local.sink.reset()
                local.connect.journal.clear()
            time.sleep(0.1)


def _show(console: Console, local: SamLocal) -> None:
    calls = ", ".join(local.connect.calls()) or "not at all"
    console.print(f"\nConnect was called: {calls}", highlight=False, soft_wrap=True)
    answer = local.sink.answers[-1]
    color = _COLORS[answer["Status"]]
    console.print(f"CloudFormation would get: [bold {color}]{answer['Status']}[/]")
    console.print(JSON.from_data(answer), soft_wrap=True)
