"""The pin of crhelper that plain crhelper's traps were last tested with."""

import hashlib
import re

from tests.support.harness import ROOT

# crhelper 2.0.12. With another pin, tests/unit/connect_provider/edge/test_helper.py also runs
# against plain crhelper. When its tests pass, record the new hash here.
TESTED = "9747f19356012801"


def pin() -> str:
    """Return the hash of crhelper's version and hashes in functions/requirements.txt."""
    text = (ROOT / "functions/requirements.txt").read_text()
    found = re.search(r"^crhelper==.*(?:\n .*)*", text, re.MULTILINE)
    assert found
    return hashlib.sha256("".join(found[0].split()).encode()).hexdigest()[:16]
