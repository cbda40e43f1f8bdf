"""Taking a manual payment: the learner says it is paid and shows a proof; an admin decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.rules.payments import Act, Method, Payment, Status, opened
from lunas.rules.people import own_address
from lunas.usecases.purchase import Wish, check_offer, draft, price

if TYPE_CHECKING:
    from lunas.usecases.ports import CatalogueReader, Clock, EnrollmentReader, PaymentOpener


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualDesk:
    """Everything that taking a manual payment needs."""

    catalogue: CatalogueReader
    enrollments: EnrollmentReader
    payments: PaymentOpener
    now: Clock
    new_id: Callable[[], str]


def submit(desk: ManualDesk, wish: Wish, proof_link: str) -> Payment:
    """Write a manual payment as PAID, which waits for an admin.

    Raises the errors of :mod:`lunas.usecases.purchase`.
    """
    own_address(wish.caller)
    offer = price(desk.catalogue, wish)
    at = desk.now()
    check_offer(desk.enrollments, offer, at)
    payment = replace(
        draft(offer, desk.new_id(), Method.MANUAL, Status.PAID, at), proof_link=proof_link
    )
    desk.payments.create(payment, opened(payment, Act(wish.caller.actor, at)))
    return payment
