"""The extra time that cfn-lint takes with the rules of cfn_connect.rules."""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.rules import RuleMatch
from cfnlint.runner import Runner
from cfnlint.template import Template

from cfn_connect.rules._rule import Rule


def ratio(resources: int, conditions: int) -> float:
    """Return the processor time with the rules over the time without, both from one run."""
    with TemporaryDirectory() as folder:
        small, path = Path(folder, "small.json"), Path(folder, "template.json")
        small.write_text(json.dumps(_template(1, 1)))
        path.write_text(json.dumps(_template(resources, conditions)))
        _seconds(small)  # loads what later runs share
        whole, ours = _seconds(path)
        return whole / (whole - ours)


def _seconds(path: Path) -> tuple[float, float]:
    """Return the processor time of cfn-lint, and the part of it that our rules take."""
    runner = Runner(ConfigMixIn(["--append-rules", "cfn_connect.rules", "--", str(path)]))
    ours = [rule for rule in runner.rules.values() if isinstance(rule, Rule)]
    assert ours
    spent = [_timed(rule) for rule in ours]
    start = time.process_time()
    found = list(runner.run())
    assert not found, found
    return time.process_time() - start, sum(map(sum, spent))


def _timed(rule: Rule) -> list[float]:
    """Return a list that gets the processor time of each use of a rule."""
    spent: list[float] = []
    match = rule.match

    def timed(cfn: Template) -> list[RuleMatch]:
        start = time.process_time()
        found = match(cfn)
        spent.append(time.process_time() - start)
        return found

    rule.match = timed  # type: ignore[method-assign]
    return spent


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
