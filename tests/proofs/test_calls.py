"""Every call that any test made, against the roles: what the functions do, they are allowed to."""

import re

import pytest

from sandbox.connect_account import ACCOUNT
from tests.proofs.test_permissions import EVERY_INSTANCE, allowed, resources_of, statements
from tests.support.harness import CALLED
from tests.unit.test_template import FUNCTIONS


def test_every_call_of_all_tests_is_allowed_to_a_function() -> None:
    """Calls on what is not this account's, which hostile requests name, no role has to allow."""
    if not CALLED:
        pytest.skip("no test ran before this one")
    roles = [statements(name, EVERY_INSTANCE) for name in FUNCTIONS.values()]
    asked = {(entry.operation, arn) for entry in CALLED for arn in resources_of(entry)}
    own = {call for call in asked if re.match(rf"arn:aws:connect:[^:]+:{ACCOUNT}:", call[1])}
    assert len(own) > 100
    assert [call for call in sorted(own) if not any(allowed(rules, *call) for rules in roles)] == []
