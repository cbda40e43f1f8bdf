"""``make bench-aws`` reads the calls of a running stack from its logs."""

from datetime import UTC, datetime, timedelta

from benchmarks.aws import Function, functions, reports, send
from benchmarks.lambda_reports import Calls
from local.cloud import Stack
from lunas.cli.stacks import find
from tests.conftest import END_TO_END
from tests.support.users import eventually


def test_the_reports_of_sent_requests_are_read(stack: Stack) -> None:
    assert stack.region
    deployed, since = find("local", END_TO_END), datetime.now(UTC) - timedelta(seconds=1)
    by_name: dict[str, Function] = {each.name: each for each in functions(deployed)}
    lines: list[str] = []
    send(deployed.outputs["ApiUrl"], "", 2, lines.append)
    assert lines == [f"GET {path}: 2 x 200" for path in ("/health", "/packages", "/docs")]

    def enough(found: Calls | None) -> bool:
        return found is not None and len(found.calls) >= 4

    found = eventually(lambda: reports(deployed, by_name["Catalog"], since), enough)
    assert found is not None
    assert found.failed == 0
    assert all(each.duration > 0 for each in found.calls)
