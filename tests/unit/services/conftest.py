"""Every use case of a payment holds whichever gateway the payment goes by."""

from collections.abc import Iterator

import pytest

from tests.support import vendors


@pytest.fixture(params=vendors.NAMES)
def vendor(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let the payments of the test go by each gateway in turn; return its name."""
    with vendors.choose(request.param):
        yield request.param
