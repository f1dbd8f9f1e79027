"""The calls to Connect for Custom::ConnectTrafficDistributionGroup."""

import operator
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connect_provider import arn
from connect_provider.connect import Connect
from connect_provider.errors import REFUSALS, NotFound, ProviderError
from connect_provider.reconcile.members import Members
from connect_provider.reconcile.plan import MemberIds, Observation, Status
from connect_provider.reconcile.resource import Resource
from connect_provider.traffic_distribution_group.model import (
    STATUSES,
    TrafficDistributionGroupProperties,
)


class GroupUsers(Members):
    """The users that a group is associated with."""

    def desired(self, properties: TrafficDistributionGroupProperties) -> MemberIds:
        """Return the bare ids of the template's users."""
        return frozenset(arn.resource_id(user) for user in properties.UserIds)

    def path(self, properties: TrafficDistributionGroupProperties, member: str) -> str:
        """Return the property that names a user, such as "UserIds.16"."""
        ids = [arn.resource_id(user) for user in properties.UserIds]
        return f"UserIds.{ids.index(member)}"

    def list(self, observed: Observation) -> MemberIds:
        """List the users, as ids or ARNs (API: ListTrafficDistributionGroupUsers)."""
        listed = self._connect.pages(
            "ListTrafficDistributionGroupUsers",
            arn.region_of(observed.arn),
            "TrafficDistributionGroupUserSummaryList",
            TrafficDistributionGroupId=observed.arn,
        )
        return frozenset(arn.resource_id(item["UserId"]) for item in listed)

    def add(self, observed: Observation, *members: str) -> None:
        """Associate users (API: AssociateTrafficDistributionGroupUser, idempotent)."""
        with self._adding(members):
            self._call("AssociateTrafficDistributionGroupUser", observed, members)

    def remove(self, observed: Observation, *members: str) -> None:
        """Dissociate users (API: DisassociateTrafficDistributionGroupUser)."""
        self._call("DisassociateTrafficDistributionGroupUser", observed, members)

    def _call(self, operation: str, observed: Observation, user_ids: tuple[str, ...]) -> None:
        for user_id in user_ids:
            try:
                self._call_once(operation, observed, user_id)
            except REFUSALS:
                if not self._outlast_update(observed.arn):
                    raise
                self._call(operation, observed, (user_id,))

    def _call_once(self, operation: str, observed: Observation, user_id: str) -> None:
        self._connect.call(
            operation,
            arn.region_of(observed.arn),
            TrafficDistributionGroupId=observed.arn,
            UserId=user_id,
            InstanceId=observed.state["InstanceId"],
        )

    def _outlast_update(self, group_arn: str) -> bool:
        """Wait while Connect changes the group's traffic; return whether it did.

        Meanwhile, it refuses calls about users: it does not find the group (API:
        AssociateTrafficDistributionGroupUser).
        """
        run = self._connect.run

        def status() -> Status | None:
            try:
                return STATUSES.get(_describe(self._connect, group_arn)["Status"])
            except NotFound:
                return None

        def is_busy() -> bool:
            return run.look_again(status) is Status.BUSY

        if not is_busy():
            return False
        run.wait(is_busy, operator.not_, f"{group_arn} is still being changed", seen=True)
        run.note_change()
        return True


def _describe(connect: Connect, group_arn: str) -> dict[str, Any]:
    """Describe a group (API: DescribeTrafficDistributionGroup)."""
    found: dict[str, Any] = connect.call(
        "DescribeTrafficDistributionGroup",
        arn.region_of(group_arn),
        TrafficDistributionGroupId=group_arn,
    )["TrafficDistributionGroup"]
    return found


class TrafficDistributionGroup(Resource[TrafficDistributionGroupProperties]):
    """A traffic distribution group. Its physical id is its ARN, which holds its home Region."""

    model = TrafficDistributionGroupProperties
    members_type = GroupUsers
    arn_pattern = re.compile(
        r"arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{12}:traffic-distribution-group/[A-Za-z0-9_-]+"
    )

    def observe(self, physical_id: str) -> Observation:
        """Describe the group."""
        live = _describe(self._connect, physical_id)
        state = {
            "InstanceId": arn.resource_id(live["InstanceArn"]),
            "Name": live["Name"],
            "Description": live.get("Description") or None,
        }
        return _observation(live, state, live.get("Tags", {}))

    def find(self, desired: TrafficDistributionGroupProperties) -> str | None:
        """Find the Name among the groups of the instance (API: ListTrafficDistributionGroups)."""
        listed = self._connect.pages(
            "ListTrafficDistributionGroups",
            arn.region_of(desired.InstanceId),
            "TrafficDistributionGroupSummaryList",
            InstanceId=arn.resource_id(desired.InstanceId),
            MaxResults=10,
        )
        return next((item["Arn"] for item in listed if item["Name"] == desired.Name), None)

    def create(
        self, desired: TrafficDistributionGroupProperties, tags: Mapping[str, str], token: str
    ) -> Observation:
        """Start the creation (API: CreateTrafficDistributionGroup, asynchronous)."""
        state = desired.state
        parameters = {name: value for name, value in state.items() if value is not None}
        created = self._connect.call(
            "CreateTrafficDistributionGroup",
            arn.region_of(desired.InstanceId),
            **parameters,
            ClientToken=token,
            Tags=dict(tags),
        )
        started = {"Arn": created["Arn"], "Status": "CREATION_IN_PROGRESS"}
        return _observation(started, state, tags)

    def delete(self, observed: Observation) -> Observation | None:
        """Start the deletion (API: DeleteTrafficDistributionGroup, asynchronous)."""
        if observed.attributes["IsDefault"] == "true":
            return None  # it belongs to the instance, and no API deletes it
        if observed.status is Status.DELETING:
            return observed
        region = arn.region_of(observed.arn)
        self._connect.call(
            "DeleteTrafficDistributionGroup", region, TrafficDistributionGroupId=observed.arn
        )
        return replace(observed, status=Status.DELETING)

    def blocker(self, observed: Observation) -> str:
        """Name the phone numbers that are claimed to the group (API: ListPhoneNumbersV2)."""
        listed = self._connect.pages(
            "ListPhoneNumbersV2",
            arn.region_of(observed.arn),
            "ListPhoneNumbersSummaryList",
            TargetArn=observed.arn,
        )
        try:
            claimed = [item["PhoneNumberId"] for item in listed]
        except ProviderError:
            return ""
        if not claimed:
            return ""
        shown = ", ".join(claimed[:5]) + (" and others" if len(claimed) > 5 else "")
        return f"Release or move the {len(claimed)} phone numbers claimed to it: {shown}"


def _observation(
    live: Mapping[str, Any], state: Mapping[str, Any], tags: Mapping[str, str]
) -> Observation:
    attributes = {
        "Arn": live["Arn"],
        "Id": arn.resource_id(live["Arn"]),
        "TrafficDistributionGroupArn": live["Arn"],
        "Status": live["Status"],
        "IsDefault": "true" if live.get("IsDefault") else "false",
        "InstanceArn": live.get("InstanceArn", ""),
    }
    status = STATUSES.get(live["Status"], Status.FAILED)
    return Observation(live["Arn"], state, tags, attributes, status)
