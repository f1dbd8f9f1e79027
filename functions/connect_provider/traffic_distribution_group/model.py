"""The properties of Custom::ConnectTrafficDistributionGroup.

API: CreateTrafficDistributionGroup.
"""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from connect_provider.properties import (
    INSTANCE,
    INSTANCE_SPELLINGS,
    InstanceArnOrId,
    OwnedResourceProperties,
    UserArnOrId,
    refuse_foreign,
)

# The API's pattern: no space at either end, and one line.
_TRIMMED = r"^\S(?:.*\S)?$"
_TRIMMED_TEXT = "one line of text, without a space at either end"


class TrafficDistributionGroupProperties(OwnedResourceProperties):
    """What routes together in a replicated instance: phone numbers, agents and sign-ins.

    The stack waits until the group is ACTIVE, and at the end until it is gone. No API changes a
    group's Name or Description later, and a group cannot be replaced under its own Name: so change
    Name whenever Description changes. Users whom others associated with the group stay; those of
    the template are dissociated when they leave it. The default group of an instance can be adopted
    with its Name and `ExistingResourcePolicy: Adopt`. It is never deleted.
    """

    create_only: ClassVar = frozenset({"InstanceId", "Name", "Description"})
    attributes: ClassVar = {
        "Arn": "The ARN of the group.",
        "Id": "The id of the group, which means something in its home Region only.",
        "TrafficDistributionGroupArn": "The same as Arn, as the native type calls it.",
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
