"""The properties of Custom::ConnectQuickConnect (API: CreateQuickConnect)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, ConfigDict, Field, model_validator

from connect_provider.arn import region_of, resource_id
from connect_provider.properties import (
    INSTANCE,
    INSTANCE_SPELLINGS,
    InstanceArnOrId,
    OwnedResourceProperties,
    Properties,
    UserArnOrId,
    refuse_foreign,
    within_instance,
)

# Each type needs exactly this block. The API's model does not tie them together.
BLOCKS = {
    "USER": "UserConfig",
    "QUEUE": "QueueConfig",
    "PHONE_NUMBER": "PhoneConfig",
    "FLOW": "FlowConfig",
}

ContactFlowId = Annotated[
    str,
    Field(
        max_length=500,
        description="the id or ARN of a contact flow",
        pattern=within_instance("contact-flow"),
        validation_alias=AliasChoices("ContactFlowId", "ContactFlowArn"),
    ),
]
QueueId = Annotated[
    str,
    Field(
        description="the id or ARN of a queue",
        pattern=within_instance("queue"),
        validation_alias=AliasChoices("QueueId", "QueueArn"),
    ),
]


class UserQuickConnectConfig(Properties):
    """A transfer to an agent, through a contact flow."""

    UserId: Annotated[
        UserArnOrId,
        Field(
            description="the id or ARN of a user",
            validation_alias=AliasChoices("UserId", "UserArn"),
        ),
    ]
    ContactFlowId: ContactFlowId


class QueueQuickConnectConfig(Properties):
    """A transfer to a queue, through a contact flow."""

    QueueId: QueueId
    ContactFlowId: ContactFlowId


class PhoneNumberQuickConnectConfig(Properties):
    """A transfer to a phone number in E.164 format."""

    PhoneNumber: str = Field(
        pattern=r"^\+[1-9][0-9]{1,14}$",
        description='a number in E.164 format, in quotes, such as "+12065550100"',
    )


class FlowQuickConnectConfig(Properties):
    """A transfer to a contact flow."""

    ContactFlowId: ContactFlowId


def _need_blocks(schema: dict[str, Any]) -> None:
    """Add to a JSON Schema the block that each type needs, and refuse the others.

    Another block can be a function that returns AWS::NoValue.
    """
    function = {"minProperties": 1, "propertyNames": {"pattern": "^Fn::"}}
    schema["allOf"] = [
        {
            "if": {
                "properties": {"QuickConnectType": {"const": kind}},
                "required": ["QuickConnectType"],
            },
            "then": {
                "required": [block],
                "properties": {other: function for other in BLOCKS.values() if other != block},
            },
        }
        for kind, block in BLOCKS.items()
    ]


class QuickConnectConfig(Properties):
    """The destination of the quick connect: a type, and the block of that type."""

    model_config = ConfigDict(json_schema_extra=_need_blocks)

    QuickConnectType: Literal["USER", "QUEUE", "PHONE_NUMBER", "FLOW"] = Field(
        description="the type; it needs its own block and no other"
    )
    UserConfig: UserQuickConnectConfig | None = Field(
        default=None, description="the agent, and a flow that transfers to agents"
    )
    QueueConfig: QueueQuickConnectConfig | None = Field(
        default=None, description="the queue, and a flow that transfers to queues"
    )
    PhoneConfig: PhoneNumberQuickConnectConfig | None = Field(
        default=None, description="the phone number"
    )
    FlowConfig: FlowQuickConnectConfig | None = Field(default=None, description="the flow")

    @model_validator(mode="after")
    def _has_the_block_of_its_type(self) -> "QuickConnectConfig":
        needed = BLOCKS[self.QuickConnectType]
        given = [block for block in BLOCKS.values() if getattr(self, block) is not None]
        if given != [needed]:
            raise ValueError(
                f"QuickConnectType {self.QuickConnectType} needs {needed} and no other block; "
                f"given: {', '.join(given) or 'none'}"
            )
        return self


class QuickConnectProperties(OwnedResourceProperties):
    """A transfer destination for agents: another agent, a queue, a phone number or a flow.

    An update repairs manual changes, and re-creates a quick connect that somebody deleted.
    """

    create_only: ClassVar = frozenset({"InstanceId"})
    attributes: ClassVar = {
        "Arn": "The ARN of the quick connect.",
        "Id": "The id of the quick connect.",
        "QuickConnectArn": "The same as Arn, under the native type's name.",
        "QuickConnectType": "The type of the quick connect, such as QUEUE.",
        "InstanceArn": "The ARN of the instance.",
    }

    InstanceId: Annotated[
        InstanceArnOrId,
        Field(max_length=100, description=INSTANCE, validation_alias=INSTANCE_SPELLINGS),
    ]
    Name: str = Field(
        min_length=1,
        max_length=127,
        description="the name, unique in the instance",
    )
    Description: str = Field(default="", max_length=250, description="the description")
    QuickConnectConfig: Annotated[QuickConnectConfig, Field(description="the destination")]

    @model_validator(mode="after")
    def _stays_within_the_instance(self) -> "QuickConnectProperties":
        block = BLOCKS[self.QuickConnectConfig.QuickConnectType]
        for name, value in getattr(self.QuickConnectConfig, block):
            refuse_foreign(f"QuickConnectConfig.{block}.{name}", value, self.InstanceId)
        return self

    @property
    def state(self) -> Mapping[str, Any]:
        """Return the desired state. An instance and its replica have the same bare id."""
        config = self.QuickConnectConfig.model_dump(exclude_none=True)
        return {
            "InstanceId": (region_of(self.InstanceId), resource_id(self.InstanceId)),
            "Name": self.Name,
            "Description": self.Description,
            "QuickConnectConfig": canonical_config(config),
        }


def canonical_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return a QuickConnectConfig in the API's form: the block of its type, with bare ids."""
    quick_connect_type = config["QuickConnectType"]
    block = BLOCKS.get(quick_connect_type)
    if block is None:
        return config  # a type that is newer than this code: it can be replaced and deleted
    settings = {name: resource_id(value) for name, value in (config.get(block) or {}).items()}
    return {"QuickConnectType": quick_connect_type, block: settings}
