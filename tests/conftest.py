"""The Connect emulator, an HTTPS sink for responses, and a clock that tests move.

The environment of the handlers is set here, before any of them is imported.
"""

import gc
import logging
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from tempfile import NamedTemporaryFile
from types import ModuleType, SimpleNamespace
from typing import Any

import botocore.session
import pytest
import trustme
from botocore.client import BaseClient
from urllib3.connectionpool import HTTPConnectionPool

from cfn_connect.resource_types import RESOURCE_TYPES
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.connect_model import ConnectCall
from sandbox.http_server import HttpServer
from tests.support import shared_clock, watch
from tests.support.children import Zygote
from tests.support.cloudformation import Stack
from tests.support.harness import STACKS, START, Context, FakeTime, Sink
from tests.support.transport import make_api_call, make_request


class _Watched(ConnectEmulator):
    """An emulator that shows its calls to the watch."""

    def _note(self, call: ConnectCall, error: str) -> None:
        super()._note(call, error)
        watch.CALLED.append(self.journal[-1])


_emulator = _Watched(clock=lambda: shared_clock.CLOCK.passed)
_server = HttpServer(_emulator.handle)
_authority = trustme.CA()
_sink = Sink(
    _authority,
    now=lambda: FakeTime.current.time(),
    pause=lambda seconds: FakeTime.current.advance(seconds),
)
_HANDLES = {
    _server.url: _emulator.handle,
    STACKS.url: STACKS.handle,
    f"https://{_sink.host}": _sink.handle,
}
_trusted = NamedTemporaryFile(suffix=".pem")  # noqa: SIM115  # it lives as long as the tests
_authority.cert_pem.write_to_path(_trusted.name)

os.environ.update(
    AWS_REGION=scene.REGION,
    AWS_DEFAULT_REGION=scene.REGION,
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_ENDPOINT_URL_CONNECT=_server.url,
    AWS_ENDPOINT_URL_CLOUDFORMATION=STACKS.url,
    MAXIMUM_RETRY_ATTEMPTS="2",
    RESPONSE_HOST=_sink.host,
    SSL_CERT_FILE=_trusted.name,
)
# Otherwise, each session of boto3 reads the models again.
botocore.session.create_loader = cache(botocore.session.create_loader)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, because some tests wait for MiniStack or a child process."""
    return (os.cpu_count() or 1) + 1


def pytest_configure() -> None:
    """Let the watch read every log line."""
    logging.getLogger().addHandler(watch.LogReader())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the module whose containers wait for minutes, while other workers are busy."""
    items.sort(key=lambda item: item.path.name != "test_local_invoke.py")


def pytest_collection_finish() -> None:
    """Let the garbage collector skip what was imported, and run seldom.

    Otherwise, it takes an eighth of the time of the tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """At the end of a test, turn the findings of the watch into its error."""
    report = yield
    if call.when == "teardown" and (problems := watch.problems(report.capstdout)):
        report.outcome, report.longrepr = "failed", "\n".join(problems)
    return report


@contextmanager
def _traced(item: pytest.Item) -> Iterator[None]:
    """Let coverage not trace an item that is marked no_cover, nor its threads.

    In a worker, pytest-cov starts two tracers, and pauses only one of them.
    """
    traces = sys.gettrace(), threading.gettrace()
    if item.get_closest_marker("no_cover"):
        sys.settrace(None)
        threading.settrace(None)
    try:
        yield
    finally:
        sys.settrace(traces[0])
        threading.settrace(traces[1])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip the coverage of fixtures that are made for a marked test."""
    with _traced(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Skip the coverage of a marked test."""
    with _traced(pyfuncitem):
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how large the proofs of reliability were."""
    sizes: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        sizes.update({name: int(str(size)) for name, size in report.user_properties})
    for name, size in sizes.items():
        terminalreporter.write_line(f"{name}: {size}")


@cache
def _timed_modules() -> list[ModuleType]:
    """Return the modules of the functions that read the time."""
    for made in RESOURCE_TYPES.values():
        import_module(f"connect_provider.{made.app}.app")
    ours = [each for name, each in sys.modules.items() if name.startswith("connect_provider.")]
    return [each for each in ours if getattr(each, "time", None) is time]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """The clock of the provider and of urllib3's retries; it stands still unless they sleep.

    It always begins at the same time. The pauses of retries are the same in each run of a test.
    """
    fake = FakeTime(START)
    FakeTime.current = fake
    module = SimpleNamespace(time=fake.time, monotonic=fake.monotonic, sleep=fake.sleep)
    for loaded in _timed_modules():
        monkeypatch.setattr(loaded, "time", module)
    monkeypatch.setattr("connect_provider.run.Run.rng", random.Random(0))
    monkeypatch.setattr("sandbox.connect_groups.time", module)
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=fake.advance))
    return fake


@pytest.fixture(autouse=True)
def _transport(monkeypatch: pytest.MonkeyPatch, clock: FakeTime) -> None:
    """Let calls and responses arrive without a socket, and time out on the simulated clock."""
    monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call(_HANDLES, clock.advance))
    monkeypatch.setattr(HTTPConnectionPool, "_make_request", make_request(_HANDLES, clock.advance))


@pytest.fixture
def connect() -> Iterator[ConnectEmulator]:
    """An emulated Connect with the scene of sandbox/scene.py and nothing else."""
    _emulator.reset()
    scene.seed(_emulator)
    return _emulator


@pytest.fixture(autouse=True)
def stacks(monkeypatch: pytest.MonkeyPatch) -> Stacks:
    """A CloudFormation that updates the stack."""
    from connect_provider.edge.provider import Provider

    def noted(provider: Provider, event: dict[str, Any], context: Context) -> dict[str, Any]:
        STACKS.sent(event)
        return serve(provider, event, context)

    serve = Provider.serve
    monkeypatch.setattr(Provider, "serve", noted)
    STACKS.reset()
    return STACKS


@pytest.fixture
def sink() -> Sink:
    """The server that takes the responses."""
    _sink.reset()
    return _sink


@pytest.fixture
def group(connect: ConnectEmulator) -> dict[str, Any]:
    """The default group of the instance, with all traffic in the home Region."""
    return connect.default_group(scene.INSTANCE_ID)


@pytest.fixture
def stack(connect: ConnectEmulator, sink: Sink, stacks: Stacks) -> Stack:
    """An empty stack. The faults of Connect end before its rollback."""
    return Stack(sink, stacks, heal=connect.faults.clear)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """A process that runs functions in processes of their own, so that a test can kill them."""
    process = Zygote(handles=_HANDLES)
    yield process
    process.close()
