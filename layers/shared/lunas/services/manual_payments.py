"""Taking a manual payment: the learner says it is paid and shows a proof; an admin decides.

A proof that is sent twice is one payment: two would be approved one after the other, and the
second one refunded although its money never came. So each purchase has a slot, taken in the
transaction that writes the payment, and held until an admin has decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.domain.catalog import own_payment_type
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.domain.payments import AuditContext, Method, Payment, Status, opened
from lunas.domain.users import own_address
from lunas.services.purchases import PurchaseRequest, check_offer, draft, price

if TYPE_CHECKING:
    from lunas.services.repositories import CatalogReader, Clock, EnrollmentReader, TransferTaker

ROUNDS = 3
"""How often the slot is looked at again after another request took it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualDesk:
    """Everything that taking a manual payment needs."""

    catalog: CatalogReader
    enrollments: EnrollmentReader
    payments: TransferTaker
    now: Clock
    new_id: Callable[[], str]


def submit(desk: ManualDesk, request: PurchaseRequest, proof_link: str) -> tuple[Payment, bool]:
    """Return the payment of this purchase that waits for an admin, and whether it is new.

    One that waits already is returned as it is, with the proof that it came with. Raises the
    errors of :mod:`lunas.services.purchases`.
    """
    own_address(request.caller)
    own_payment_type(request.caller, request.payment_type)
    for _ in range(ROUNDS):
        held = desk.payments.waiting_transfer(
            request.caller.id, request.package_id, request.course_id
        )
        if held is not None and held.status is Status.PAID:
            return held, False
        try:
            return _taken(desk, request, proof_link, held), True
        except ConcurrentUpdate:
            continue
    raise StorageContention("the same purchase is being made by another request; try again")


def _taken(
    desk: ManualDesk, request: PurchaseRequest, proof_link: str, decided: Payment | None
) -> Payment:
    """Write a new payment in the place of one that was decided on, if there was one."""
    offer = price(desk.catalog, request)
    at = desk.now()
    check_offer(desk.enrollments, offer, at)
    drafted = draft(offer, desk.new_id(), Method.MANUAL, Status.PAID, at)
    payment = replace(drafted, proof_link=proof_link)
    event = opened(payment, AuditContext(request.caller.actor, at))
    instead_of = decided.id if decided else None
    desk.payments.create_transfer(payment, event, instead_of=instead_of)
    return payment
