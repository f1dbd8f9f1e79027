"""What the sandbox adds to MiniStack: native Connect types, and functions that pause briefly.

Hypercorn serves `app`, which is MiniStack. MiniStack knows no type of Connect, so this module adds
the operations that docs/migration.md needs: create, delete and import. It refuses an update.

MiniStack rejects an alarm over several metrics. The sandbox watches nothing, so an alarm is only a
name here.

A function waits for minutes if AWS is slow. The sandbox is fast, so the clock of a function runs
20 times as fast while the function sleeps.

MiniStack compares the names of pseudo parameters in conditions, not their values. So this module
gives it the values. It refuses the pseudo parameters whose values it does not know there.
"""

import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError
from ministack.app import app
from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import changesets, engine, handlers, stacks
from ministack.services.cloudformation.changesets import _IMPORT_LOOKUPS
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

__all__ = ["app"]

_SHORT_PAUSES = """
def _shorten_pauses(speed):
    import time
    sleep, skipped = time.sleep, [0.0]

    def shorter(seconds):
        sleep(seconds / speed)
        skipped[0] += seconds - seconds / speed

    def ahead(clock):
        return lambda: clock() + skipped[0]

    time.time, time.monotonic, time.sleep = ahead(time.time), ahead(time.monotonic), shorter

_shorten_pauses(20)
"""
lambda_runtime._PYTHON_WORKER_SCRIPT = _SHORT_PAUSES + lambda_runtime._PYTHON_WORKER_SCRIPT

_Properties = Mapping[str, Any]


def _register(
    name: str,
    identifier: str,
    create: Callable[[_Properties], str],
    describe: Callable[[str], Any],
    delete: Callable[[str], Any],
) -> None:
    """Add a type. Its Ref, its attribute `identifier` and the id of an import are its ARN."""

    def made(arn: str) -> tuple[str, dict[str, str]]:
        return arn, {identifier: arn}

    def refuse(*_: Any) -> None:
        raise NotImplementedError(f"the sandbox does not update {name}")

    def import_problem(arn: str) -> str | None:
        try:
            describe(arn)
        except ClientError as error:
            return str(error)
        return None

    _RESOURCE_HANDLERS[name] = {
        "create": lambda _logical_id, properties, _stack: made(create(properties)),
        "update": refuse,
        "delete": lambda arn, _properties: delete(arn),
        "import": lambda asked: made(asked[identifier]),
    }
    _IMPORT_LOOKUPS[name] = ((identifier,), import_problem)


def _connect() -> Any:
    return _client(get_region())


@cache
def _client(region: str) -> Any:
    """Return a client of the emulator, from AWS_ENDPOINT_URL_CONNECT."""
    return boto3.session.Session().client(
        "connect",
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106  # the sandbox takes any
    )


def _create_quick_connect(properties: _Properties) -> str:
    created = _connect().create_quick_connect(
        **_common(properties), QuickConnectConfig=_config(properties["QuickConnectConfig"])
    )
    return str(created["QuickConnectARN"])


def _config(native: _Properties) -> dict[str, Any]:
    """Return the API's QuickConnectConfig, with QueueId for the native QueueArn."""
    return {
        name.replace("Arn", "Id"): _config(value) if isinstance(value, dict) else value
        for name, value in native.items()
    }


def _describe_quick_connect(arn: str) -> None:
    _connect().describe_quick_connect(**_quick_connect(arn))


def _delete_quick_connect(arn: str) -> None:
    _connect().delete_quick_connect(**_quick_connect(arn))


def _quick_connect(arn: str) -> dict[str, str]:
    instance, _, quick_connect_id = arn.partition("/transfer-destination/")
    return {"InstanceId": instance, "QuickConnectId": quick_connect_id}


def _create_group(properties: _Properties) -> str:
    arn: str = _connect().create_traffic_distribution_group(**_common(properties))["Arn"]
    while _describe_group(arn)["Status"] == "CREATION_IN_PROGRESS":
        time.sleep(0.1)
    return arn


def _describe_group(arn: str) -> dict[str, Any]:
    response = _connect().describe_traffic_distribution_group(TrafficDistributionGroupId=arn)
    return dict(response["TrafficDistributionGroup"])


def _delete_group(arn: str) -> None:
    _connect().delete_traffic_distribution_group(TrafficDistributionGroupId=arn)


def _common(properties: _Properties) -> dict[str, Any]:
    """Return the parameters that both operations take."""
    given = {name: properties[name] for name in ("Name", "Description") if name in properties}
    tags = {str(tag["Key"]): _text(tag["Value"]) for tag in properties.get("Tags", [])}
    tagged = {"Tags": tags} if tags else {}  # Connect refuses an empty map
    return {**given, "InstanceId": properties["InstanceArn"], **tagged}


def _text(value: object) -> str:
    """Return a scalar as text, as CloudFormation does: true, not Python's True."""
    return value if isinstance(value, str) else json.dumps(value)


_register(
    "AWS::Connect::QuickConnect",
    "QuickConnectArn",
    _create_quick_connect,
    _describe_quick_connect,
    _delete_quick_connect,
)
_register(
    "AWS::Connect::TrafficDistributionGroup",
    "TrafficDistributionGroupArn",
    _create_group,
    _describe_group,
    _delete_group,
)

_RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"] = {
    "create": lambda logical_id, _properties, stack: (f"{stack}-{logical_id}", {}),
    "update": lambda name, *_: (name, {}),
    "delete": lambda _name, _properties: None,
}

_evaluate = engine._evaluate_conditions
_UNKNOWN = ("AWS::NotificationARNs", "AWS::StackId", "AWS::StackName")


def _evaluate_conditions(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, bool]:
    """Evaluate conditions with the values of the pseudo parameters."""
    written = json.dumps(template.get("Conditions", {}), default=str)
    for name in _UNKNOWN:
        if f'"{name}"' in written:
            raise NotImplementedError(f"the sandbox does not know {name} in a condition")
    pseudo = {
        "AWS::AccountId": get_account_id(),
        "AWS::Partition": "aws",
        "AWS::Region": get_region(),
        "AWS::URLSuffix": "amazonaws.com",
    }
    known = {name: {"Value": value} for name, value in pseudo.items()}
    return dict(_evaluate(template, {**known, **parameters}))


for _module in (changesets, engine, handlers, stacks):
    _module._evaluate_conditions = _evaluate_conditions
