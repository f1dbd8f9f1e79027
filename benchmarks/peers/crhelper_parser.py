"""crhelper with Powertools, as a first version would combine them."""

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.parser.models import (
    CloudFormationCustomResourceCreateModel,
    CloudFormationCustomResourceDeleteModel,
    CloudFormationCustomResourceUpdateModel,
)
from crhelper import CfnResource
from pydantic import Field

logger = Logger(service="quick-connect")
helper = CfnResource()
connect = boto3.client("connect")


class QueueConfig(BaseModel):
    QueueId: str
    ContactFlowId: str


class QuickConnectConfig(BaseModel):
    QuickConnectType: str
    QueueConfig: QueueConfig


class QuickConnect(BaseModel):
    InstanceId: str
    Name: str = Field(min_length=1, max_length=127)
    Description: str = ""
    QuickConnectConfig: QuickConnectConfig
    Tags: dict[str, str] = Field(default_factory=dict)


class Create(CloudFormationCustomResourceCreateModel):
    resource_properties: QuickConnect = Field(alias="ResourceProperties")


class Update(CloudFormationCustomResourceUpdateModel):
    resource_properties: QuickConnect = Field(alias="ResourceProperties")


class Delete(CloudFormationCustomResourceDeleteModel):
    resource_properties: QuickConnect = Field(alias="ResourceProperties")


@helper.create
@event_parser(model=Create)
def create(event, context):
    wanted = event.resource_properties
    created = connect.create_quick_connect(
        InstanceId=wanted.InstanceId,
        Name=wanted.Name,
        Description=wanted.Description,
        QuickConnectConfig=wanted.QuickConnectConfig.model_dump(),
        Tags=wanted.Tags,
    )
    helper.Data["Id"] = created["QuickConnectId"]
    return created["QuickConnectId"]


@helper.update
@event_parser(model=Update)
def update(event, context):
    wanted = event.resource_properties
    ids = {"InstanceId": wanted.InstanceId, "QuickConnectId": event.physical_resource_id}
    connect.update_quick_connect_name(**ids, Name=wanted.Name)
    connect.update_quick_connect_config(
        **ids, QuickConnectConfig=wanted.QuickConnectConfig.model_dump()
    )


@helper.delete
@event_parser(model=Delete)
def delete(event, context):
    connect.delete_quick_connect(
        InstanceId=event.resource_properties.InstanceId,
        QuickConnectId=event.physical_resource_id,
    )


@logger.inject_lambda_context
def lambda_handler(event, context):
    helper(event, context)
