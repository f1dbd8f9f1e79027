"""The state of Connect in one account: instances, their resources, and tags."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.connect_model import ConnectCall, ServiceError
from sandbox.consistency import Lag, Visibility, is_read

ACCOUNT = "123456789012"


@dataclass
class Instance:
    """A Connect instance. Its sets hold the ids of everything in it that exists.

    global_routing: whether contacts of one Region can reach agents in the other.
    isolated: whether an operator or a stack has stopped that.
    ready_at: when the replication ends, on the emulator's clock.
    unnamed_in_replica: the users without a name in the replica.
    replication_findings: what is not replicated, as ListReplicationFindings shows it.
    """

    id: str
    region: str
    replica_region: str | None = None
    contact_flows: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    global_routing: bool = True
    isolated: bool = False
    unnamed_in_replica: set[str] = field(default_factory=set)
    replication_findings: list[dict[str, str]] = field(default_factory=list)
    ready_at: float = -math.inf

    @property
    def arn(self) -> str:
        """Return the instance's ARN in its home Region."""
        return f"arn:aws:connect:{self.region}:{ACCOUNT}:instance/{self.id}"


class ConnectAccount:
    """The state of Connect. Operations are methods named _operation_name(region, parameters).

    settle_seconds: how long the creation or deletion of a group takes.
    creation_fails, deletion_fails: whether it fails.
    shift_seconds: how long a change of a group's traffic takes.
    lost_configs: the names of the configs that never change.
    repeats_fail: whether Connect refuses to associate a quick connect twice with a queue, or to
    dissociate one that is not associated.
    deletion_dissociates: whether a deleted quick connect leaves its queues.
    busy_error: the error of a call about the users of a group that is not ACTIVE.
    names: the names of queues, users and contact flows, by id.

    The documentation leaves these open:
    lists_user_arns: whether the list of a group's users has ARNs or ids, in turns.
    refuses_repeated_delete: whether a group that is PENDING_DELETION refuses to be deleted.
    refuses_taken_rename: whether a quick connect refuses a Name that is taken.
    """

    _clock: Callable[[], float]
    _LAGGING = ("quick_connects", "groups", "phone_numbers")

    def reset(self) -> None:
        """Forget everything."""
        self.instances: dict[str, Instance] = {}
        self.quick_connects: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.queue_quick_connects: dict[str, set[str]] = {}
        self.names: dict[str, str] = {}
        self.phone_numbers: dict[str, dict[str, str]] = {}
        self.settle_seconds = 0.0
        self.shift_seconds = 0.0
        self.lost_configs: set[str] = set()
        self.creation_fails = False
        self.deletion_fails = False
        self.repeats_fail = True
        self.deletion_dissociates = True
        self.busy_error = "ResourceNotFoundException"
        self.quick_connect_quota = 100
        self.queue_quick_connect_quota = 1000
        self.group_quota = 10
        self.lists_user_arns: tuple[bool, ...] = (False,)
        self.refuses_repeated_delete = False
        self.refuses_taken_rename = False
        self._tokens: dict[str, str] = {}
        self._visibility: Visibility | None = None

    def delay_visibility(self, lag: Lag | None) -> None:
        """Show each later change with a lag; None shows every change at once."""
        self._visibility = Visibility(lag, self._tables()) if lag else None

    def note_changes(self, when: float | None = None) -> None:
        """Let the lag of all changes begin now, or at `when`; otherwise at the next call."""
        if self._visibility:
            self._visibility.note(self._tables(), self._clock() if when is None else when)

    def states_since(self, moment: float, table: str) -> Iterator[tuple[str, Any]]:
        """Yield each state of a table's resources from a moment on, with the ARN or id.

        Without delay_visibility(), nothing is remembered.
        """
        if self._visibility:
            yield from self._visibility.since(moment, table)

    def _tables(self) -> dict[str, dict[str, Any]]:
        """Return everything that a call can show or refer to, by ARN or id."""
        instances = self.instances.values()
        known = [i.contact_flows | i.queues | i.users for i in instances]
        referents = {name: True for names in known for name in sorted(names)}
        return {"referents": referents} | {name: getattr(self, name) for name in self._LAGGING}

    @contextmanager
    def _as_seen_by(self, call: ConnectCall) -> Iterator[None]:
        """Let the body see the state that a call sees, and change the real state."""
        if self._visibility is None:
            yield
            return
        now, tables = self._clock(), self._tables()
        self._visibility.note(tables, now)
        if is_read(call.operation):
            vars(self).update(self._visibility.tables(self._LAGGING, call.operation, now))
        else:
            self._visibility.check(call, now)
        try:
            yield
        finally:
            if is_read(call.operation):
                vars(self).update({name: tables[name] for name in self._LAGGING})
            else:
                self._visibility.note(self._tables(), now)

    @property
    def holdings(self) -> set[str]:
        """Return all that a stack can leave behind: resources, queues, and what queues offer."""
        queues = {
            f"{instance.arn}/queue/{queue}"
            for instance in self.instances.values()
            for queue in instance.queues
        }
        offers = {
            f"{queue} offers {quick_connect}"
            for queue, offered in self.queue_quick_connects.items()
            for quick_connect in offered
        }
        return {*self.quick_connects, *self.groups, *queues, *offers}

    def _instance(self, region: str, arn_or_id: str) -> Instance:
        instance = self.instances.get(bare(arn_or_id))
        if instance is None or instance.region != region:
            raise ServiceError("ResourceNotFoundException", "no such instance")
        return instance

    def _tag_resource(self, region: str, p: Mapping[str, Any]) -> None:
        tags = self._tags(region, p["resourceArn"])
        if len({**tags, **p["tags"]}) > 50:
            raise ServiceError("InvalidRequestException", "too many tags")
        tags.update(p["tags"])

    def _untag_resource(self, region: str, p: Mapping[str, Any]) -> None:
        tags = self._tags(region, p["resourceArn"])
        for key in p["tagKeys"]:
            tags.pop(key, None)

    def _list_tags_for_resource(self, region: str, p: Mapping[str, Any]) -> dict[str, Any]:
        return {"tags": self._tags(region, p["resourceArn"])}

    def _tags(self, region: str, arn: str) -> dict[str, str]:
        found = self.quick_connects.get(arn) or self.groups.get(arn)
        if found is None or region != arn.split(":")[3]:
            raise ServiceError("ResourceNotFoundException", "no such resource")
        tags: dict[str, str] = found["Tags"]
        return tags


def bare(arn_or_id: str) -> str:
    """Return the id at the end of an ARN."""
    return arn_or_id.rpartition("/")[2]


def page(items: list[Any], name: str, p: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return one page of a list."""
    start, size = int(p.get("NextToken", 0)), p.get("MaxResults", most)
    page: dict[str, Any] = {name: items[start : start + size]}
    if start + size < len(items):
        page["NextToken"] = str(start + size)
    return page
