"""The template's settings for calls to Thinkific match each other and the rate limiter."""

from typing import Any

from lunas.domain.rate_limit import BURST, CALLERS, MINUTE, RateLimit
from lunas.platforms.thinkific.http import TIMEOUT
from lunas.platforms.thinkific.rate_limiter import LAST_CALL, MAX_WAIT
from tests.support import template

THINKIFIC_A_MINUTE, THINKIFIC_AT_ONCE = 120, 10
MOST_CALLS = 8
"""Calls of the longest delivery: its link is outdated and its enrollment has to be upgraded."""
OCCASIONAL = {
    "SyncCoursesFunction",
    "SyncProgressFunction",
    "RecordProgressFunction",
    "AuditFunction",
}
"""Occasional callers beside the deliveries, which count as one: the first two run by night, the
third reads rare events, the last reads changes and waits for all others. If two of them run at
once, a minute may have a call too many: a 429 for all."""
OTHERS = {"ReportSalesFunction", *OCCASIONAL}
"""Callers beside the deliveries, each with one call at a time."""
RATE: dict[str, Any] = template.parameters()["ThinkificRequestsPerMinute"]


def delivery() -> dict[str, Any]:
    found: dict[str, Any] = template.functions()["DeliverEnrollmentFunction"]
    return found


def source() -> dict[str, Any]:
    found: dict[str, Any] = template.resources()["DeliverEnrollmentFunctionQueue"]["Properties"]
    return found


def deliveries_at_once() -> int:
    return int(source()["ScalingConfig"]["MaximumConcurrency"])


def test_all_workers_together_stay_under_thinkifics_calls_a_minute() -> None:
    rate_limit = RateLimit.per_minute(RATE["Default"])
    assert MINUTE // rate_limit.interval + BURST + CALLERS <= THINKIFIC_A_MINUTE


def test_all_workers_together_stay_under_thinkifics_calls_at_once() -> None:
    """Each delivery makes one call at a time, and gets one message at a time."""
    assert source()["BatchSize"] == 1
    assert deliveries_at_once() + len(OTHERS - OCCASIONAL) + 1 <= CALLERS <= THINKIFIC_AT_ONCE


def test_reports_of_sales_are_made_one_at_a_time() -> None:
    """All of their messages have one group, and a FIFO queue shows one of a group at a time."""
    reports = template.resources()["ReportSalesFunctionQueue"]["Properties"]
    assert reports["BatchSize"] == 1
    assert reports["EventSourceArn"] == {"GetAtt": "SaleReportQueue.Arn"}
    queue = template.resources()["SaleReportQueue"]["Properties"]
    assert queue["FifoQueue"] is True


def test_every_function_that_calls_thinkific_is_counted_among_the_callers() -> None:
    callers = {
        name
        for name, properties in template.functions().items()
        if "THINKIFIC_API_URL" in properties.get("Environment", {}).get("Variables", {})
    }
    # Connecting a site makes one call in months; an admin who is too late starts again.
    assert callers - {"ThinkificOauthFunction"} == {"DeliverEnrollmentFunction", *OTHERS}


def test_nightly_functions_run_at_different_times() -> None:
    """They share one place among the callers, so they must not run at the same time."""
    nightly = [
        event["Properties"]["ScheduleExpression"]
        for name in ("SyncCoursesFunction", "SyncProgressFunction")
        for event in template.functions()[name]["Events"].values()
        if event["Type"] == "ScheduleV2"
    ]
    assert len(nightly) == len(set(nightly)) == 2


def test_a_lost_progress_message_returns_after_the_time_out() -> None:
    timeout = template.functions()["RecordProgressFunction"]["Timeout"]
    assert sum(TIMEOUT) + MAX_WAIT / 1000 + LAST_CALL / 1000 <= timeout
    assert template.resources()["ProgressQueue"]["Properties"]["VisibilityTimeout"] == 6 * timeout


def test_the_workers_are_enough_to_use_the_whole_rate_while_thinkific_takes_two_seconds() -> None:
    rate_limit = RateLimit.per_minute(RATE["Default"])
    assert deliveries_at_once() * rate_limit.interval >= 2_000


def test_at_every_allowed_rate_a_worker_waits_long_enough_for_a_permit() -> None:
    assert RateLimit.per_minute(RATE["MinValue"]).interval * CALLERS <= MAX_WAIT
    assert RateLimit.per_minute(RATE["MaxValue"]).interval >= 1


def test_the_longest_delivery_ends_before_the_time_out_and_a_lost_message_returns_after_it() -> (
    None
):
    timeout = delivery()["Timeout"]
    assert MOST_CALLS * sum(TIMEOUT) <= timeout - LAST_CALL / 1000
    queue = template.resources()["DeliveryQueue"]["Properties"]
    assert queue["VisibilityTimeout"] == 6 * timeout


def test_the_delivery_function_gets_the_rate() -> None:
    rate = delivery()["Environment"]["Variables"]["THINKIFIC_REQUESTS_PER_MINUTE"]
    assert rate == {"Ref": "ThinkificRequestsPerMinute"}
