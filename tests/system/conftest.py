"""A sandbox for the tests of one module, and artifacts for all of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import sam, stacks
from sandbox.aws import Sandbox
from tests.support.harness import ROOT
from tests.support.once import once
from tools import build


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with the provider deployed from template.yaml."""
    with Sandbox() as running:
        stacks.deploy_provider(running, lambda _: None)
        yield running


@pytest.fixture(scope="session")
def make_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of `make build` for this machine: template.yaml, and the folder functions."""

    def make(folder: Path) -> None:
        build.build(folder / "functions", *build.for_this_machine())
        build.write_template(folder, sam.architecture())

    return once(tmp_path_factory, "make-build", make)


@pytest.fixture(scope="session")
def sam_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of `sam build`: template.yaml, and a folder for each function."""
    return once(tmp_path_factory, "sam-build", sam.build)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned packages and the sources, installed as `sam build` does, but without sam."""

    def make(folder: Path) -> None:
        target = build.for_this_machine()[1]
        build.install(ROOT / "functions/requirements.txt", folder, target)
        shutil.copytree(ROOT / "functions", folder, dirs_exist_ok=True)

    return once(tmp_path_factory, "installed", make)
