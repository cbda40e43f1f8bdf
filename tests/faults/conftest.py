"""What the fault tests share."""

from collections.abc import Iterator

import pytest

from tests.faults.world.world import World, open_world
from tests.support.figures import KEPT, Figures


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """All of Lunas in one thread; each test begins it anew."""
    with open_world() as opened:
        yield opened


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Take numbers that are shown at the end of the run."""
    return request.config.stash.setdefault(KEPT, Figures())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the figures of the tests that ran."""
    if (kept := config.stash.get(KEPT, None)) is not None:
        terminalreporter.section("faults")
        for line in kept.lines():
            terminalreporter.write_line(line)
