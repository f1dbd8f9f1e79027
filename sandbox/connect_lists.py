"""The lists of an instance's queues, users and contact flows, for readers of the sandbox."""

from collections.abc import Mapping
from typing import Any

from sandbox.connect_account import ConnectAccount, page


class Lists(ConnectAccount):
    """The operations that list the resources that an instance has from the start."""

    def _list_queues(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, p["InstanceId"])
        items = self._summaries(f"{instance.arn}/queue", instance.queues, "Name")
        return page(
            [{**item, "QueueType": "STANDARD"} for item in items], "QueueSummaryList", p, 1000
        )

    def _list_users(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, p["InstanceId"])
        items = self._summaries(f"{instance.arn}/agent", instance.users, "Username")
        return page(items, "UserSummaryList", p, 1000)

    def _list_contact_flows(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, p["InstanceId"])
        items = self._summaries(f"{instance.arn}/contact-flow", instance.contact_flows, "Name")
        flows = [{**item, "ContactFlowType": "QUEUE_TRANSFER"} for item in items]
        return page(flows, "ContactFlowSummaryList", p, 1000)

    def _summaries(self, arn: str, ids: set[str], name: str) -> list[dict[str, str]]:
        return [{"Id": i, "Arn": f"{arn}/{i}", name: self.names.get(i, i)} for i in sorted(ids)]
