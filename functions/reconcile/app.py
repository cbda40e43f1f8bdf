"""The schedule: ask about what is open, send again what did not arrive, count what is stuck."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.gauges import log_connection, log_gauges
from lunas.api.settlement_logs import log_outcome
from lunas.aws import clients
from lunas.clock import now
from lunas.domain.gateway_status import GatewayStatus
from lunas.domain.payments import Payment
from lunas.domain.times import to_iso
from lunas.gateways.duitku.account import duitku_account
from lunas.gateways.duitku.client import Duitku
from lunas.observability import logger
from lunas.platforms.registry import is_disconnected
from lunas.services.gauges import measure
from lunas.services.reconciliation import Reconciler, Report, reconcile
from lunas.storage.anomalies import Anomalies
from lunas.storage.due import Due
from lunas.storage.enrollments import Enrollments
from lunas.storage.payments import Payments
from lunas.storage.sites import connected_site
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager)

ONE_MORE = 15_000
"""Milliseconds that one more question to Duitku and its settlement may take."""


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """Run once; runs may overlap or come twice."""
    observability.bind(context.aws_request_id, route="reconcile")
    try:
        _run(Table.from_environment(), context)
    except Exception as error:
        observability.log_exception(error)
        raise


def _run(table: Table, context: LambdaContext) -> None:
    try:
        # First: whatever breaks the work off, what is stuck is counted.
        log_gauges(measure(Enrollments(table), Anomalies(table), now()))
        log_connection(lost=is_disconnected(connected_site(table)))
    finally:
        # And what cannot be counted is worked on all the same; the error comes out afterwards.
        report = reconcile(_reconciler(table, context))
        _log(report)
    if report.failed:
        raise RuntimeError(f"{report.failed} of the run's items broke off: see the lines above")


def _reconciler(table: Table, context: LambdaContext) -> Reconciler:
    return Reconciler(
        due=Due(table),
        payments=Payments(table),
        enrollments=Enrollments(table),
        anomalies=Anomalies(table),
        status=_status,
        on_outcome=log_outcome,
        failed=observability.log_exception,
        deadline_is_near=lambda: context.get_remaining_time_in_millis() < ONE_MORE,
        now=now,
    )


def _status(payment: Payment) -> GatewayStatus:
    """Ask Duitku. Its secret is read only here: deliveries are sent again without it as well."""
    return Duitku(duitku_account()).status(payment)


def _log(report: Report) -> None:
    observability.count("ReconcileRun")
    observability.gauge("DuitkuPaused", int(report.paused_until is not None))
    if report.paused_until is not None:
        logger.warning(
            "Duitku is not asked by schedule",
            until=to_iso(report.paused_until),
            todo="nothing: callbacks are still heard, and asking goes on by itself",
        )
    figures = {**asdict(report), "paused_until": None}
    if any(figures.values()):
        logger.info("reconciled", **figures)
