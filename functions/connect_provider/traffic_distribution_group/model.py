"""The properties of Custom::ConnectTrafficDistributionGroup.

API: CreateTrafficDistributionGroup.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from connect_provider.arn import resource_id
from connect_provider.properties import (
    INSTANCE,
    INSTANCE_SPELLINGS,
    InstanceArnOrId,
    OwnedResourceProperties,
    UserArnOrId,
    refuse_foreign,
)
from connect_provider.reconcile.plan import Status

# The API's pattern: one line, no space at either end.
_TRIMMED = r"^\S(?:.*\S)?$"
_TRIMMED_TEXT = "one line of text, without a space at either end"

# API: DescribeTrafficDistributionGroup. A status that is newer than this code counts as FAILED.
STATUSES = {
    "CREATION_IN_PROGRESS": Status.BUSY,
    "UPDATE_IN_PROGRESS": Status.BUSY,
    "ACTIVE": Status.READY,
    "PENDING_DELETION": Status.DELETING,
    "CREATION_FAILED": Status.FAILED,
    "DELETION_FAILED": Status.FAILED,
}


class TrafficDistributionGroupProperties(OwnedResourceProperties):
    """A group of phone numbers, agents and sign-ins of a replicated instance.

    The stack waits until the group is ACTIVE, and on deletion until it is gone. No API changes the
    Name or Description of a group. A group cannot be replaced under its own Name, so change the
    Name together with the Description. The stack associates and dissociates only the users in the
    template; other users stay. To adopt the default group of an instance, give its Name and
    `ExistingResourcePolicy: Adopt`. It is never deleted.
    """

    create_only: ClassVar = frozenset({"InstanceId", "Name", "Description"})
    attributes: ClassVar = {
        "Arn": "The ARN of the group.",
        "Id": "The id of the group, valid in its home Region only.",
        "TrafficDistributionGroupArn": "The same as Arn, under the native type's name.",
        "Status": "The status of the group, such as ACTIVE.",
        "IsDefault": "`true` for the default group of the instance, else `false`.",
        "InstanceArn": "The ARN of the instance.",
    }

    InstanceId: Annotated[
        InstanceArnOrId,
        Field(max_length=250, description=INSTANCE, validation_alias=INSTANCE_SPELLINGS),
    ]
    Name: str = Field(
        min_length=1, max_length=128, pattern=_TRIMMED, description=f"the name: {_TRIMMED_TEXT}"
    )
    Description: str | None = Field(
        default=None,
        min_length=1,
        max_length=250,
        pattern=_TRIMMED,
        description=f"the description: {_TRIMMED_TEXT}",
    )
    UserIds: list[UserArnOrId] = Field(
        default=[],
        description="the users whose calls the group routes. Each: the id or ARN of a user",
    )

    @model_validator(mode="after")
    def _stays_within_the_instance(self) -> "TrafficDistributionGroupProperties":
        for index, user in enumerate(self.UserIds):
            refuse_foreign(f"UserIds.{index}", user, self.InstanceId)
        return self

    @property
    def state(self) -> Mapping[str, Any]:
        """Return the desired state."""
        return {
            "InstanceId": resource_id(self.InstanceId),
            "Name": self.Name,
            "Description": self.Description,
        }
