"""The table of a deployed stack comes from the logs of the deployed versions alone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import requests
import responses
from botocore.stub import ANY, Stubber

from benchmarks import aws
from benchmarks.aws import Function, functions, reports, row, send, table
from benchmarks.lambda_reports import PATTERNS
from lunas.cli.stacks import DeployedStack
from tests.unit.benchmarks.test_lambda_reports import JSON_START, JSON_WARM, TEXT_WARM

SINCE = datetime(2026, 11, 20, tzinfo=UTC)
type Json = dict[str, Any]
API = "https://api.example.com"
PAYMENTS = Function(
    "Payments", "lunas-dev-PaymentsFunction-ab12", "12", 512, "payments-logs", "JSON"
)


class Clients:
    """A session with stubbed clients, in place of boto3's."""

    def __init__(self) -> None:
        self.stubs: dict[str, Stubber] = {}

    def client(self, service: str, endpoint_url: str | None) -> Any:
        assert endpoint_url is None
        return self.stubs[service].client

    def expect(self, service: str, operation: str, answer: Json, asked: Json) -> None:
        """Expect one call, after those before."""
        self._stub(service).add_response(operation, answer, asked)

    def refuse(self, service: str, operation: str, code: str) -> None:
        """Expect a call that gets an error."""
        self._stub(service).add_client_error(operation, code)

    def _stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            session = boto3.Session("x", "x", region_name="ap-southeast-3")
            client: Any = session.client(service)  # type: ignore[call-overload]
            self.stubs[service] = Stubber(client)
            self.stubs[service].activate()
        return self.stubs[service]


@pytest.fixture
def aws_calls() -> Iterator[Clients]:
    made = Clients()
    yield made
    for each in made.stubs.values():
        each.assert_no_pending_responses()


@pytest.fixture
def stack(aws_calls: Clients) -> DeployedStack:
    session: Any = aws_calls
    return DeployedStack("dev", "lunas-dev", "ap-southeast-3", {}, session)


def logged(message: str, version: str = "12") -> Json:
    stream = f"2026/11/20/lunas-dev-PaymentsFunction-ab12[{version}]0a1b"
    return {"logStreamName": stream, "message": message, "timestamp": 1, "eventId": "e"}


def expect_pages(aws_calls: Clients, *pages: list[Json]) -> None:
    """Expect a call for each page, with the token of the page before."""
    asked = {
        "logGroupName": "payments-logs",
        "startTime": 1_795_132_800_000,
        "filterPattern": PATTERNS["JSON"],
    }
    for number, events in enumerate(pages):
        token = {"nextToken": f"page-{number}"} if number else {}
        following = {"nextToken": f"page-{number + 1}"} if number + 1 < len(pages) else {}
        answer = {"events": events, **following}
        aws_calls.expect("logs", "filter_log_events", answer, asked | token)


def expect_functions(aws_calls: Clients) -> None:
    """Expect the calls that find the one function of the stack."""
    summary = {
        "LogicalResourceId": "PaymentsFunction",
        "PhysicalResourceId": "lunas-dev-PaymentsFunction-ab12",
        "ResourceType": "AWS::Lambda::Function",
        "LastUpdatedTimestamp": SINCE,
        "ResourceStatus": "CREATE_COMPLETE",
    }
    listed = {"StackResourceSummaries": [summary]}
    aws_calls.expect("cloudformation", "list_stack_resources", listed, {"StackName": "lunas-dev"})
    logging = {"LogGroup": "payments-logs", "LogFormat": "JSON"}
    aws_calls.expect(
        "lambda",
        "get_function_configuration",
        {"Version": "12", "MemorySize": 512, "LoggingConfig": logging},
        {"FunctionName": "lunas-dev-PaymentsFunction-ab12", "Qualifier": "live"},
    )


def test_a_function_is_read_as_the_alias_calls_it(aws_calls: Clients, stack: DeployedStack) -> None:
    expect_functions(aws_calls)
    assert list(functions(stack)) == [PAYMENTS]


def test_reports_come_from_all_pages_and_from_the_deployed_version(
    aws_calls: Clients, stack: DeployedStack
) -> None:
    expect_pages(
        aws_calls, [logged(JSON_START), logged(JSON_WARM, version="11")], [], [logged(JSON_WARM)]
    )
    found = reports(stack, PAYMENTS, SINCE)
    assert found is not None
    assert [each.duration for each in found.calls] == [233.96, 18.402]


def test_a_function_without_calls_has_an_empty_row(
    aws_calls: Clients, stack: DeployedStack
) -> None:
    expect_pages(aws_calls, [logged(JSON_WARM, version="11")])
    assert row(PAYMENTS, reports(stack, PAYMENTS, SINCE))[:4] == ("Payments", "12", "0", "")


def test_the_table_shows_starts_and_warm_calls(aws_calls: Clients, stack: DeployedStack) -> None:
    expect_pages(aws_calls, [logged(JSON_START), logged(JSON_WARM), logged(TEXT_WARM)])
    head, line = table([row(PAYMENTS, reports(stack, PAYMENTS, SINCE))])
    values = dict(zip(aws.HEAD, line.split(), strict=True))
    assert values == {
        "function": "Payments",
        "version": "12",
        "calls": "3",
        "failed": "0",
        "starts": "1",
        "start p50": "464",
        "start p95": "464",
        "warm p50": "21",
        "warm p95": "23",
        "peak MB": "89",
        "of MB": "512",
        "billed ms": "247",
    }
    assert len(head) == len(line)


@responses.activate
def test_only_public_routes_are_sent_without_a_token() -> None:
    responses.get(f"{API}/health")
    responses.get(f"{API}/packages", status=503)
    responses.get(f"{API}/docs", body=requests.ConnectTimeout())
    lines: list[str] = []
    send(API, "", 3, lines.append)
    assert lines == [
        "GET /health: 3 x 200",
        "GET /packages: 3 x 503",
        "GET /docs: 3 x ConnectTimeout",
    ]


@responses.activate
def test_with_a_token_lists_and_payment_methods_are_sent_as_well() -> None:
    responses.get(f"{API}/packages", json={"items": [{"id": "entry"}, {"id": "bundle"}]})
    token = responses.matchers.header_matcher({"authorization": "Bearer t"})
    for path in ("health", "docs", "payments", "enrollments", "anomalies", "payments/methods"):
        responses.get(f"{API}/{path}", match=[token])
    lines: list[str] = []
    send(API, "t", 2, lines.append)
    assert {line.rpartition(": ")[2] for line in lines} == {"2 x 200"}
    assert lines[-1] == "GET /payments/methods?packageId=entry: 2 x 200"
    assert {call.request.method for call in responses.calls} == {"GET"}


def test_an_unknown_environment_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert aws.main(["--env", "nowhere"]) == 1
    assert "no environment nowhere" in capsys.readouterr().err


def test_the_command_reads_the_logs_of_the_last_days(
    aws_calls: Clients,
    stack: DeployedStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expect_functions(aws_calls)
    asked = {"logGroupName": "payments-logs", "startTime": ANY, "filterPattern": PATTERNS["JSON"]}
    aws_calls.expect("logs", "filter_log_events", {"events": [logged(JSON_START)]}, asked)
    monkeypatch.setattr(aws, "find", lambda *_: stack)
    assert aws.main(["--days", "2"]) == 0
    title, _, head, line = capsys.readouterr().out.splitlines()
    assert title.startswith("lunas-dev in ap-southeast-3 since ")
    assert head.split()[0] == "function"
    assert line.split()[:5] == ["Payments", "12", "1", "0", "1"]


def test_a_call_that_aws_refuses_is_an_error(
    aws_calls: Clients,
    stack: DeployedStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expect_functions(aws_calls)
    aws_calls.refuse("logs", "filter_log_events", "AccessDeniedException")
    monkeypatch.setattr(aws, "find", lambda *_: stack)
    assert aws.main([]) == 1
    assert "AccessDeniedException" in capsys.readouterr().err
