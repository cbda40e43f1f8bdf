"""An admin's approval of a manual payment."""

from lunas.rules.errors import NotFound
from lunas.rules.payments import Act, Step
from lunas.usecases.ports import PaymentSettler
from lunas.usecases.settle import Outcome, confirm


def approve(
    payments: PaymentSettler, payment_id: str, act: Act, *, overbook: bool = False
) -> Outcome:
    """Turn a PAID payment into APPROVED with all its enrollments; repeating it changes nothing.

    Raises NotFound, WrongState, CourseFull unless ``overbook``, StoreBusy.
    """
    payment = payments.get(payment_id)
    if payment is None:
        raise NotFound("there is no such payment")
    return confirm(payments, payment, Step.APPROVE, act, keep_quota=not overbook)
