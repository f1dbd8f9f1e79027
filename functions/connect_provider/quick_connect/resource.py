"""The calls to Connect for Custom::ConnectQuickConnect."""

import re
from collections.abc import Mapping
from typing import Any

from connect_provider import arn
from connect_provider.connect import region_of
from connect_provider.errors import NotFound
from connect_provider.quick_connect.model import QuickConnectProperties, canonical_config
from connect_provider.reconcile.plan import Observed
from connect_provider.reconcile.resource import Resource

_ARN = re.compile(
    r"arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{12}"
    r":instance/[A-Za-z0-9_-]+/(?:transfer-destination|quick-connect)/[A-Za-z0-9_-]+"
)


class QuickConnect(Resource[QuickConnectProperties]):
    """A quick connect. Its physical id is its ARN, which holds the instance's."""

    model = QuickConnectProperties

    def owns(self, physical_id: str) -> bool:
        """Tell whether it is a quick connect's ARN."""
        return _ARN.fullmatch(physical_id) is not None

    def canonical(self, desired: QuickConnectProperties) -> Mapping[str, Any]:
        """Return the properties with bare ids; an instance's replica has the same bare id."""
        config = desired.QuickConnectConfig.model_dump(exclude_none=True)
        return {
            "InstanceId": (region_of(desired.InstanceId), arn.resource_id(desired.InstanceId)),
            "Name": desired.Name,
            "Description": desired.Description,
            "QuickConnectConfig": canonical_config(config),
        }

    def observe(self, physical_id: str) -> Observed | None:
        """Describe the quick connect (API: DescribeQuickConnect)."""
        try:
            found = self._connect.call(
                "DescribeQuickConnect", region_of(physical_id), **_ids(physical_id)
            )
        except NotFound:
            return None
        live = found["QuickConnect"]
        state = {
            "InstanceId": _instance_key(physical_id),
            "Name": live["Name"],
            "Description": live.get("Description", ""),
            "QuickConnectConfig": canonical_config(live["QuickConnectConfig"]),
        }
        return _observed(physical_id, state, live.get("Tags", {}))

    def find(self, desired: QuickConnectProperties) -> Observed | None:
        """Find by name in the list: the search index lags behind what was just made."""
        instance_id = arn.resource_id(desired.InstanceId)
        listed = self._connect.pages(
            "ListQuickConnects",
            region_of(desired.InstanceId),
            "QuickConnectSummaryList",
            InstanceId=instance_id,
            MaxResults=1000,
        )
        found = next((item["Arn"] for item in listed if item["Name"] == desired.Name), None)
        return self.observe(found) if found else None

    def create(
        self, desired: QuickConnectProperties, tags: Mapping[str, str], token: str
    ) -> Observed:
        """Create it (API: CreateQuickConnect, which has no idempotency token)."""
        state = self.canonical(desired)
        description: dict[str, Any] = {}
        if desired.Description:  # the API takes none, but not an empty one
            description["Description"] = desired.Description
        created = self._connect.call(
            "CreateQuickConnect",
            region_of(desired.InstanceId),
            InstanceId=arn.resource_id(desired.InstanceId),
            Name=desired.Name,
            **description,
            QuickConnectConfig=state["QuickConnectConfig"],
            Tags=dict(tags),
        )
        return _observed(created["QuickConnectARN"], state, tags)

    def update(
        self, observed: Observed, desired: QuickConnectProperties, changed: tuple[str, ...]
    ) -> Observed:
        """Update name and description, then the config (API: two calls)."""
        state = self.canonical(desired)
        ids = _ids(observed.arn)
        if {"Name", "Description"}.intersection(changed):
            self._connect.call(
                "UpdateQuickConnectName",
                region_of(observed.arn),
                **ids,
                Name=desired.Name,
                Description=desired.Description,
            )
        if "QuickConnectConfig" in changed:
            self._connect.call(
                "UpdateQuickConnectConfig",
                region_of(observed.arn),
                **ids,
                QuickConnectConfig=state["QuickConnectConfig"],
            )
        return _observed(observed.arn, state, observed.tags)

    def delete(self, observed: Observed) -> None:
        """Delete it at once (API: DeleteQuickConnect); gone already is as good."""
        try:
            self._connect.call("DeleteQuickConnect", region_of(observed.arn), **_ids(observed.arn))
        except NotFound:
            return


def _ids(quick_connect_arn: str) -> dict[str, Any]:
    """Return the ids that every call on a quick connect takes."""
    instance = arn.instance_arn(quick_connect_arn) or ""
    return {
        "InstanceId": arn.resource_id(instance),
        "QuickConnectId": arn.resource_id(quick_connect_arn),
    }


def _instance_key(quick_connect_arn: str) -> tuple[str, str]:
    return region_of(quick_connect_arn), str(_ids(quick_connect_arn)["InstanceId"])


def _observed(
    quick_connect_arn: str, state: Mapping[str, Any], tags: Mapping[str, str]
) -> Observed:
    attributes = {
        "Arn": quick_connect_arn,
        "Id": arn.resource_id(quick_connect_arn),
        "QuickConnectArn": quick_connect_arn,
        "QuickConnectType": state["QuickConnectConfig"]["QuickConnectType"],
        "InstanceArn": arn.instance_arn(quick_connect_arn) or "",
    }
    return Observed(quick_connect_arn, state, tags, attributes)
