"""Reads the attributes of a stack's resources, for Fn::GetAtt. UNKNOWN: it cannot be read."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cfn_connect.clients import Clients, code_of
from cfn_connect.resolve import PREFIX, UNKNOWN
from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider import arn

# Cloud Control cannot read the resource, or the identity may not.
_UNREADABLE = (
    "AccessDenied",
    "AccessDeniedException",
    "GeneralServiceException",
    "HandlerFailureException",
    "InvalidRequestException",
    "ResourceNotFoundException",
    "TypeNotFoundException",
    "UnsupportedActionException",
    "ValidationException",
)


class Attributes:
    """The attributes of resources. Each resource is read once.

    region: of the stack, or None for the one of the command.
    """

    def __init__(self, clients: Clients, region: str | None) -> None:
        self._clients, self._region = clients, region
        self._live: dict[str, Any] = {}  # by physical id

    def of(self, kind: str, physical_id: str, name: str) -> Any:
        """Return an attribute of a resource, such as "QueueArn" or "Outputs.QueueId"."""
        if kind.startswith(PREFIX):
            return _own(kind, physical_id, name)
        if physical_id not in self._live:
            self._live[physical_id] = self._read(kind, physical_id)
        value = self._live[physical_id]
        for part in name.split("."):
            value = value.get(part, UNKNOWN) if isinstance(value, Mapping) else UNKNOWN
        return value

    def _read(self, kind: str, physical_id: str) -> Any:
        if kind == "AWS::CloudFormation::Stack":
            return self._nested(physical_id)
        return self._native(kind, physical_id) if kind.startswith("AWS::") else UNKNOWN

    def _nested(self, stack_id: str) -> Any:
        """Read a nested stack (API: DescribeStacks)."""
        client = self._clients.client("cloudformation", self._region)
        (described,) = client.describe_stacks(StackName=stack_id)["Stacks"]
        outputs = {it["OutputKey"]: it["OutputValue"] for it in described.get("Outputs", ())}
        return {"Outputs": outputs}

    def _native(self, kind: str, identifier: str) -> Any:
        """Read a native resource (API: GetResource of Cloud Control)."""
        client = self._clients.client("cloudcontrol", self._region)

        def read() -> Any:
            found = client.get_resource(TypeName=kind, Identifier=identifier)
            return json.loads(found["ResourceDescription"]["Properties"])

        return unless(_UNREADABLE, read)


def unless(codes: tuple[str, ...], read: Callable[[], Any]) -> Any:
    """Return what a call reads, or UNKNOWN if its error has one of the codes."""
    try:
        return read()
    except ClientError as error:
        if code_of(error) not in codes:
            raise
        return UNKNOWN


def _own(kind: str, physical_id: str, name: str) -> Any:
    """Return an attribute that the ARN of a Custom::Connect* resource tells.

    kind: the type, or PREFIX for one of all types.
    """
    models = [it.model for each, it in RESOURCE_TYPES.items() if kind in (each, PREFIX)]
    exists = any(name in model.attributes for model in models)
    if not exists or not physical_id.startswith("arn:"):
        return UNKNOWN
    if name == "InstanceArn":
        return arn.instance_arn(physical_id) or UNKNOWN
    if name in ("Id", "QueueId"):
        return arn.resource_id(physical_id)
    return physical_id if name.endswith("Arn") else UNKNOWN
