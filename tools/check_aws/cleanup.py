"""Removes everything that carries the mark of a run."""

import time
from collections.abc import Callable
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.stacks import ARTIFACT_KEY
from tools.check_aws.account import Account


def remove_everything(account: Account, show: Callable[[str], None]) -> list[str]:
    """Remove the resources of a run; return those that are left.

    A list may lag behind, so the run ends only when the lists stay empty for a while. It gives up
    when nothing changes for a quarter of an hour: Connect may take minutes to create a group, and
    deletes it only afterwards. If Ctrl-C interrupts the read of a message, the queue shows the
    message again after half a minute.
    """
    quiet, patience = (0.5, 120.0) if account.is_sandbox else (60.0, 900.0)
    left, changed = _remove(account), time.monotonic()
    show(f"left: {', '.join(left) or 'nothing'}")
    while time.monotonic() - changed < (patience if left else quiet):
        time.sleep(account.poll_seconds)
        now = _remove(account)
        if now != left:
            left, changed = now, time.monotonic()
            show(f"left: {', '.join(left) or 'nothing'}")
    return left


def _remove(account: Account) -> list[str]:
    """Start the removal of every resource found; return their names."""
    found = []
    for part in (_remove_stacks, _remove_quick_connects, _remove_groups, _remove_bucket):
        try:
            found += part(account)
        except (BotoCoreError, ClientError) as error:
            found.append(f"unknown, because {error}")
    return found


def _remove_stacks(account: Account) -> list[str]:
    """Delete the stacks. The relay and the provider go last, because the others need them."""
    stacks = {stack["StackName"]: stack["StackStatus"] for stack in account.stacks()}
    relay = f"{account.mark}-relay"
    if account.deployed_relay and stacks.get(relay, "").endswith("_COMPLETE"):
        account.deployed_relay.respond_to_all()
    needed = {account.mark, relay}
    for name, status in stacks.items():
        if status.endswith("_IN_PROGRESS") or (name in needed and stacks.keys() - needed):
            continue
        # The other parts remove the resources that the provider cannot delete.
        force = {"DeletionMode": "FORCE_DELETE_STACK"} if status == "DELETE_FAILED" else {}
        _try(account.cloudformation.delete_stack, StackName=name, **force)
    return [f"stack {name}: {status}" for name, status in stacks.items()]


def _remove_quick_connects(account: Account) -> list[str]:
    found = account.quick_connects()
    for item in found:
        quick_connect = {"InstanceId": account.instance_id, "QuickConnectId": item["Id"]}
        _try(account.connect.delete_quick_connect, **quick_connect)
    return [f"quick connect {item['Name']}" for item in found]


def _remove_groups(account: Account) -> list[str]:
    found = account.groups()
    for item in found:
        if item["Status"] != "PENDING_DELETION":
            group = {"TrafficDistributionGroupId": item["Arn"]}
            user = {**group, "UserId": account.user_id, "InstanceId": account.instance_id}
            _try(account.connect.disassociate_traffic_distribution_group_user, **user)
            _try(account.connect.delete_traffic_distribution_group, **group)
    return [f"group {item['Name']}: {item['Status']}" for item in found]


def _remove_bucket(account: Account) -> list[str]:
    s3, bucket = account.client("s3"), f"{account.mark}-{account.region}"
    try:
        s3.delete_object(Bucket=bucket, Key=ARTIFACT_KEY)
        s3.delete_bucket(Bucket=bucket)
    except s3.exceptions.NoSuchBucket:
        return []
    return [f"bucket {bucket}"]


def _try(remove: Callable[..., object], **parameters: str) -> None:
    """Start a removal. If it is refused, the next pass finds the resource again."""
    with suppress(ClientError):
        remove(**parameters)
