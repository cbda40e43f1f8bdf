"""Warm requests of every function: the same event of events/, repeated."""

from collections.abc import Callable, Mapping
from time import perf_counter

from benchmarks.subjects import Subject
from benchmarks.warm import FIRST, Warm
from local.cloud import Stack
from tests.integration.events.test_events import CASES, Stage, difference, event, staged
from tests.support.lambda_runtime import RuntimeFailed

EVENTS = (
    "anomalies-list",
    "api_docs-openapi",
    "approve_payment-approve",
    "catalog-list-packages",
    "sync_progress-nightly",
    "deliver_enrollment-queue",
    "enrollments-my-enrollments",
    "record_progress-queue",
    "payments-get",
    "publish_enrollments-stream",
    "publish_sale_reports-stream",
    "recheck_payment-recheck",
    "reconcile-schedule",
    "refund_payment-refund",
    "report_sales-queue",
    "audit-schedule",
    "sync_courses-sync",
    "thinkific_oauth-status",
    "thinkific_webhook-event",
)
"""One event of each function; also of ``payments``, whose list is compared with the peers'."""


def measure(
    stack: Stack, ours: Mapping[str, Subject], requests: int, report: Callable[[str], None]
) -> dict[str, Warm]:
    """Send each event repeatedly; payment and enrollment are reset before, other items stay."""
    with staged(stack) as stage:
        found = {name: _repeated(ours[function_of(name)], name, stage, requests) for name in EVENTS}
    report("every other function sent an event")
    return found


def function_of(name: str) -> str:
    """Return the function that an event is for."""
    return name.split("-", maxsplit=1)[0]


def _repeated(subject: Subject, name: str, stage: Stage, requests: int) -> Warm:
    found, case, sent = Warm(), CASES[name], event(name, stage.stack)
    with subject.metered(**stage.settings_of(subject.name)) as (run, meter):
        if wrong := difference(name, case, stage, run):
            raise RuntimeFailed(wrong)
        for _ in range(requests + FIRST):
            stage.set_up(case.setup)
            started = perf_counter()
            run.invoke(sent)
            found.latency.append((perf_counter() - started) * 1000)
        run.invoke(sent)
        # There is a reading before each event, and the first one follows the start.
        found.cpu = meter.request_cpu()[1 + FIRST : 1 + FIRST + requests]
        found.latency = found.latency[FIRST:]
        found.memory = meter.megabytes()
    return found
