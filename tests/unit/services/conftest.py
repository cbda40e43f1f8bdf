"""Runs the tests of payments once for each gateway, those of access once for each platform."""

from collections.abc import Iterator

import pytest

from tests.support import platforms, vendors
from tests.support.platforms import PlatformSite
from tests.unit.services.fakes import FakeClock


@pytest.fixture(params=vendors.NAMES)
def vendor(request: pytest.FixtureRequest) -> Iterator[str]:
    """Choose each gateway for the payments of the test; return its name."""
    with vendors.choose(request.param):
        yield request.param


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=platforms.NAMES)
def site(request: pytest.FixtureRequest, clock: FakeClock) -> PlatformSite:
    """Return a new site of each platform, at the time of the test's clock."""
    return platforms.platform_site(request.param, clock)
