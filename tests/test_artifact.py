"""What Lambda installs is enough: requirements.txt and functions/, and nothing else on the path."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import lambda_python
from sandbox.connect_emulator import ConnectEmulator
from tests.harness import ROOT, Sink, load_event

ANSWER = """
import json, sys
from types import SimpleNamespace
from quick_connect.app import lambda_handler
import traffic_distribution_group.app
lambda_handler(json.load(sys.stdin), SimpleNamespace(get_remaining_time_in_millis=lambda: 900000))
"""


def test_the_artifact_answers_an_event(
    tmp_path: Path, connect: ConnectEmulator, sink: Sink
) -> None:
    """-S keeps this environment's own packages off the path."""
    import json

    python = lambda_python.find() or sys.executable
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    pip += ["--require-hashes", "--root-user-action=ignore", "--target", str(tmp_path)]
    subprocess.run([*pip, "-r", str(ROOT / "functions/requirements.txt")], check=True)
    environment = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    environment |= {key: os.environ[key] for key in ("SSL_CERT_FILE", "RESPONSE_HOST")}
    environment["PYTHONPATH"] = f"{ROOT / 'functions'}{os.pathsep}{tmp_path}"
    run = subprocess.run(
        [python, "-S", "-c", ANSWER],
        input=json.dumps(load_event("quick_connect_create", sink)),
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    if run.returncode:
        pytest.fail(run.stderr)
    assert sink.answers[-1]["Status"] == "SUCCESS"
    assert len(connect.quick_connects) == 1
