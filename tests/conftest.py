"""The Connect emulator, an HTTPS sink for answers, and a clock that tests move.

What the handlers read from the environment is set here, before any of them is imported.
"""

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from tempfile import NamedTemporaryFile
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.connect_model import ConnectCall
from sandbox.http_server import HttpServer
from tests.support.children import Zygote
from tests.support.harness import CALLED, LOGGED, STACKS, Context, FakeTime, LogReader, Sink


class _Recorded(ConnectEmulator):
    """An emulator that remembers the calls of all tests, for test_calls.py."""

    def _note(self, call: ConnectCall, error: str) -> None:
        super()._note(call, error)
        CALLED.append(self.journal[-1])


_emulator = _Recorded(clock=lambda: FakeTime.current.monotonic())
_server = HttpServer(_emulator.handle)
_authority = trustme.CA()
_sink = Sink(_authority, now=lambda: FakeTime.current.time())
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes seconds after what takes milliseconds."""
    last = ("test_artifact.py", "test_stack.py", "test_templates.py", "test_cdk.py")
    last += ("test_terraform.py", "test_commands.py", "test_sam.py", "test_local_invoke.py")
    last += ("test_secrets.py", "test_calls.py")
    items.sort(key=lambda item: last.index(item.path.name) if item.path.name in last else -1)


def pytest_configure() -> None:
    """Read every log line, for test_secrets.py."""
    logging.getLogger().addHandler(LogReader())


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Read every line that is printed, too: metrics are."""
    LOGGED.update(report.capstdout.splitlines())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how large the proofs of reliability were."""
    sizes: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        sizes.update({name: int(str(size)) for name, size in report.user_properties})
    for name, size in sizes.items():
        terminalreporter.write_line(f"{name}: {size}")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """A clock that stands still but for what the provider sleeps."""
    fake = FakeTime(time.time())
    FakeTime.current = fake
    module = SimpleNamespace(time=fake.time, monotonic=fake.monotonic, sleep=fake.sleep)
    monkeypatch.setattr("connect_provider.run.time", module)
    return fake


@pytest.fixture
def connect() -> Iterator[ConnectEmulator]:
    """An emulated Connect with the scene of sandbox/scene.py and nothing else."""
    _emulator.reset()
    scene.seed(_emulator)
    return _emulator


@pytest.fixture(autouse=True)
def stacks(monkeypatch: pytest.MonkeyPatch) -> Stacks:
    """What CloudFormation says of the stack: that it is being updated."""
    from connect_provider.edge.provider import Provider

    def noted(provider: Provider, event: dict[str, Any], context: Context) -> dict[str, Any]:
        STACKS.sent(event)
        return serve(provider, event, context)

    serve = Provider.serve
    monkeypatch.setattr(Provider, "serve", noted)
    STACKS.reset()
    return STACKS


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Sink:
    """Where answers arrive."""
    from connect_provider.edge import response

    monkeypatch.setattr(response, "_RETRY", response._RETRY.new(backoff_factor=0))
    _sink.reset()
    return _sink


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """What runs functions in processes of their own, which can be killed."""
    process = Zygote()
    yield process
    process.close()
