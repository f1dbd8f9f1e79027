"""Runs a handler as Lambda does: once imported, an event at a time. Run as a script.

The argument is the handler's module. Standard input has an event on each line. For each, a line
is printed with what it cost; the line before the first says that init is over, and the one after
the last names the packages that were imported from the PYTHONPATH. Nothing really sleeps.

No module of the benchmarks is imported, since only the artifact is on the path.
"""

import json
import os
import ssl
import sys
import time
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

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
    """Count TLS contexts, new connections and seconds slept from here on."""
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
    """Run the handler with one event; return what it cost."""
    event, before = json.loads(line), dict(COUNTED)
    began, cpu = time.perf_counter(), time.process_time()
    handler(event, CONTEXT)
    costs = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    costs |= {name: COUNTED[name] - before[name] for name in COUNTED}
    return {**costs, "rss": peak_memory()}


def peak_memory() -> float:
    """Return the most megabytes that were resident; getrusage would count the parent's, too."""
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmHWM"].split()[0]) / 1024


def packages() -> list[str]:
    """Return the top-level packages that were imported from the PYTHONPATH."""
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


def main() -> None:
    """Serve until standard input ends."""
    output, sys.stdout = sys.stdout, sys.stderr
    began = time.perf_counter()
    count()
    handler = import_module(sys.argv[1]).lambda_handler
    print(json.dumps({"init": time.perf_counter() - began}), file=output, flush=True)
    for line in sys.stdin:
        print(json.dumps(serve(handler, line)), file=output, flush=True)
    print(json.dumps({"packages": packages()}), file=output, flush=True)


if __name__ == "__main__":
    main()
