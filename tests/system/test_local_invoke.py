"""Every request of events/ runs through `sam local invoke`, in Docker."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox import lambda_python, sam
from sandbox.aws import SandboxError
from sandbox.sam_local import IMAGE, SamLocal
from tests.support import base_image
from tests.support.harness import EVENTS, promised_status

NAMES = sorted(path.stem for path in EVENTS.glob("*.json"))


def docker(*arguments: str) -> bool:
    """Run a Docker command; return whether it succeeded."""
    command = [str(shutil.which("docker")), *arguments]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def lambda_image() -> Iterator[None]:
    """Provide Lambda's image: from this machine, from the registry, or as a stand-in."""
    tag = sam.architecture()
    if docker("image", "inspect", f"{IMAGE}-{tag}") or docker("pull", f"{IMAGE}-{tag}"):
        yield
        return
    python = lambda_python.find()
    if python is None:
        pytest.skip(f"NOT TESTED: there is neither {IMAGE} nor python{lambda_python.VERSION}")
    base_image.build(python, tag)
    yield
    docker("image", "rm", "--force", f"{IMAGE}-{tag}", f"{IMAGE}-rapid-{tag}")


@pytest.fixture(scope="module")
def local(request: pytest.FixtureRequest) -> Iterator[SamLocal]:
    """The built functions, and the servers that they call; skipped without a Docker engine."""
    try:
        found = SamLocal()
    except SandboxError as error:
        pytest.skip(f"NOT TESTED with `sam local invoke`: {error}")
    request.getfixturevalue("sam_build")  # two workers must not build into sam's cache at once
    with lambda_image(), found:
        yield found


@pytest.mark.parametrize("name", NAMES)
def test_the_response_has_the_status_in_the_events_name(name: str, local: SamLocal) -> None:
    """The function runs in a container, calls the emulated Connect, and responds once."""
    event = local.stage(EVENTS / f"{name}.json")
    done = sam.run(local.command(event), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert len(local.sink.responses) == 1, done.stderr
    response = local.sink.responses[0]
    assert response["Status"] == promised_status(name), response["Reason"]
    assert response["RequestId"] == event["RequestId"]
    assert "X-Amz-Signature" not in done.stderr


def test_a_type_that_no_function_serves_is_named(local: SamLocal) -> None:
    """The service tokens of the template tell which function serves a type."""
    with pytest.raises(SandboxError, match="no function serves Custom::ConnectQueue"):
        local.function("Custom::ConnectQueue")
