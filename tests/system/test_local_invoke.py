"""The functions run in Docker under sam, as built, in Lambda's image.

Every request of events/ goes to `sam local start-lambda`, whose containers stay warm. Some requests
also go to `sam local invoke`, as users type it. It takes a container and a start of sam for each.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from sandbox import lambda_python, sam
from sandbox.aws import SandboxError
from sandbox.sam_local import FOLDER, IMAGE, SamLocal, docker
from tests.support import base_image
from tests.support.harness import EVENTS, promised_status, read_event
from tests.support.start_lambda import PATIENCE, StartLambda, remove_containers
from tools import build

_AT_ONCE = 3  # requests; some wait half a minute for Connect
NAMES = sorted(path.stem for path in EVENTS.glob("*.json"))
TYPED = (
    "quick_connect_create",
    "queue_quick_connects_update",
    "traffic_distribution_create_invalid",
    "traffic_distribution_group_delete",
    "traffic_distribution_update",
)


@contextmanager
def lambda_image() -> Iterator[None]:
    """Provide Lambda's image: from this machine, from the registry, or as a stand-in."""
    tag = sam.architecture()
    image = f"{IMAGE}-{tag}"
    if 0 in (docker(*get, image).returncode for get in (("image", "inspect"), ("pull",))):
        yield
        return
    python = lambda_python.find()
    if python is None:
        pytest.skip(f"NOT TESTED: there is neither {IMAGE} nor python{lambda_python.VERSION}")
    base_image.build(python, tag)
    yield
    docker("image", "rm", "--force", image, f"{IMAGE}-rapid-{tag}")


class Run(NamedTuple):
    """A request that ran.

    error: the error of sam or of the function, or "".
    log: the lines of sam and of the function. A server's log has those of other requests, too.
    """

    event: dict[str, Any]
    error: str
    responses: list[dict[str, Any]]
    log: list[str]


def invoke(name: str, local: SamLocal) -> Run:
    """Run a request in a container of its own, through `sam local invoke`."""
    event = local.stage(EVENTS / f"{name}.json")
    try:
        done = sam.run(local.command(event), capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as expired:  # sam waits 15 minutes after a lost connection
        log = (expired.stderr or b"").decode()
        remove_containers(log)
        return Run(event, "sam did not end", local.sink.responses, log.splitlines())
    error = f"sam ended with {done.returncode}" if done.returncode else ""
    return Run(event, error, local.sink.responses, done.stderr.splitlines())


def send(name: str, server: StartLambda) -> Run:
    """Run a request in a warm container, through `sam local start-lambda`."""
    event = server.local.stage(EVENTS / f"{name}.json")
    error = server.invoke(event)
    return Run(event, error, server.local.sink.responses, server.log)


def send_all(servers: Sequence[StartLambda], pool: Executor) -> dict[str, Run]:
    """Run all requests, one at a time in each server."""
    free: SimpleQueue[StartLambda] = SimpleQueue()
    for server in servers:
        free.put(server)

    def send_one(name: str) -> Run:
        server = free.get()
        try:
            return send(name, server)
        finally:
            free.put(server)

    return dict(zip(NAMES, pool.map(send_one, NAMES), strict=True))


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
        pytest.skip(f"NOT TESTED with `sam local`: {error}")
    with lambda_image(), ExitStack() as servers:
        first, *others = (local.folder for local in found)
        copy(request.getfixturevalue("sam_build"), first)
        if python := lambda_python.find():
            build.compile_modules(first, str(python))  # otherwise, each container does it
        for folder in others:
            copy(first, folder)
        yield [servers.enter_context(local) for local in found]


@pytest.fixture(scope="module")
def invoked(builds: list[SamLocal]) -> dict[str, Run]:
    """The runs of some requests through `sam local invoke`."""
    return {name: invoke(name, builds[0]) for name in TYPED}


@pytest.fixture(scope="module")
def servers(builds: list[SamLocal]) -> list[StartLambda]:
    """A server for each build. It runs only while requests are sent."""
    return [StartLambda(local) for local in builds]


@pytest.fixture(scope="module")
def sent(servers: list[StartLambda], invoked: dict[str, Run]) -> dict[str, Run]:
    """The runs of all requests through the servers. They need the image, and so an invocation."""
    with ThreadPoolExecutor(len(servers)) as pool, ExitStack() as running:
        for server in servers:  # one after the other, because sam guesses a free port
            running.enter_context(server)
        return send_all(servers, pool)


def check(name: str, run: Run) -> None:
    """The function responds once, with the promised status, and logs no signature."""
    log = "\n".join(run.log)
    assert not run.error, log
    assert len(run.responses) == 1, log
    (response,) = run.responses
    assert response["Status"] == promised_status(name), response["Reason"]
    assert response["RequestId"] == run.event["RequestId"]
    assert run.event["RequestId"] in log
    assert "X-Amz-Signature" not in log


@pytest.mark.parametrize("name", TYPED)
def test_sam_local_invoke_runs_a_request(name: str, invoked: dict[str, Run]) -> None:
    """The function runs in a new container, calls the emulated Connect, and responds once."""
    check(name, invoked[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_response_has_the_status_in_the_events_name(name: str, sent: dict[str, Run]) -> None:
    """The function runs in a warm container, calls the emulated Connect, and responds once."""
    check(name, sent[name])


def test_sam_local_invoke_runs_a_request_of_each_type() -> None:
    """Each type succeeds once, and one request fails."""
    succeeded = {
        read_event(name)["ResourceType"] for name in TYPED if promised_status(name) == "SUCCESS"
    }
    assert succeeded == RESOURCE_TYPES.keys()
    assert "FAILED" in map(promised_status, TYPED)


def test_the_servers_leave_no_container(
    servers: list[StartLambda], sent: dict[str, Run], builds: list[SamLocal]
) -> None:
    """Each server has had a container for each function, and has removed it."""
    left = docker("ps", "--all", "--quiet", "--no-trunc").stdout.split()
    for server in servers:
        assert server.containers
        assert set(server.containers).isdisjoint(left)


def test_a_type_that_no_function_serves_is_named(builds: list[SamLocal]) -> None:
    """The service tokens of the template tell which function serves a type."""
    with pytest.raises(SandboxError, match="no function serves Custom::ConnectQueue"):
        builds[0].function("Custom::ConnectQueue")
