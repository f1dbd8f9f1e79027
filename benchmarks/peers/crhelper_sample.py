"""The sample from crhelper's README, with the calls to Connect added."""

import logging

import boto3
from crhelper import CfnResource

logger = logging.getLogger(__name__)
helper = CfnResource(
    json_logging=False,
    log_level="DEBUG",
    boto_level="CRITICAL",
    sleep_on_delete=120,
    ssl_verify=None,
)

try:
    connect = boto3.client("connect")
except Exception as error:
    helper.init_failure(error)


@helper.create
def create(event, context):
    logger.info("Got Create")
    properties = event["ResourceProperties"]
    created = connect.create_quick_connect(
        InstanceId=properties["InstanceId"],
        Name=properties["Name"],
        Description=properties["Description"],
        QuickConnectConfig=properties["QuickConnectConfig"],
        Tags=properties["Tags"],
    )
    helper.Data.update({"Id": created["QuickConnectId"]})
    return created["QuickConnectId"]


@helper.update
def update(event, context):
    logger.info("Got Update")
    properties = event["ResourceProperties"]
    ids = {"InstanceId": properties["InstanceId"], "QuickConnectId": event["PhysicalResourceId"]}
    connect.update_quick_connect_name(**ids, Name=properties["Name"])
    connect.update_quick_connect_config(**ids, QuickConnectConfig=properties["QuickConnectConfig"])


@helper.delete
def delete(event, context):
    logger.info("Got Delete")
    connect.delete_quick_connect(
        InstanceId=event["ResourceProperties"]["InstanceId"],
        QuickConnectId=event["PhysicalResourceId"],
    )


def lambda_handler(event, context):
    helper(event, context)
