"""An admin decides on a manual payment: approve it with its enrollments, or reject it."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS
from lunas.api.requests import ApproveBody, Id, RejectBody
from lunas.api.responses import PaymentView, payment_view
from lunas.api.settlement_logs import log_outcome
from lunas.aws import clients
from lunas.bootstrap import payment_services
from lunas.clock import now
from lunas.domain.payments import AuditContext
from lunas.services.settlement import Outcome

clients.prepare(clients.dynamodb, clients.secrets_manager, payment_services.manual_payments)

api = LunasApi()


@api.on("PATCH", "/payments/{id}/approve", ADMINS)
def approve_payment(
    payment_id: Annotated[Id, Path(alias="id")], body: Annotated[ApproveBody | None, Body()] = None
) -> PaymentView:
    """Approve a payment together with all its enrollments; repeating it changes nothing.

    Raises NotFound, WrongState, CourseFull and StorageContention.
    """
    overbook = body is not None and body.overbook
    service = payment_services.manual_payments()
    return _show(service.approve(payment_id, _context(), overbook=overbook))


@api.on("PATCH", "/payments/{id}/reject", ADMINS)
def reject_payment(payment_id: Annotated[Id, Path(alias="id")], body: RejectBody) -> PaymentView:
    """Reject a payment with a reason; repeating it changes nothing.

    Raises NotFound, WrongState and StorageContention.
    """
    return _show(payment_services.manual_payments().reject(payment_id, _context(body.reason)))


def _context(reason: str | None = None) -> AuditContext:
    return AuditContext(api.caller.actor, now(), {"requestId": api.request_id}, reason)


def _show(outcome: Outcome) -> PaymentView:
    log_outcome(outcome)
    return payment_view(outcome.payment, api.caller)


handler = api.resolve
