"""sam builds and deploys the provider, and Lambda's Python runs it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import demo, lambda_python, sam, stacks
from sandbox.aws import Sandbox
from tests.support.harness import ROOT
from tools import environment


@pytest.fixture(scope="module")
def python() -> Path:
    """Lambda's Python, in an environment with MiniStack."""
    found = lambda_python.find()
    if found is None:
        pytest.skip(f"NOT TESTED with sam: no python{lambda_python.VERSION} with pip is here")
    subprocess.run([found, ROOT / "tools/environment.py", "ministack"], check=True)
    major, minor = map(int, lambda_python.VERSION.split("."))
    return environment.path("ministack", (major, minor)) / "bin/python"


@pytest.fixture(params=["sam_build", "make_build"])
def artifact(request: pytest.FixtureRequest, python: Path) -> Path:
    """A folder with template.yaml, and a folder for each function or for both."""
    built: Path = request.getfixturevalue(request.param)
    return built


@pytest.fixture
def sandbox(python: Path) -> Iterator[Sandbox]:
    """An AWS whose functions run in Lambda's Python."""
    with Sandbox(python) as running:
        yield running


def test_the_artifact_holds_the_sources_and_no_development_files(artifact: Path) -> None:
    """It has every source, no tests, and no caches of this machine's Python."""
    folders = [path for path in artifact.iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        names = {path.name for path in folder.rglob("*")}
        assert names.isdisjoint({"tests", "test", ".pytest_cache", ".mypy_cache", "bin"})
        assert names >= {path.name for path in ROOT.glob("functions/*/*.py")}
        compiled = [name for name in names if name.endswith(".pyc")]
        assert all(f".cpython-{lambda_python.VERSION.replace('.', '')}." in n for n in compiled)


def test_the_template_is_valid() -> None:
    """Sam checks it by its own rules and cfn-lint's."""
    done = sam.run(["sam", "validate", "--lint"], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_sam_deploys_a_provider_that_serves_a_stack(artifact: Path, sandbox: Sandbox) -> None:
    """After `sam deploy --resolve-s3` the example is created and deleted."""
    deploy = ["sam", "deploy", "--template-file", str(artifact / "template.yaml")]
    deploy += ["--stack-name", stacks.PROVIDER_STACK, "--capabilities", "CAPABILITY_IAM"]
    deploy += ["--parameter-overrides", f"Architecture={sam.architecture()}", "--resolve-s3"]
    done = sam.run(deploy, sandbox.environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    functions = sandbox.client("lambda").list_functions()["Functions"]
    assert {function["Runtime"] for function in functions} == {f"python{lambda_python.VERSION}"}
    before = sandbox.connect.holdings
    template = demo.TEMPLATE.read_text()
    outputs = stacks.deploy(sandbox, demo.STACK, template, demo.PARAMETERS, lambda _: None)
    arns = {value for key, value in outputs.items() if key.endswith("Arn")}
    assert arns == sandbox.connect.holdings - before
    stacks.delete(sandbox, demo.STACK, lambda _: None)
    assert sandbox.connect.holdings == before
