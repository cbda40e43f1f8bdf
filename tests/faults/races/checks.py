"""What must hold whatever two operations met, said again without the product's own rules.

Each check raises AssertionError with what it found.
"""

from collections.abc import Mapping
from itertools import chain

from lunas.domain.anomalies import AnomalyKind
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.payments import HistoryEvent, Method, Payment, Status, is_correction
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
"""The states that may follow on each, as the contract draws them."""
BY_ITSELF = {"lunas:deliver", "lunas:reconcile"}
"""Who may act without having been asked to."""


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
        assert len(addresses) <= 1, "nobody was corrected, and there is another account"


def check_history(payment: Payment, events: list[HistoryEvent]) -> None:
    """Check that the history is one unbroken chain that ends where the payment stands."""
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
    """Check that whoever paid is enrolled, and nobody else."""
    enrolled = [each for each in left.enrollments.values() if each.status == "ENROLLED"]
    standing = {each.course_id for each in enrolled if payment.id in _paid_by(each)}
    if payment.status not in SETTLED - {Status.REFUNDED}:
        assert not standing
        return
    assert payment.status is not Status.APPROVED, "it never came to rest"
    assert standing == set(payment.course_ids)
    if payment.method is Method.GATEWAY:
        assert payment.id in left.paid
    else:
        moves = [each for each in left.history[payment.id] if not is_correction(each)]
        (approval,) = (each for each in moves if each.target == "APPROVED")
        assert approval.actor == f"admin:{payment.approved_by}"


def _paid_by(enrollment: Enrollment) -> set[str]:
    return set(enrollment.paid_by)


def check_anomalies(payment: Payment, left: Aftermath) -> None:
    """Check that money for nothing new, and no other, is kept for a person."""
    nothing_new = set(payment.overlap) == set(payment.course_ids)
    assert (AnomalyKind.PAID_TWICE in left.anomalies[payment.id]) == nothing_new


def check_winners(played: Round, left: Aftermath) -> None:
    """Check that what happened was done by those who were told that it is done."""
    actors = BY_ITSELF | {each.actor for each in played.takes if each.answer.ok}
    # Duitku is asked about an earlier order first, whatever becomes of the new one.
    actors |= {"lunas:initiate" for each in played.takes if each.operation.name == "initiate"}
    for payment in left.payments:
        for event in left.history[payment.id][played.versions.get(payment.id, 0) :]:
            assert event.actor in actors, f"{event.actor} was not told of {event.target}"


def check_answers(played: Round, left: Aftermath) -> None:
    """Check that each operation was answered as it may be, and that what it was told is so."""
    for take in played.takes:
        operation, answer = take.operation, take.answer
        assert answer.status in operation.answers, (operation.name, answer)
        operation.holds(take.attempt, answer, left)


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

    There it is in the account of the address that counts, and open in no other.
    """
    enrollment = left.enrollments.get(course)
    everywhere = [row for row in left.rows if row["course_id"] == played.setup.mapped[course]]
    rows = [row for row in everywhere if row["user_email"] == left.address]
    assert len(rows) <= 1, rows
    enrolled = enrollment is not None and enrollment.status is EnrollmentStatus.ENROLLED
    assert left.courses[course].enrolled == enrolled
    open_to = [row["user_email"] for row in everywhere if _is_open(row)]
    assert open_to == ([left.address] if enrolled else [])
    if enrollment:
        check_enrollment(enrollment, rows, left)


def check_enrollment(enrollment: Enrollment, rows: list[Json], left: Aftermath) -> None:
    """Check that an enrollment stands for a payment as it is, and is noted as it is."""
    (payment,) = (each for each in left.payments if each.id == enrollment.payment_id)
    assert enrollment.course_id in payment.course_ids
    if enrollment.status is EnrollmentStatus.ENROLLED:
        assert payment.status in SETTLED
        assert enrollment.counted
        assert enrollment.delivery.status is DeliveryStatus.DELIVERED, enrollment.delivery
        assert rows[0]["id"] == enrollment.delivery.platform_enrollment_id
    else:
        assert payment.status is Status.REFUNDED
        assert not enrollment.counted
        assert enrollment.delivery.status is DeliveryStatus.REVOKED, enrollment.delivery


def _is_open(row: Json) -> bool:
    """Tell whether Thinkific lets the learner in for good."""
    return bool(row["activated_at"]) and not row["expired"] and not row["is_free_trial"]
