"""The services of payments: opening, settling, refunding and correcting them."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from lunas import observability
from lunas.aws.settings import setting
from lunas.clock import new_payment_id, now
from lunas.storage.table import Table

if TYPE_CHECKING:
    from lunas.gateways.base import PaymentGateway
    from lunas.services.callbacks import CallbackService
    from lunas.services.checkout import CheckoutService
    from lunas.services.corrections import CorrectionService
    from lunas.services.manual_payments import ManualPaymentService
    from lunas.services.recheck import RecheckService
    from lunas.services.reconciliation import ReconciliationService
    from lunas.services.refunds import RefundService
    from lunas.services.settlement import SettlementService

PAUSE = 0.25
"""Seconds between two reads of what another request is writing."""


def checkout(table: Table | None = None, return_url: str | None = None) -> "CheckoutService":
    """Build the service that opens payments; ``return_url`` is where the buyer goes afterwards."""
    from lunas.api.catalogs import catalog
    from lunas.api.settlement_logs import log_outcome
    from lunas.gateways.registry import OPENS_BY, gateway_of
    from lunas.services.checkout import CheckoutService
    from lunas.services.open_payments import OpenPayments
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = table or Table.from_environment()
    payments, settlements = Payments(table), settlement(table)
    return CheckoutService(
        catalog=catalog(table),
        enrollments=Enrollments(table),
        payments=payments,
        settlements=settlements,
        open_payments=OpenPayments(
            payments=payments,
            schedule=Schedule(table),
            settlements=settlements,
            gateways=gateway_of,
            on_outcome=log_outcome,
            pause=lambda: time.sleep(PAUSE),
            now=now,
        ),
        gateways=gateway_of,
        opens_by=OPENS_BY,
        return_url=return_url or setting("RETURN_URL"),
        lifetime=timedelta(minutes=int(setting("INVOICE_MINUTES"))),
        now=now,
        new_id=new_payment_id,
    )


def opening_gateway() -> "PaymentGateway":
    """Return the gateway of new payments."""
    from lunas.gateways.registry import OPENS_BY, gateway

    return gateway(OPENS_BY)


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


def callbacks() -> "CallbackService":
    """Build the service that handles callbacks."""
    from lunas.gateways.registry import gateway_of
    from lunas.services.callbacks import CallbackService
    from lunas.storage.anomalies import Anomalies
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = Table.from_environment()
    return CallbackService(
        payments=Payments(table),
        schedule=Schedule(table),
        anomalies=Anomalies(table),
        settlements=settlement(table),
        gateways=gateway_of,
        now=now,
    )


def settlement(table: Table) -> "SettlementService":
    """Build the service that settles payments."""
    from lunas.services.settlement import SettlementService
    from lunas.storage.anomalies import Anomalies
    from lunas.storage.payments import Payments

    return SettlementService(Payments(table), Anomalies(table))


def recheck() -> "RecheckService":
    """Build the service that asks a gateway on request."""
    from lunas.gateways.registry import gateway_of
    from lunas.services.recheck import RecheckService
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = Table.from_environment()
    return RecheckService(
        payments=Payments(table),
        schedule=Schedule(table),
        settlements=settlement(table),
        gateways=gateway_of,
    )


def reconciliation(deadline_is_near: Callable[[], bool] = lambda: False) -> "ReconciliationService":
    """Build the service that handles what is due."""
    from lunas.api.settlement_logs import log_outcome
    from lunas.gateways.registry import gateway_of
    from lunas.services.reconciliation import ReconciliationService
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = Table.from_environment()
    return ReconciliationService(
        schedule=Schedule(table),
        payments=Payments(table),
        enrollments=Enrollments(table),
        settlements=settlement(table),
        gateways=gateway_of,
        on_outcome=log_outcome,
        on_error=observability.log_exception,
        deadline_is_near=deadline_is_near,
        now=now,
    )


def refunds() -> "RefundService":
    """Build the service that refunds payments."""
    from lunas.services.refunds import RefundService
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments

    table = Table.from_environment()
    return RefundService(Payments(table), Enrollments(table))


def corrections() -> "CorrectionService":
    """Build the service that corrects learners."""
    from lunas.services.corrections import CorrectionService
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.learners import Learners
    from lunas.storage.payments import Payments

    table = Table.from_environment()
    return CorrectionService(Payments(table), Enrollments(table), Learners(table))
