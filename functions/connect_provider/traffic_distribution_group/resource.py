"""The calls to Connect for Custom::ConnectTrafficDistributionGroup."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connect_provider import arn
from connect_provider.connect import region_of
from connect_provider.errors import (
    InvalidRequest,
    NotFound,
    NotStabilized,
    ProviderError,
    ResourceConflict,
)
from connect_provider.reconcile.plan import Observed
from connect_provider.reconcile.resource import Resource
from connect_provider.traffic_distribution_group.model import TrafficDistributionGroupProperties

_ARN = re.compile(
    r"arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{12}:traffic-distribution-group/[A-Za-z0-9_-]+"
)

CREATION_IN_PROGRESS = "CREATION_IN_PROGRESS"
PENDING_DELETION = "PENDING_DELETION"


class TrafficDistributionGroup(Resource[TrafficDistributionGroupProperties]):
    """A traffic distribution group. Its physical id is its ARN, which holds its home Region."""

    model = TrafficDistributionGroupProperties

    def owns(self, physical_id: str) -> bool:
        """Tell whether it is a traffic distribution group's ARN."""
        return _ARN.fullmatch(physical_id) is not None

    def canonical(self, desired: TrafficDistributionGroupProperties) -> Mapping[str, Any]:
        """Return the properties with a bare instance id."""
        return {
            "InstanceId": arn.resource_id(desired.InstanceId),
            "Name": desired.Name,
            "Description": desired.Description,
        }

    def observe(self, physical_id: str) -> Observed | None:
        """Describe the group (API: DescribeTrafficDistributionGroup)."""
        try:
            found = self._connect.call(
                "DescribeTrafficDistributionGroup",
                region_of(physical_id),
                TrafficDistributionGroupId=physical_id,
            )
        except NotFound:
            return None
        live = found["TrafficDistributionGroup"]
        state = {
            "InstanceId": arn.resource_id(live["InstanceArn"]),
            "Name": live["Name"],
            "Description": live.get("Description") or None,
        }
        return _observed(live, state, live.get("Tags", {}))

    def find(self, desired: TrafficDistributionGroupProperties) -> Observed | None:
        """Find by name among the groups of the instance."""
        listed = self._connect.pages(
            "ListTrafficDistributionGroups",
            region_of(desired.InstanceId),
            "TrafficDistributionGroupSummaryList",
            InstanceId=arn.resource_id(desired.InstanceId),
            MaxResults=10,
        )
        found = next((item["Arn"] for item in listed if item["Name"] == desired.Name), None)
        return self.observe(found) if found else None

    def create(
        self, desired: TrafficDistributionGroupProperties, tags: Mapping[str, str], token: str
    ) -> Observed:
        """Begin to create it (API: CreateTrafficDistributionGroup, asynchronous)."""
        state = self.canonical(desired)
        parameters = {name: value for name, value in state.items() if value is not None}
        created = self._connect.call(
            "CreateTrafficDistributionGroup",
            region_of(desired.InstanceId),
            **parameters,
            ClientToken=token,
            Tags=dict(tags),
        )
        begun = {"Arn": created["Arn"], "Status": CREATION_IN_PROGRESS}
        return _observed(begun, state, tags)

    def refuse_replacement(
        self, desired: TrafficDistributionGroupProperties, observed: Observed
    ) -> None:
        """Refuse one that keeps its Name: the old group has it until after the new one is made."""
        wanted = self.canonical(desired)
        if all(wanted[name] == observed.state[name] for name in ("InstanceId", "Name")):
            raise InvalidRequest(
                "Name: choose another one. Description can only be changed by a replacement, and "
                "CloudFormation creates the new group before it deletes the old one, which still "
                "has this Name"
            )

    def members(self, desired: TrafficDistributionGroupProperties) -> frozenset[str]:
        """Return the bare ids of the users that the template associates."""
        return frozenset(arn.resource_id(user) for user in desired.UserIds)

    def list_members(self, observed: Observed) -> frozenset[str]:
        """Return the ids of all associated users (API: ListTrafficDistributionGroupUsers)."""
        listed = self._connect.pages(
            "ListTrafficDistributionGroupUsers",
            region_of(observed.arn),
            "TrafficDistributionGroupUserSummaryList",
            TrafficDistributionGroupId=observed.arn,
        )
        return frozenset(item["UserId"] for item in listed)

    def join(self, observed: Observed, member: str) -> None:
        """Associate a user (API: AssociateTrafficDistributionGroupUser, idempotent)."""
        self._on_user("AssociateTrafficDistributionGroupUser", observed, member)

    def leave(self, observed: Observed, member: str) -> None:
        """Dissociate a user (API: DisassociateTrafficDistributionGroupUser); gone is as good."""
        try:
            self._on_user("DisassociateTrafficDistributionGroupUser", observed, member)
        except NotFound:
            return  # the user is gone, or the group

    def _on_user(self, operation: str, observed: Observed, user_id: str) -> None:
        self._connect.call(
            operation,
            region_of(observed.arn),
            TrafficDistributionGroupId=observed.arn,
            UserId=user_id,
            InstanceId=observed.state["InstanceId"],
        )

    def update(
        self,
        observed: Observed,
        desired: TrafficDistributionGroupProperties,
        changed: tuple[str, ...],
    ) -> Observed:
        """Change nothing: Connect has no API for it, so every property is create-only."""
        return observed

    def delete(self, observed: Observed) -> Observed | None:
        """Begin to delete it (API: DeleteTrafficDistributionGroup, asynchronous)."""
        if observed.attributes["IsDefault"] == "true":
            return None  # it belongs to the instance, and no API deletes it
        if observed.attributes["Status"] == PENDING_DELETION:
            return observed
        try:
            self._connect.call(
                "DeleteTrafficDistributionGroup",
                region_of(observed.arn),
                TrafficDistributionGroupId=observed.arn,
            )
        except NotFound:
            return None
        except ResourceConflict as error:
            raise ResourceConflict(f"{error}. {self._users_of(observed)}") from None
        return replace(observed, attributes={**observed.attributes, "Status": PENDING_DELETION})

    def busy(self, observed: Observed) -> bool:
        """Tell whether the group is being created or its traffic shifted."""
        return observed.attributes["Status"] in (CREATION_IN_PROGRESS, "UPDATE_IN_PROGRESS")

    def check_created(self, observed: Observed) -> None:
        """Raise NotStabilized unless the group is ACTIVE."""
        status = observed.attributes["Status"]
        if status != "ACTIVE":
            raise NotStabilized(f"{observed.arn} is {status}")

    def check_deleting(self, observed: Observed) -> None:
        """Raise NotStabilized, with what still uses the group, when it is DELETION_FAILED."""
        status = observed.attributes["Status"]
        if status == "DELETION_FAILED":
            raise NotStabilized(f"{observed.arn} is {status}. {self._users_of(observed)}")

    def _users_of(self, observed: Observed) -> str:
        """Say what still uses the group: the phone numbers that are claimed to it."""
        listed = self._connect.pages(
            "ListPhoneNumbersV2",
            region_of(observed.arn),
            "ListPhoneNumbersSummaryList",
            TargetArn=observed.arn,
        )
        try:
            claimed = [item["PhoneNumberId"] for item in listed]
        except ProviderError as error:
            return f"What still uses it is not known ({error})"
        if not claimed:
            return "No phone number is claimed to it; look for users and flows that use it"
        shown = ", ".join(claimed[:5]) + (" and others" if len(claimed) > 5 else "")
        return f"Release or move the {len(claimed)} phone numbers claimed to it: {shown}"


def _observed(
    live: Mapping[str, Any], state: Mapping[str, Any], tags: Mapping[str, str]
) -> Observed:
    """Return the group; attributes are what Fn::GetAtt returns."""
    attributes = {
        "Arn": live["Arn"],
        "Id": arn.resource_id(live["Arn"]),
        "TrafficDistributionGroupArn": live["Arn"],
        "Status": live["Status"],
        "IsDefault": "true" if live.get("IsDefault") else "false",
        "InstanceArn": live.get("InstanceArn", ""),
    }
    return Observed(live["Arn"], state, tags, attributes)
