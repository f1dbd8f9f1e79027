"""A release: the version, the changelog, the template and the record agree. See RELEASING.md."""

import re
import tomllib

import yaml

from tests.support.harness import ROOT
from tests.support.templates import parsed

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
RECORDS = {path.stem for path in (ROOT / "tests/releases").glob("*.json")}
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def number(version: str) -> tuple[int, ...]:
    """Return a version in a form that sorts."""
    return tuple(map(int, version.split(".")))


def test_the_template_has_the_version_of_the_project() -> None:
    """One is for the Serverless Application Repository, the other is an output of the stack."""
    template = parsed((ROOT / "template.yaml").read_text())
    application = template["Metadata"]["AWS::ServerlessRepo::Application"]
    assert application["SemanticVersion"] == VERSION
    assert template["Outputs"]["Version"]["Value"] == VERSION


def test_the_changelog_begins_with_the_unreleased_changes() -> None:
    """The releases follow, newest first, and none is newer than the project."""
    unreleased, *releases = re.findall(r"^## \[(.+?)\]", CHANGELOG, re.MULTILINE)
    assert unreleased == "Unreleased"
    assert releases == sorted(releases, key=number, reverse=True)
    assert all(number(release) <= number(VERSION) for release in releases)


def test_every_release_has_a_record_and_a_section() -> None:
    """The upgrade proof needs the record. No document names a version without one."""
    sections = set(re.findall(r"^## \[(\d.+?)\] - \d{4}-\d\d-\d\d$", CHANGELOG, re.MULTILINE))
    assert sections == RECORDS


def test_actions_are_pinned_by_commit() -> None:
    """A tag can move. The comment names the version for readers and for Dependabot."""
    pinned = re.compile(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+")
    for workflow in [*WORKFLOWS, *(ROOT / "examples").rglob("*.yml")]:
        uses = re.findall(r"uses: (.*)", workflow.read_text())
        assert uses
        assert [use for use in uses if not pinned.fullmatch(use)] == []


def test_a_workflow_has_no_more_permissions_than_it_needs() -> None:
    """Only the release workflow writes, and it runs only on tags."""
    for workflow in WORKFLOWS:
        content = yaml.safe_load(workflow.read_text())
        writes = "write" in content["permissions"].values()
        assert writes == (workflow.stem == "release")
        if writes:
            assert content[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads `on` as True
