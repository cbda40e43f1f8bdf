"""Every minute: asks about open payments, requests overdue deliveries again, measures gauges."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.gauges import log_connection, log_gauges
from lunas.aws import clients
from lunas.bootstrap import payment_services
from lunas.clock import now
from lunas.domain.times import to_iso
from lunas.observability import logger
from lunas.platforms.registry import is_disconnected
from lunas.services.gauges import GaugeService
from lunas.services.reconciliation import ReconciliationReport
from lunas.storage.anomalies import Anomalies
from lunas.storage.enrollments import Enrollments
from lunas.storage.sites import connected_site
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager, payment_services.reconciliation)

ONE_MORE = 15_000
"""Milliseconds that one more call to a gateway and its settlement may take."""


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """Run once; runs may overlap or be repeated."""
    observability.bind(context.aws_request_id, route="reconcile")
    try:
        _run(Table.from_environment(), context)
    except Exception as error:
        observability.log_exception(error)
        raise


def _run(table: Table, context: LambdaContext) -> None:
    try:
        # The gauges come first, so that they are measured even if the work fails.
        gauges = GaugeService(enrollments=Enrollments(table), anomalies=Anomalies(table), now=now)
        log_gauges(gauges.measure())
        log_connection(lost=is_disconnected(connected_site(table)))
    finally:
        # The work is done even if a gauge fails; that error is raised afterwards.
        report = payment_services.reconciliation(
            lambda: context.get_remaining_time_in_millis() < ONE_MORE
        ).run()
        _log(report)
    if report.failed:
        raise RuntimeError(f"{report.failed} of the run's items failed: see the lines above")


def _log(report: ReconciliationReport) -> None:
    observability.count("ReconcileRun")
    observability.gauge("GatewayPaused", int(report.paused_until is not None))
    if report.paused_until is not None:
        logger.warning(
            "scheduled gateway checks are paused",
            until=to_iso(report.paused_until),
            todo="nothing: callbacks are still handled, and checks resume automatically",
        )
    figures = {**asdict(report), "paused_until": None}
    if any(figures.values()):
        logger.info("reconciled", **figures)
