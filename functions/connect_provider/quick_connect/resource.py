"""The calls to Connect for Custom::ConnectQuickConnect."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from connect_provider import arn, errors
from connect_provider.quick_connect.model import QuickConnectProperties, canonical_config
from connect_provider.reconcile.plan import Observation
from connect_provider.reconcile.resource import Resource


class QuickConnect(Resource[QuickConnectProperties]):
    """A quick connect. Its physical id is its ARN, which holds the instance's ARN."""

    model = QuickConnectProperties
    arn_pattern = re.compile(
        r"arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{12}"
        r":instance/[A-Za-z0-9_-]+/(?:transfer-destination|quick-connect)/[A-Za-z0-9_-]+"
    )

    def observe(self, physical_id: str) -> Observation:
        """Describe the quick connect (API: DescribeQuickConnect)."""
        live = self._call("DescribeQuickConnect", physical_id)["QuickConnect"]
        state = {
            "InstanceId": (arn.region_of(physical_id), _ids(physical_id)["InstanceId"]),
            "Name": live["Name"],
            "Description": live.get("Description", ""),
            "QuickConnectConfig": canonical_config(live["QuickConnectConfig"]),
        }
        return _observation(physical_id, state, live.get("Tags", {}))

    def find(self, desired: QuickConnectProperties) -> str | None:
        """Find the Name in the list (API: ListQuickConnects). The search index lags behind."""
        listed = self._connect.pages(
            "ListQuickConnects",
            arn.region_of(desired.InstanceId),
            "QuickConnectSummaryList",
            InstanceId=arn.resource_id(desired.InstanceId),
            MaxResults=1000,
        )
        return next((item["Arn"] for item in listed if item["Name"] == desired.Name), None)

    def create(
        self, desired: QuickConnectProperties, tags: Mapping[str, str], token: str
    ) -> Observation:
        """Create it (API: CreateQuickConnect, which has no idempotency token)."""
        parameters = {**desired.state, "InstanceId": arn.resource_id(desired.InstanceId)}
        if not desired.Description:
            del parameters["Description"]  # the API refuses an empty one on create
        region = arn.region_of(desired.InstanceId)
        created = self._connect.call("CreateQuickConnect", region, **parameters, Tags=dict(tags))
        return _observation(created["QuickConnectARN"], desired.state, tags)

    def update(
        self, observed: Observation, desired: QuickConnectProperties, changed: tuple[str, ...]
    ) -> Observation:
        """Update it (API: UpdateQuickConnectName, UpdateQuickConnectConfig).

        If Connect refuses the Name or the destination, both stay.
        """
        state, names = desired.state, {"Name", "Description"}.intersection(changed)
        self._write_names(observed.arn, state, names)
        if "QuickConnectConfig" in changed:
            config = state["QuickConnectConfig"]
            try:
                self._call("UpdateQuickConnectConfig", observed.arn, QuickConnectConfig=config)
            except errors.Superseded:
                raise
            except errors.REFUSALS:
                self._write_names(observed.arn, observed.state, names)
                raise
        return _observation(observed.arn, state, observed.tags)

    def _write_names(
        self, quick_connect_arn: str, state: Mapping[str, Any], names: Collection[str]
    ) -> None:
        if names:
            texts = {name: state[name] for name in names}
            self._call("UpdateQuickConnectName", quick_connect_arn, **texts)

    def delete(self, observed: Observation) -> None:
        """Delete it at once (API: DeleteQuickConnect)."""
        self._call("DeleteQuickConnect", observed.arn)

    def _call(self, operation: str, quick_connect_arn: str, **parameters: Any) -> dict[str, Any]:
        region = arn.region_of(quick_connect_arn)
        return self._connect.call(operation, region, **_ids(quick_connect_arn), **parameters)


def _ids(quick_connect_arn: str) -> dict[str, Any]:
    """Return the ids that every call on a quick connect needs."""
    instance = arn.instance_arn(quick_connect_arn) or ""
    return {
        "InstanceId": arn.resource_id(instance),
        "QuickConnectId": arn.resource_id(quick_connect_arn),
    }


def _observation(
    quick_connect_arn: str, state: Mapping[str, Any], tags: Mapping[str, str]
) -> Observation:
    attributes = {
        "Arn": quick_connect_arn,
        "Id": arn.resource_id(quick_connect_arn),
        "QuickConnectArn": quick_connect_arn,
        "QuickConnectType": state["QuickConnectConfig"]["QuickConnectType"],
        "InstanceArn": arn.instance_arn(quick_connect_arn) or "",
    }
    return Observation(quick_connect_arn, state, tags, attributes)
