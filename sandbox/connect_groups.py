"""Connect's traffic distribution groups: states that change with time, splits, users, Regions."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.connect_account import ACCOUNT, ConnectAccount, Instance, bare, page
from sandbox.connect_model import ServiceError


class TrafficDistributionGroups(ConnectAccount):
    """The operations on traffic distribution groups."""

    def add_instance(
        self, instance_id: str, region: str, replica_region: str | None = None
    ) -> Instance:
        """Add an instance; a replicated one gets its default traffic distribution group."""
        instance = Instance(instance_id, region, replica_region)
        self.instances[instance_id] = instance
        if replica_region:
            self.add_group(instance, "default", "", {}, is_default=True)["Status"] = "ACTIVE"
        return instance

    def _describe_instance(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, p["InstanceId"])
        found: dict[str, Any] = {
            "Instance": {"Id": instance.id, "Arn": instance.arn, "InstanceStatus": "ACTIVE"}
        }
        if instance.replica_region:
            done = self._clock() >= instance.ready_at
            status = f"INSTANCE_REPLICATION_{'COMPLETE' if done else 'IN_PROGRESS'}"
            found["ReplicationConfiguration"] = {
                "SourceRegion": instance.region,
                "ReplicationStatusSummaryList": [
                    {"Region": instance.replica_region, "ReplicationStatus": status}
                ],
            }
        return found

    def _list_replication_findings(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        findings = self._instance(region, p["InstanceId"]).replication_findings
        shown = [each for each in findings if each["ResourceType"] == p["ResourceType"]]
        return page(shown, "ReplicationFindingsList", p, 100)

    def keep_in(self, group: dict[str, Any], status: str) -> None:
        """Put a group into a status; it stays there until a call changes it."""
        group["Status"], group["next"] = status, (None, 0.0)

    def default_group(self, instance_id: str) -> dict[str, Any]:
        """Return the default traffic distribution group of a replicated instance."""
        return next(
            group
            for group in self.groups.values()
            if group["IsDefault"] and bare(group["InstanceArn"]) == instance_id
        )

    def claim_phone_number(self, group_arn: str) -> str:
        """Claim a phone number to a group; return its id."""
        number_id = str(uuid.uuid4())
        self.phone_numbers[number_id] = {"PhoneNumberId": number_id, "TargetArn": group_arn}
        return number_id

    def forget_tokens(self) -> None:
        """Forget every ClientToken, as Connect does after a while."""
        self._tokens.clear()

    def _create_traffic_distribution_group(
        self, region: str, p: Mapping[str, Any]
    ) -> dict[str, str]:
        token = p.get("ClientToken")
        if token in self._tokens:
            arn = self._tokens[token]
            return {"Id": bare(arn), "Arn": arn}
        instance = self._instance(region, p["InstanceId"])
        if instance.replica_region is None or self._clock() < instance.ready_at:
            raise ServiceError("ResourceNotReadyException", "the instance is not replicated")
        siblings = [g for g in self.groups.values() if g["InstanceArn"] == instance.arn]
        if any(g["Name"] == p["Name"] for g in siblings):
            raise ServiceError("ResourceConflictException", f"Name {p['Name']} is in use")
        if len(siblings) >= self.group_quota:
            raise ServiceError("ServiceQuotaExceededException", "too many groups")
        group = self.add_group(instance, p["Name"], p.get("Description", ""), p.get("Tags", {}))
        if token:
            self._tokens[token] = group["Arn"]
        return {"Id": group["Id"], "Arn": group["Arn"]}

    def add_group(
        self,
        instance: Instance,
        name: str,
        description: str,
        tags: Mapping[str, str],
        *,
        is_default: bool = False,
        new_id: str = "",
    ) -> dict[str, Any]:
        """Add a group that becomes ACTIVE soon, or a default group, which is ACTIVE; return it."""
        end = "CREATION_FAILED" if self.creation_fails else "ACTIVE"
        new_id = new_id or str(uuid.uuid4())
        arn = f"arn:aws:connect:{instance.region}:{ACCOUNT}:traffic-distribution-group/{new_id}"
        group: dict[str, Any] = {
            "Id": new_id,
            "Arn": arn,
            "Name": name,
            "Description": description,
            "InstanceArn": instance.arn,
            "Status": "ACTIVE" if is_default else "CREATION_IN_PROGRESS",
            "Tags": dict(tags),
            "IsDefault": is_default,
            "next": (None, 0.0) if is_default else (end, self._clock() + self.settle_seconds),
            "traffic": _first_split(instance),
            "shifting": None,
            "users": set(),
        }
        self.groups[arn] = group
        return group

    def _settle(self) -> None:
        """Move every group to its next state if the time has come."""
        for arn, group in list(self.groups.items()):
            following, when = group["next"]
            if following is None or self._clock() < when:
                continue
            if following == "gone":
                del self.groups[arn]
            else:
                group["Status"], group["next"] = following, (None, 0.0)
                group["traffic"].update(group["shifting"] or {})
                group["shifting"] = None
            self.note_changes(when)

    def _describe_traffic_distribution_group(
        self, region: str, p: Mapping[str, Any]
    ) -> dict[str, Any]:
        group = dict(self._group(region, p["TrafficDistributionGroupId"]))
        for hidden in ("next", "traffic", "shifting", "users", "failed_over"):
            group.pop(hidden, None)
        if not group["Description"]:
            del group["Description"]
        return {"TrafficDistributionGroup": group}

    def _list_traffic_distribution_groups(
        self, region: str, p: Mapping[str, Any]
    ) -> dict[str, Any]:
        wanted = bare(p["InstanceId"]) if "InstanceId" in p else None
        names = ("Id", "Arn", "Name", "InstanceArn", "Status", "IsDefault")
        items = [
            {name: group[name] for name in names}
            for group in self.groups.values()
            if wanted in (None, bare(group["InstanceArn"]))
            and region in self._regions_of(group["InstanceArn"])
        ]
        return page(items, "TrafficDistributionGroupSummaryList", p, 10)

    def _delete_traffic_distribution_group(self, region: str, p: Mapping[str, Any]) -> None:
        group = self._group(region, p["TrafficDistributionGroupId"])
        _check_home(region, group)
        if group["IsDefault"]:
            raise ServiceError("InvalidRequestException", "the default group cannot be deleted")
        if group["Status"] in ("CREATION_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            raise ServiceError("InvalidRequestException", f"the group is {group['Status']}")
        if group["Status"] == "PENDING_DELETION" and self.refuses_repeated_delete:
            raise ServiceError("InvalidRequestException", "the group is PENDING_DELETION")
        if any(n["TargetArn"] == group["Arn"] for n in self.phone_numbers.values()):
            raise ServiceError("ResourceInUseException", "phone numbers are claimed to the group")
        if group["Status"] != "PENDING_DELETION":
            group["Status"] = "PENDING_DELETION"
            end = "DELETION_FAILED" if self.deletion_fails else "gone"
            group["next"] = (end, self._clock() + self.settle_seconds)

    def _get_traffic_distribution(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        group = self._group(region, p["Id"])
        shown = {"Id": group["Id"], "Arn": group["Arn"], **group["traffic"]}
        if "failed_over" in group:
            shown["LastFailoverTime"] = group["failed_over"]
        return shown

    def _update_traffic_distribution(self, region: str, p: Mapping[str, Any]) -> None:
        group = self._group(region, p["Id"])
        if group["Status"] != "ACTIVE":
            raise ServiceError("ResourceConflictException", f"the group is {group['Status']}")
        configs = {name: p[name] for name in group["traffic"] if name in p}
        if "TelephonyConfig" not in configs:
            raise ServiceError("InvalidRequestException", "TelephonyConfig is required")
        regions = sorted(filter(None, self._regions_of(group["InstanceArn"])))
        for name, config in configs.items():
            _check_distributions(name, config["Distributions"], regions)
        sign_in = configs.get("SignInConfig", group["traffic"]["SignInConfig"])
        if sign_in != group["traffic"]["SignInConfig"] and not group["IsDefault"]:
            raise ServiceError("InvalidRequestException", "SignInConfig needs the default group")
        group["failed_over"] = time.time()
        group["shifting"] = {n: c for n, c in configs.items() if n not in self.lost_configs}
        group["Status"] = "UPDATE_IN_PROGRESS"
        group["next"] = ("ACTIVE", self._clock() + self.shift_seconds)

    def _get_cross_region_routing(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._globally_routed(region, p)
        regions = [instance.region, instance.replica_region]
        return {"IsolatedRegions": regions if instance.isolated else []}

    def _update_cross_region_routing(self, region: str, p: Mapping[str, Any]) -> None:
        self._globally_routed(region, p).isolated = p["IsolatedAll"]

    def _globally_routed(self, region: str, p: Mapping[str, Any]) -> Instance:
        instance = self.instances.get(bare(p["InstanceId"]))
        if instance is None or region not in (instance.region, instance.replica_region):
            raise ServiceError("ResourceNotFoundException", "no such instance")
        if not instance.global_routing:
            raise ServiceError("InvalidRequestException", "the instance has no global routing")
        return instance

    def _associate_traffic_distribution_group_user(self, region: str, p: Mapping[str, Any]) -> None:
        self._users(region, p).add(p["UserId"])

    def _disassociate_traffic_distribution_group_user(
        self, region: str, p: Mapping[str, Any]
    ) -> None:
        self._users(region, p).discard(p["UserId"])

    def _users(self, region: str, p: Mapping[str, Any]) -> set[str]:
        """Return a group's users, for a call that adds or removes one.

        Connect documents that the group must be ACTIVE. A group whose deletion failed is live, so
        it is assumed to accept the call too.
        """
        group = self._group(region, p["TrafficDistributionGroupId"])
        _check_home(region, group)
        instance = self.instances.get(bare(p["InstanceId"]))
        if instance is None or p["UserId"] not in instance.users:
            raise ServiceError("ResourceNotFoundException", "no such user")
        if group["Status"] not in ("ACTIVE", "DELETION_FAILED"):
            raise ServiceError(self.busy_error, f"the group is {group['Status']}")
        if p["UserId"] in instance.unnamed_in_replica:
            raise ServiceError("InvalidRequestException", "the replica has no name for the user")
        users: set[str] = group["users"]
        return users

    def _list_traffic_distribution_group_users(
        self, region: str, p: Mapping[str, Any]
    ) -> dict[str, Any]:
        group = self._group(region, p["TrafficDistributionGroupId"])
        users_arn = f"{group['InstanceArn']}/agent/"
        as_arn = self.lists_user_arns
        items = [
            {"UserId": users_arn + user if as_arn[index % len(as_arn)] else user}
            for index, user in enumerate(sorted(group["users"]))
        ]
        return page(items, "TrafficDistributionGroupUserSummaryList", p, 10)

    def _list_phone_numbers_v2(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        numbers = self.phone_numbers.values()
        items = [number for number in numbers if number["TargetArn"] == p.get("TargetArn")]
        return page(items, "ListPhoneNumbersSummaryList", p, 1000)

    def _describe_phone_number(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        return {"ClaimedPhoneNumberSummary": self._phone_number(p)}

    def _update_phone_number(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        found = self._phone_number(p)
        found["TargetArn"] = p["TargetArn"]
        return {"PhoneNumberId": found["PhoneNumberId"]}

    def _phone_number(self, p: Mapping[str, Any]) -> dict[str, str]:
        for found in self.phone_numbers.values():
            if found["PhoneNumberId"] == p["PhoneNumberId"]:
                return found
        raise ServiceError("ResourceNotFoundException", "no such phone number")

    def _group(self, region: str, arn_or_id: str) -> dict[str, Any]:
        """Return a group; in the replica's Region only its ARN names it."""
        for group in self.groups.values():
            home = group["Arn"].split(":")[3]
            if arn_or_id == group["Arn"] and region in self._regions_of(group["InstanceArn"]):
                return group
            if arn_or_id == group["Id"] and region == home:
                return group
        raise ServiceError("ResourceNotFoundException", "no such traffic distribution group")

    def _regions_of(self, instance_arn: str) -> tuple[str | None, ...]:
        instance = self.instances[bare(instance_arn)]
        return instance.region, instance.replica_region


def _check_home(region: str, group: Mapping[str, Any]) -> None:
    if group["Arn"].split(":")[3] != region:
        raise ServiceError("InvalidRequestException", "only in the home Region")


def _first_split(instance: Instance) -> dict[str, Any]:
    """Return the split of a new group: everything in the home Region."""
    home, replica = instance.region, instance.replica_region
    shares = [{"Region": home, "Percentage": 100}, {"Region": replica, "Percentage": 0}]
    places = [{"Region": home, "Enabled": True}, {"Region": replica, "Enabled": True}]
    return {
        "TelephonyConfig": {"Distributions": shares},
        "AgentConfig": {"Distributions": shares},
        "SignInConfig": {"Distributions": places},
    }


def _check_distributions(name: str, items: list[Mapping[str, Any]], regions: list[str]) -> None:
    """Check the rules that appear only in the administrator guide."""
    if sorted(item["Region"] for item in items) != regions:
        raise ServiceError("InvalidRequestException", f"{name}: list {' and '.join(regions)}")
    if name == "SignInConfig":
        return
    shares = [item["Percentage"] for item in items]
    if sum(shares) != 100 or any(share % 10 for share in shares):
        raise ServiceError("InvalidRequestException", f"{name}: steps of 10 that sum to 100")
