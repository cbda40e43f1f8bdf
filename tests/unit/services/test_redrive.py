"""Redriving a dead-letter message requests its delivery again, unless that is out of date."""

from datetime import datetime, timedelta

import pytest

from lunas.domain.delivery import waits_for_person
from lunas.domain.enrollments import Delivery, DeliveryStatus, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.services.enrollments import EnrollmentService, RedriveOutcome
from tests.support.builders import LATER, NOW, enrollment
from tests.unit.services.fakes import FakeEnrollments, FakeStore

FAILED = Delivery(status=DeliveryStatus.FAILED, request=3, last_error="422")
ID = enrollment("c1").id


def kept(delivery: Delivery, **changes: object) -> FakeEnrollments:
    store = FakeStore()
    store.add(enrollment("c1", delivery=delivery, **changes))
    return FakeEnrollments(store)


@pytest.mark.parametrize(
    ("delivery", "waits"),
    [
        (Delivery(status=DeliveryStatus.FAILED), True),
        (Delivery(status=DeliveryStatus.PENDING, due_at=NOW), True),
        (Delivery(status=DeliveryStatus.PENDING, due_at=None), True),
        (Delivery(status=DeliveryStatus.PENDING, due_at=NOW + timedelta(seconds=1)), False),
        (Delivery(status=DeliveryStatus.DELIVERED), False),
        (Delivery(status=DeliveryStatus.REVOKED), False),
    ],
)
def test_a_failed_or_overdue_delivery_waits_for_a_person(
    delivery: Delivery, *, waits: bool
) -> None:
    assert waits_for_person(enrollment("c1", delivery=delivery), NOW) is waits


@pytest.mark.parametrize("due", [NOW, None])
@pytest.mark.parametrize("status", [DeliveryStatus.FAILED, DeliveryStatus.PENDING])
def test_a_waiting_delivery_is_redriven_by_a_new_request(
    status: DeliveryStatus, due: datetime | None
) -> None:
    enrollments = kept(Delivery(status=status, request=3, due_at=due))
    redriven = EnrollmentService(enrollments).redrive(ID, LATER)
    assert (redriven.outcome, redriven.reason) == (RedriveOutcome.REQUESTED, "request 4")
    delivery = enrollments.store.enrollments[ID].delivery
    assert (delivery.status, delivery.request) == (DeliveryStatus.PENDING, 4)


@pytest.mark.parametrize(
    ("delivery", "outcome"),
    [
        (Delivery(status=DeliveryStatus.DELIVERED), RedriveOutcome.OUT_OF_DATE),
        (Delivery(status=DeliveryStatus.REVOKED), RedriveOutcome.OUT_OF_DATE),
        # Its worker has dead-lettered the message, and may be about to record FAILED.
        (
            Delivery(status=DeliveryStatus.PENDING, due_at=LATER + timedelta(minutes=1)),
            RedriveOutcome.STAYS,
        ),
    ],
)
def test_a_finished_or_current_delivery_is_not_redriven(
    delivery: Delivery, outcome: RedriveOutcome
) -> None:
    enrollments = kept(delivery)
    redriven = EnrollmentService(enrollments).redrive(ID, LATER)
    assert redriven.outcome is outcome
    assert delivery.status in redriven.reason
    assert enrollments.store.enrollments[ID].delivery == delivery


def test_the_message_of_a_missing_enrollment_is_out_of_date() -> None:
    redriven = EnrollmentService(FakeEnrollments(FakeStore())).redrive(ID, LATER)
    assert (redriven.outcome, redriven.reason) == (
        RedriveOutcome.OUT_OF_DATE,
        "there is no such enrollment",
    )


def test_after_a_refund_the_revocation_is_redriven() -> None:
    enrollments = kept(FAILED, status=EnrollmentStatus.NOT_ENROLLED)
    assert EnrollmentService(enrollments).redrive(ID, LATER).outcome is RedriveOutcome.REQUESTED
    stored = enrollments.store.enrollments[ID]
    assert (stored.status, stored.delivery.request) == (EnrollmentStatus.NOT_ENROLLED, 4)


def test_a_concurrent_revocation_makes_the_message_out_of_date() -> None:
    enrollments = kept(FAILED, status=EnrollmentStatus.NOT_ENROLLED)
    revoked = Delivery(status=DeliveryStatus.REVOKED, request=4)

    def others() -> None:
        enrollments.store.add(enrollment("c1", delivery=revoked))

    enrollments.before_change = [others]
    redriven = EnrollmentService(enrollments).redrive(ID, LATER)
    assert (redriven.outcome, redriven.reason) == (
        RedriveOutcome.OUT_OF_DATE,
        "the enrollment is revoked",
    )


def test_an_enrollment_that_keeps_changing_is_not_redriven() -> None:
    enrollments = kept(FAILED)
    enrollments.before_change = [ConcurrentUpdate(stale=True)] * 5
    with pytest.raises(StorageContention):
        EnrollmentService(enrollments).redrive(ID, LATER)
    assert enrollments.store.enrollments[ID].delivery == FAILED
