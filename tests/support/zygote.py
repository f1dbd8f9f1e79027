"""Runs functions in child processes, which a test may kill. A program: children.py starts it.

Each line of standard input is a JSON list of events, which run at the same time.
SPEED: how many times faster the functions sleep than asked. Without it, they share the simulated
clock of the tests.
It prints that it is ready, and for each line the children's pids and then their exit statuses.
"""

import json
import os
import sys
import time
from importlib import import_module
from types import SimpleNamespace

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider.stack import describe
from tests.support.shared_clock import CLOCK

HANDLERS = {
    name: import_module(f"connect_provider.{made.app}.app").lambda_handler
    for name, made in RESOURCE_TYPES.items()
}
RUN_SECONDS = 900


def context() -> SimpleNamespace:
    """Return Lambda's context of a run that begins now."""
    ends = time.monotonic() + RUN_SECONDS
    return SimpleNamespace(
        get_remaining_time_in_millis=lambda: int((ends - time.monotonic()) * 1000)
    )


def spawn(event: dict[str, object]) -> int:
    """Start a child that runs an event's function; return its pid."""
    pid = os.fork()
    if pid == 0:
        status = 0
        sys.stdout = sys.stderr  # standard output is this program's own
        try:
            HANDLERS[str(event["ResourceType"])](event, context())
        except BaseException:  # noqa: BLE001  # the exit status says it
            status = 1
        os._exit(status)
    return pid


def main() -> None:
    """Serve until standard input ends."""
    describe.client(os.environ["AWS_REGION"])  # building fifty at once says nothing of Lambda
    if "SPEED" in os.environ:
        speed, sleep = float(os.environ["SPEED"]), time.sleep
        time.sleep = lambda seconds: sleep(seconds / speed)
    else:
        time.time, time.monotonic, time.sleep = CLOCK.time, CLOCK.monotonic, CLOCK.sleep
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        pids = [spawn(event) for event in json.loads(line)]
        print(json.dumps(pids), flush=True)  # noqa: T201
        print(json.dumps([os.waitpid(pid, 0)[1] for pid in pids]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
