"""The sandbox's CloudFormation reads templates as AWS documents it, where MiniStack does not."""

import pytest
from botocore.parsers import ResponseParserError

from sandbox import scene, stacks
from sandbox.aws import Sandbox

TEMPLATE = f"""
Conditions:
  IsHere: !Equals [!Ref AWS::Region, {scene.REGION}]
  IsElsewhere: !Equals [!Ref AWS::Region, {scene.REPLICA_REGION}]
Resources:
  Here:
    Type: AWS::Connect::QuickConnect
    Condition: IsHere
    Properties: &properties
      InstanceArn: arn:aws:connect:{scene.REGION}:123456789012:instance/{scene.INSTANCE_ID}
      Name: Here
      QuickConnectConfig:
        QuickConnectType: PHONE_NUMBER
        PhoneConfig: {{ PhoneNumber: "+12065550100" }}
  Elsewhere:
    Type: AWS::Connect::QuickConnect
    Condition: IsElsewhere
    Properties:
      <<: *properties
      Name: Elsewhere
  Tagged:
    Type: AWS::Connect::QuickConnect
    Properties:
      <<: *properties
      Name: Tagged
      Tags:
        - {{ Key: cost-center, Value: 42 }}
        - {{ Key: on-call, Value: true }}
  Ours:
    Type: Custom::ConnectQuickConnect
    Properties:
      <<: *properties
      ServiceToken: !ImportValue cfn-connect-provider:QuickConnect
      Name: Ours
      Tags: {{ cost-center: 42, on-call: true }}
"""
TAGS = {"cost-center": "42", "on-call": "true"}


def test_conditions_know_the_region_and_tags_are_text(sandbox: Sandbox) -> None:
    """A native quick connect needs no Tags, and a scalar tag becomes text."""
    stacks.deploy(sandbox, "engine", TEMPLATE, {}, lambda _: None)
    tags = {it["Name"]: it["Tags"] for it in sandbox.connect.quick_connects.values()}
    assert tags.keys() == {"Here", "Tagged", "Ours"}
    assert not TAGS.keys() & tags["Here"].keys()
    for name in ("Tagged", "Ours"):
        assert tags[name].items() >= TAGS.items()
    stacks.delete(sandbox, "engine", lambda _: None)
    assert not sandbox.connect.quick_connects


def test_a_condition_on_an_unknown_pseudo_parameter_fails(sandbox: Sandbox) -> None:
    """The request fails, rather than silently not make a resource."""
    text = TEMPLATE.replace("AWS::Region", "AWS::StackName")
    with pytest.raises(ResponseParserError, match="does not know AWS::StackName in a condition"):
        stacks.deploy(sandbox, "unknown", text, {}, lambda _: None)
