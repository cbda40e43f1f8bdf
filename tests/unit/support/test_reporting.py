"""A failing test of a stack shows what the functions logged during the test."""

import json
from pathlib import Path

import pytest

from tests.support.reporting import LINES, SECTION, logged

pytest_plugins = ("pytester",)

CONFTEST = """
import pytest
from pathlib import Path
from local.cloud import Stack

pytest_plugins = ("tests.support.reporting",)

@pytest.fixture(scope="session")
def stack():
    folder = Path("functions").absolute()
    folder.mkdir()
    (folder / "CatalogFunction.log").write_text("written at the start\\n")
    return Stack.model_construct(logs=folder)

@pytest.fixture
def log(stack):
    def write(line, function="CatalogFunction"):
        with (stack.logs / f"{function}.log").open("a") as file:
            file.write(f"{line}\\n")
    return write
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    return pytester


def line(second: int, message: str) -> str:
    return json.dumps(
        {"message": message, "timestamp": f"2026-11-30T01:00:{second:02}.000+00:00"},
        separators=(",", ":"),
    )


def test_a_failing_test_shows_only_what_was_logged_during_it(
    suite: pytest.Pytester,
) -> None:
    suite.makepyfile("""
        def test_one(log):
            log("of the first")
        def test_two(log):
            log("of the second")
            log("of the second, by another", "PaymentsFunction")
            raise ValueError
        def test_three(log):
            log("of the third")
    """)
    result = suite.runpytest_inprocess()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines([f"*{SECTION}*"])
    shown = [each for each in result.outlines if each.startswith(("Catalog", "Payments"))]
    assert shown == [
        "CatalogFunction: of the second",
        "PaymentsFunction: of the second, by another",
    ]


def test_a_test_whose_setup_fails_shows_the_log_since_the_start(
    suite: pytest.Pytester,
) -> None:
    suite.makepyfile("""
        import pytest
        @pytest.fixture
        def broken(log):
            log("before it broke")
            raise ValueError
        def test_one(broken): pass
    """)
    result = suite.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*: written at the start", "*: before it broke"])


def test_a_test_without_a_stack_shows_nothing(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_one(): raise ValueError")
    result = suite.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line(f"*{SECTION}*")


def test_the_last_lines_are_shown_in_order_of_time(tmp_path: Path) -> None:
    early, late = tmp_path / "A.log", tmp_path / "B.log"
    early.write_text(f"{line(3, 'third')}\nREPORT of the third\n{line(5, 'fifth')}\n")
    late.write_text(f"{line(1, 'before')}\n{line(2, 'second')}\n{line(4, 'fourth')}\n")
    skipped = {late: len(f"{line(1, 'before')}\n")}
    messages = [
        json.loads(text)["message"] if text.startswith("{") else text
        for text in (each.partition(": ")[2] for each in logged({tmp_path}, skipped))
    ]
    assert messages == ["second", "third", "REPORT of the third", "fourth", "fifth"]

    late.write_text("".join(f"{line(6, str(number))}\n" for number in range(LINES + 10)))
    assert len(shown := logged({tmp_path}, {})) == LINES
    assert json.loads(shown[-1].partition(": ")[2])["message"] == str(LINES + 9)
