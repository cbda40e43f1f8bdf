"""Alarms and the dashboard watch metrics that exist, and each alarm has a runbook page."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from benchmarks.costs.bill import FIXED
from local.cloud import Stack
from local.cloud.state import ROOT
from lunas import observability
from lunas.domain.errors import GatewayUnavailable
from lunas.observability import NAMESPACE
from tests.support.template import (
    functions,
    globals_of_functions,
    outputs,
    resources,
    table_properties,
)

RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["What it means", "How to investigate", "What to do", "When it ends"]
THIS_STACK = {"Ref": "AWS::StackName"}
SOURCES = [*ROOT.glob("layers/shared/lunas/**/*.py"), *ROOT.glob("functions/*/*.py")]
STATISTICS = {"count": {"Sum"}, "gauge": {"Maximum", "Minimum"}}
"""Which statistics of a metric make sense, by the call that writes it."""


def alarms() -> dict[str, Any]:
    """Return the properties of every alarm."""
    kind = "AWS::CloudWatch::Alarm"
    return {name: each["Properties"] for name, each in resources().items() if each["Type"] == kind}


def watched(alarm: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Return each metric that an alarm watches, with its statistic."""
    if "MetricName" in alarm:
        yield alarm, alarm["Statistic"]
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield query["MetricStat"]["Metric"], query["MetricStat"]["Stat"]


def widgets() -> list[Any]:
    """Return the widgets of the dashboard."""
    body = resources()["Dashboard"]["Properties"]["DashboardBody"]
    found: list[Any] = body["Fn::ToJsonString"]["widgets"]
    return found


def watched_by_us() -> Iterator[tuple[str, str, Any]]:
    """Return every watched metric of Lunas, with its statistic and its dimensions."""
    for alarm in alarms().values():
        for metric, statistic in watched(alarm):
            if metric["Namespace"] == NAMESPACE:
                pairs = [(each["Name"], each["Value"]) for each in metric["Dimensions"]]
                yield metric["MetricName"], statistic, [part for pair in pairs for part in pair]
    for widget in widgets():
        for metric in widget["properties"].get("metrics", []):
            if metric[0] == NAMESPACE:
                yield metric[1], widget["properties"]["stat"], metric[2:]


def written_by_the_code() -> dict[str, str]:
    """Return every metric that the code writes, with the call that writes it."""
    return dict(metric for source in SOURCES for metric in _written_by(source))


def _written_by(source: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and (call := _metric_call(node.func, source)):
            metric = node.args[0]
            assert isinstance(metric, ast.Constant), f"{source.name}: name the metric literally"
            yield str(metric.value), call


def _metric_call(function: ast.expr, source: Path) -> str | None:
    match function:
        case ast.Attribute(value=ast.Name(id="observability"), attr=name) if name in STATISTICS:
            return name
        case ast.Name(id=name) if name in STATISTICS and source.name == "observability.py":
            return name
    return None


WRITTEN = written_by_the_code()
WATCHED = list(watched_by_us())
NAMES = sorted({name for name, _, _ in WATCHED})


@pytest.mark.parametrize("metric", NAMES)
def test_every_watched_metric_is_written_by_the_code(metric: str) -> None:
    assert metric in WRITTEN


@pytest.mark.parametrize("metric", NAMES)
def test_counts_are_summed_and_gauges_are_not(metric: str) -> None:
    statistics = {statistic for name, statistic, _ in WATCHED if name == metric}
    assert statistics <= STATISTICS[WRITTEN[metric]]


def test_a_stack_watches_its_own_metrics_only() -> None:
    written_as = globals_of_functions()["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    assert written_as == THIS_STACK
    assert [each for _, _, each in WATCHED if each[:2] != ["service", THIS_STACK]] == []


def test_a_metric_watched_by_a_dimension_is_written_with_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An alarm on a dimension that is never written never goes off."""
    wanted = {tuple(each[2:]) for _, _, each in WATCHED} - {()}
    for entrance in (observability.API, observability.FUNCTION_URL):
        observability.count_failure(GatewayUnavailable("no answer"), 503, entrance)
    printed = capsys.readouterr().out.splitlines()
    written = [json.loads(each) for each in printed if each.startswith('{"_aws"')]
    for each in written:
        assert each["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [
            ["service"],
            ["service", "entrance"],
        ]
    assert {("entrance", each["entrance"]) for each in written} == wanted
    assert {name for name, _, each in WATCHED if each[2:]} == {"DependencyError"}


@pytest.mark.parametrize(
    ("alarm", "answers", "entrance"),
    [("ApiErrorsAlarm", "5xx", "api"), ("UrlErrorsAlarm", "Url5xxCount", "url")],
)
def test_an_alarm_on_errors_subtracts_the_counted_failures_of_its_entrance(
    alarm: str, answers: str, entrance: str
) -> None:
    failed, dependency = (metric for metric, _ in watched(alarms()[alarm]))
    assert failed["MetricName"] == answers
    assert dependency["MetricName"] == "DependencyError"
    assert dependency["Dimensions"] == [
        {"Name": "service", "Value": THIS_STACK},
        {"Name": "entrance", "Value": entrance},
    ]


def test_the_alarm_on_dependencies_covers_every_entrance() -> None:
    ((metric, _),) = watched(alarms()["DependencyErrorsAlarm"])
    assert metric["Dimensions"] == [{"Name": "service", "Value": THIS_STACK}]


def test_every_metric_is_documented_and_nothing_else() -> None:
    text = (ROOT / "docs" / "guides" / "operations.md").read_text()
    section = text.partition("## Metrics")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(WRITTEN)


@pytest.mark.parametrize("metric", ["Errors", "Throttles", "Duration"])
def test_the_dashboard_shows_every_function(metric: str) -> None:
    (shown,) = (
        each["properties"]["metrics"]
        for each in widgets()
        if each["properties"].get("metrics", [[None, None]])[0][:2] == ["AWS/Lambda", metric]
    )
    assert [each[-1]["Ref"] for each in shown] == list(functions())


def test_the_cost_page_counts_all_alarms_and_metrics() -> None:
    billed = sum(len(list(watched(each))) for each in alarms().values())
    assert billed <= FIXED["alarms"] <= 2 * billed
    written = len(WRITTEN) + len({str(each) for _, _, each in WATCHED if each[2:]})
    assert written <= FIXED["metrics"] <= 2 * written


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────


def pages() -> set[str]:
    """Return the names of the runbook pages."""
    return {each.name for each in RUNBOOKS.glob("*.md")} - {"README.md"}


def page_of(alarm: dict[str, Any]) -> str:
    """Return the page that an alarm names."""
    return str(alarm["AlarmDescription"]).partition(":")[0].removeprefix("docs/runbooks/")


def test_every_alarm_has_a_page_and_every_page_an_alarm() -> None:
    assert {page_of(each) for each in alarms().values()} == pages()


def test_an_alarm_has_the_name_of_its_page() -> None:
    for alarm in alarms().values():
        assert alarm["AlarmName"]["Sub"].startswith(
            f"${{AWS::StackName}}-{page_of(alarm).removesuffix('.md')}"
        )


@pytest.mark.parametrize("page", sorted(pages()))
def test_a_page_has_the_four_sections(page: str) -> None:
    headings = re.findall(r"^## (.+)$", (RUNBOOKS / page).read_text(), re.MULTILINE)
    assert headings == SECTIONS


@pytest.mark.parametrize("page", sorted(pages()))
def test_a_page_links_the_definitions_of_its_commands_first(page: str) -> None:
    introduction, _, _ = (RUNBOOKS / page).read_text().partition("\n## ")
    assert "(README.md#before-you-look)" in introduction


def test_the_list_of_pages_links_each() -> None:
    linked = re.findall(r"\]\(([a-z-]+\.md)\)", (RUNBOOKS / "README.md").read_text())
    assert sorted(linked) == sorted(pages())


def test_a_runbook_links_only_existing_pages() -> None:
    for page in RUNBOOKS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)", page.read_text()):
            assert (RUNBOOKS / target).exists(), f"{page.name}: {target}"


def used_in_pages(command: str) -> set[str]:
    """Return the first arguments of a command in the pages."""
    text = "\n".join(page.read_text() for page in RUNBOOKS.glob("*.md"))
    return set(re.findall(rf"(?:^|\$\(){command} (\w+)", text, re.MULTILINE))


def test_the_commands_of_the_pages_name_existing_things() -> None:
    made = {
        f"{name}{event}" for name, each in functions().items() for event in each.get("Events", {})
    }
    logs = {name.removesuffix("Logs") for name in resources() if name.endswith("Logs")}
    assert set() < used_in_pages("lines") <= logs
    assert set() < used_in_pages("physical") <= {*resources(), *made}
    assert set() < used_in_pages("output") <= set(outputs())


def test_log_lines_that_the_pages_name_are_written_by_the_code() -> None:
    source = "".join(each.read_text() for each in SOURCES)
    pages_text = "".join(page.read_text() for page in RUNBOOKS.glob("*.md"))
    looked_for = set(re.findall(r'message = "([^"]+)"', pages_text))
    assert len(looked_for) > 5
    subjects = re.findall(r'^    subject = "([^"]+)"', source, re.MULTILINE)
    endings = re.findall(r'f"\{self\.subject\} ([^"]+)"', source)
    of_workers = {f"{subject} {ending}" for subject in subjects for ending in endings}
    assert {each for each in looked_for - of_workers if f'"{each}"' not in source} == set()


# ── Deployed ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def cloudwatch(stack: Stack) -> Any:
    return boto3.client(
        "cloudwatch",
        endpoint_url=stack.aws_endpoint_url,
        region_name=stack.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def deployed(cloudwatch: Any) -> list[dict[str, Any]]:
    """Return the alarms of the running stack."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    return [alarm for page in pages for alarm in page["MetricAlarms"]]


def test_all_alarms_are_deployed_and_notify_the_topic(cloudwatch: Any) -> None:
    found = deployed(cloudwatch)
    assert len(found) == len(alarms()) > 24
    notified = {arn for each in found for arn in [*each["AlarmActions"], *each["OKActions"]]}
    (topic,) = notified
    assert topic.startswith("arn:aws:sns:")


def test_every_deployed_alarm_watches_its_own_stack(cloudwatch: Any, stack: Stack) -> None:
    api_id = stack.api_url.rpartition("/")[2]
    indexes = {each["IndexName"] for each in table_properties()["GlobalSecondaryIndexes"]}
    for alarm in deployed(cloudwatch):
        metrics = [metric for metric, _ in watched(alarm)]
        values = {each["Value"] for metric in metrics for each in metric["Dimensions"]}
        named = {each for each in values if each == "lunas" or each.startswith("lunas-")}
        assert values
        assert values <= named | indexes | {api_id, observability.API, observability.FUNCTION_URL}
        assert alarm["AlarmName"].startswith("lunas-")


def test_the_deployed_dashboard_is_complete(cloudwatch: Any) -> None:
    text = cloudwatch.get_dashboard(DashboardName="lunas")["DashboardBody"]
    shown = json.loads(text)["widgets"]
    assert [each["properties"]["title"] for each in shown] == [
        each["properties"]["title"] for each in widgets()
    ]
    assert not re.search(r'"Ref"|Fn::|\$\{', text)
    names = {each["AlarmArn"] for each in deployed(cloudwatch)}
    assert set(shown[0]["properties"]["alarms"]) <= names
