"""Every request of events/ runs through `sam local invoke`, in Docker."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import pytest

from sandbox import lambda_python, sam
from sandbox.aws import SandboxError
from sandbox.sam_local import FOLDER, IMAGE, SamLocal
from tests.support import base_image
from tests.support.harness import EVENTS, promised_status
from tools import build

_AT_ONCE = 4  # functions; most of their time is waiting
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


class Invoked(NamedTuple):
    """A request, sam's run of it, and the responses of the function."""

    event: dict[str, Any]
    done: "subprocess.CompletedProcess[str]"
    responses: list[dict[str, Any]]


def invoke(name: str, local: SamLocal) -> Invoked:
    """Run a request of events/ in a container."""
    event = local.stage(EVENTS / f"{name}.json")
    done = sam.run(local.command(event), capture_output=True)
    return Invoked(event, done, local.sink.responses)


def copy(built: Path, folder: Path) -> None:
    """Replace a folder with a copy of a build."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(built, folder)


@pytest.fixture(scope="module")
def builds(request: pytest.FixtureRequest) -> Iterator[list[SamLocal]]:
    """The built functions, several times, with their servers; skipped without a Docker engine."""
    try:
        found = [SamLocal(FOLDER.with_name(f"local-{number}")) for number in range(_AT_ONCE)]
    except SandboxError as error:
        pytest.skip(f"NOT TESTED with `sam local invoke`: {error}")
    with lambda_image(), ExitStack() as servers:
        first, *others = (local.folder for local in found)
        copy(request.getfixturevalue("sam_build"), first)
        if python := lambda_python.find():
            build.compile_modules(first, str(python))  # otherwise, each container does it
        for folder in others:
            copy(first, folder)
        yield [servers.enter_context(local) for local in found]


@pytest.fixture(scope="module")
def invoked(builds: list[SamLocal]) -> dict[str, Invoked]:
    """The runs of all requests, several at a time: some wait half a minute for Connect."""
    free: SimpleQueue[SamLocal] = SimpleQueue()
    for local in builds:
        free.put(local)

    def run(name: str) -> Invoked:
        local = free.get()
        try:
            return invoke(name, local)
        finally:
            free.put(local)

    first, *others = NAMES
    runs = {first: run(first)}  # sam prepares its image
    with ThreadPoolExecutor(len(builds)) as pool:
        return runs | dict(zip(others, pool.map(run, others), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_response_has_the_status_in_the_events_name(
    name: str, invoked: dict[str, Invoked]
) -> None:
    """The function runs in a container, calls the emulated Connect, and responds once."""
    event, done, responses = invoked[name]
    assert done.returncode == 0, done.stderr
    assert len(responses) == 1, done.stderr
    (response,) = responses
    assert response["Status"] == promised_status(name), response["Reason"]
    assert response["RequestId"] == event["RequestId"]
    assert "X-Amz-Signature" not in done.stderr


def test_a_type_that_no_function_serves_is_named(builds: list[SamLocal]) -> None:
    """The service tokens of the template tell which function serves a type."""
    with pytest.raises(SandboxError, match="no function serves Custom::ConnectQueue"):
        builds[0].function("Custom::ConnectQueue")
