"""Every test is watched for secrets in its log and for calls that no role allows."""

import subprocess
import sys

from tests.support.harness import ROOT


def test_the_watch_reports_each_offense() -> None:
    """tests/support/offenders.py holds four tests that offend, and one that does not."""
    offenders = ["tests/support/offenders.py", "-n", "0", "-q", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *offenders]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "5 passed, 4 errors" in run.stdout
    for test, problem in {
        "a_response_url_in_the_log": "a log line holds a ResponseURL: PUT https",
        "a_property_in_the_log": "a log line holds a property's value: event",
        "a_property_in_print": "a log line holds a property's value: {",
        "a_call_outside_the_roles": "no role allows ListTagsForResource on arn:aws:connect",
    }.items():
        _, _, report = run.stdout.partition(f"ERROR at teardown of test_{test} ")
        assert report.lstrip("_ \n").startswith(problem), run.stdout
