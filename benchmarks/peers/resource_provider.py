"""A provider on cfn-resource-provider's base class, written like its README."""

import boto3
from botocore.exceptions import ClientError
from cfn_resource_provider import ResourceProvider


class ConnectQuickConnectProvider(ResourceProvider):
    def __init__(self):
        super().__init__()
        self.connect = boto3.client("connect")
        self.request_schema = {
            "type": "object",
            "required": ["InstanceId", "Name", "QuickConnectConfig"],
            "properties": {
                "InstanceId": {"type": "string"},
                "Name": {"type": "string", "minLength": 1, "maxLength": 127},
                "Description": {"type": "string", "default": ""},
                "QuickConnectConfig": {"type": "object"},
                "Tags": {"type": "object", "default": {}},
            },
        }

    def create(self):
        try:
            created = self.connect.create_quick_connect(
                InstanceId=self.get("InstanceId"),
                Name=self.get("Name"),
                Description=self.get("Description"),
                QuickConnectConfig=self.get("QuickConnectConfig"),
                Tags=self.get("Tags"),
            )
            self.physical_resource_id = created["QuickConnectId"]
            self.set_attribute("Id", created["QuickConnectId"])
        except ClientError as error:
            self.physical_resource_id = "could-not-create"
            self.fail(str(error))

    def update(self):
        ids = {"InstanceId": self.get("InstanceId"), "QuickConnectId": self.physical_resource_id}
        self.connect.update_quick_connect_name(**ids, Name=self.get("Name"))
        self.connect.update_quick_connect_config(
            **ids, QuickConnectConfig=self.get("QuickConnectConfig")
        )

    def delete(self):
        self.connect.delete_quick_connect(
            InstanceId=self.get("InstanceId"), QuickConnectId=self.physical_resource_id
        )


provider = ConnectQuickConnectProvider()


def lambda_handler(event, context):
    provider.handle(event, context)
