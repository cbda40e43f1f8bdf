"""Spreads the tests over processes: ``make test`` runs pytest with ``-n auto``.

Tests of one stack run in one worker, so that the stack is started once, and the other tests of a
module stay together for the fixtures that they share. The longest groups start first, so that
the workers end at about the same time. A worker collects the tests and knows their groups, but
only the controller can assign them: the first worker writes the plan into a folder that the
controller made.
"""

import json
import os
import secrets
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

WORKERS = 4
"""On two cores: while workers wait for their stacks, there is work for the cores."""
SINGLY = ("tests/faults/test_state_machine.py", "tests/faults/test_crash_matrix.py")
"""Modules whose tests take so long that each may run in another worker."""
FIRST = (
    # The first stack needs the build, which takes one core: meanwhile the others need no stack.
    "stack",
    "tests/integration/layer/test_documented_statuses.py",
    *("tests/faults/test_every_setting.py", "tests/faults/test_longest_access.py"),
    # Each worker is given two at once, the first one this short group behind its stack.
    "tests/faults/test_backlog.py",
    *("e2e", "production"),
    *("tests/e2e/test_thinkific_install.py", "tests/e2e/test_owner_services.py"),
    *("tests/e2e/test_external_orders.py", "tests/e2e/test_thinkific_oauth.py"),
    *SINGLY,
    "tests/integration/local_cloud/test_documented_events.py",
    "tests/integration/local_cloud/test_golden.py",
)
"""The longest groups, in the order in which they begin: those that wait first."""
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""The name of this process among the workers; empty in the one that the terminal belongs to."""
FOLDER = pytest.StashKey[TemporaryDirectory[str]]()
_SHARED = "lunas_shared"


class Spreading(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out the groups of a plan, in its order, each to one worker."""

    def __init__(self, config: pytest.Config, log: Any, plan: Path) -> None:
        super().__init__(config, log)
        self._plan = plan
        self._groups: dict[str, str] = {}

    def schedule(self) -> None:
        """Begin; every worker has collected by now."""
        self._groups = self._groups or json.loads(self._plan.read_text())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._groups[nodeid]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Start no workers for single files or tests: to collect them takes each a while."""
    return WORKERS if all(Path(each).is_dir() for each in config.args) else 0


def pytest_configure(config: pytest.Config) -> None:
    """Give sets one order in all workers: names of tests that come from sets would differ."""
    if config.option.tx:
        os.environ.setdefault("PYTHONHASHSEED", str(secrets.randbelow(2**32)))


def pytest_report_header() -> str | None:
    """Show the order of sets, which may be needed to repeat a failure."""
    seed = os.environ.get("PYTHONHASHSEED")
    return seed and f"PYTHONHASHSEED={seed}"


def pytest_configure_node(node: Any) -> None:
    """Pass the path of the shared folder to a worker."""
    node.workerinput[_SHARED] = str(_made(node.config))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spreading:
    """Spread by the plan, in its order instead of that of the number of tests."""
    config.option.loadscopereorder = False
    return Spreading(config, log, _plan(_made(config)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder."""
    if folder := config.stash.get(FOLDER, None):
        folder.cleanup()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the items into the order of their groups; the first worker writes the plan."""
    if shared := _shared(config):
        groups = {item.nodeid: group_of(item) for item in items}
        items.sort(key=lambda item: rank(groups[item.nodeid]))
        if WORKER == "gw0":
            _plan(shared).write_text(json.dumps(groups))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Stop where another worker has stopped, by ``-x`` for example."""
    result = yield
    if shared := _shared(item.config):
        if item.session.shouldfail or item.session.shouldstop:
            _stop(shared).touch()
        elif _stop(shared).exists():
            item.session.shouldstop = "another worker has stopped"
    return result


def group_of(item: pytest.Item) -> str:
    """Name the group that a test shares a worker with: its stack, else its module, or none."""
    module = item.nodeid.partition("::")[0]
    fixtures = getattr(item, "fixturenames", ())
    if "production" in fixtures:
        return "production"
    if "stack" in fixtures and not hasattr(getattr(item, "module", None), "stack"):
        return "e2e" if module.startswith("tests/e2e/") else "stack"
    return item.nodeid if module in SINGLY else module


def rank(group: str) -> int:
    """Return the rank of a group; groups that are not listed share the last one."""
    name = group.partition("::")[0]
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _made(config: pytest.Config) -> Path:
    """Return the folder, which the controller makes."""
    if FOLDER not in config.stash:
        config.stash[FOLDER] = TemporaryDirectory(prefix="lunas-tests-")
    return Path(config.stash[FOLDER].name)


def _shared(config: pytest.Config) -> Path | None:
    """Return the folder in a worker, None elsewhere."""
    folder = getattr(config, "workerinput", {}).get(_SHARED)
    return Path(folder) if folder else None


def _plan(shared: Path) -> Path:
    return shared / "plan.json"


def _stop(shared: Path) -> Path:
    return shared / "stop"
