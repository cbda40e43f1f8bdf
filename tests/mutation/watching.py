"""Watching the tests: which of them run a line, which conditions they send, which fails first."""

import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient

from tests.mutation.conditions import PARAMETER
from tests.mutation.texts import STORAGE

_TOOL = sys.monitoring.COVERAGE_ID
_CALL = "_make_api_call"
"""The one place in botocore that all calls pass, those to a stub too."""
_PASSED = {"retries", "table"}
"""Modules of the storage through which the conditions of others pass."""
_OTHERS = "IDEMPOTENCY"
"""Partition of the items that Powertools writes, with conditions of its own."""


class Covered:
    """A pytest plugin that notes, for each test, the lines of the watched files that it runs."""

    def __init__(self, root: Path, files: set[Path]) -> None:
        self._files = {str(root / path): path for path in files}
        self._running: set[tuple[str, int]] = set()
        self.tests: dict[tuple[str, int], list[str]] = defaultdict(list)
        self.failed: list[str] = []
        self.seconds = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for as long as the block lasts."""
        monitoring = sys.monitoring
        monitoring.use_tool_id(_TOOL, "mutants")
        monitoring.register_callback(_TOOL, monitoring.events.LINE, self._line)
        monitoring.set_events(_TOOL, monitoring.events.LINE)
        try:
            yield
        finally:
            monitoring.free_tool_id(_TOOL)

    def _line(self, code: CodeType, line: int) -> object:
        path = self._files.get(code.co_filename)
        if path is not None:
            self._running.add((str(path), line))
        return sys.monitoring.DISABLE

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what one test runs, its fixtures included."""
        self._running.clear()
        sys.monitoring.restart_events()
        result = yield
        for place in self._running:
            self.tests[place].append(item.nodeid)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what is red without any mutant."""
        self.seconds += report.duration
        if report.failed:
            self.failed.append(report.nodeid)


class FirstRed:
    """A pytest plugin that notes the first test that goes red, and why."""

    def __init__(self) -> None:
        self.test = ""
        self.reason = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed and not self.test:
            self.test, self.reason = report.nodeid, report.longreprtext

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that cannot even be imported."""
        if report.failed and not self.test:
            self.test, self.reason = report.nodeid, report.longreprtext


@contextmanager
def sent_conditions(sent: set[str]) -> Iterator[None]:
    """Add every condition that the storage sends to the table meanwhile."""
    call = getattr(BaseClient, _CALL)

    def recorded(client: object, operation: str, request: Mapping[str, Any]) -> object:
        if _sent_by_storage():
            sent.update(_conditions_in(operation, request))
        return call(client, operation, request)

    with patch.object(BaseClient, _CALL, recorded):
        yield


def _sent_by_storage() -> bool:
    """Return whether a module of the storage makes the call, and not a test."""
    frame = inspect.currentframe()
    # This module lies among the tests itself.
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.match(f"{STORAGE}/*.py") and path.stem not in _PASSED:
            return True
        if "tests" in path.parts:
            return False
        frame = frame.f_back
    return False


def _conditions_in(operation: str, request: Mapping[str, Any]) -> Iterator[str]:
    if operation == "TransactWriteItems":
        for action in request["TransactItems"]:
            for each in action.values():
                yield from _conditions_in("", each)
        return
    key = request.get("Item", request.get("Key", {})).get("pk", {})
    found = request.get(f"{PARAMETER.capitalize()}Expression")
    if isinstance(found, str) and key.get("S") != _OTHERS:
        yield found
