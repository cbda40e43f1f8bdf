"""Runs the tests of payments once for each gateway, those of access once for each platform."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.support import vendors
from tests.support.platforms.memory import MemorySchool
from tests.support.platforms.site import PlatformSite
from tests.support.platforms.thinkific import ThinkificSchool
from tests.unit.services.fakes import FakeClock

type OpenSite = Callable[[FakeClock], PlatformSite]

SITES: Mapping[str, OpenSite] = {"thinkific": ThinkificSchool, "memory": MemorySchool}
"""A new site of each platform."""


@pytest.fixture(params=vendors.NAMES)
def vendor(request: pytest.FixtureRequest) -> Iterator[str]:
    """Choose each gateway for the payments of the test; return its name."""
    with vendors.choose(request.param):
        yield request.param


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, clock: FakeClock) -> PlatformSite:
    """Return a new site of each platform, at the time of the test's clock."""
    open_site: OpenSite = SITES[request.param]
    return open_site(clock)
