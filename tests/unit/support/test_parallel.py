"""Tests that share a stack run in one process."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.cloud.state import ROOT
from tests.support.parallel import FIRST, WORKERS, group_of, pytest_xdist_auto_num_workers

SUITE = {
    "conftest": """
import os
from pathlib import Path
import pytest
from tests.support.figures import figures_of

pytest_plugins = ("tests.support.parallel", "tests.support.reporting")

@pytest.fixture(scope="session")
def stack(): pass

@pytest.fixture(scope="session")
def production(): pass

@pytest.fixture(autouse=True)
def _note(request):
    with Path("ran").open("a") as file:
        file.write(f"{request.node.name} {os.getpid()}\\n")
    figures_of(request.config).add("tests", request.node.name, 1, "ran")
    figures_of(request.config).note(f"a line of {request.node.name}")
""",
    "test_a": "def test_one(stack): pass\ndef test_two(production): pass\ndef test_three(): pass",
    "test_b": "def test_four(stack): pass\ndef test_five(production): pass",
    "test_c": """
import pytest
@pytest.fixture(scope="module")
def stack(): pass
def test_six(stack): pass
""",
}
STOPPING = {
    "conftest": SUITE["conftest"],
    "test_a": "def test_one(): raise ValueError",
    "test_b": """
import time
from pathlib import Path
def test_two(request):
    while not (Path(request.config.workerinput["lunas_shared"]) / "stop").exists():
        time.sleep(0.01)
def test_three(): pass
def test_four(): pass
""",
}


ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Keeps other installed plugins out of the run."""


@dataclass(frozen=True)
class Run:
    """The output of a run of two workers, the process of each test, and the files left."""

    output: str
    processes: dict[str, str]
    left: list[str]


def in_two_workers(folder: Path, suite: dict[str, str], *options: str) -> Run:
    """Run a suite as ``make test`` does, in another process."""
    for name, text in suite.items():
        (folder / f"{name}.py").write_text(text)
    temporary = folder / "temporary"
    temporary.mkdir()
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers/shared")])
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(  # noqa: S603  (our own command)
        [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "2", *options],
        cwd=folder,
        env={**kept, "PYTHONPATH": path, "TMPDIR": str(temporary), **ALONE},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (folder / "ran").read_text().splitlines()
    left = [each.name for each in temporary.glob("lunas-*")]
    return Run(done.stdout, dict(line.split() for line in lines), left)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = in_two_workers(tmp_path_factory.mktemp("suite"), SUITE)
    assert "6 passed" in made.output, made.output
    return made


def test_tests_of_one_stack_share_a_process(run: Run) -> None:
    assert run.processes["test_one"] == run.processes["test_four"]
    assert run.processes["test_two"] == run.processes["test_five"]


def test_each_stack_has_a_process(run: Run) -> None:
    assert run.processes["test_one"] != run.processes["test_two"]


def test_the_report_at_the_end_includes_every_worker(run: Run) -> None:
    for name in run.processes:
        assert f"     1 {name:38} ran" in run.output
        assert f"a line of {name}" in run.output
    assert f"{len(run.processes):6} tests, all survived" in run.output


def test_shared_files_of_the_workers_are_removed(run: Run) -> None:
    assert run.left == []


def test_when_one_worker_stops_the_others_stop_too(tmp_path: Path) -> None:
    stopped = in_two_workers(tmp_path, STOPPING, "-x")
    assert "1 failed, 1 passed" in stopped.output
    assert set(stopped.processes) == {"test_one", "test_two"}


def test_a_module_with_its_own_stack_is_a_group() -> None:
    own: Any = SimpleNamespace(
        nodeid="tests/e2e/test_a.py::test_one[stack]",
        fixturenames=["stack"],
        module=SimpleNamespace(stack="a fixture"),
    )
    assert group_of(own) == "tests/e2e/test_a.py"
    own.module = SimpleNamespace()
    assert group_of(own) == "e2e"


def test_the_modules_that_run_first_exist() -> None:
    modules = [each for each in FIRST if "/" in each]
    assert [each for each in modules if not (ROOT / each).is_file()] == []


@pytest.mark.parametrize(
    ("named", "workers"),
    [
        (["tests"], WORKERS),
        (["tests/unit", "tests/faults"], WORKERS),
        (["tests/unit/support/test_parallel.py"], 0),
        (["tests/unit", "tests/unit/support/test_parallel.py::test_one"], 0),
    ],
)
def test_no_worker_is_started_for_single_files(
    named: list[str], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    config: Any = SimpleNamespace(args=named)
    assert pytest_xdist_auto_num_workers(config) == workers
