"""The artifact is complete: it runs with nothing else on the path."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Sink, load_event
from tools import build

PROGRAM = """
import json, sys
from types import SimpleNamespace
from connect_provider.quick_connect.app import lambda_handler
import connect_provider.traffic_distribution_group.app
lambda_handler(json.load(sys.stdin), SimpleNamespace(get_remaining_time_in_millis=lambda: 900000))
"""


@pytest.fixture(params=["installed", "make_build"])
def artifact(request: pytest.FixtureRequest) -> Path:
    """A folder with everything that Lambda imports."""
    built: Path = request.getfixturevalue(request.param)
    return built / "functions" if request.param == "make_build" else built


def test_the_artifact_responds_to_an_event(
    artifact: Path, connect: ConnectEmulator, sink: Sink
) -> None:
    """The option -S keeps the packages of this environment off the path."""
    environment = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    environment |= {key: os.environ[key] for key in ("SSL_CERT_FILE", "RESPONSE_HOST")}
    environment["PYTHONPATH"] = str(artifact)
    run = subprocess.run(
        [build.for_this_machine()[0], "-S", "-c", PROGRAM],
        input=json.dumps(load_event("quick_connect_create", sink)),
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    if run.returncode:
        pytest.fail(run.stderr)
    assert sink.responses[-1]["Status"] == "SUCCESS"
    assert len(connect.quick_connects) == 1
