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
from contextlib import suppress
from importlib import import_module
from types import SimpleNamespace

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider import backoff, connect
from connect_provider.stack import describe
from sandbox import scene
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


def spawn(event: dict[str, object], process: int) -> int:
    """Start a child that runs an event's function; return its pid. process: its number, from 0."""
    pid = os.fork()
    if pid == 0:
        status = 0
        CLOCK.enter(process)
        sys.stdout = sys.stderr  # standard output is this program's own
        try:
            HANDLERS[str(event["ResourceType"])](event, context())
        except BaseException:  # noqa: BLE001  # the exit status says it
            status = 1
        os._exit(status)
    return pid


def run(events: list[dict[str, object]]) -> None:
    """Run events at the same time; print the pids, and the exit statuses in their order."""
    for process in range(len(events)):
        CLOCK.begin(process)
    pids = [spawn(event, process) for process, event in enumerate(events)]
    print(json.dumps(pids), flush=True)  # noqa: T201
    statuses = {}
    for _ in pids:
        pid, statuses[pid] = os.wait()
        CLOCK.end(pids.index(pid))
    print(json.dumps([statuses[pid] for pid in pids]), flush=True)  # noqa: T201


def warm_up() -> None:
    """Build the clients, and let each read its model. Doing so in each child takes long."""
    clients = [describe.client(os.environ["AWS_REGION"])]
    for region in (scene.REGION, scene.REPLICA_REGION):
        clients.append(connect.client(region, backoff.READ_TIMEOUTS[0]))
        with suppress(clients[-1].exceptions.ResourceNotFoundException):
            clients[-1].list_quick_connects(InstanceId=scene.INSTANCE_ID[:-1] + "0")
    for client in clients:
        client.close()  # its connections, which children must not share


def main() -> None:
    """Serve until standard input ends."""
    warm_up()
    if "SPEED" in os.environ:
        speed, sleep = float(os.environ["SPEED"]), time.sleep
        time.sleep = lambda seconds: sleep(seconds / speed)
    else:
        time.time, time.monotonic, time.sleep = CLOCK.time, CLOCK.monotonic, CLOCK.sleep
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        run(json.loads(line))


if __name__ == "__main__":
    main()
