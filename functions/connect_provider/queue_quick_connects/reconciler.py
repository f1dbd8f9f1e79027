"""Decides which quick connects to associate with a queue that somebody else owns."""

from functools import cached_property

from connect_provider import arn, errors
from connect_provider.connect import Connect
from connect_provider.properties import desired_properties, previous_properties
from connect_provider.queue_quick_connects.model import QueueQuickConnectsProperties
from connect_provider.queue_quick_connects.resource import QueueQuickConnects
from connect_provider.reconcile.plan import MemberIds, Observation
from connect_provider.request import CreateRequest, Request, UpdateRequest
from connect_provider.run import Run
from connect_provider.stack.watch import StackWatch

_TEXT_LIMIT = 2048  # characters: half of a response


class QueueAssociations:
    """The reconciler of Custom::ConnectQueueQuickConnects. Its physical id is the queue's ARN.

    It compares the template with the previous template, and reads the queue only if Connect
    refuses a call. An association that no template changed stays as it is.
    """

    def __init__(self, request: Request, run: Run, watch: StackWatch) -> None:
        self._members = QueueQuickConnects(Connect(run, watch.require_wanted))
        self._unguarded = QueueQuickConnects(Connect(run))  # a deletion is always wanted
        self._request = request
        self._run = run
        self._watch = watch

    @cached_property
    def _desired(self) -> QueueQuickConnectsProperties:
        return desired_properties(QueueQuickConnectsProperties, self._request)

    def apply(self) -> Observation:
        """Associate the template's new quick connects, then dissociate those it no longer has."""
        try:
            queue = self._queue(self._desired)
        except errors.InvalidRequest as error:
            self._watch.end_rollback(error)
            return self._live()
        wanted = self._members.desired(self._desired)
        try:
            earlier = self._earlier(queue)
            action = "none" if wanted == earlier else "update"
            changed = ["QuickConnectIds"] if wanted != earlier else []
            self._run.log_plan(self._request.request_type, action, changed)
            self._exchange(queue, wanted - earlier, earlier - wanted)
        except errors.Superseded:
            self._undo_create(queue)
            raise
        except errors.REFUSALS as error:
            self._watch.end_rollback(error)
        return queue

    def _live(self) -> Observation:
        """Return the queue that CloudFormation has now, for a rollback that changes nothing."""
        failed = previous_properties(QueueQuickConnectsProperties, self._request)
        queue = self._queue(failed) if failed is not None else None
        if queue is not None and queue.arn == self._run.initial_id:
            return queue
        return Observation.of_missing(self._run.initial_id)

    def delete(self) -> None:
        """Dissociate what the template had. Treat a missing queue as done."""
        try:
            desired = self._desired
        except errors.InvalidRequest:
            return  # these properties were never applied
        queue = self._queue(desired)
        made_up = self._run.physical_id != queue.arn
        if made_up and self._watch.resources.has(queue.arn):  # due to a later request
            self._run.log("Delete: nothing, the stack has the queue's quick connects")
            return
        self._unguarded.remove_each(queue, self._members.desired(desired))

    def _queue(self, properties: QueueQuickConnectsProperties) -> Observation:
        """Return the queue that the properties name, without a call."""
        instance = properties.InstanceId
        if arn.region(instance) is None:
            _, partition, _, _, account, *_ = self._request.stack_id.split(":")
            instance = f"arn:{partition}:connect:{arn.own_region()}:{account}:instance/{instance}"
        queue_id = arn.resource_id(properties.QueueId)
        queue_arn = f"{instance}/queue/{queue_id}"
        ids = sorted(self._members.desired(properties))
        text = ",".join(ids)
        attributes = {
            "Arn": queue_arn,
            "Id": queue_id,
            "QueueArn": queue_arn,
            "QueueId": queue_id,
            "InstanceArn": instance,
            "QuickConnectIds": text if len(text) <= _TEXT_LIMIT else "",
            "Count": str(len(ids)),
        }
        return Observation(queue_arn, {}, {}, attributes)

    def _earlier(self, queue: Observation) -> MemberIds:
        """Return the quick connects that the previous template had for this same queue.

        On a rollback, the previous template is the one that failed. If it is invalid or names
        another queue, it never reached this queue, so the queue stays as it is. The other queue
        loses what a lost replacement added.
        """
        if not isinstance(self._request, UpdateRequest):
            return frozenset()
        previous = previous_properties(QueueQuickConnectsProperties, self._request)
        if previous is not None and self._queue(previous).arn == queue.arn:
            return self._members.desired(previous)
        lost = previous if self._run.initial_id == queue.arn else None
        if not self._watch.is_rolling_back(patient=lost is not None):
            return frozenset()
        if lost is not None:
            self._remove_lost_replacement(lost)
        return self._members.desired(self._desired)

    def _remove_lost_replacement(self, failed: QueueQuickConnectsProperties) -> None:
        """Dissociate what the failed template named in another queue.

        The physical id is still the old queue's, so CloudFormation knows no replacement. The failed
        update may have made one all the same, if its response never arrived.
        """
        self._run.log("Update: dissociate in the queue of the failed update")
        self._members.remove_each(self._queue(failed), self._members.desired(failed))

    def _exchange(self, queue: Observation, added: MemberIds, removed: MemberIds) -> None:
        """Add before removing, unless the queue is full: then make room first."""
        try:
            self._associate_all(queue, added)
        except errors.ServiceLimitExceeded:
            if not removed:
                raise
            self._members.remove_each(queue, removed)
            self._associate_all(queue, added)
        else:
            self._members.remove_each(queue, removed)

    def _associate_all(self, queue: Observation, ids: MemberIds) -> None:
        """Associate quick connects, as many at a time as one call takes."""
        for batch in self._members.batches(ids):
            self._associate(queue, batch)

    def _associate(self, queue: Observation, batch: tuple[str, ...]) -> None:
        """Associate quick connects. If one does not exist, associate the others and name it.

        A rollback goes on without it.
        """
        try:
            self._add(queue, *batch)
            return
        except errors.NotFound as error:
            refusal = error
        try:
            self._members.list(queue)
        except errors.NotFound:
            raise errors.NotFound(
                f"QueueId: queue {queue.attributes['Id']} does not exist"
            ) from refusal
        for quick_connect_id in batch:
            try:
                self._add(queue, quick_connect_id)
            except errors.NotFound as error:
                path = self._members.path(self._desired, quick_connect_id)
                self._watch.end_rollback(errors.NotFound(f"{path}: {error}"))

    def _add(self, queue: Observation, *ids: str) -> None:
        """Associate quick connects. Respond with the queue's ARN if that may have had an effect."""
        before, self._run.physical_id = self._run.physical_id, queue.arn
        try:
            self._members.add(queue, *ids)
        except errors.ProviderError as error:
            if not error.maybe_done:
                self._run.physical_id = before
            raise

    def _undo_create(self, queue: Observation) -> None:
        """Undo a Create that its stack has canceled: its Delete may have come before our calls.

        What the queue offered before this run stays.
        """
        if isinstance(self._request, CreateRequest) and not self._watch.keeps(queue.arn):
            self._run.log("Create: undo, CloudFormation no longer waits")
            self._unguarded.remove_each(queue, self._members.added)
