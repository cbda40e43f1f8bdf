"""Running the tests in a copy of the sources, so that a mutant never touches the working tree.

The libraries are loaded once; each run is a fork of that process, which loads Lunas and the tests
from the copy.
"""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import hypothesis
import pytest

from local.cloud.state import ROOT
from tests.mutation.mutant import Mutant
from tests.mutation.watching import Covered, FirstRed, sent_conditions

TESTS = (
    "tests/unit",
    "tests/integration/layer",
    "tests/integration/api/test_public_keys.py",
)
"""Tests that need neither a network beyond loopback nor the local cloud."""
SECONDS = 300
"""A mutant that makes its tests run longer than this hangs, which counts as noticed."""
EXAMPLES = 25
"""Of each property, and always the same: a verdict must not depend on chance."""
LIBRARIES = (
    *("boto3", "botocore.stub", "moto.kms.models", "moto.sqs.models"),
    *("moto.secretsmanager.models", "moto.core.models", "aws_lambda_powertools"),
    *("aws_lambda_powertools.event_handler", "aws_lambda_powertools.metrics"),
    *("hypothesis", "jwt", "pydantic", "requests", "starlette", "yaml"),
)
QUIET = ("-q", "--no-header", "-p", "no:cacheprovider", "-W", "ignore:Module already imported")
GREEN = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of the tests for a mutant: the first red one, or none: it survived.

    ``reason``: why that one is red, or why none could be run.
    """

    red: str
    reason: str = ""


@dataclass(frozen=True)
class Baseline:
    """The tests without a mutant: the lines that each runs, the conditions sent, the failures."""

    tests: dict[tuple[str, int], list[str]]
    sent: set[str]
    failed: list[str]


def load_libraries() -> None:
    """Load what every run needs, and nothing of Lunas."""
    for name in LIBRARIES:
        importlib.import_module(name)
    few = hypothesis.settings(max_examples=EXAMPLES, derandomize=True, deadline=None)
    hypothesis.settings.register_profile("mutants", few)
    hypothesis.settings.load_profile("mutants")


def copy_sources(folder: Path) -> Path:
    """Copy every file that git knows or would know; return where they are."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def baseline(copy: Path, files: set[Path]) -> Baseline:
    """Run all tests once; return which run which line, and what conditions they send."""
    covered, sent = Covered(copy, files), set[str]()

    def run() -> object:
        with covered.watching(), sent_conditions(sent):
            pytest.main([*QUIET, *TESTS], plugins=[covered])
        places = [[*place, tests] for place, tests in covered.tests.items()]
        return {"tests": places, "sent": sorted(sent), "failed": covered.failed}

    process = _fork(copy, run, seconds=0)
    os.waitpid(process.pid, 0)
    answer = json.loads(_answer(process.answer))
    tests = {(path, line): names for path, line, names in answer["tests"]}
    return Baseline(tests, set(answer["sent"]), answer["failed"])


def try_all(
    copies: Sequence[Path],
    mutants: Iterable[tuple[Mutant, Sequence[Sequence[str]]]],
    report: Callable[[Mutant, Verdict], None],
) -> None:
    """Try each mutant on its groups of tests, until one is red; ``report`` gets the verdicts.

    One mutant is tried in each copy at a time.
    """
    free, running = list(copies), dict[int, tuple[Mutant, Path, bytes, Path]]()
    waiting = list(mutants)
    while waiting or running:
        while waiting and free:
            mutant, tests = waiting.pop(0)
            copy = free.pop()
            original = mutant.apply(copy)
            process = _fork(copy, _trial(tests))
            running[process.pid] = mutant, copy, original, process.answer
        pid, status = os.wait()
        mutant, copy, original, answer = running.pop(pid)
        (copy / mutant.path).write_bytes(original)
        free.append(copy)
        report(mutant, _verdict(status, answer))


@dataclass(frozen=True, slots=True)
class Process:
    """A forked run, and the file that its answer will be in."""

    pid: int
    answer: Path


def _trial(groups: Sequence[Sequence[str]]) -> Callable[[], object]:
    def run() -> object:
        # Without any group nothing runs: without names pytest would run every test.
        for tests in groups:
            first = FirstRed()
            code = pytest.main([*QUIET, "-x", *tests], plugins=[first])
            if code != GREEN:
                reason = first.reason or f"pytest ended with {code}"
                return asdict(Verdict(first.test, reason))
        return asdict(Verdict(""))

    return run


def _fork(copy: Path, run: Callable[[], object], seconds: int = SECONDS) -> Process:
    answer = copy.with_suffix(".json")
    answer.unlink(missing_ok=True)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return Process(pid, answer)
    try:
        signal.alarm(seconds)
        _move_into(copy)
        answer.write_text(json.dumps(run()))
    except BaseException:  # noqa: BLE001  (a child never returns into the parent's code)
        traceback.print_exc()
    finally:
        os._exit(0)


def _move_into(copy: Path) -> None:
    """Take modules from the copy from now on, and let the tests print into a file."""
    os.chdir(copy)
    others = [path for path in sys.path if Path(path).resolve() != ROOT]
    sys.path[:] = [str(copy / "layers/shared"), str(copy), *others]
    sys.dont_write_bytecode = True
    for name in [name for name in sys.modules if name.split(".")[0] in {"local", "lunas", "tests"}]:
        del sys.modules[name]
    output = os.open(copy.with_suffix(".out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _answer(answer: Path) -> str:
    """Return the answer of a run; raises RuntimeError with what it printed when there is none."""
    if not answer.exists():
        raise RuntimeError(answer.with_suffix(".out").read_text()[-3000:])
    return answer.read_text()


def _verdict(status: int, answer: Path) -> Verdict:
    if os.WIFSIGNALED(status):
        return Verdict(f"no end after {SECONDS} s", "")
    return Verdict(**json.loads(_answer(answer)))
