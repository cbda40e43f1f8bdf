"""The stack of the end-to-end tests, with IAM evaluated."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.cloud import Stack
from tests.conftest import END_TO_END, FAST
from tests.support.leaks.check import watched_stack


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run the whole system; a call that a function's role does not allow is refused."""
    with watched_stack(END_TO_END, replace(FAST, iam=True), request.config) as running:
        yield running
