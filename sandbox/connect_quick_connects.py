"""Connect's quick connects: the behavior that the model does not describe."""

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.connect_account import ConnectAccount, Instance, bare, page
from sandbox.connect_model import ServiceError

_PHONE_NUMBER = re.compile(r"\+[1-9]\d{1,14}")
_BLOCKS = {
    "USER": "UserConfig",
    "QUEUE": "QueueConfig",
    "PHONE_NUMBER": "PhoneConfig",
    "FLOW": "FlowConfig",
}


class QuickConnects(ConnectAccount):
    """The operations on quick connects, and on the quick connects of queues."""

    def add_quick_connect(
        self,
        instance: Instance,
        name: str,
        config: Mapping[str, Any],
        tags: Mapping[str, str],
        *,
        description: str = "",
        new_id: str = "",
    ) -> str:
        """Add a quick connect, as an operator in the console does; return its ARN."""
        new_id = new_id or str(uuid.uuid4())
        arn = f"{instance.arn}/transfer-destination/{new_id}"
        self.quick_connects[arn] = {
            "InstanceArn": instance.arn,
            "QuickConnectARN": arn,
            "QuickConnectId": new_id,
            "Name": name,
            "Description": description,
            "QuickConnectConfig": config,
            "Tags": dict(tags),
        }
        return arn

    def _create_quick_connect(self, region: str, p: Mapping[str, Any]) -> dict[str, str]:
        instance = self._instance(region, p["InstanceId"])
        self._check_config(instance, p["QuickConnectConfig"])
        siblings = self._quick_connects_of(instance)
        if any(q["Name"] == p["Name"] for q in siblings):
            raise ServiceError("DuplicateResourceException", f"Name {p['Name']} is in use")
        if len(siblings) >= self.quick_connect_quota:
            raise ServiceError("LimitExceededException", "too many quick connects")
        arn = self.add_quick_connect(
            instance,
            p["Name"],
            p["QuickConnectConfig"],
            p.get("Tags", {}),
            description=p.get("Description", ""),
        )
        return {"QuickConnectARN": arn, "QuickConnectId": bare(arn)}

    def _describe_quick_connect(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(self._quick_connect(region, p))
        del found["InstanceArn"]
        if not found["Description"]:
            del found["Description"]
        if not found["Tags"]:
            del found["Tags"]
        return {"QuickConnect": {**found, "LastModifiedTime": time.time()}}

    def _update_quick_connect_name(self, region: str, p: Mapping[str, Any]) -> None:
        found = self._quick_connect(region, p)
        siblings = [q for q in self.quick_connects.values() if q is not found]
        taken = {q["Name"] for q in siblings if q["InstanceArn"] == found["InstanceArn"]}
        if self.refuses_taken_rename and p.get("Name") in taken:
            raise ServiceError("InvalidRequestException", f"Name {p['Name']} is in use")
        found.update({key: p[key] for key in ("Name", "Description") if key in p})

    def _update_quick_connect_config(self, region: str, p: Mapping[str, Any]) -> None:
        found = self._quick_connect(region, p)
        self._check_config(self._instance(region, p["InstanceId"]), p["QuickConnectConfig"])
        found["QuickConnectConfig"] = p["QuickConnectConfig"]

    def _delete_quick_connect(self, region: str, p: Mapping[str, Any]) -> None:
        deleted = self.quick_connects.pop(self._quick_connect(region, p)["QuickConnectARN"])
        for offered in self.queue_quick_connects.values() if self.deletion_dissociates else ():
            offered.discard(deleted["QuickConnectId"])

    def _list_quick_connects(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, p["InstanceId"])
        items = [_summary(q) for q in self._quick_connects_of(instance)]
        return page(items, "QuickConnectSummaryList", p, 1000)

    def _search_quick_connects(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        if "SearchCriteria" in p or "SearchFilter" in p:
            raise ServiceError("InvalidRequestException", "the emulator searches without criteria")
        instance = self._instance(region, p["InstanceId"])
        items = [
            {name: value for name, value in q.items() if name != "InstanceArn"}
            for q in self._quick_connects_of(instance)
        ]
        return {**page(items, "QuickConnects", p, 100), "ApproximateTotalCount": len(items)}

    def _list_queue_quick_connects(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        """List what a queue offers; a deleted quick connect has only its id and ARN left."""
        instance = self._instance(region, p["InstanceId"])
        items = []
        for quick_connect_id in sorted(self._offered(instance, p["QueueId"])):
            arn = f"{instance.arn}/transfer-destination/{quick_connect_id}"
            found = self.quick_connects.get(arn)
            items.append(_summary(found) if found else {"Id": quick_connect_id, "Arn": arn})
        return page(items, "QuickConnectSummaryList", p, 100)

    def _associate_queue_quick_connects(self, region: str, p: Mapping[str, Any]) -> None:
        ids, offered = self._for_queue(region, p)
        if self.repeats_fail and ids & offered:
            raise ServiceError("InvalidRequestException", "a quick connect is associated already")
        if len(ids | offered) > self.queue_quick_connect_quota:
            raise ServiceError("LimitExceededException", "too many quick connects in the queue")
        offered |= ids

    def _disassociate_queue_quick_connects(self, region: str, p: Mapping[str, Any]) -> None:
        ids, offered = self._for_queue(region, p)
        if self.repeats_fail and ids - offered:
            raise ServiceError("InvalidRequestException", "a quick connect is not associated")
        offered -= ids

    def _for_queue(self, region: str, p: Mapping[str, Any]) -> tuple[set[str], set[str]]:
        """Return the quick connects of a call, which must exist, and those of the queue."""
        instance = self._instance(region, p["InstanceId"])
        offered = self._offered(instance, p["QueueId"])
        for quick_connect_id in p["QuickConnectIds"]:
            self._quick_connect(region, {**p, "QuickConnectId": quick_connect_id})
        return {bare(quick_connect_id) for quick_connect_id in p["QuickConnectIds"]}, offered

    def _offered(self, instance: Instance, queue: str) -> set[str]:
        if bare(queue) not in instance.queues:
            raise ServiceError("ResourceNotFoundException", "no such queue")
        return self.queue_quick_connects.setdefault(f"{instance.arn}/queue/{bare(queue)}", set())

    def _quick_connects_of(self, instance: Instance) -> list[dict[str, Any]]:
        return [q for q in self.quick_connects.values() if q["InstanceArn"] == instance.arn]

    def _quick_connect(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, p["InstanceId"])
        arn = f"{instance.arn}/transfer-destination/{bare(p['QuickConnectId'])}"
        if arn not in self.quick_connects:
            raise ServiceError("ResourceNotFoundException", "no such quick connect")
        return self.quick_connects[arn]

    def _check_config(self, instance: Instance, config: Mapping[str, Any]) -> None:
        block = _BLOCKS[config["QuickConnectType"]]
        if [name for name in _BLOCKS.values() if name in config] != [block]:
            raise ServiceError("InvalidRequestException", f"expected {block} alone")
        known = {
            "ContactFlowId": instance.contact_flows,
            "QueueId": instance.queues,
            "UserId": instance.users,
        }
        for name, value in config[block].items():
            if name in known and bare(value) not in known[name]:
                raise ServiceError("ResourceNotFoundException", f"{name} {value} does not exist")
            if name == "PhoneNumber" and not _PHONE_NUMBER.fullmatch(value):
                raise ServiceError("InvalidRequestException", f"{value} is not E.164")


def _summary(quick_connect: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a quick connect in a list."""
    return {
        "Id": quick_connect["QuickConnectId"],
        "Arn": quick_connect["QuickConnectARN"],
        "Name": quick_connect["Name"],
        "QuickConnectType": quick_connect["QuickConnectConfig"]["QuickConnectType"],
    }
