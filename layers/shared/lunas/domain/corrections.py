"""How an admin corrects whom a payment is for, and what has to be delivered again then."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lunas.domain.addresses import compared
from lunas.domain.delivery import asked_again
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import WrongState
from lunas.domain.payments import AuditContext, HistoryEvent, Payment, Status, corrected
from lunas.domain.users import LONGEST_NAME, Learner, split_name

ROOM = 95
"""Enrollments that one correction asks for again: with payment, event and link within DynamoDB's
100 actions. Those of the payment itself, of which there are 90 at most, come first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is corrected: a full name, an address, or both. Personal data, never logged."""

    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Redelivery:
    """An enrollment before and after it is asked for again."""

    before: Enrollment
    after: Enrollment


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A payment before and after, and every enrollment that is delivered again.

    ``moves``: the learner's account is found anew, by the address of the corrected learner.
    """

    before: Payment
    after: Payment
    event: HistoryEvent
    redeliveries: tuple[Redelivery, ...] = ()
    moves: bool = False


def check_one_address(wanted: Wanted, topic_status: Learner, payment_id: str) -> None:
    """Check that an address does not undo the one that another payment of the user stands for.

    A user has one account. ``topic_status``: whom the other payment was corrected to. Raises
    WrongState, which names that payment.
    """
    if wanted.email is not None and compared(topic_status.email) != compared(wanted.email):
        raise WrongState(
            f"{payment_id} of the same user was corrected to another address, and a user "
            "has one account at the platform: correct that payment, and all follows"
        )


def correct(
    payment: Payment, wanted: Wanted, audit_context: AuditContext, enrollments: Iterable[Enrollment]
) -> Correction:
    """Correct the learner of a payment. Raises WrongState for one that was refunded.

    ``enrollments`` are the learner's in the courses of the payment, and those that lead to the
    account that is linked now. With an address, they are delivered again: to the account of that
    address, and taken away from where they were. A user has one account, so what other payments
    brought goes along, the first of them in this transaction, and the rest once these are
    served. An address that is the same as before counts as well, for a known account goes before
    the address of a payment. With a name alone, only what the payment pays for and could not be
    delivered is: an account that is there keeps the name that it has.
    """
    if payment.status is Status.REFUNDED:
        raise WrongState("the learner of a payment that is REFUNDED cannot be corrected")
    learner = _corrected_learner(payment.learner, wanted)
    moves = wanted.email is not None
    audit_context = replace(
        audit_context,
        evidence={**(audit_context.evidence or {}), **_evidence(payment.learner, learner)},
    )
    after, event = corrected(payment, learner, audit_context)
    known = [each for each in enrollments if each.status is EnrollmentStatus.ENROLLED]
    own = [each for each in known if payment.id in each.paid_by]
    others = [each for each in known if payment.id not in each.paid_by]
    again = [*own, *others][:ROOM] if moves else [each for each in own if _has_failed(each)]
    if payment.status is Status.APPROVED:
        awaited = {each.course_id for each in again if payment.id in each.paid_by}
        after = replace(after, undelivered=payment.undelivered | awaited)
    return Correction(
        before=payment,
        after=after,
        event=event,
        redeliveries=tuple(Redelivery(each, asked_again(each, event.at)) for each in again),
        moves=moves,
    )


def _corrected_learner(learner: Learner, wanted: Wanted) -> Learner:
    first, last = learner.first_name, learner.last_name
    if wanted.name is not None:
        first, last = split_name(wanted.name)
    return Learner(first[:LONGEST_NAME], last[:LONGEST_NAME], wanted.email or learner.email)


def _evidence(before: Learner, after: Learner) -> dict[str, str]:
    """Name both learners: who sees the history sees the payment's learner as well."""
    return {
        "learnerBefore": _named(before),
        "learnerAfter": _named(after),
    }


def _named(learner: Learner) -> str:
    names = dict.fromkeys([learner.first_name, learner.last_name])
    return f"{' '.join(names)} <{learner.email}>"


def _has_failed(enrollment: Enrollment) -> bool:
    return enrollment.delivery.status is DeliveryStatus.FAILED
