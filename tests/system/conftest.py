"""A sandbox for the tests of one module."""

from collections.abc import Iterator

import pytest

from sandbox import stacks
from sandbox.aws import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with the provider deployed from template.yaml."""
    with Sandbox() as running:
        stacks.deploy_provider(running, lambda _: None)
        yield running
