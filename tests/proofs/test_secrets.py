"""Nothing secret in any log line of any test: this runs last, and reads what all others logged.

A ResponseURL lets whoever has it answer for us; a property may come from a NoEcho parameter.
"""

import pytest

from tests.support.harness import LOGGED, SENT


def test_no_log_line_holds_a_response_url() -> None:
    """Neither the URL nor its signature, at any level, from any library."""
    if not LOGGED:
        pytest.skip("no test ran before this one")
    assert [line for line in LOGGED if "X-Amz-" in line or "/response/" in line] == []


def test_no_log_line_holds_a_property_value() -> None:
    """Names, descriptions, phone numbers and tags; words that are too common to tell are left."""
    if not LOGGED:
        pytest.skip("no test ran before this one")
    telling = [value for value in SENT if len(value) >= 10]
    assert telling, "the examples have some"
    assert [line for line in LOGGED if any(value in line for value in telling)] == []
