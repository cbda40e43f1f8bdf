"""What must hold after any two operations, written without the product's own rules.

Each check raises AssertionError with what it found.
"""

from collections.abc import Mapping
from itertools import chain

from lunas.domain.anomalies import AnomalyKind
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.payment_steps import is_correction
from lunas.domain.payments import HistoryEvent, Method, Payment, Status
from tests.faults.races.aftermath import SETTLED, Aftermath
from tests.faults.races.rounds import Round
from tests.support.users import Json

FOLLOWING: Mapping[str | None, set[str]] = {
    None: {"PENDING", "PAID"},
    "PENDING": {"PAID", "FAILED", "EXPIRED"},
    "FAILED": {"PAID"},
    "EXPIRED": {"PAID"},
    "PAID": {"APPROVED", "REJECTED"},
    "APPROVED": {"COMPLETED", "REFUNDED"},
    "COMPLETED": {"REFUNDED"},
}
"""The states that may follow each state."""
BY_ITSELF = {"lunas:deliver", "lunas:reconcile"}
"""Actors that act without a request."""


def check(played: Round, left: Aftermath) -> None:
    """Check everything that concerns the learner of a round."""
    for payment in left.payments:
        check_history(payment, left.history[payment.id])
        check_money(payment, left)
        check_anomalies(payment, left)
    check_winners(played, left)
    check_answers(played, left)
    check_open(left)
    for course in played.setup.mapped:
        check_course(course, played, left)
    addresses = [account["email"] for account in left.accounts]
    assert len(set(addresses)) == len(addresses), "an address has several accounts at Thinkific"
    if not any(map(is_correction, chain.from_iterable(left.history.values()))):
        assert len(addresses) <= 1, "no one was corrected, and there is another account"


def check_history(payment: Payment, events: list[HistoryEvent]) -> None:
    """Check that the history is one unbroken chain that ends in the payment's status."""
    states = [None, *(event.target for event in events)]
    assert [event.source for event in events] == states[:-1], states
    assert payment.status == states[-1], (payment.status, states)
    assert payment.version == len(events)
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    moves = [event for event in events if not is_correction(event)]
    entered = [event.target for event in moves]
    assert len(set(entered)) == len(entered), f"a state was entered twice: {states}"
    for event in moves:
        assert event.target in FOLLOWING.get(event.source, set()), states


def check_money(payment: Payment, left: Aftermath) -> None:
    """Check that a payment with money gives its courses, and that no other payment does."""
    enrolled = [each for each in left.enrollments.values() if each.status == "ENROLLED"]
    given = {each.course_id for each in enrolled if payment.id in each.paid_by}
    if payment.status not in SETTLED - {Status.REFUNDED}:
        assert not given
        return
    assert payment.status is not Status.APPROVED, "it was never delivered"
    assert given == set(payment.course_ids)
    if payment.method is Method.GATEWAY:
        assert payment.id in left.paid
    else:
        moves = [each for each in left.history[payment.id] if not is_correction(each)]
        (approval,) = (each for each in moves if each.target == "APPROVED")
        assert approval.actor == f"admin:{payment.approved_by}"


def check_anomalies(payment: Payment, left: Aftermath) -> None:
    """Check that money for nothing new, and no other, is an anomaly."""
    nothing_new = set(payment.overlap) == set(payment.course_ids)
    assert (AnomalyKind.PAID_TWICE in left.anomalies[payment.id]) == nothing_new


def check_winners(played: Round, left: Aftermath) -> None:
    """Check that each event's actor got a success for an answer."""
    actors = BY_ITSELF | {each.actor for each in played.results if each.answer.ok}
    # Duitku is asked about an earlier order first, whatever becomes of the new one.
    actors |= {"lunas:initiate" for each in played.results if each.operation.name == "initiate"}
    for payment in left.payments:
        for event in left.history[payment.id][played.versions.get(payment.id, 0) :]:
            assert event.actor in actors, f"{event.actor} got no success for {event.target}"


def check_answers(played: Round, left: Aftermath) -> None:
    """Check that each operation got an answer that is allowed, and that the answer is true."""
    for result in played.results:
        operation, answer = result.operation, result.answer
        assert answer.status in operation.answers, (operation.name, answer)
        operation.holds(result.attempt, answer, left)


def check_open(left: Aftermath) -> None:
    """Check that no purchase is open twice."""
    waiting = [
        (payment.package_id, payment.course_id)
        for payment in left.payments
        if payment.status is Status.PENDING
    ]
    assert len(set(waiting)) == len(waiting)


def check_course(course: str, played: Round, left: Aftermath) -> None:
    """Check for one enrollment at most, the same at Thinkific, and an exact counter.

    At Thinkific it is in the account of the learner's address, and open in no other.
    """
    enrollment = left.enrollments.get(course)
    mapped = played.setup.mapped[course]
    everywhere = [each for each in left.platform_enrollments if str(each["course_id"]) == mapped]
    own = [each for each in everywhere if each["user_email"] == left.address]
    assert len(own) <= 1, own
    enrolled = enrollment is not None and enrollment.status is EnrollmentStatus.ENROLLED
    assert left.courses[course].enrolled == enrolled
    open_to = [each["user_email"] for each in everywhere if _is_open(each)]
    assert open_to == ([left.address] if enrolled else [])
    if enrollment:
        check_enrollment(enrollment, own, left)


def check_enrollment(
    enrollment: Enrollment, platform_enrollments: list[Json], left: Aftermath
) -> None:
    """Check that an enrollment matches its payment and its delivery."""
    (payment,) = (each for each in left.payments if each.id == enrollment.payment_id)
    assert enrollment.course_id in payment.course_ids
    if enrollment.status is EnrollmentStatus.ENROLLED:
        assert payment.status in SETTLED
        assert enrollment.counted
        assert enrollment.delivery.status is DeliveryStatus.DELIVERED, enrollment.delivery
        assert str(platform_enrollments[0]["id"]) == enrollment.delivery.platform_enrollment_id
    else:
        assert payment.status is Status.REFUNDED
        assert not enrollment.counted
        assert enrollment.delivery.status is DeliveryStatus.REVOKED, enrollment.delivery


def _is_open(platform_enrollment: Json) -> bool:
    """Return whether an enrollment gives full access."""
    ended, trial = platform_enrollment["expired"], platform_enrollment["is_free_trial"]
    return bool(platform_enrollment["activated_at"]) and not ended and not trial
