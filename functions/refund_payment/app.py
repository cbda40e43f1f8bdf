"""An admin records a refund, or corrects the learner of a payment."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from lunas import observability
from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS
from lunas.api.requests import Id, LearnerBody, RefundBody
from lunas.api.responses import PaymentView, payment_view
from lunas.aws import clients
from lunas.bootstrap import payment_services
from lunas.clock import now
from lunas.domain.corrections import Wanted
from lunas.domain.errors import InvalidInput
from lunas.domain.payments import AuditContext
from lunas.observability import logger

clients.prepare(clients.dynamodb, clients.secrets_manager, payment_services.refunds)

api = LunasApi()


@api.on("POST", "/payments/{id}/refund", ADMINS, name="refund_payment")
def refund(payment_id: Annotated[Id, Path(alias="id")], body: RefundBody) -> PaymentView:
    """Record a refund and revoke what only this payment brought; repeating it changes nothing.

    Raises NotFound, WrongState and StorageContention.
    """
    payment, made = payment_services.refunds().refund(payment_id, _context(body.reason))
    if made is not None:
        logger.info(
            "payment refunded",
            payment_id=payment.id,
            revoked=made.revoked,
            todo="send the money back, if that is not done yet: Lunas does not",
        )
        observability.count("PaymentRefunded")
    return payment_view(payment, api.caller)


@api.on("PATCH", "/payments/{id}/learner", ADMINS, name="correct_learner")
def correct(payment_id: Annotated[Id, Path(alias="id")], body: LearnerBody) -> PaymentView:
    """Correct whom a payment is for, and deliver its courses to that learner instead.

    Raises NotFound, WrongState and StorageContention.
    """
    wanted = Wanted(body.name, body.email)
    if wanted == Wanted():
        raise InvalidInput.of("email", "is required, unless a name is given")
    payment = payment_services.corrections().correct(payment_id, wanted, _context(body.reason))
    logger.info("learner corrected", payment_id=payment.id, moves=wanted.email is not None)
    observability.count("LearnerCorrected")
    return payment_view(payment, api.caller)


def _context(reason: str) -> AuditContext:
    return AuditContext(api.caller.actor, now(), {"requestId": api.request_id}, reason)


handler = api.resolve
