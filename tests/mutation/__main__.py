"""``python -m tests.mutation``: prints mutant by mutant the test that notices it."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from local.cloud.state import ROOT
from tests.mutation import checks, conditions, trials
from tests.mutation.mutant import Mutant
from tests.mutation.trials import Baseline, Verdict

SURVIVED = "SURVIVED"


class Report:
    """Prints a line about each mutant, and keeps those that no test notices."""

    def __init__(self) -> None:
        self.tried = 0
        self.bad: list[str] = []

    def add(self, mutant: Mutant, verdict: Verdict) -> None:
        """Print the verdict on a mutant."""
        self.tried += 1
        result = verdict.red.removeprefix("tests/") or verdict.reason or SURVIVED
        if "ValidationException" in verdict.reason:
            result = f"NO MUTANT, but a request that DynamoDB refuses: {result}"
        line = f"{mutant.place:<22} {mutant.what[:90]:<90} {result}"
        print(line, flush=True)
        if not verdict.red or "ValidationException" in verdict.reason:
            self.bad.append(line)


def main() -> int:
    """Try all mutants; returns 1 when one survives or a condition was overlooked."""
    given = _parser().parse_args()
    started = time.monotonic()
    found = conditions.conditions(ROOT)
    mutants = [each for each in _mutants(found) if given.only in f"{each.path} {each.what}"]
    trials.load_libraries()
    with tempfile.TemporaryDirectory() as folder:
        copies = [trials.copy_sources(Path(folder) / f"copy{n}") for n in range(given.jobs)]
        base = trials.baseline(copies[0], {each.path for each in mutants})
        print(f"{time.monotonic() - started:.0f} s for all tests without a mutant")
        report = Report()
        report.bad += _overlooked(base, {each.text for each in found})
        trials.try_all(copies, [(each, grouped_tests(base, each)) for each in mutants], report.add)
    took = time.monotonic() - started
    print(f"{report.tried} mutants in {took:.0f} s, {report.tried - len(report.bad)} noticed")
    print("\n".join(report.bad))
    return 1 if report.bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.mutation", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="how many run at once")
    parser.add_argument("--only", default="", help="a part of the path or of what is taken out")
    return parser


def _mutants(found: Sequence[conditions.Condition]) -> Iterator[Mutant]:
    for condition in found:
        yield from conditions.mutants(condition)
    yield from checks.mutants(ROOT)


def grouped_tests(base: Baseline, mutant: Mutant) -> list[list[str]]:
    """Return the tests that run a line of the mutant's statement, in groups to run in this order.

    Most mutants are noticed by the tests of their own module, and most others by quick tests: a
    run that ends with these does not even load the others.
    """
    names = {name for line in mutant.lines for name in base.tests.get((str(mutant.path), line), [])}
    own, quick, slow = list[str](), list[str](), list[str]()
    for name in sorted(names):
        if f"/test_{mutant.path.stem}.py" in name:
            own.append(name)
        else:
            (quick if name.startswith("tests/unit") else slow).append(name)
    return [group for group in (own, quick, slow) if group]


def _overlooked(base: Baseline, known: set[str]) -> Iterator[str]:
    """Name what makes the result worthless: red tests, conditions that are sent but not found."""
    yield from (f"red without a mutant: {name}" for name in base.failed)
    yield from (f"sent, but not found in the sources: {each}" for each in base.sent - known)
    yield from (f"found, but no test sends it: {each}" for each in known - base.sent)


if __name__ == "__main__":
    sys.exit(main())
