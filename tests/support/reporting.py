"""What a run reports: the figures of all its workers, and what functions logged during a failure.

A test that fails shows the lines that the functions of its stack wrote since it began. Other
tests of the same stack run before or after it, never beside it.
"""

import re
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Stack
from tests.support.figures import KEPT, Figures, figures_of

LINES = 60
"""Log lines that a failing test shows, the last ones."""
SECTION = "lines that functions logged during the test"
STAMP = re.compile(r'"timestamp":"([^"]+)"')
FOLDERS = pytest.StashKey[set[Path]]()
BEGAN = pytest.StashKey[dict[Path, int]]()
_FIGURES = "lunas_figures"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note the length of the logs at the start of a test; a stack not yet started has none."""
    folders = item.config.stash.setdefault(FOLDERS, set())
    files = (file for folder in folders for file in folder.glob("*.log"))
    item.stash[BEGAN] = {file: file.stat().st_size for file in files}
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Show the lines of a test that fails."""
    report: Any = yield
    folders = {each.logs for each in getattr(item, "funcargs", {}).values() if _has_logs(each)}
    item.config.stash.setdefault(FOLDERS, set()).update(folders)
    if report.failed and (lines := logged(folders, item.stash[BEGAN])):
        report.sections.append((SECTION, "\n".join(lines)))
    return report


def logged(folders: set[Path], began: dict[Path, int]) -> list[str]:
    """Return the last lines, in order of time, behind these lengths of the files in folders.

    A line without a time belongs to the one before it.
    """
    found = []
    for file in sorted(file for folder in folders for file in folder.glob("*.log")):
        stamp = ""
        with file.open("rb") as log:
            log.seek(began.get(file, 0))
            for line in log.read().decode(errors="replace").splitlines():
                match = STAMP.search(line)
                stamp = match[1] if match else stamp
                found.append((stamp, f"{file.stem}: {line}"))
    found.sort(key=lambda each: each[0])
    return [line for _, line in deque(found, LINES)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's figures to the process that has the terminal."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None and KEPT in session.config.stash:
        kept = session.config.stash[KEPT]
        output[_FIGURES] = (kept.rows, kept.notes)


def pytest_testnodedown(node: Any) -> None:
    """Add a worker's figures."""
    if output := getattr(node, "workeroutput", {}).get(_FIGURES):
        figures_of(node.config).merge(Figures(*output))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the figures of the tests that ran."""
    if KEPT in config.stash:
        terminalreporter.section("figures")
        for line in config.stash[KEPT].lines():
            terminalreporter.write_line(line)


def _has_logs(argument: object) -> bool:
    return isinstance(argument, Stack)
