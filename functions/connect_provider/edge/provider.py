"""Takes a request to what serves its ResourceType, and the outcome to the answer."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from connect_provider import connect
from connect_provider.edge.helper import Helper
from connect_provider.errors import InvalidRequest
from connect_provider.request import NEVER_CREATED, DeleteRequest, LambdaContext, parse_request
from connect_provider.run import Reconciler, Run

logger = logging.getLogger("connect_provider")

Reconcilers = Mapping[str, Callable[[Run], Reconciler]]


class Provider:
    """Serves the requests of the resource types that one function handles."""

    def __init__(self, helper: Helper, reconcilers: Reconcilers) -> None:
        """Register with crhelper. reconcilers: ResourceType -> what makes its reconciler."""
        helper.resource_types = reconcilers.keys()
        self._helper = helper
        self._reconcilers = reconcilers
        try:
            connect.client(connect.own_region())  # while Lambda lends a starting function a CPU
        except Exception as error:  # noqa: BLE001  # the first request meets it, and answers
            logger.warning("no client yet: %s", type(error).__name__)
        for register in (helper.create, helper.update, helper.delete):
            register(self._serve)

    def _serve(self, event: dict[str, Any], context: LambdaContext) -> str:
        """Do what a request asks; return the physical id."""
        request = parse_request(event)
        if isinstance(request, DeleteRequest):
            if not request.physical_resource_id.startswith(NEVER_CREATED):
                self._reconciler(request.resource_type).delete(request)
            return request.physical_resource_id
        observed = self._reconciler(request.resource_type).apply(request)
        self._helper.Data.update(observed.attributes)
        return observed.arn

    def _reconciler(self, resource_type: str) -> Reconciler:
        if resource_type not in self._reconcilers:
            known = ", ".join(self._reconcilers)
            raise InvalidRequest(
                f"Type or ServiceToken: one of them is wrong, since this function serves {known}"
            )
        return self._reconcilers[resource_type](Run(self._helper))
