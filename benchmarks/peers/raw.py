"""A handler without a framework, written like the page on the cfn-response module.

It builds its TLS context at init, so that init does the same work here as in the provider.
"""

import json
import ssl

import boto3
import urllib3

connect = boto3.client("connect")
http = urllib3.PoolManager(ssl_context=ssl.create_default_context())


def send(event, status, physical_id, data, reason=""):
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": data,
    }
    http.request("PUT", event["ResponseURL"], body=json.dumps(body), headers={"content-type": ""})


def lambda_handler(event, context):
    physical_id = event.get("PhysicalResourceId", event["RequestId"])
    properties = event["ResourceProperties"]
    try:
        if event["RequestType"] == "Create":
            created = connect.create_quick_connect(
                InstanceId=properties["InstanceId"],
                Name=properties["Name"],
                Description=properties["Description"],
                QuickConnectConfig=properties["QuickConnectConfig"],
                Tags=properties["Tags"],
            )
            physical_id = created["QuickConnectId"]
        elif event["RequestType"] == "Update":
            ids = {"InstanceId": properties["InstanceId"], "QuickConnectId": physical_id}
            connect.update_quick_connect_name(**ids, Name=properties["Name"])
            connect.update_quick_connect_config(
                **ids, QuickConnectConfig=properties["QuickConnectConfig"]
            )
        else:
            connect.delete_quick_connect(
                InstanceId=properties["InstanceId"], QuickConnectId=physical_id
            )
        send(event, "SUCCESS", physical_id, {"Id": physical_id})
    except Exception as error:
        send(event, "FAILED", physical_id, {}, str(error))
