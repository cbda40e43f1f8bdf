"""The scheduled audit: checks that what changed is consistent, in the table and the platform."""

from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.aws import clients
from lunas.bootstrap import platform_services
from lunas.clock import now
from lunas.domain.anomalies import Anomaly
from lunas.domain.errors import LunasError
from lunas.domain.payments import Payment
from lunas.observability import logger
from lunas.platforms.base import CoursePlatform
from lunas.platforms.registry import course_platform, load
from lunas.services.access_comparison import AccessComparisonService, Compared
from lunas.services.audit import AuditReport
from lunas.storage.anomalies import Anomalies
from lunas.storage.enrollments import Enrollments
from lunas.storage.learners import Learners
from lunas.storage.payments import Payments
from lunas.storage.schedule import Schedule
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager, load)

YIELDING = 1_000
"""Milliseconds that a call to the platform waits for a permit: deliveries take precedence."""
ONE_MORE = 20_000
"""Milliseconds that one more payment, and recording the checkpoint, may take."""


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """Run once; runs may overlap or be repeated."""
    observability.bind(context.aws_request_id, route="audit")
    table = Table.from_environment()

    def deadline_is_near() -> bool:
        return context.get_remaining_time_in_millis() < ONE_MORE

    service = platform_services.audit(_log_difference, _log_completion, deadline_is_near)
    try:
        _log(service.run())
        _log_compared(_comparison(table, context, deadline_is_near).run())
    except Exception as error:
        observability.log_exception(error)
        raise


def _comparison(
    table: Table, context: LambdaContext, deadline_is_near: Callable[[], bool]
) -> AccessComparisonService:
    @cache
    def platform() -> CoursePlatform:
        # Most runs have nothing to compare.
        remaining = context.get_remaining_time_in_millis()
        return course_platform(table, remaining, context.aws_request_id, max_wait=YIELDING)

    return AccessComparisonService(
        schedule=Schedule(table),
        payments=Payments(table),
        enrollments=Enrollments(table),
        learners=Learners(table),
        platform=platform,
        anomalies=Anomalies(table),
        on_difference=_log_difference,
        on_skip=_log_skip,
        deadline_is_near=deadline_is_near,
        now=now,
    )


def _log(audited: AuditReport) -> None:
    observability.count("AuditRun")
    if audited.behind:
        logger.warning(
            "audit is behind",
            reached={str(feed): checkpoint[:24] for feed, checkpoint in audited.behind.items()},
            todo="nothing while the backlog shrinks; else see docs/reference/reconciliation.md",
        )
    if audited.payments:
        logger.info(
            "audited",
            payments=audited.payments,
            completed=audited.completed,
            differences=audited.differences,
        )


def _log_compared(compared: Compared) -> None:
    if compared.asked or compared.stopped:
        logger.info(
            "compared with the platform",
            asked=compared.asked,
            differences=compared.differences,
            fixed=compared.fixed,
            stopped=compared.stopped,
        )
    if compared.stopped and compared.late:
        logger.warning(
            "comparison with the platform is behind",
            reason=compared.stopped,
            todo="restore access to the platform, see docs/deploy.md; nothing if it recovers",
        )


def _log_skip(payment_id: str, error: Exception) -> None:
    logger.warning(
        "payment not compared with the platform",
        payment_id=payment_id,
        reason=str(error) if isinstance(error, LunasError) else type(error).__name__,
        todo="compare the learner's enrollments at the platform by hand",
    )


def _log_difference(found: Anomaly) -> None:
    logger.error(
        "difference found",
        code=found.evidence["code"],
        found=found.evidence["found"],
        repair=found.evidence.get("repair"),
        anomaly_id=found.id,
        payment_id=found.payment_id,
        todo="compare the payment by hand, see docs/guides/operations.md, Differences",
    )
    observability.count("Anomaly")
    observability.count("AuditDifferences")


def _log_completion(payment: Payment) -> None:
    logger.warning(
        "payment completed by the audit",
        payment_id=payment.id,
        status=payment.status,
        todo="find out why its last delivery did not complete it",
    )
