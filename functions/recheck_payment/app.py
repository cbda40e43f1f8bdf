"""POST /payments/{id}/recheck and /check: an admin, or the buyer, has Duitku asked now."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS, USERS
from lunas.api.requests import Id
from lunas.api.responses import PaymentView, payment_view
from lunas.api.settlement_logs import log_outcome
from lunas.aws import clients
from lunas.clock import now
from lunas.domain.gateway_status import GatewayStatus
from lunas.domain.payments import AuditContext, Payment
from lunas.gateways.duitku.account import duitku_account
from lunas.gateways.duitku.client import Duitku
from lunas.services.recheck import RecheckDesk, check, recheck
from lunas.services.settlement import Outcome
from lunas.storage.anomalies import Anomalies
from lunas.storage.due import Due
from lunas.storage.payments import Payments
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager)

api = LunasApi()


@api.on("POST", "/payments/{id}/recheck", ADMINS)
def recheck_payment(payment_id: Annotated[Id, Path(alias="id")]) -> PaymentView:
    """Ask Duitku about a payment now, and settle it by the response.

    Raises NotFound, WrongState, StorageContention and GatewayError.
    """
    return _show(recheck(_desk(), payment_id, _act()))


@api.on("POST", "/payments/{id}/check", USERS)
def check_payment(payment_id: Annotated[Id, Path(alias="id")]) -> PaymentView:
    """Ask Duitku about one's own payment, at most once in 15 seconds.

    Raises Forbidden, NotFound, StorageContention and GatewayError.
    """
    return _show(check(_desk(), payment_id, api.caller.id, _act()))


def _desk() -> RecheckDesk:
    table = Table.from_environment()
    return RecheckDesk(
        payments=Payments(table),
        anomalies=Anomalies(table),
        status=_status,
        paused_until=Due(table).paused_until,
    )


def _status(payment: Payment) -> GatewayStatus:
    """Ask Duitku. Its secret is read only here: most checks find nothing to ask."""
    return Duitku(duitku_account()).status(payment)


def _act() -> AuditContext:
    return AuditContext(api.caller.actor, now(), {"requestId": api.request_id})


def _show(outcome: Outcome) -> PaymentView:
    log_outcome(outcome)
    return payment_view(outcome.payment, api.caller)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return api.resolve(event, context)
