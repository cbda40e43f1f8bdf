"""How an admin corrects the learner of a payment, and which deliveries that repeats."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lunas.domain.access_claims import NamedLearner
from lunas.domain.delivery import asked_again
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import WrongState
from lunas.domain.payment_steps import corrected
from lunas.domain.payments import AuditContext, HistoryEvent, Payment, Status
from lunas.domain.texts import compared
from lunas.domain.users import LONGEST_NAME, Learner, split_name

ROOM = 95
"""Enrollments that one correction delivers again: with payment, event and link within DynamoDB's
100 actions. Those of the payment itself, 90 at most, come first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The new full name, address, or both. Personal data, never logged."""

    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Redelivery:
    """An enrollment before and after its delivery is requested again."""

    before: Enrollment
    after: Enrollment


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A payment before and after, and every enrollment that is delivered again.

    ``moves``: the account is looked up again, by the address of the corrected learner.
    """

    before: Payment
    after: Payment
    event: HistoryEvent
    redeliveries: tuple[Redelivery, ...] = ()
    moves: bool = False


def check_one_address(wanted: Wanted, named: NamedLearner) -> None:
    """Check that an address does not undo the correction of another payment of the user.

    A user has one account. Raises WrongState, which names the other payment.
    """
    if wanted.email is not None and compared(named.learner.email) != compared(wanted.email):
        raise WrongState(
            f"{named.payment_id} of the same user was corrected to another address, and a user "
            "has one account at the platform: correct that payment instead"
        )


def correct(
    payment: Payment, wanted: Wanted, audit_context: AuditContext, enrollments: Iterable[Enrollment]
) -> Correction:
    """Correct the learner of a payment. Raises WrongState for one that was refunded.

    ``enrollments`` are the learner's in the courses of the payment, and those that lead to the
    linked account. With an address, all are delivered again to the account of that address and
    revoked at the old one: a user has one account, so the enrollments of other payments move too,
    as many as have room in this transaction, the rest after their delivery. An unchanged address
    counts as well, because a linked account takes precedence over the address of a payment. With
    a name alone, only failed deliveries of this payment are repeated: an existing account keeps
    its name.
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
    """Return both learners: the readers of a history may see the payment's learner."""
    return {"learnerBefore": _named(before), "learnerAfter": _named(after)}


def _named(learner: Learner) -> str:
    names = dict.fromkeys([learner.first_name, learner.last_name])
    return f"{' '.join(names)} <{learner.email}>"


def _has_failed(enrollment: Enrollment) -> bool:
    return enrollment.delivery.status is DeliveryStatus.FAILED
