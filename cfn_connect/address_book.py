"""An address book: the quick connects of an instance as CSV, to edit in a spreadsheet."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from cfn_connect.clients import CommandError
from cfn_connect.inventory import Queue, QuickConnect
from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from connect_provider.quick_connect.model import BLOCKS, QuickConnectProperties

COLUMNS = ("name", "type", "target", "flow", "description", "queues")
_REQUIRED = ("name", "type", "target")
_SEPARATOR = ";"  # between the ids of queues
# The property that is the target of each type. A FLOW needs no other flow.
_TARGETS = {
    "USER": "UserId",
    "QUEUE": "QueueId",
    "PHONE_NUMBER": "PhoneNumber",
    "FLOW": "ContactFlowId",
}


def text_of(quick_connects: list[QuickConnect], queues: list[Queue]) -> str:
    """Return the address book of some quick connects."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    for each in quick_connects:
        target = _TARGETS[each.type]
        offering = sorted(queue.id for queue in queues if each.id in queue.offers)
        writer.writerow(
            {
                "name": each.name,
                "type": each.type,
                "target": each.block[target],
                "flow": each.block["ContactFlowId"] if each.type in ("USER", "QUEUE") else "",
                "description": each.description,
                "queues": _SEPARATOR.join(offering),
            }
        )
    return file.getvalue()


def parsed(text: str, instance_id: str) -> tuple[list[QuickConnect], list[Queue]]:
    """Return the quick connects and queues of an address book. The rows are the ids.

    Raise CommandError for the first wrong row, with its number in a spreadsheet.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    _check_header(list(reader.fieldnames or ()))
    quick_connects: dict[str, QuickConnect] = {}
    offers: dict[str, list[str]] = {}
    for number, row in enumerate(reader, start=2):
        each = _quick_connect(row, instance_id, f"row {number}")
        if each.name in quick_connects:
            raise CommandError(f"row {number}: an earlier row has the name: give each row its own")
        quick_connects[each.name] = each
        for queue in (row.get("queues") or "").split(_SEPARATOR):
            if queue.strip():
                offers.setdefault(queue.strip(), []).append(each.id)
    queues = [Queue(queue, queue, tuple(ids)) for queue, ids in sorted(offers.items())]
    return sorted(quick_connects.values(), key=lambda each: each.name), queues


def _check_header(header: list[str]) -> None:
    missing = [name for name in _REQUIRED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown:
        problem = f"without {', '.join(missing)}" if missing else f"with {', '.join(unknown)}"
        raise CommandError(f"row 1: a header {problem}: write {','.join(COLUMNS)}")


def _quick_connect(row: Mapping[str | None, Any], instance_id: str, where: str) -> QuickConnect:
    """Return the quick connect of a row, checked as Lambda does."""
    if None in row:
        raise CommandError(f"{where}: more cells than the header: put quotes around commas")
    name, kind, target, flow, description = (row.get(column) or "" for column in COLUMNS[:5])
    if kind not in BLOCKS:
        raise CommandError(f"{where}: the type should be one of {', '.join(BLOCKS)}")
    if flow and kind not in ("USER", "QUEUE"):
        raise CommandError(f"{where}: only USER and QUEUE need a flow: leave it empty")
    block = {_TARGETS[kind]: target, **({"ContactFlowId": flow} if flow else {})}
    config = {"QuickConnectType": kind, BLOCKS[kind]: block}
    properties = {
        "InstanceId": instance_id,
        "Name": name,
        "Description": description,
        "QuickConnectConfig": config,
    }
    try:
        state = parse_properties(QuickConnectProperties, properties).state
    except InvalidRequest as error:
        raise CommandError(f"{where}: {error}") from None
    return QuickConnect(where, name, description, {}, state["QuickConnectConfig"])
