"""The limits. They apply to counts, because counts are equal in every run and times are not."""

import io
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from rich.console import Console

from benchmarks import contenders, lint, measure, real_time, simulation
from benchmarks.contenders import GROUPS, PROVIDER, RAW, Contender
from benchmarks.world import World
from cfn_connect.clients import Clients
from cfn_connect.commands import drift, export, orphans, plan
from connect_provider import backoff
from sandbox import scene
from sandbox.cloudformation import StackResource, Template

Command = Callable[[Any, Clients, Console], int]
SEEDS = range(20)
THROTTLED = (50, 200, 500)  # creates at once
READY_AFTER = (2, 10, 60, 300)  # seconds
SIZE_LIMIT = 9_000_000  # bytes, zipped
MEMORY_LIMIT = 56.0


@dataclass(frozen=True)
class Result:
    """A target and its measured value. stretch: an ideal value, or None."""

    name: str
    measured: float
    limit: float
    stretch: float | None = None
    exact: bool = False

    @property
    def holds(self) -> bool:
        """Return whether the target is met."""
        return self.measured == self.limit if self.exact else self.measured <= self.limit

    @property
    def stretched(self) -> bool:
        """Return whether the stretch value is met, too."""
        return self.holds and (self.stretch is None or self.measured <= self.stretch)


def everything(world: World, python: str) -> Iterator[Result]:
    """Measure every target that this machine can measure."""
    yield from _artifact()
    yield from _requests(world, python)
    yield from _calls(world, python)
    yield from _commands(world)
    yield from _settling()
    yield from _throttling()
    yield from _linting()
    if measure.can_count():
        yield from _instructions(world, python)


def _artifact() -> Iterator[Result]:
    (folder,) = PROVIDER.folders
    size = contenders.zipped_size(folder.iterdir())
    yield Result("artifact, zipped MB", size / 1e6, SIZE_LIMIT / 1e6)
    modules = [path for path in folder.rglob("*.py") if "__pycache__" not in path.parts]
    compiled = {path.parent.parent / path.name.split(".")[0] for path in folder.rglob("*.pyc")}
    missing = sum(path.with_suffix("") not in compiled for path in modules)
    yield Result("modules without a compiled file", missing, 0, exact=True)


def _instructions(world: World, python: str) -> Iterator[Result]:
    """Compare init, the first response and a warm Create with the raw handler."""
    numbers = [(RAW, _CREATES), (PROVIDER, _CREATES), (GROUPS, (0,))]
    with ThreadPoolExecutor(max_workers=2) as pool:
        counts = pool.map(
            lambda each: measure.instructions(each[0], world, python, each[1]), numbers
        )
        (init, first, warm), (ours, our_first, our_warm), (groups,) = counts
    yield Result("init instructions / raw handler", ours / init, 1.10, 1.00)
    yield Result("init instructions / raw handler, groups", groups / init, 1.10, 1.00)
    # Importing the package leaves the garbage collector alone, which costs two percent of this.
    yield Result("instructions to the first response / raw handler", our_first / first, 1.08, 0.90)
    ratio = (our_warm - our_first) / (warm - first)
    yield Result("instructions of a warm Create / raw handler", ratio, 1.4, 1.12)


# Count the instructions up to the end of init, of the first Create, and of some warm ones.
_CREATES = (0, 1, 1 + measure.WARM_CREATES)


def _requests(world: World, python: str) -> Iterator[Result]:
    """Measure the connections and sleeps of warm requests, and the memory after them."""
    world.reset()
    process = measure.Process(PROVIDER, world, python)
    measure.cycle(process, world)
    costs = [measure.cycle(process, world) for _ in range(5)]
    process.close()
    for what in ("contexts", "connections", "slept"):
        names = {"contexts": "TLS contexts", "connections": "new connections", "slept": "sleeps, s"}
        total = sum(cost[what] for round_ in costs for cost in round_.values())
        yield Result(f"{names[what]} in 15 warm requests", total, 0, exact=True)
    yield Result("peak memory, MB", costs[-1]["Delete"]["rss"], MEMORY_LIMIT, 46.0)


def _calls(world: World, python: str) -> Iterator[Result]:
    """Compare the number of Connect calls of each request with the least possible."""
    for module, name, limit, arrange in _REQUESTS:
        world.reset()
        folders = PROVIDER.folders
        process = measure.Process(Contender(name, module, folders), world, python)
        yield Result(f"Connect calls, {name}", arrange(world, process), limit, exact=True)
        process.close()


class _Author(Clients):
    """The clients of an author whose Connect and CloudFormation are those of a world."""

    def __init__(self, world: World) -> None:
        super().__init__(scene.REGION)
        self._environment = world.environment

    def new_client(self, service: str, region: str, config: Config) -> Any:
        """Return a client of a service."""
        secrets = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        url = self._environment[f"AWS_ENDPOINT_URL_{service.upper()}"]
        return boto3.client(service, region, endpoint_url=url, config=config, **secrets)


def _commands(world: World) -> Iterator[Result]:
    """Count the calls of the commands that read a whole instance, or a stack that has it."""
    for name, command, arguments, limit in _COMMANDS:
        world.reset()
        _add_quick_connects(world)
        command(arguments, _Author(world), Console(file=io.StringIO()))
        calls = len(world.connect.journal)
        yield Result(f"Connect calls, {name} of 1,000 quick connects", calls, limit, exact=True)


def _add_quick_connects(world: World) -> None:
    """Add 1,000 quick connects, which are in sync with the template of a stack."""
    instance = world.connect.instances[scene.INSTANCE_ID]
    config = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": "any"}}
    kind = "Custom::ConnectQuickConnect"
    declared, shown = {}, {}
    for name in map("Desk{}".format, range(1_000)):
        owner = {"cfn:stack-id": _STACK, "cfn:logical-id": name, "cfn:request-id": "any"}
        tags = {**owner, "cfn:created-at": "then", "team": "a"}
        arn = world.connect.add_quick_connect(instance, name, config, tags)
        properties = {"InstanceId": scene.INSTANCE_ID, "Name": name, "QuickConnectConfig": config}
        tagged = {**properties, "Tags": {"team": {"Ref": "Team"}}}
        declared[name] = {"Type": kind, "Properties": tagged}
        shown[name] = StackResource("CREATE_COMPLETE", arn, None, kind)
    template = {"Parameters": {"Team": {"Type": "String"}}, "Resources": declared}
    world.stacks.templates[_STACK] = Template(json.dumps(template), {"Team": "a"})
    world.stacks.show(_STACK, "CREATE_COMPLETE", shown)


def _counted(kind: str, request: str) -> Callable[[World, measure.Process], float]:
    """Return a function that counts the calls of a request on a new resource."""

    def arrange(world: World, process: measure.Process) -> float:
        create = world.event(f"{kind}_create", {})
        _, calls = process.send(create)
        if request == "create":
            return len(calls)
        return len(process.send(_follow(world, create, f"{kind}_{request}"))[1])

    return arrange


def _follow(world: World, create: dict[str, object], name: str) -> dict[str, object]:
    """Return a request for the resource of a create; unchanged ones repeat its properties."""
    event = world.event(name, {})
    event["OldResourceProperties"] = create["ResourceProperties"]
    if name.endswith(("_unchanged", "_delete")):
        event["ResourceProperties"] = create["ResourceProperties"]
    event["StackId"], event["LogicalResourceId"] = create["StackId"], create["LogicalResourceId"]
    response = world.responses[str(create["RequestId"])]
    return {**event, "PhysicalResourceId": response["PhysicalResourceId"]}


def _quota(world: World, process: measure.Process) -> float:
    """Count the calls of a create that exceeds the quota."""
    world.connect.quick_connect_quota = 0
    (create,) = measure.creates(world, 1)
    try:
        process.send(create)
    except measure.Failed:
        return len(world.connect.journal)
    raise measure.Failed("the create should have exceeded the quota")


def _offered(request: str) -> Callable[[World, measure.Process], float]:
    """Return a function that counts the calls that offer 30 quick connects in each of 42 queues."""

    def arrange(world: World, process: measure.Process) -> float:
        instance = world.connect.instances[scene.INSTANCE_ID]
        config = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": "any"}}
        arns = [world.connect.add_quick_connect(instance, f"{n}", config, {}) for n in range(31)]
        queues = [f"queue-{number}" for number in range(42)]
        instance.queues |= {*queues}
        calls = {"create": 0, "update": 0}
        for queue in queues:
            properties = {"QueueId": queue, "QuickConnectIds": arns[:30]}
            create = world.event("queue_quick_connects_create", properties)
            calls["create"] += len(process.send(create)[1])
            update = _follow(world, create, "queue_quick_connects_update")
            update["ResourceProperties"] = {**create["ResourceProperties"], "QuickConnectIds": arns}
            calls["update"] += len(process.send(update)[1])
        return calls[request]

    return arrange


_STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/desk/1"
_COMMANDS: tuple[tuple[str, Command, object, int], ...] = (
    (
        "export",
        export.run,
        export.Arguments(
            scene.INSTANCE_ID, (export.QUICK_CONNECTS,), inline=True, output=os.devnull
        ),
        12,
    ),
    ("orphans", orphans.run, orphans.Arguments(scene.INSTANCE_ID), 12),
    ("drift", drift.run, drift.Arguments(_STACK), 1_000),
    ("plan", plan.run, plan.Arguments(_STACK, overrides=("Team=b",)), 1_000),
)

_QUICK_CONNECT, _GROUP = (
    "connect_provider.quick_connect.app",
    "connect_provider.traffic_distribution_group.app",
)
_GROUPS = "traffic_distribution_group"
_REQUESTS = (
    (_QUICK_CONNECT, "quick connect Create", 1, _counted("quick_connect", "create")),
    (
        _QUICK_CONNECT,
        "quick connect Update without a change",
        1,
        _counted("quick_connect", "update_unchanged"),
    ),
    # A rename looks the new Name up first.
    (_QUICK_CONNECT, "quick connect Update of everything", 5, _counted("quick_connect", "update")),
    (_QUICK_CONNECT, "quick connect Delete", 2, _counted("quick_connect", "delete")),
    (_QUICK_CONNECT, "quick connect over its quota", 1, _quota),
    (_QUICK_CONNECT, "30 quick connects in each of 42 queues", 42, _offered("create")),
    (_QUICK_CONNECT, "one more in each of 42 queues", 42, _offered("update")),
    (_GROUP, "group Create, ready at once", 2, _counted(_GROUPS, "create")),
    (_GROUP, "group Delete, gone at once", 3, _counted(_GROUPS, "delete")),
)


def _settling() -> Iterator[Result]:
    for ready in READY_AFTER:
        worst = simulation.worst_settle(ready)
        limit = max(1.0, 0.1 * ready)
        yield Result(f"seconds late if ready after {ready} s", worst.excess, limit)
        yield Result(f"calls if ready after {ready} s", worst.looks, 50)


def _throttling() -> Iterator[Result]:
    for creates in THROTTLED:
        outcomes = [
            simulation.throttled_stack(creates, backoff.throttle_delay, seed) for seed in SEEDS
        ]
        failures = sum(outcome.failures for outcome in outcomes)
        yield Result(f"{creates} throttled creates: failures", failures, 0, exact=True)
        slowest = max(outcome.makespan for outcome in outcomes) / simulation.floor(creates)
        stretch = 1.05 if creates >= 200 else None
        yield Result(f"{creates} throttled creates: time / floor", slowest, 1.2, stretch)


def _linting() -> Iterator[Result]:
    """Compare times. Both are measured in one run, so the machine matters little."""
    for resources, conditions, limit in ((100, 3, 1.3), (20, 14, 1.5), (150, 14, 1.5)):
        name = f"cfn-lint time with our rules / without, {resources} x {conditions} conditions"
        yield Result(name, lint.ratio(resources, conditions), limit)


def over_sockets(world: World) -> Iterator[Result]:
    """Create and delete throttled quick connects over sockets, which takes minutes.

    Two stacks run in real time, with all functions at once. A large one runs faster, 50 at once.
    """
    for creates, at_once, speed, limit in (
        (50, 50, 1, 1.25),
        (200, 200, 1, 1.15),
        (500, 50, 25, 0),
    ):
        world.reset()
        outcome = real_time.throttled_stack(world, creates, at_once, speed)
        name = f"{creates} throttled creates over sockets"
        yield Result(f"{name}, and deletes: failures", outcome.failures, 0, exact=True)
        if limit:
            ratio = outcome.makespan / simulation.floor(creates)
            yield Result(f"{name}: time / floor", ratio, limit)
