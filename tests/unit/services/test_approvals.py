"""An admin's approval or rejection."""

from dataclasses import replace

import pytest

from lunas.domain.catalog import MAX_COURSES
from lunas.domain.enrollments import enrollment_id
from lunas.domain.errors import CourseFull, NotFound, WrongState
from lunas.domain.payment_steps import take
from lunas.domain.payments import AuditContext, Status, Step
from lunas.domain.settlement import Result
from lunas.services.manual_payments import ManualPaymentService
from lunas.services.settlement import Outcome
from tests.support.builders import (
    ADMIN_CONTEXT,
    LATER,
    USER,
    bought,
    course,
    enrollment,
    manual,
    payment,
)
from tests.unit.services.fakes import (
    FakeCatalog,
    FakeClock,
    FakeEnrollments,
    FakePayments,
    FakeStore,
    settlements,
)

OTHER_ADMIN = AuditContext("admin:a2", LATER)


@pytest.fixture
def store() -> FakeStore:
    made = FakeStore()
    made.add(course("c1"), course("c2"), manual(courses=bought("c1", "c2")))
    return made


@pytest.fixture
def payments(store: FakeStore) -> FakePayments:
    return FakePayments(store)


def service(payments: FakePayments) -> ManualPaymentService:
    return ManualPaymentService(
        catalog=FakeCatalog(payments.store),
        enrollments=FakeEnrollments(payments.store),
        payments=payments,
        settlements=settlements(payments),
        now=FakeClock(),
        new_id=lambda: "new1",
    )


def approve(
    payments: FakePayments, payment_id: str, context: AuditContext, *, overbook: bool = False
) -> Outcome:
    return service(payments).approve(payment_id, context, overbook=overbook)


def reject(payments: FakePayments, payment_id: str, context: AuditContext) -> Outcome:
    return service(payments).reject(payment_id, context)


def test_an_approval_creates_all_enrollments_in_one_write(payments: FakePayments) -> None:
    outcome = approve(payments, "pay1", ADMIN_CONTEXT)
    assert outcome.result is Result.SETTLED
    assert (outcome.payment.status, outcome.payment.approved_by) == (Status.APPROVED, "a1")
    assert payments.store.owns(enrollment_id(USER, "c1"))
    assert payments.store.owns(enrollment_id(USER, "c2"))
    assert payments.commits == 1


def test_approving_again_changes_nothing_and_returns_the_same(payments: FakePayments) -> None:
    first = approve(payments, "pay1", ADMIN_CONTEXT)
    again = approve(payments, "pay1", OTHER_ADMIN)
    assert (again.result, again.payment) == (Result.ALREADY_SETTLED, first.payment)
    assert payments.commits == 1


@pytest.mark.parametrize(
    "status", [Status.PENDING, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.REFUNDED]
)
def test_only_a_paid_payment_can_be_approved(payments: FakePayments, status: Status) -> None:
    payments.store.add(manual(status))
    with pytest.raises(WrongState):
        approve(payments, "pay1", ADMIN_CONTEXT)
    assert payments.store.enrollments == {}


LARGE = tuple(f"c{number}" for number in range(MAX_COURSES))


@pytest.mark.parametrize("overbook", [False, True])
def test_a_bundle_too_large_to_count_at_once_keeps_quotas_as_well(overbook: bool) -> None:
    store = FakeStore()
    store.add(manual(courses=bought(*LARGE)), course("c7", quota=3, enrolled=3))
    if overbook:
        approved = approve(FakePayments(store), "pay1", ADMIN_CONTEXT, overbook=True).payment
        assert (approved.status, approved.overbook) == (Status.APPROVED, True)
        return
    with pytest.raises(CourseFull, match="c7"):
        approve(FakePayments(store), "pay1", ADMIN_CONTEXT)
    assert store.enrollments == {}


def test_an_approval_within_quotas_is_not_recorded_as_overbooked(payments: FakePayments) -> None:
    assert not approve(payments, "pay1", ADMIN_CONTEXT).payment.overbook


def test_a_concurrent_refund_stops_an_approval(payments: FakePayments) -> None:
    payments.before_commit = [lambda: payments.store.add(manual(Status.REFUNDED, version=4))]
    with pytest.raises(WrongState, match="REFUNDED"):
        approve(payments, "pay1", ADMIN_CONTEXT)


def test_an_unknown_payment_is_not_found(payments: FakePayments) -> None:
    with pytest.raises(NotFound):
        approve(payments, "pay9", ADMIN_CONTEXT)


def test_an_approval_keeps_the_quota(payments: FakePayments) -> None:
    payments.store.add(course("c2", quota=1, enrolled=1))
    with pytest.raises(CourseFull, match=r"c2$"):
        approve(payments, "pay1", ADMIN_CONTEXT)
    assert payments.store.payments["pay1"].status is Status.PAID
    assert payments.store.enrollments == {}


def test_overbooking_goes_beyond_the_quota(payments: FakePayments) -> None:
    payments.store.add(course("c2", quota=1, enrolled=1))
    outcome = approve(payments, "pay1", ADMIN_CONTEXT, overbook=True)
    assert outcome.payment.status is Status.APPROVED
    assert outcome.anomaly is None


def test_a_full_course_that_the_learner_has_already_needs_no_place(payments: FakePayments) -> None:
    payments.store.add(course("c1", quota=1, enrolled=1), enrollment("c1", payment_id="pay0"))
    outcome = approve(payments, "pay1", ADMIN_CONTEXT)
    assert outcome.payment.status is Status.APPROVED
    assert outcome.payment.overlap == ("c1",)


def test_an_approval_that_lost_the_race_returns_the_winning_one(payments: FakePayments) -> None:
    payments.before_commit = [lambda: _approved_by_other(payments.store)]
    outcome = approve(payments, "pay1", ADMIN_CONTEXT)
    assert outcome.result is Result.ALREADY_SETTLED
    assert outcome.payment.approved_by == "a2"


def test_a_concurrent_rejection_stops_an_approval(payments: FakePayments) -> None:
    payments.before_commit = [lambda: _rejected(payments.store)]
    with pytest.raises(WrongState):
        approve(payments, "pay1", ADMIN_CONTEXT)
    assert payments.store.enrollments == {}


def test_an_approval_of_owned_courses_completes_the_payment_and_records_an_anomaly(
    payments: FakePayments,
) -> None:
    payments.store.add(*(enrollment(each, payment_id="pay0") for each in ("c1", "c2")))
    outcome = approve(payments, "pay1", ADMIN_CONTEXT)
    assert outcome.payment.status is Status.COMPLETED
    assert outcome.anomaly
    assert list(payments.store.anomalies) == [outcome.anomaly.id]
    assert {each.payment_id for each in payments.store.enrollments.values()} == {"pay0"}


def _approved_by_other(store: FakeStore) -> None:
    approved, _ = take(store.payments["pay1"], Step.APPROVE, OTHER_ADMIN)
    store.add(approved)


def _rejected(store: FakeStore) -> None:
    stored = store.payments["pay1"]
    store.add(replace(stored, status=Status.REJECTED, version=stored.version + 1))


@pytest.mark.parametrize("status", Status)
def test_a_payment_at_the_gateway_is_never_approved_by_hand(
    payments: FakePayments, status: Status
) -> None:
    payments.store.add(payment(status))
    with pytest.raises(WrongState):
        approve(payments, "pay1", ADMIN_CONTEXT)
    assert (payments.commits, payments.store.enrollments) == (0, {})


@pytest.mark.parametrize("overbook", [True, False])
def test_the_evidence_shows_whether_the_quota_was_overruled(
    payments: FakePayments, overbook: bool
) -> None:
    approve(payments, "pay1", ADMIN_CONTEXT, overbook=overbook)
    (event,) = payments.store.history["pay1"]
    overbooked = {"overbook": "true"} if overbook else {}
    assert event.evidence == {"requestId": "r1", **overbooked}


def test_an_overruled_quota_is_evidence_even_if_there_is_no_other(payments: FakePayments) -> None:
    approve(payments, "pay1", OTHER_ADMIN, overbook=True)
    (event,) = payments.store.history["pay1"]
    assert event.evidence == {"overbook": "true"}


def test_the_evidence_names_the_courses_owned_before(payments: FakePayments) -> None:
    payments.store.add(enrollment("c1", payment_id="pay0"))
    approve(payments, "pay1", ADMIN_CONTEXT)
    (event,) = payments.store.history["pay1"]
    assert event.evidence == {"requestId": "r1", "owned": "c1"}


def test_a_rejection_ends_a_paid_payment_without_enrollments(payments: FakePayments) -> None:
    outcome = reject(payments, "pay1", replace(ADMIN_CONTEXT, reason="no transfer"))
    assert (outcome.payment.status, outcome.payment.reason) == (Status.REJECTED, "no transfer")
    assert payments.store.payments["pay1"] == outcome.payment
    assert payments.store.enrollments == {}
    (event,) = payments.store.history["pay1"]
    assert (event.actor, event.source, event.target) == ("admin:a1", Status.PAID, Status.REJECTED)


def test_rejecting_again_changes_nothing_and_returns_the_same(payments: FakePayments) -> None:
    first = reject(payments, "pay1", ADMIN_CONTEXT)
    assert reject(payments, "pay1", OTHER_ADMIN).payment == first.payment
    assert payments.commits == 1


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PAID, Status.REJECTED}))
def test_only_a_paid_payment_can_be_rejected(payments: FakePayments, status: Status) -> None:
    payments.store.add(manual(status))
    with pytest.raises(WrongState, match=status):
        reject(payments, "pay1", ADMIN_CONTEXT)
    assert payments.store.payments["pay1"].status is status


def test_an_unknown_payment_cannot_be_rejected(payments: FakePayments) -> None:
    with pytest.raises(NotFound):
        reject(payments, "pay9", ADMIN_CONTEXT)


def test_a_concurrent_approval_stops_a_rejection(payments: FakePayments) -> None:
    payments.before_commit = [lambda: _approved_by_other(payments.store)]
    with pytest.raises(WrongState):
        reject(payments, "pay1", ADMIN_CONTEXT)
    assert payments.store.payments["pay1"].approved_by == "a2"
