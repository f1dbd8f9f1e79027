"""What Lambda installs is enough: requirements.txt and functions/, and nothing else on the path."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import ROOT, Sink, load_event
from tools import build

PROGRAM = """
import json, sys
from types import SimpleNamespace
from connect_provider.quick_connect.app import lambda_handler
import connect_provider.traffic_distribution_group.app
lambda_handler(json.load(sys.stdin), SimpleNamespace(get_remaining_time_in_millis=lambda: 900000))
"""


def _install(folder: Path) -> None:
    """Make what `sam build` makes."""
    build.install(ROOT / "functions/requirements.txt", folder, build.for_this_machine()[1])
    shutil.copytree(ROOT / "functions", folder, dirs_exist_ok=True)


def _build(folder: Path) -> None:
    """Make what `make build` makes."""
    build.build(folder, *build.for_this_machine())


@pytest.mark.parametrize("make", [_install, _build], ids=["sam build", "make build"])
def test_the_artifact_responds_to_an_event(
    make: Callable[[Path], None], tmp_path: Path, connect: ConnectEmulator, sink: Sink
) -> None:
    """-S keeps this environment's own packages off the path."""
    make(tmp_path / "artifact")
    environment = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    environment |= {key: os.environ[key] for key in ("SSL_CERT_FILE", "RESPONSE_HOST")}
    environment["PYTHONPATH"] = str(tmp_path / "artifact")
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
