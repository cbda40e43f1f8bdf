"""POST /payments/{id}/recheck and /check: an admin or the buyer makes Lunas ask the gateway."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS, USERS
from lunas.api.requests import Id
from lunas.api.responses import PaymentView, payment_view
from lunas.api.settlement_logs import log_outcome
from lunas.aws import clients
from lunas.bootstrap import payment_services
from lunas.clock import now
from lunas.domain.payments import AuditContext
from lunas.services.settlement import Outcome

clients.prepare(clients.dynamodb, clients.secrets_manager, payment_services.recheck)

api = LunasApi()


@api.on("POST", "/payments/{id}/recheck", ADMINS)
def recheck_payment(payment_id: Annotated[Id, Path(alias="id")]) -> PaymentView:
    """Ask the gateway about a payment now, and settle it by the response.

    Raises NotFound, WrongState, StorageContention and GatewayError.
    """
    return _show(payment_services.recheck().recheck(payment_id, _context()))


@api.on("POST", "/payments/{id}/check", USERS)
def check_payment(payment_id: Annotated[Id, Path(alias="id")]) -> PaymentView:
    """Ask the gateway about one's own payment, at most once in 15 seconds.

    Raises Forbidden, NotFound, StorageContention and GatewayError.
    """
    return _show(payment_services.recheck().check(payment_id, api.caller.id, _context()))


def _context() -> AuditContext:
    return AuditContext(api.caller.actor, now(), {"requestId": api.request_id})


def _show(outcome: Outcome) -> PaymentView:
    log_outcome(outcome)
    return payment_view(outcome.payment, api.caller)


handler = api.resolve
