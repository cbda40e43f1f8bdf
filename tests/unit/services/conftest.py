"""Runs the tests of payments once for each gateway."""

from collections.abc import Iterator

import pytest

from tests.support import vendors


@pytest.fixture(params=vendors.NAMES)
def vendor(request: pytest.FixtureRequest) -> Iterator[str]:
    """Choose each gateway for the payments of the test; return its name."""
    with vendors.choose(request.param):
        yield request.param
