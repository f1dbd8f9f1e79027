"""The start of a function."""

import pytest

from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Sink, fresh_handler, load_event, response_to


def test_a_function_starts_and_serves_although_it_cannot_build_its_client(
    connect: ConnectEmulator,
    sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first request builds the client. A function that does not start sends no response."""
    with monkeypatch.context() as patch:
        patch.delenv("AWS_REGION")
        handler = fresh_handler("quick_connect")
    assert "cannot build the Connect client yet: KeyError" in caplog.text
    response = response_to(handler, load_event("quick_connect_create", sink), sink)
    assert response["Status"] == "SUCCESS"
