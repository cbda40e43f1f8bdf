"""Builds the services that several functions use; each function builds its own ones.

A service is built for each request: it holds no state, and building one makes no calls.
"""

from typing import TYPE_CHECKING

from lunas.clock import new_payment_id, now
from lunas.storage.table import Table

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lunas.services.manual_payments import ManualPaymentService
    from lunas.services.progress import ProgressService
    from lunas.services.settlement import SettlementService


def manual_payments(table: Table | None = None) -> "ManualPaymentService":
    """Build the service of manual payments."""
    from lunas.api.catalogs import catalog
    from lunas.services.manual_payments import ManualPaymentService
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments

    table = table or Table.from_environment()
    return ManualPaymentService(
        catalog=catalog(table),
        enrollments=Enrollments(table),
        payments=Payments(table),
        settlements=settlement(table),
        now=now,
        new_id=new_payment_id,
    )


def settlement(table: Table) -> "SettlementService":
    """Build the service that settles payments."""
    from lunas.services.settlement import SettlementService
    from lunas.storage.anomalies import Anomalies
    from lunas.storage.payments import Payments

    return SettlementService(Payments(table), Anomalies(table))


def progress(context: "LambdaContext", correlation_id: str | None) -> "ProgressService":
    """Build the service that records learners' progress."""
    from lunas.platforms.registry import course_platform
    from lunas.services.progress import ProgressService
    from lunas.storage.progress import Progress

    table = Table.from_environment()
    platform = course_platform(table, context.get_remaining_time_in_millis(), correlation_id)
    return ProgressService(progress=Progress(table), platform=platform, now=now)
