"""The properties of Custom::ConnectQueueQuickConnects (API: AssociateQueueQuickConnects)."""

from typing import Annotated, ClassVar

from pydantic import AliasChoices, Field, model_validator

from connect_provider.properties import (
    INSTANCE,
    INSTANCE_SPELLINGS,
    InstanceArnOrId,
    ResourceProperties,
    refuse_foreign,
    within_instance,
)

QuickConnectArnOrId = Annotated[
    str,
    Field(max_length=250, pattern=within_instance("(?:transfer-destination|quick-connect)")),
]


class QueueQuickConnectsProperties(ResourceProperties):
    """The quick connects that a queue offers its agents.

    Agents see a quick connect only if it is associated with the queue that they work. The queue
    may belong to another stack, to another tool or to the console. The stack associates and
    dissociates only the quick connects in the template; other associations stay. An update writes
    only what the template changed. Two stacks can each manage a part of one queue, if no quick
    connect is in both. Do not manage a queue both with this type and with `QuickConnectArns` of
    `AWS::Connect::Queue`. Deleting it dissociates the quick connects in the template. Before you
    rename its logical id, set `DeletionPolicy: Retain` on it. To move a quick
    connect between two resources of one queue, remove it in one update, and add it in the next.
    """

    create_only: ClassVar = frozenset({"InstanceId", "QueueId"})
    attributes: ClassVar = {
        "Arn": "The ARN of the queue.",
        "Id": "The id of the queue.",
        "QueueArn": "The same as Arn, under the native type's name.",
        "QueueId": "The same as Id.",
        "InstanceArn": "The ARN of the instance.",
        "QuickConnectIds": "The ids of the template's quick connects, separated by commas, or empty"
        " if they need more than 2,048 characters.",
        "Count": "The number of the template's quick connects.",
    }

    InstanceId: Annotated[
        InstanceArnOrId,
        Field(max_length=100, description=INSTANCE, validation_alias=INSTANCE_SPELLINGS),
    ]
    QueueId: Annotated[
        str,
        Field(
            max_length=250,
            description="the id or ARN of a queue",
            pattern=within_instance("queue"),
            validation_alias=AliasChoices("QueueId", "QueueArn"),
        ),
    ]
    QuickConnectIds: Annotated[
        list[QuickConnectArnOrId],
        Field(
            description="the quick connects that the queue offers. The order has no meaning, and a "
            "repeated one counts once. Each: the id or ARN of a quick connect",
            validation_alias=AliasChoices("QuickConnectIds", "QuickConnectArns"),
        ),
    ]

    @model_validator(mode="after")
    def _stays_within_the_instance(self) -> "QueueQuickConnectsProperties":
        refuse_foreign("QueueId", self.QueueId, self.InstanceId)
        for index, quick_connect in enumerate(self.QuickConnectIds):
            refuse_foreign(f"QuickConnectIds.{index}", quick_connect, self.InstanceId)
        return self
