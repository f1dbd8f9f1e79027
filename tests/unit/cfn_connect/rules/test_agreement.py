"""The rules say what Lambda says, for every slip that the models' own tests know."""

import json
from pathlib import Path
from typing import Any

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from tests.support.harness import EVENTS
from tests.support.linting import lint
from tests.unit.connect_provider.quick_connect import test_model as quick_connect
from tests.unit.connect_provider.traffic_distribution import test_model as traffic_distribution
from tests.unit.connect_provider.traffic_distribution_group import (
    test_model as traffic_distribution_group,
)

TABLES: dict[str, list[dict[str, Any]]] = {
    "quick_connect": [quick_connect.GOOD, {k: v[0] for k, v in quick_connect.BAD.items()}],
    "traffic_distribution": [
        traffic_distribution.GOOD,
        {k: v[0] for k, v in traffic_distribution.BAD.items()},
    ],
    "traffic_distribution_group": [
        traffic_distribution_group.GOOD,
        traffic_distribution_group.BAD,
    ],
}
CASES = {
    f"{package}: {name}": (package, changes)
    for package, tables in TABLES.items()
    for table in tables
    for name, changes in table.items()
}


def resource(case: str) -> dict[str, Any]:
    """Return the resource of a create request with the case's changes; None takes one away."""
    package, changes = CASES[case]
    event = json.loads((EVENTS / f"{package}_create.json").read_text())
    changed = {**event["ResourceProperties"], **changes}
    properties = {name: value for name, value in changed.items() if value is not None}
    return {"Type": event["ResourceType"], "Properties": properties}


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What our rules say of each case, in a template of its own."""
    folder = tmp_path_factory.mktemp("cases")
    paths: dict[str, Path] = {}
    for index, case in enumerate(CASES):
        paths[case] = folder / f"{index}.json"
        paths[case].write_text(json.dumps({"Resources": {"It": resource(case)}}))
    found = lint(*paths.values())
    return {
        case: [match.message for match in found[path] if match.rule.id.startswith("E96")]
        for case, path in paths.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_the_rules_say_what_lambda_says(case: str, messages: dict[str, list[str]]) -> None:
    """All of it, in the same words."""
    it = resource(case)
    try:
        parse_properties(RESOURCE_TYPES[it["Type"]].model, it["Properties"])
        reason = ""
    except InvalidRequest as error:
        reason = str(error)
    assert all(message in reason for message in messages[case])
    assert len("; ".join(messages[case])) == len(reason)
