"""`make build` ships the code and data that the functions use, compiled, and little else."""

import json
import shutil
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.regions import EndpointResolver

from benchmarks.targets import SIZE_LIMIT
from tests.support.harness import ROOT
from tests.support.template import FUNCTIONS, operations
from tools import botocore_data, build

DATA = Path(botocore.__file__).parent / "data"


@pytest.fixture(scope="module")
def artifact(make_build: Path) -> Path:
    return make_build / "functions"


def test_it_is_small(artifact: Path, tmp_path: Path) -> None:
    """A cold start loads the artifact from S3."""
    archive = Path(shutil.make_archive(str(tmp_path / "functions"), "zip", artifact))
    assert archive.stat().st_size <= SIZE_LIMIT


def test_every_module_is_compiled(artifact: Path) -> None:
    """Lambda cannot keep compiled modules, so it would compile at each cold start."""
    compiled = {path.name.split(".")[0] for path in artifact.rglob("*.pyc")}
    modules = [path for path in artifact.rglob("*.py") if "__pycache__" not in path.parts]
    assert len(list(artifact.rglob("*.pyc"))) == len(modules) > 500
    assert {path.stem for path in modules} == compiled


def test_it_holds_the_functions_and_no_development_files(artifact: Path) -> None:
    """It has no tests, caches or requirements."""
    sources = {path.relative_to(ROOT / "functions") for path in ROOT.glob("functions/*/*.py")}
    assert all((artifact / source).is_file() for source in sources)
    names = {path.name for path in artifact.rglob("*")}
    assert not names & {"tests", "requirements.txt", "requirements.in", ".mypy_cache", "bin"}


def test_boto3_imports_no_more_of_s3transfer_than_it_holds(artifact: Path) -> None:
    """The modules of S3 may import more, because only a client of S3 loads them."""
    modules = [path for path in artifact.glob("boto3/*.py") if path.name != "crt.py"]
    lines = [line for path in modules for line in path.read_text().splitlines()]
    imports = [line for line in lines if "s3transfer" in line]
    assert imports == ["from s3transfer.manager import TransferConfig"]
    assert sorted(path.name for path in artifact.glob("s3transfer/*.py")) == [
        "__init__.py",
        "manager.py",
    ]


def _connect_models(artifact: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the shipped Connect model and botocore's own."""
    (shipped,) = artifact.glob("botocore/data/connect/*/service-2.json")
    (whole,) = DATA.glob("connect/*/service-2.json.gz")
    return json.loads(shipped.read_text()), botocore_data.load_model(whole)


def test_the_connect_model_has_every_operation_that_is_called(artifact: Path) -> None:
    """The operations equal botocore's own, without the documentation."""
    shipped, whole = _connect_models(artifact)
    called = {operation for package in FUNCTIONS for operation in operations(package)}
    assert called <= shipped["operations"].keys()
    for part in ("operations", "shapes"):
        assert shipped[part] == {name: whole[part][name] for name in shipped[part]}
    assert shipped["metadata"] == whole["metadata"]


def test_the_connect_model_has_every_shape_that_it_refers_to(artifact: Path) -> None:
    """It keeps the input, output and errors of each operation, at any depth."""
    shipped, _ = _connect_models(artifact)
    texts = json.dumps([shipped["operations"], shipped["shapes"]])
    assert '"shape": ' in texts
    referred = {text.split('"')[0] for text in texts.split('"shape": "')[1:]}
    assert referred == shipped["shapes"].keys()


@pytest.mark.parametrize("service", botocore_data.SERVICES)
def test_the_endpoints_are_botocore_s_own_in_every_region(artifact: Path, service: str) -> None:
    """The list keeps the services that the functions call, in all partitions."""
    shipped, whole = (
        EndpointResolver(json.loads((data / "endpoints.json").read_text()))
        for data in (artifact / "botocore/data", DATA)
    )
    assert shipped.get_available_partitions() == whole.get_available_partitions()
    for partition in whole.get_available_partitions():
        regions = whole.get_available_endpoints(service, partition)
        assert shipped.get_available_endpoints(service, partition) == regions
        for region in [*regions, "eu-new-1"]:
            assert shipped.construct_endpoint(service, region) == whole.construct_endpoint(
                service, region
            )


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_the_template_beside_it_deploys_what_was_built(architecture: str, tmp_path: Path) -> None:
    """It names the folder, and the architecture as the default."""
    build.write_template(tmp_path, architecture)
    template = (tmp_path / "template.yaml").read_text()
    assert "CodeUri: functions\n" in template
    assert f"Default: {architecture}\n" in template
