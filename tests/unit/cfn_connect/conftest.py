"""The wheel, built once in a test run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.harness import ROOT
from tests.support.once import once


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
        command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
        subprocess.run(command, check=True)

    (built,) = once(tmp_path_factory, "wheel", make).glob("*.whl")
    return built
