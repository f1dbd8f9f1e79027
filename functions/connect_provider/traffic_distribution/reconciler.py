"""Decides whether the template, an operator or a rollback determines a group's traffic.

The group belongs to somebody else: nothing is created, deleted or owned here.
"""

from dataclasses import replace
from datetime import datetime
from functools import cached_property

from connect_provider import backoff, errors
from connect_provider.connect import Connect
from connect_provider.properties import desired_properties, previous_properties
from connect_provider.reconcile.plan import Observation
from connect_provider.request import CreateRequest, Request, UpdateRequest
from connect_provider.run import Run
from connect_provider.stack.describe import Phase
from connect_provider.stack.watch import StackWatch
from connect_provider.traffic_distribution import model, plan
from connect_provider.traffic_distribution.model import TrafficDistributionProperties
from connect_provider.traffic_distribution.resource import TrafficSplit
from connect_provider.traffic_distribution.routing import CrossRegionRouting


class TrafficDistribution:
    """The reconciler of Custom::ConnectTrafficDistribution. Its physical id is the group's ARN."""

    def __init__(self, request: Request, run: Run, watch: StackWatch) -> None:
        connect = Connect(run, watch.require_wanted)
        self._split = TrafficSplit(connect, run)
        self._routing = CrossRegionRouting(connect, request, run, watch)
        self._request = request
        self._run = run
        self._watch = watch
        self._refused_at: float | None = None
        self._early: model.Splits | None = None
        self._known_phase, self._was_patient = Phase.UNKNOWN, False

    def delete(self) -> None:
        """Leave the traffic as it is: the deletion of a stack must not stop calls."""
        self._run.log("Delete: nothing, the traffic stays as it is")

    @cached_property
    def _desired(self) -> TrafficDistributionProperties:
        return desired_properties(TrafficDistributionProperties, self._request)

    def apply(self) -> Observation:
        """Apply the template, where it changed; return the group."""
        try:
            return self._apply()
        except errors.Superseded:
            raise
        except errors.REFUSALS as error:
            self._watch.end_rollback(error)
            return Observation.of_missing(self._run.initial_id)

    def _apply(self) -> Observation:
        """Isolate the Regions before traffic moves, and end the isolation afterwards.

        A write is planned again after throttling, a conflict, a miss or an unknown outcome.
        Meanwhile an operator may have moved traffic, or the stack may have begun to roll back.
        """
        routing = self._desired.CrossRegionRouting
        live = self._isolate() if routing == "Isolated" else ""
        group = self._run.wait(
            self._attempt,
            lambda group: group is not None,
            "Connect still refuses to update the traffic distribution",
        )
        assert group is not None
        if routing == "Enabled":
            live = self._routing.apply(self._desired, group)
        return replace(group, attributes={**group.attributes, "CrossRegionRouting": live})

    def _isolate(self) -> str:
        """Isolate the Regions, unless the split will be refused; return the live routing."""
        group, wanted = self._decide()
        after = replace(group, state={**group.state, **wanted})
        return self._routing.apply(self._desired, after)

    def _attempt(self) -> Observation | None:
        """Plan and write once; return the group, or None if it must be planned again."""
        group, wanted = self._decide()
        action = "update" if wanted else "none"
        self._run.log_plan(self._request.request_type, action, wanted)
        if not wanted:
            return group
        return self._write(group, wanted)

    def _write(self, group: Observation, wanted: model.Splits) -> Observation | None:
        """Write the splits; return the group, or None if it must be planned again.

        If a write may have had no effect, write again: it sets whole splits. Another conflict then
        means that the first write is taking effect.
        """
        unsure_since: float | None = None
        while True:
            try:
                self._split.write(group, wanted)
            except errors.Superseded:
                raise
            except errors.ProviderError as error:
                unsure = unsure_since is not None
                begun = unsure and isinstance(error, errors.ResourceConflict)
                if not (error.maybe_done or begun or (unsure and error.transient)):
                    self._require_retry(error)
                    return None
                unsure_since = unsure_since or self._run.now()
                since = None if begun else unsure_since
                seen = self._split.read_back(group, wanted, unsure_since=since)
                if plan.is_live(wanted, seen.state):
                    return seen
                if begun:
                    self._require_retry(error)  # the first write had no effect
                if begun or not self._split.is_untouched(group, wanted, seen):
                    return None
            else:
                return self._confirmed(self._split.read_back(group, wanted), wanted)

    def _confirmed(self, group: Observation, wanted: model.Splits) -> Observation:
        """Return the group. Raise NotStabilized if Connect did not apply the wanted splits.

        A rollback leaves a traffic change that came after its write.
        """
        if not plan.is_live(wanted, group.state):
            differences = plan.differences(wanted, group.state)
            self._watch.end_rollback(errors.NotStabilized(differences))
        return group

    def _require_retry(self, error: errors.ProviderError) -> None:
        """Raise the error unless a retry can cure it.

        A refusal may be due to the lag. A conflict may be due to changes by somebody else.
        """
        if isinstance(error, errors.ServiceInternalError | errors.Throttling):
            return
        if not isinstance(error, errors.REFUSALS):
            raise error
        conflicts, now = isinstance(error, errors.ResourceConflict), self._run.now()
        patience = backoff.CONFLICT_PATIENCE if conflicts else backoff.CONSISTENCY_LAG
        self._refused_at = self._refused_at or now
        if now - max(self._refused_at, self._split.busy_until) > patience:
            raise error

    def _decide(self) -> tuple[Observation, model.Splits]:
        """Return the group and the splits to write.

        A split that may be old decides nothing: look again until every change before this run
        shows, and every update that was under way. The status of the stack no longer lags then,
        either. If the decision had to wait, look again, because somebody may have moved traffic.
        """
        desired, revised = self._desired.splits, self._is_revised()
        updates, began = isinstance(self._request, UpdateRequest), self._run.now()

        def look() -> tuple[Observation, model.Splits, float, bool]:
            elapsed, now = self._run.elapsed(), self._run.now()  # before the look
            group, waited = self._read(), self._run.settle_time
            _check_against(self._desired, group)
            previous = self._previous(group)
            is_old = plan.may_be_old(
                desired, previous, group.state, revised=revised, updates=updates
            )
            outdated = self._is_outdated_by(group, previous)
            idle = now - self._split.first_busy_until
            recent = idle <= backoff.CONSISTENCY_LAG
            if not plan.moves_calls(desired, previous, group.state):
                idle = now - self._split.busy_until
            over = min(elapsed, idle) > backoff.CONSISTENCY_LAG
            over = over and not (outdated and self._is_moving(group))
            return group, previous, waited, over or not (is_old or recent or outdated)

        def pace(_waited: float) -> float:
            return backoff.lag_delay(self._run.now() - max(began, self._split.busy_until))

        what = "Connect may still show an old split"
        group, previous, waited, _ = self._run.wait(look, lambda seen: seen[-1], what, pace=pace)
        wanted = self._wanted(group, previous)
        has_waited = self._run.settle_time > waited  # since the look
        if has_waited and self._read().state != group.state:
            return self._decide()
        return group, wanted

    def _read(self) -> Observation:
        """Return the group when no update of it is under way."""
        previous = previous_properties(TrafficDistributionProperties, self._request)
        earlier = previous and previous.splits["TelephonyConfig"]
        moves = earlier != self._desired.splits["TelephonyConfig"]
        group = self._split.read(self._desired, moves_calls=moves)
        if self._run.age() <= backoff.CONSISTENCY_LAG:
            self._early = self._early or dict(group.state)
        return group

    def _wanted(self, group: Observation, previous: model.Splits) -> model.Splits:
        """Return the splits to write."""
        desired, revised = self._desired.splits, self._is_revised()
        shifts = plan.plan_shifts(desired, previous, group.state, revised=revised)
        for name in plan.names_of(shifts, plan.Shift.LEFT):
            self._run.log(f"{name} stays: it was changed manually")
        acted = plan.names_of(shifts, plan.Shift.APPLIED, plan.Shift.CONTESTED)
        acted = self._still_wanted(acted, previous, group) if acted else []
        contested = [name for name in acted if shifts[name] is plan.Shift.CONTESTED]
        if not revised:
            new = [name for name in acted if name not in previous]
            contested += [name for name in new if not plan.is_pristine(name, group)]
        self._require_overwrite(acted, contested, previous, group)
        return {name: desired[name] for name in acted}

    def _still_wanted(
        self, acted: list[str], previous: model.Splits, group: Observation
    ) -> list[str]:
        """Return the configs that the stack still applies. A rollback undoes only its own update.

        It leaves everything, unless each split of the failed template is live. If that makes a
        difference, wait until the status of the stack no longer lags.

        Raise ResourceConflict if the stack no longer waits for this request.
        """
        desired, matters = self._desired.splits, self._matters(acted, previous, group)
        if self._phase(matters=matters) is not Phase.ROLLING_BACK:
            return acted
        if isinstance(self._request, CreateRequest):
            raise errors.ResourceConflict("the stack is rolling back and has canceled this create")
        # Others have no earlier split, or the failed update changed nothing but the Revision.
        undone = [name for name in acted if previous.get(name, desired[name]) != desired[name]]
        was_applied = plan.was_applied(desired, previous, group.state)
        if undone and was_applied and self._moved(group):
            return undone
        if not matters:
            if self._phase(matters=True) is not Phase.ROLLING_BACK:
                return acted
            if undone and was_applied and self._moved(group):  # the events no longer lag, either
                return undone
        self._run.log("the split stays: the failed update did not cause it")
        return []

    def _matters(self, acted: list[str], previous: model.Splits, group: Observation) -> bool:
        """Return whether an update changes something that a rollback leaves."""
        if not isinstance(self._request, UpdateRequest):
            return False
        overwrites = any(previous.get(name) != group.state.get(name) for name in acted)
        return overwrites or not plan.was_applied(self._desired.splits, previous, group.state)

    def _phase(self, *, matters: bool) -> Phase:
        """Return the direction of the stack. If CloudFormation does not tell, the last one counts.

        matters: wait once in a run until the status of the stack no longer lags.
        """
        patient = matters and not self._was_patient
        self._was_patient = self._was_patient or patient
        phase = self._watch.require_operation(patient=patient)
        if phase is not Phase.UNKNOWN:
            self._known_phase = phase
        return self._known_phase

    def _moved(self, group: Observation) -> bool:
        """Return whether the failed update may have moved the traffic.

        Somebody else may have moved it before, and the update only recorded that.
        """
        return self._watch.resources.moved_traffic(_moved_at(group))

    def _require_overwrite(
        self, acted: list[str], contested: list[str], previous: model.Splits, group: Observation
    ) -> None:
        """Raise ResourceConflict if a manual traffic change must stay. Log the change otherwise.

        A request that was held up must not undo a failover that somebody made meanwhile.
        """
        desired = self._desired.splits
        if contested and self._desired.OutOfBandTraffic == "Fail":
            advice = "Restore it, or set OutOfBandTraffic to Overwrite"
            raise _contested(contested[0], desired, previous, group, advice)
        if acted and self._is_outdated_by(group, previous):
            advice = "That is later than this request. Update again to apply the template"
            raise _contested(acted[0], desired, previous, group, advice)
        for name in contested:
            live = model.text_of(group.state.get(name, {}))
            self._run.log(f"{name}: overwrite the live split {live}")

    def _is_outdated_by(self, group: Observation, previous: model.Splits) -> bool:
        """Return whether somebody has moved the calls since the request. The clocks may differ.

        Connect only tells when anything moved, and agents may follow the calls in steps. So the
        calls must differ from those of the request's first half minute. Or nothing differs: then
        somebody has confirmed the split, or moved the calls there and back. Or agents went the
        other way. If no run of it read the traffic then, every change counts. A rollback finds what
        the failed update may have moved late.
        """
        since = self._moved_after_request(group)
        if since is None or since <= backoff.CONSISTENCY_LAG:
            return False
        before, calls = previous if self._early is None else self._early, "TelephonyConfig"
        if group.state[calls] != before.get(calls):
            return True
        if self._known_phase is Phase.ROLLING_BACK:
            return False
        against = plan.moves_against(self._desired.splits, before, group.state)
        return self._early is None or against or plan.is_live(before, group.state)

    def _moved_after_request(self, group: Observation) -> float | None:
        """Return how many seconds after the request the traffic moved, or None if unknown."""
        moved_at, made = _moved_at(group), self._run.signed_at
        return (moved_at - made).total_seconds() if moved_at and made else None

    def _is_moving(self, group: Observation) -> bool:
        """Return whether the last change may still be under way, although the group is ACTIVE."""
        since = self._moved_after_request(group)
        return since is not None and self._run.age() - since <= backoff.CONFLICT_PATIENCE

    def _is_revised(self) -> bool:
        """Return whether the template has a new Revision. The previous template may be invalid."""
        if self._desired.Revision is None or not isinstance(self._request, UpdateRequest):
            return False
        old = self._request.old_resource_properties
        return isinstance(old, dict) and old.get("Revision") != self._desired.Revision

    def _previous(self, group: Observation) -> model.Splits:
        """Return the splits that the previous template had for this same group.

        On a rollback, the previous template is the one that failed. If it is invalid or names
        another group, it never reached this group, so the group stays as it is.
        """
        if not isinstance(self._request, UpdateRequest):
            return {}
        previous = previous_properties(TrafficDistributionProperties, self._request)
        if previous is not None and plan.names_group(previous, group):
            return previous.splits
        if self._watch.is_rolling_back(patient=previous is None):
            return self._desired.splits
        old = self._request.old_resource_properties
        return model.valid_splits(old) if previous is None else {}


def _moved_at(group: Observation) -> datetime | None:
    """Return when the traffic moved last, or None if Connect does not tell."""
    moved_at = group.attributes["LastFailoverTime"]
    return datetime.fromisoformat(moved_at) if moved_at else None


def _contested(
    name: str, desired: model.Splits, previous: model.Splits, group: Observation, advice: str
) -> errors.ResourceConflict:
    earlier = previous.get(name)
    before = f"the previous template has {model.text_of(earlier)}, " if earlier else ""
    time = group.attributes["LastFailoverTime"]
    since = f" since {time}" if time else ""
    return errors.ResourceConflict(
        f"{name}: it was changed manually: {before}the template has "
        f"{model.text_of(desired[name])}, and Connect has "
        f"{model.text_of(group.state.get(name, {}))}{since}. {advice}"
    )


def _check_against(desired: TrafficDistributionProperties, group: Observation) -> None:
    """Check the properties against the live group, before any write."""
    for name in ("SignInConfig", "CrossRegionRouting"):
        if getattr(desired, name) is not None and group.attributes["IsDefault"] != "true":
            raise errors.InvalidRequest(f"{name}: only an instance's default group can have one")
    regions, known = set(desired.TelephonyConfig.split), set(group.state["TelephonyConfig"])
    if regions != known:
        raise errors.InvalidRequest(
            f"TelephonyConfig: the Regions should be those of the group: {', '.join(sorted(known))}"
        )
