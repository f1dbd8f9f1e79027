"""`cfn-connect orphans`: find the resources that a stack marked as its own and no longer has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.text import Text

from cfn_connect.clients import Clients, code_of
from cfn_connect.inventory import Inventory, Tagged
from connect_provider.arn import region
from connect_provider.ownership import LOGICAL_ID, STACK_ID

_LEFT = ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(frozen=True)
class Arguments:
    """The options of the command."""

    instance_id: str


class Verdict(Enum):
    """Whether a stack still has a resource."""

    OWNED = "owned"
    ORPHAN = "orphan"
    UNKNOWN = "unknown"


# The resources of a stack by their logical ids, each as ListStackResources shows it.
_Stack = Mapping[str, Mapping[str, Any]]


def run(arguments: Arguments, clients: Clients, console: Console) -> int:
    """Print a line for each finding. Return 1 for an orphan, else 2 if a stack does not tell."""
    client = clients.client("connect", region(arguments.instance_id))
    inventory = Inventory(client, arguments.instance_id)
    stacks: dict[str, _Stack | None] = {}
    verdicts = set()
    for resource in _marked([*inventory.quick_connects, *inventory.groups]):
        verdict, reason = _judge(resource, stacks, clients)
        verdicts.add(verdict)
        if verdict is not Verdict.OWNED:
            color = "red" if verdict is Verdict.ORPHAN else "yellow"
            line = Text.assemble((f"{verdict.value:8}", color), f"{resource.arn} ({reason})")
            console.print(line, soft_wrap=True)
    if Verdict.ORPHAN in verdicts:
        return 1
    if Verdict.UNKNOWN in verdicts:
        return 2
    console.print("No stack left a resource behind.")
    return 0


def _marked(resources: list[Tagged]) -> Iterator[Tagged]:
    """Yield the resources that have an owner."""
    for resource in resources:
        if STACK_ID in resource.tags or LOGICAL_ID in resource.tags:
            yield resource


def _judge(
    resource: Tagged, stacks: dict[str, _Stack | None], clients: Clients
) -> tuple[Verdict, str]:
    """Return whether the owner still has the resource, and the reason. Read each stack once."""
    stack_id, logical_id = resource.tags.get(STACK_ID, ""), resource.tags.get(LOGICAL_ID, "")
    if not stack_id.startswith("arn:") or not logical_id:
        return Verdict.UNKNOWN, f"somebody changed its tags {STACK_ID} and {LOGICAL_ID}"
    account = stack_id.split(":")[4]
    if account != resource.arn.split(":")[4]:
        return Verdict.UNKNOWN, f"{stack_id} belongs to the account {account}: look there"
    if stack_id not in stacks:
        stacks[stack_id] = _read(stack_id, clients)
    stack = stacks[stack_id]
    if stack is None:
        return Verdict.ORPHAN, f"{stack_id} does not exist"
    found = stack.get(logical_id)
    if found is None or found["ResourceStatus"] in _LEFT:
        return Verdict.ORPHAN, f"{stack_id} no longer has {logical_id}"
    if found["ResourceStatus"].endswith("_IN_PROGRESS"):
        return Verdict.UNKNOWN, f"{stack_id} is changing {logical_id}: run the command again later"
    if found.get("PhysicalResourceId") != resource.arn:
        return Verdict.ORPHAN, f"{stack_id} has another resource as {logical_id}"
    return Verdict.OWNED, ""


def _read(stack_id: str, clients: Clients) -> _Stack | None:
    """Return the resources of a stack, or None if it does not exist (API: ListStackResources)."""
    client = clients.client("cloudformation", region(stack_id))
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    try:
        listed = [each for page in pages for each in page["StackResourceSummaries"]]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        return None
    return {each["LogicalResourceId"]: each for each in listed}
