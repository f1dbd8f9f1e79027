"""The rules report what Lambda reports, for every case of the models' tests."""

import json
from pathlib import Path

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from connect_provider.errors import InvalidRequest
from connect_provider.properties import parse_properties
from tests.support.linting import lint
from tests.support.property_cases import CASES, resource


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The messages of our rules for each case, in a template of its own."""
    folder = tmp_path_factory.mktemp("cases")
    paths: dict[str, Path] = {}
    for index, case in enumerate(CASES):
        paths[case] = folder / f"{index}.json"
        paths[case].write_text(json.dumps({"Resources": {"It": resource(case)}}))
    found = lint(*paths.values(), only_ours=True)
    return {
        case: [match.message for match in found[path] if match.rule.id[0] == "E"]
        for case, path in paths.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_the_rules_report_what_lambda_reports(case: str, messages: dict[str, list[str]]) -> None:
    """They report all of it, in the same words."""
    it = resource(case)
    try:
        parse_properties(RESOURCE_TYPES[it["Type"]].model, it["Properties"])
        reason = ""
    except InvalidRequest as error:
        reason = str(error)
    assert all(message in reason for message in messages[case])
    assert len("; ".join(messages[case])) == len(reason)
