"""`cfn-connect check`: look for obstacles before a first deployment, or before a failover."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from rich.console import Console
from rich.text import Text

from cfn_connect.clients import Clients, advice
from cfn_connect.inventory import Group, Inventory
from cfn_connect.resource_types import EXPORTED, EXPORTS
from connect_provider.arn import region

_QUOTA = "Quick connects per instance"  # its name in Service Quotas
_REPLICATED_TYPES = ("QUEUE", "TRANSFER_DESTINATION", "AGENT")
_REPLICATED = "INSTANCE_REPLICATION_COMPLETE"


@dataclass(frozen=True)
class Arguments:
    """The options of the command. failover: check also what a failover needs."""

    instance_id: str
    failover: bool = False


class Level(Enum):
    """The result of a check, and its color."""

    OK = "green"
    PROBLEM = "red"
    UNKNOWN = "yellow"


class Finding(NamedTuple):
    """A line of the output."""

    level: Level
    text: str


Findings = Iterator[Finding]


def run(arguments: Arguments, clients: Clients, console: Console) -> int:
    """Print a line for each finding. Return 1 for a problem, else 2 if a check was not possible."""
    home = region(arguments.instance_id) or clients.region
    instance = _Instance(clients, home, arguments.instance_id)
    levels = set()
    for check in instance.checks(failover=arguments.failover):
        for level, text in _results(check):
            levels.add(level)
            line = Text.assemble((f"{level.name.lower():8}", level.value), text)
            console.print(line, soft_wrap=True)
    return 1 if Level.PROBLEM in levels else 2 if Level.UNKNOWN in levels else 0


def _results(check: Callable[[], Findings]) -> Findings:
    """Yield the findings of a check. A response that refuses it is a finding, too."""
    try:
        yield from check()
    except ClientError as error:
        yield Finding(Level.UNKNOWN, advice(error))


class _Instance:
    """The checks of an instance. Without credentials or the instance, there is nothing to check."""

    def __init__(self, clients: Clients, home: str, instance_id: str) -> None:
        self._clients, self._home = clients, home
        self._connect = clients.client("connect", home)
        self._inventory = Inventory(self._connect, instance_id)
        self._identity: str = clients.client("sts").get_caller_identity()["Arn"]
        self._described = self._connect.describe_instance(InstanceId=self._inventory.instance_id)

    def checks(self, *, failover: bool) -> list[Callable[[], Findings]]:
        """Return the checks in the order of their findings."""
        regions = [self._home, *(self._replicas if failover else ())]
        always = [self._instance, lambda: self._provider(regions), self._permission, self._quota]
        drill = [self._replication, self._replication_findings, self._groups, self._routing]
        return always + (drill if failover else [])

    @property
    def _replicas(self) -> dict[str, str]:
        """Return the status of the replication to each other Region."""
        replication = self._described.get("ReplicationConfiguration", {})
        summaries = replication.get("ReplicationStatusSummaryList", ())
        statuses = {each["Region"]: each["ReplicationStatus"] for each in summaries}
        return {name: status for name, status in statuses.items() if name != self._home}

    def _instance(self) -> Findings:
        status = self._described["Instance"]["InstanceStatus"]
        level = Level.OK if status == "ACTIVE" else Level.PROBLEM
        yield Finding(level, f"you are {self._identity}; the instance is {status}")

    def _exports(self, region_name: str) -> dict[str, Any]:
        client = self._clients.client("cloudformation", region_name)
        pages = client.get_paginator("list_exports").paginate()
        exports = [each for page in pages for each in page["Exports"]]
        return {each["Name"]: each for each in exports if each["Name"] in EXPORTS}

    @cached_property
    def _home_exports(self) -> dict[str, Any]:
        return self._exports(self._home)

    def _provider(self, regions: list[str]) -> Findings:
        versions = {}
        for name in regions:
            exports = self._home_exports if name == self._home else self._exports(name)
            if missing := sorted(EXPORTS.keys() - exports.keys()):
                names = ", ".join(each.removeprefix(EXPORTED) for each in missing)
                text = f"{name}: no provider for {names}: run `make deploy` for this Region"
                yield Finding(Level.PROBLEM, text)
                continue
            stack_id = next(iter(exports.values()))["ExportingStackId"]
            versions[name] = self._version(stack_id, name)
            yield Finding(Level.OK, f"{name}: the provider is deployed, version {versions[name]}")
        if len({*versions.values()}) > 1:
            yield Finding(Level.PROBLEM, "the versions differ: deploy the newer one in each Region")

    def _version(self, stack_id: str, region_name: str) -> str:
        client = self._clients.client("cloudformation", region_name)
        (stack,) = client.describe_stacks(StackName=stack_id)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
        return str(outputs.get("Version", "unknown"))

    def _permission(self) -> Findings:
        """Simulate the call that CloudFormation makes with the identity of a deployment."""
        functions = sorted({each["Value"] for each in self._home_exports.values()})
        if not functions:
            return
        if self._identity.endswith(":root"):
            text = "IAM cannot simulate the root user: use the identity of deployments"
            yield Finding(Level.UNKNOWN, text)
            return
        simulated = self._clients.client("iam").simulate_principal_policy(
            PolicySourceArn=_role_of(self._identity),
            ActionNames=["lambda:InvokeFunction"],
            ResourceArns=functions,
        )
        for result in simulated["EvaluationResults"]:
            what = f"lambda:InvokeFunction on {result['EvalResourceName']}"
            if result["EvalDecision"] == "allowed":
                yield Finding(Level.OK, f"you may use {what}")
            else:
                yield Finding(Level.PROBLEM, f"allow {what} for {self._identity}")

    def _quota(self) -> Findings:
        instance_id = self._inventory.instance_id
        found = self._connect.search_quick_connects(InstanceId=instance_id, MaxResults=1)
        used = found["ApproximateTotalCount"]
        client = self._clients.client("service-quotas", self._home)
        pages = client.get_paginator("list_service_quotas").paginate(ServiceCode="connect")
        quotas = [q["Value"] for page in pages for q in page["Quotas"] if q["QuotaName"] == _QUOTA]
        if not quotas:
            yield Finding(Level.UNKNOWN, f"{used} quick connects; Service Quotas has no {_QUOTA!r}")
        elif used >= quotas[0]:
            text = f"{used} of {quotas[0]:.0f} quick connects: ask Service Quotas for more"
            yield Finding(Level.PROBLEM, text)
        else:
            yield Finding(Level.OK, f"{used} of {quotas[0]:.0f} quick connects")

    def _replication(self) -> Findings:
        if not self._replicas:
            yield Finding(Level.PROBLEM, "the instance has no replica: replicate it first")
        for name, status in self._replicas.items():
            level = Level.OK if status == _REPLICATED else Level.PROBLEM
            yield Finding(level, f"{name}: the replica is {status}")

    def _replication_findings(self) -> Findings:
        """Count what is not replicated of each type (API: ListReplicationFindings)."""
        paginator = self._connect.get_paginator("list_replication_findings")
        for kind in _REPLICATED_TYPES:
            pages = paginator.paginate(InstanceId=self._inventory.instance_id, ResourceType=kind)
            found = [each for page in pages for each in page["ReplicationFindingsList"]]
            if found:
                example = f"{found[0]['Id']}: {found[0]['Message']}"
                text = f"{len(found)} of type {kind} are not replicated, such as {example}"
                yield Finding(Level.PROBLEM, text)
            else:
                yield Finding(Level.OK, f"each {kind} is replicated")

    def _groups(self) -> Findings:
        for group in self._inventory.groups:
            yield self._group(group)

    def _group(self, group: Group) -> Finding:
        if group.status != "ACTIVE":
            return Finding(Level.PROBLEM, f"group {group.name}: {group.status}, not ACTIVE")
        users = len(self._inventory.users_of(group))
        if users or group.is_default:  # the default group moves sign-ins
            return Finding(Level.OK, f"group {group.name}: ACTIVE, with {users} agents")
        text = f"group {group.name}: no agents: associate the agents who take its calls"
        return Finding(Level.PROBLEM, text)

    def _routing(self) -> Findings:
        try:
            routing = self._connect.get_cross_region_routing(InstanceId=self._inventory.instance_id)
        except self._connect.exceptions.InvalidRequestException:
            yield Finding(Level.OK, "the instance has no global routing to isolate")
            return
        if isolated := routing["IsolatedRegions"]:
            text = f"the Regions {', '.join(isolated)} are isolated: end it with CrossRegionRouting"
            yield Finding(Level.PROBLEM, text)
        else:
            yield Finding(Level.OK, "global routing connects the Regions")


def _role_of(identity: str) -> str:
    """Return the ARN that IAM simulates: of an assumed role, the role without its path."""
    if ":assumed-role/" not in identity:
        return identity
    head, _, path = identity.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{path.split('/')[0]}"
