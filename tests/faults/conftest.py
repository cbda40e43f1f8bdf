"""What the fault tests share."""

from collections.abc import Iterator

import pytest

from tests.faults.world.world import World, open_world
from tests.support.figures import Figures, figures_of


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """All of Lunas in one thread; each test starts it again."""
    with open_world() as opened:
        yield opened


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Take numbers that are shown at the end of the run."""
    return figures_of(request.config)
