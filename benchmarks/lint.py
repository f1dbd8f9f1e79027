"""The extra time that cfn-lint takes with the rules of cfn_connect.rules."""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner


def ratio(resources: int, conditions: int) -> float:
    """Return the processor time with the rules over the time without, both measured here."""
    with TemporaryDirectory() as folder:
        small, path = Path(folder, "small.json"), Path(folder, "template.json")
        small.write_text(json.dumps(_template(1, 1)))
        path.write_text(json.dumps(_template(resources, conditions)))
        ours = ["--append-rules", "cfn_connect.rules", "--"]
        _seconds([*ours, str(small)])  # loads what later runs share
        return _seconds([*ours, str(path)]) / _seconds([str(path)])


def _seconds(arguments: list[str]) -> float:
    start = time.process_time()
    found = list(Runner(ConfigMixIn(arguments)).run())
    assert not found, found
    return time.process_time() - start


def _template(resources: int, conditions: int) -> dict[str, Any]:
    """Return a template of quick connects with a tag for each condition."""
    numbers = range(conditions)
    tags = {f"key{number}": {"Fn::If": [f"Is{number}", "on", "off"]} for number in numbers}
    properties = {
        "ServiceToken": {"Fn::ImportValue": "cfn-connect-provider:QuickConnect"},
        "InstanceId": {"Ref": "InstanceId"},
        "QuickConnectConfig": {
            "QuickConnectType": "PHONE_NUMBER",
            "PhoneConfig": {"PhoneNumber": "+12065550100"},
        },
        "Tags": tags,
    }
    choices = {f"Choice{number}": {"Type": "String", "Default": "no"} for number in numbers}
    return {
        "Parameters": {"InstanceId": {"Type": "String"}, **choices},
        "Conditions": {
            f"Is{number}": {"Fn::Equals": [{"Ref": f"Choice{number}"}, "yes"]} for number in numbers
        },
        "Resources": {
            f"Desk{number}": {
                "Type": "Custom::ConnectQuickConnect",
                "Properties": {**properties, "Name": f"Desk {number}"},
            }
            for number in range(resources)
        },
    }
