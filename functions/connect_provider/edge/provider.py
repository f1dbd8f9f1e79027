"""Serves the requests of one Lambda function: an event in, a response out."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from connect_provider import backoff, connect
from connect_provider.arn import own_region
from connect_provider.edge import metrics
from connect_provider.edge.helper import Helper
from connect_provider.errors import InvalidRequest
from connect_provider.reconcile.plan import Observation
from connect_provider.request import NEVER_CREATED, Request, check_envelope, parse_request
from connect_provider.run import LambdaContext, Run
from connect_provider.stack.watch import StackWatch

logger = logging.getLogger("connect_provider")


class Reconciler(Protocol):
    """Serves one run of a request for a resource type."""

    def apply(self) -> Observation:
        """Make the resource match the template; return it."""

    def delete(self) -> None:
        """Undo the template's effects, as far as they belong to this request."""


Reconcilers = Mapping[str, Callable[[Request, Run, StackWatch], Reconciler]]


class Provider:
    """The resource types of one Lambda function, behind crhelper.

    reconcilers: each ResourceType that the function serves, and the factory of its reconciler.
    """

    def __init__(self, reconcilers: Reconcilers) -> None:
        """Register with crhelper, and build the Connect client before the first request."""
        self.reconcilers = reconcilers
        self._helper = Helper()
        for register in (self._helper.create, self._helper.update, self._helper.delete):
            register(self._handle)
        try:
            connect.client(own_region(), backoff.READ_TIMEOUTS[0])
        except Exception as error:  # noqa: BLE001  # the first request meets it and responds
            logger.warning("cannot build the Connect client yet: %s", type(error).__name__)

    def serve(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Run one request; return the response that CloudFormation accepted.

        Raise if there is no response, so that Lambda runs the request again.
        """
        check_envelope(event)
        run = Run(event, context)
        response: dict[str, Any] = {}
        try:
            response = self._helper(event, run)
            return response
        finally:
            metrics.publish(run, event, response.get("Status"), self.reconcilers)

    def _handle(self, event: dict[str, Any], run: Run) -> None:
        """Carry out a request."""
        request = parse_request(event)
        deletes = request.request_type == "Delete"
        if deletes and run.physical_id.startswith(NEVER_CREATED):
            return
        if request.resource_type not in self.reconcilers:
            known = ", ".join(self.reconcilers)
            raise InvalidRequest(
                f"Type or ServiceToken: one of them is wrong. This function serves {known}"
            )
        watch = StackWatch(run, request)
        reconciler = self.reconcilers[request.resource_type](request, run, watch)
        if deletes:
            reconciler.delete()
        else:
            observed = reconciler.apply()
            run.physical_id = observed.arn
            self._helper.Data.update(observed.attributes)
