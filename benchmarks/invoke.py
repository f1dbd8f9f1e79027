"""Run a handler as Lambda does: import it once, then send it one event at a time.

This is a script. Its first argument is the handler's module. Each line of standard input is an
event. Each further argument is a number of events that a child process handles after the init.
The first line of output marks the end of init. Then each event gets a line with its cost. The last
line names the packages that were imported from the PYTHONPATH. No sleep takes time.

The script imports no module of the benchmarks, because only the artifact is on the path.
"""

import json
import os
import ssl
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from types import SimpleNamespace
from typing import Any, TextIO

COUNTED = {"contexts": 0, "connections": 0, "slept": 0.0}
CONTEXT = SimpleNamespace(
    get_remaining_time_in_millis=lambda: 900_000,
    function_name="benchmark",
    function_version="1",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:benchmark",
    aws_request_id="request",
    log_group_name="group",
    log_stream_name="stream",
)


def count() -> None:
    """Start to count TLS contexts, new connections and seconds of sleep."""
    make_context = ssl.SSLContext.__new__

    def counted_context(*arguments: Any, **options: Any) -> Any:
        COUNTED["contexts"] += 1
        return make_context(*arguments, **options)

    def on_event(name: str, _: object) -> None:
        if name == "socket.connect":
            COUNTED["connections"] += 1

    def sleep(seconds: Any) -> None:
        COUNTED["slept"] += seconds

    ssl.SSLContext.__new__ = counted_context  # type: ignore[method-assign]
    sys.addaudithook(on_event)
    time.sleep = sleep


def serve(handler: Callable[[Any, object], None], line: str) -> dict[str, float]:
    """Run the handler with one event; return the cost."""
    event, before = json.loads(line), dict(COUNTED)
    began, cpu = time.perf_counter(), time.process_time()
    handler(event, CONTEXT)
    costs = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    costs |= {name: COUNTED[name] - before[name] for name in COUNTED}
    return {**costs, "rss": peak_memory()}


def peak_memory() -> float:
    """Return the peak of resident memory in MB; getrusage would include the parent's."""
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmHWM"].split()[0]) / 1024


def packages() -> list[str]:
    """Return the top-level packages imported from the PYTHONPATH."""
    folders = os.environ["PYTHONPATH"].split(os.pathsep)
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    return sorted(
        {
            os.path.join(folder, os.path.relpath(file, folder).split(os.sep)[0])
            for folder in folders
            for file in files
            if file.startswith(folder + os.sep)
        }
    )


def run(handler: Callable[[Any, object], None], lines: Iterable[str], output: TextIO) -> None:
    """Run the handler with events; print the cost of each, and at the end the packages."""
    for line in lines:
        print(json.dumps(serve(handler, line)), file=output, flush=True)
    print(json.dumps({"packages": packages()}), file=output, flush=True)


def main() -> None:
    """Run events until standard input ends."""
    output, sys.stdout = sys.stdout, sys.stderr
    began = time.perf_counter()
    count()
    handler = import_module(sys.argv[1]).lambda_handler
    print(json.dumps({"init": time.perf_counter() - began}), file=output, flush=True)
    for number in map(int, sys.argv[2:]):
        lines = [sys.stdin.readline() for _ in range(number)]
        if os.fork() == 0:
            run(handler, lines, output)
            return
        os.wait()
    run(handler, sys.stdin, output)


if __name__ == "__main__":
    main()
