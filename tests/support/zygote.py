"""Runs handlers in child processes, which a test may kill. Not imported: run by test_killed.py.

Each line of standard input is a JSON list of jobs, run at the same time: a package and an event.
SPEED: how many times faster they sleep than asked; they do not sleep unless given.
It prints that it is ready, and for each line the children's pids and then their exit statuses.
"""

import json
import os
import sys
import time
from importlib import import_module
from types import SimpleNamespace

from connect_provider.stack import describe

HANDLERS = {
    package: import_module(f"connect_provider.{package}.app").lambda_handler
    for package in ("quick_connect", "traffic_distribution_group")
}
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)


def spawn(package: str, event: dict[str, object]) -> int:
    """Start a child that runs the handler; return its pid."""
    pid = os.fork()
    if pid == 0:
        status = 0
        sys.stdout = sys.stderr  # standard output is this program's own
        try:
            HANDLERS[package](event, CONTEXT)
        except BaseException:  # noqa: BLE001  # the exit status says it
            status = 1
        os._exit(status)
    return pid


def main() -> None:
    """Serve until standard input ends."""
    describe.client(os.environ["AWS_REGION"])  # building fifty at once says nothing of Lambda
    speed, sleep = float(os.environ.get("SPEED", "inf")), time.sleep
    time.sleep = lambda seconds: sleep(seconds / speed)  # how much faster time passes here
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        pids = [spawn(package, event) for package, event in json.loads(line)]
        print(json.dumps(pids), flush=True)  # noqa: T201
        print(json.dumps([os.waitpid(pid, 0)[1] for pid in pids]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
