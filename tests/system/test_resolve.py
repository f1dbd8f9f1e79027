"""The resolver returns the properties that Lambda receives, for every template of the repository.

A function records each request in a bucket, in the place of the provider's functions.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from cfn_connect.resolve import PREFIX, UNKNOWN, Deployment, resolve
from cfn_connect.resource_types import EXPORTS, RESOURCE_TYPES
from sandbox import demo, scene, stacks
from sandbox.aws import Sandbox
from sandbox.connect_account import ACCOUNT
from tests.support.harness import ROOT
from tests.support.templates import parsed, templates

GOOD = ROOT / "tests/unit/cfn_connect/rules/good"
# The sandbox cannot deploy these as AWS does. tests/unit/cfn_connect/test_resolve.py has the rest.
OTHER_IN_THE_SANDBOX = {
    "examples/migration/native.yaml": "its native resources need real ids",
    "conditions_in_other_words": "a default that is a boolean is not text",
    "conditions_on_one_value": "AWS::NoValue in an inner Fn::If removes the outer one",
    "dynamic_references": "the references lead nowhere",
    "foreach_in_plain_text": "Fn::ForEach leaves plain text as it is",
    "native_resources_beside": "the native type is unknown",
    "other_custom_resources": "nobody exports the ServiceToken",
    "loops_over_parameters": "the parameter leads nowhere",
    "parameter_store_parameter": "the parameter leads nowhere",
    "parameters_of_other_stacks": "the nested template does not exist",
    "queues_that_offer_each_other": "the native type is unknown",
    "references_to_native_resources": "the native types are unknown",
    "rules_of_the_template": "the functions of Rules are unknown",
    "token_of_another_provider": "nobody exports the ServiceToken",
}
TEMPLATES = {
    name: text
    for name, text in {
        **templates(),
        **{path.stem: path.read_text() for path in sorted(GOOD.glob("*.yaml"))},
    }.items()
    if name not in OTHER_IN_THE_SANDBOX
}
BUCKET = "recorded"
MAY_RECORD = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    ],
}
RECORDER = """
import json
from urllib.request import Request, urlopen
import boto3

def handler(event, context):
    logical_id = event["LogicalResourceId"]
    key = event["StackId"].split("/")[1] + "/" + logical_id
    body = json.dumps(event).encode()
    boto3.client("s3").put_object(Bucket="recorded", Key=key, Body=body)
    response = {
        "Status": "SUCCESS",
        "PhysicalResourceId": "id-of-" + logical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": logical_id,
        "Data": {name: logical_id + "-" + name for name in ATTRIBUTES},
    }
    urlopen(Request(event["ResponseURL"], json.dumps(response).encode(), method="PUT"))
"""
ATTRIBUTES = sorted({name for it in RESOURCE_TYPES.values() for name in it.model.attributes})


@pytest.fixture(scope="module")
def recorder() -> Iterator[Sandbox]:
    """A sandbox with the recorder behind each ServiceToken that the provider exports."""
    template = {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {"Statement": []},
                    "Policies": [{"PolicyName": "record", "PolicyDocument": MAY_RECORD}],
                },
            },
            "Recorder": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "recorder",
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "Role": {"Fn::GetAtt": "Role.Arn"},
                    "Code": {"ZipFile": f"ATTRIBUTES = {ATTRIBUTES}\n{RECORDER}"},
                },
            },
        },
        "Outputs": {
            f"Token{index}": {"Value": {"Fn::GetAtt": "Recorder.Arn"}, "Export": {"Name": name}}
            for index, name in enumerate(EXPORTS)
        },
    }
    with Sandbox() as sandbox:
        sandbox.client = cache(sandbox.client)  # it takes longer to build than a stack
        sandbox.client("s3").create_bucket(Bucket=BUCKET)
        stacks.deploy(sandbox, "recorder", json.dumps(template), {}, lambda _: None)
        yield sandbox


VALUES = {
    **demo.PARAMETERS,
    **demo.DESK_PARAMETERS,
    "ServiceToken": f"arn:aws:lambda:{scene.REGION}:{ACCOUNT}:function:recorder",
}


def value_of(name: str, declared: Mapping[str, Any]) -> str:
    """Return a value for a parameter without a default."""
    if "AllowedValues" in declared:
        return str(declared["AllowedValues"][0])
    other = "50" if declared["Type"] == "Number" else f"value-of-{name}"
    return VALUES.get(name, other)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_resolver_returns_the_properties_that_lambda_receives(
    name: str, recorder: Sandbox
) -> None:
    """Each property is equal, or unknown; nothing is missing and nothing is invented."""
    text = TEMPLATES[name]
    template = parsed(text)
    values = {
        key: value_of(key, declared)
        for key, declared in template.get("Parameters", {}).items()
        if "Default" not in declared
    }
    stack = f"s{[*TEMPLATES].index(name)}"
    stacks.deploy(recorder, stack, text, values, lambda _: None)
    stack_id, physical_ids = _ids(recorder, stack)
    received = _received(recorder, stack)
    resolved = {
        it.logical_id: it.properties
        for it in resolve(template, _deployment(recorder, stack_id, physical_ids, values))
    }
    assert resolved.keys() == received.keys()
    for logical_id, properties in received.items():
        assert agrees(resolved[logical_id], properties), (resolved[logical_id], properties)


def _ids(sandbox: Sandbox, stack: str) -> tuple[str, dict[str, str]]:
    """Return the id of a stack, and the physical ids of its resources."""
    cloudformation = sandbox.client("cloudformation")
    found = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    ids = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in found}
    return described["StackId"], ids


def _received(sandbox: Sandbox, stack: str) -> dict[str, Any]:
    """Return the properties in the request of each Custom::Connect* resource of a stack."""
    s3 = sandbox.client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{stack}/").get("Contents", [])
    bodies = [s3.get_object(Bucket=BUCKET, Key=it["Key"])["Body"].read() for it in listed]
    events = [json.loads(body) for body in bodies]
    return {
        event["LogicalResourceId"]: event["ResourceProperties"]
        for event in events
        if event["ResourceType"].startswith(PREFIX)
    }


def _deployment(
    sandbox: Sandbox, stack_id: str, physical_ids: Mapping[str, str], values: Mapping[str, str]
) -> Deployment:
    """Return the facts of a deployed stack."""
    exports = sandbox.client("cloudformation").list_exports()["Exports"]

    def attribute(logical_id: str, name: str) -> Any:
        ours = physical_ids.get(logical_id) == f"id-of-{logical_id}"
        return f"{logical_id}-{name}" if ours and name in ATTRIBUTES else UNKNOWN

    return Deployment(
        parameters=values,
        pseudo={
            "AWS::Region": scene.REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackId": stack_id,
            "AWS::StackName": stack_id.split("/")[1],
        },
        exports={it["Name"]: it["Value"] for it in exports},
        physical_ids=physical_ids,
        attribute=attribute,
    )


def agrees(resolved: Any, received: Any) -> bool:
    """Return whether every resolved value is unknown, or equal to the received one."""
    if resolved is UNKNOWN:
        return True
    if isinstance(resolved, dict) and isinstance(received, dict):
        known = resolved.keys() - {key for key, value in resolved.items() if value is UNKNOWN}
        return known <= received.keys() <= resolved.keys() and all(
            agrees(resolved[key], value) for key, value in received.items()
        )
    if isinstance(resolved, list) and isinstance(received, list):
        return len(resolved) == len(received) and all(map(agrees, resolved, received))
    return bool(resolved == received)
