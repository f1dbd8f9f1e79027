"""Runs functions in child processes, which a test may kill. A program: children.py starts it.

Each line of standard input is a JSON list of events, which run at the same time, each in a child.
Like Lambda's environments, a child runs one event after another, until it is killed.
SPEED: how many times faster the functions sleep than asked. Without it, they share the simulated
clock of the tests.
EMULATORS: the address of a listener, and the URLs of the servers that it stands for, if any.
It prints that it is ready, and for each line the children's pids and then how each run ended: 0,
1 after an exception, or the signal that killed the child.
"""

import gc
import json
import os
import sys
import time
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Client, Connection, wait
from types import SimpleNamespace

from botocore.client import BaseClient
from urllib3.connectionpool import HTTPConnectionPool

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider import backoff, connect
from connect_provider.stack import describe
from sandbox import scene
from sandbox.http_server import DropConnection, HttpRequest, HttpResponse
from tests.support.shared_clock import CLOCK
from tests.support.transport import make_api_call, make_request

HANDLERS = {
    name: import_module(f"connect_provider.{made.app}.app").lambda_handler
    for name, made in RESOURCE_TYPES.items()
}
RUN_SECONDS = 900
_FORK = get_context("fork")


def context() -> SimpleNamespace:
    """Return Lambda's context of a run that begins now."""
    ends = time.monotonic() + RUN_SECONDS
    return SimpleNamespace(
        get_remaining_time_in_millis=lambda: int((ends - time.monotonic()) * 1000)
    )


class Child:
    """A child process. process: its number on the clock, from 0."""

    def __init__(self, process: int) -> None:
        self.pipe, theirs = _FORK.Pipe()
        self._process = _FORK.Process(target=serve, args=(process, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid
        self.is_alive = self._process.is_alive

    def result(self) -> int:
        """Return how the child's run has ended."""
        try:
            status: int = self.pipe.recv()
        except EOFError:
            self._process.join()
            status = -(self._process.exitcode or 0)
        return status


def serve(process: int, pipe: Connection) -> None:
    """Run the events of a pipe, in a child."""
    CLOCK.enter(process)
    connect_to_emulators()
    sys.stdout = sys.stderr  # standard output is the parent's own
    while True:
        event = pipe.recv()
        try:
            HANDLERS[str(event["ResourceType"])](event, context())
        except Exception:  # noqa: BLE001  # the status says it
            pipe.send(1)
        else:
            pipe.send(0)


def connect_to_emulators() -> None:
    """Send the calls and the responses through a connection of this child."""
    address, *urls = os.environ["EMULATORS"].split()
    if not urls:
        return
    calls = Client(address)

    def forward(url: str, request: HttpRequest) -> HttpResponse:
        calls.send((url, request))
        response: HttpResponse | None = calls.recv()
        if response is None:
            raise DropConnection
        return response

    handles = {url: partial(forward, url) for url in urls}
    BaseClient._make_api_call = make_api_call(handles, CLOCK.sleep)
    HTTPConnectionPool._make_request = make_request(handles, CLOCK.sleep)


def run(events: list[dict[str, object]], children: dict[int, Child]) -> None:
    """Run events at the same time; print the pids, and how each run has ended."""
    processes = range(len(events))
    for process in processes:
        CLOCK.begin(process)
    for process in processes:
        if process not in children:
            children[process] = Child(process)
    print(json.dumps([children[process].pid for process in processes]), flush=True)  # noqa: T201
    for process, event in enumerate(events):
        children[process].pipe.send(event)
    running = {children[process].pipe: process for process in processes}
    results = {}
    while running:
        for pipe in wait(list(running)):
            process = running.pop(pipe)
            results[process] = children[process].result()
            if not children[process].is_alive():
                del children[process]
            CLOCK.end(process)
    print(json.dumps([results[process] for process in processes]), flush=True)  # noqa: T201


def warm_up() -> None:
    """Build the clients, and let each read its model. Doing so in each child takes long."""
    clients = [describe.client(os.environ["AWS_REGION"])]
    for region in (scene.REGION, scene.REPLICA_REGION):
        clients.append(connect.client(region, backoff.READ_TIMEOUTS[0]))
        with suppress(clients[-1].exceptions.ResourceNotFoundException):
            clients[-1].list_quick_connects(InstanceId=scene.INSTANCE_ID[:-1] + "0")
    for client in clients:
        client.close()  # its connections, which children must not share
    gc.freeze()  # or the collector of each child copies the whole memory


def main() -> None:
    """Serve until standard input ends."""
    warm_up()
    if "SPEED" in os.environ:
        speed, sleep = float(os.environ["SPEED"]), time.sleep
        time.sleep = lambda seconds: sleep(seconds / speed)
    else:
        time.time, time.monotonic, time.sleep = CLOCK.time, CLOCK.monotonic, CLOCK.sleep
    print("ready", flush=True)  # noqa: T201
    children: dict[int, Child] = {}
    for line in sys.stdin:
        run(json.loads(line), children)


if __name__ == "__main__":
    main()
