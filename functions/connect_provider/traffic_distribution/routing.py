"""Decides and sets whether contacts of one Region reach agents in the other.

Isolated is set before traffic leaves a Region, and Enabled after it has returned. Then no contact
is routed to agents of a Region that is being evacuated. AWS does not document an order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connect_provider import arn, errors
from connect_provider.connect import Connect
from connect_provider.properties import previous_properties
from connect_provider.reconcile.plan import Observation
from connect_provider.request import Request, UpdateRequest
from connect_provider.run import Run
from connect_provider.stack.describe import Phase
from connect_provider.stack.watch import StackWatch
from connect_provider.traffic_distribution.model import TrafficDistributionProperties
from connect_provider.traffic_distribution.plan import names_group
from connect_provider.traffic_distribution.resource import read_somewhere, taking_order


class CrossRegionRouting:
    """The cross-Region routing of the instance that a default group belongs to."""

    def __init__(self, connect: Connect, request: Request, run: Run, watch: StackWatch) -> None:
        self._connect = connect
        self._request = request
        self._run = run
        self._watch = watch

    def apply(self, desired: TrafficDistributionProperties, group: Observation) -> str:
        """Set the routing if the template changed it; return the live one.

        Connect may show an old routing, or none. So a change of the template is always written.

        group: its state holds the split after the update. The Region that takes the traffic then
        gets the write, because the other one may be down.
        """
        earlier = self._earlier(group)
        is_changed = earlier not in (None, desired.CrossRegionRouting)
        live = "" if is_changed else self._live(group)
        if live == desired.CrossRegionRouting:
            return live
        if not self._may_change(desired, earlier, group):
            self._run.log("CrossRegionRouting stays: the template did not change it")
            return live or self._live(group)
        self._run.log_plan(self._request.request_type, "update", ["CrossRegionRouting"])
        with _naming_the_property():
            self._write(group, isolated=desired.CrossRegionRouting == "Isolated")
        return str(desired.CrossRegionRouting)

    def _write(self, group: Observation, *, isolated: bool) -> None:
        """Set the routing (API: UpdateCrossRegionRouting), in the other Region if one is down."""

        def send(region: str) -> bool:
            self._connect.call(
                "UpdateCrossRegionRouting",
                region,
                retry=False,
                InstanceId=_instance(group),
                IsolatedAll=isolated,
            )
            return True

        regions = _regions(group)
        try:
            send(regions[0])
        except errors.ProviderError as error:
            if not (error.transient or error.may_pass):
                raise
            read_somewhere(self._run, regions, send)

    def _live(self, group: Observation) -> str:
        """Return the live routing (API: GetCrossRegionRouting)."""

        def read(region: str) -> dict[str, Any]:
            return self._connect.call(
                "GetCrossRegionRouting", region, retry=False, InstanceId=_instance(group)
            )

        with _naming_the_property():
            found = read_somewhere(self._run, _regions(group), read)
        return "Isolated" if found.get("IsolatedRegions") else "Enabled"

    def _earlier(self, group: Observation) -> str | None:
        """Return the routing that the previous template had for this same group."""
        previous = previous_properties(TrafficDistributionProperties, self._request)
        if previous is None or not names_group(previous, group):
            return None
        return previous.CrossRegionRouting

    def _may_change(
        self, desired: TrafficDistributionProperties, earlier: str | None, group: Observation
    ) -> bool:
        """Return whether the template changed the routing, and the stack still applies it.

        A rollback restores only the routing that the failed template had for this same group. It
        ends an isolation only if the calls have returned. If it makes a difference, wait until
        the status of the stack no longer lags.
        """
        ends_isolation = desired.CrossRegionRouting == "Enabled"
        returned = desired.TelephonyConfig.split == group.state["TelephonyConfig"]
        may_roll_back = isinstance(self._request, UpdateRequest)
        matters = may_roll_back and (earlier is None or (ends_isolation and not returned))
        rolls_back = self._watch.require_operation(patient=matters) is Phase.ROLLING_BACK
        if earlier is None:
            return not rolls_back
        if rolls_back and ends_isolation:
            return earlier == "Isolated" and returned
        return earlier != desired.CrossRegionRouting


@contextmanager
def _naming_the_property() -> Iterator[None]:
    """Raise InvalidRequest if Connect refuses a call. Only a replicated instance has a routing."""
    try:
        yield
    except (errors.InvalidRequest, errors.NotFound) as error:
        raise errors.InvalidRequest(
            f"CrossRegionRouting: remove it, if the instance has no global routing ({error})"
        ) from error


def _regions(group: Observation) -> list[str]:
    """Return the group's Regions, starting with the one that takes the traffic.

    The template's split may be one that an operator has evacuated.
    """
    return taking_order(group.state["TelephonyConfig"])


def _instance(group: Observation) -> str:
    return arn.resource_id(group.attributes["InstanceArn"])
