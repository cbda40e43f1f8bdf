"""Refunds, and concurrent work on the same payment."""

from dataclasses import replace

import pytest

from lunas.domain.enrollments import EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate, NotFound, StorageContention, WrongState
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.services.refunds import RefundService
from tests.support.builders import LATER, bought, enrollment, paid_by, payment
from tests.unit.services.fakes import FakeEnrollments, FakePayments, FakeStore

ACT = AuditContext("admin:a1", LATER, {"requestId": "r9"}, "cancelled")
OTHER = AuditContext("admin:a2", LATER, {"requestId": "r10"}, "other reason")
ID = enrollment("c1").id


@pytest.fixture
def payments() -> FakePayments:
    store = FakeStore()
    store.add(payment(Status.COMPLETED, courses=bought("c1"), version=4), enrollment("c1"))
    return FakePayments(store)


def refunded(payments: FakePayments, audit_context: AuditContext = ACT) -> tuple[Payment, bool]:
    done, made = RefundService(payments, FakeEnrollments(payments.store)).refund(
        "pay1", audit_context
    )
    return done, made is not None


def test_payment_and_enrollments_change_in_one_write(payments: FakePayments) -> None:
    done, made = refunded(payments)
    assert (done.status, made, payments.commits) == (Status.REFUNDED, True, 1)
    assert payments.store.payments["pay1"] == done
    assert payments.store.enrollments[ID].status is EnrollmentStatus.NOT_ENROLLED


def test_repeating_a_refund_changes_nothing(payments: FakePayments) -> None:
    first = refunded(payments)
    assert refunded(payments, OTHER) == (first[0], False)
    assert payments.commits == 1


def test_of_two_concurrent_refunds_one_is_recorded(payments: FakePayments) -> None:

    def first() -> None:
        refunded(payments, OTHER)

    payments.before_commit = [first]
    done, made = refunded(payments)
    assert (done.reason, made) == ("other reason", False)
    assert len(payments.store.history["pay1"]) == 1


def test_a_concurrent_claim_keeps_the_course(payments: FakePayments) -> None:
    claimed = replace(payments.store.enrollments[ID], claims=paid_by("pay1", "pay2"))
    payments.before_commit = [lambda: payments.store.add(claimed)]
    refunded(payments)
    stored = payments.store.enrollments[ID]
    assert (stored.status, stored.payment_id) == (EnrollmentStatus.ENROLLED, "pay2")


def test_an_unknown_payment_cannot_be_refunded(payments: FakePayments) -> None:
    with pytest.raises(NotFound):
        RefundService(payments, FakeEnrollments(payments.store)).refund("pay9", ACT)


def test_a_payment_without_money_cannot_be_refunded(payments: FakePayments) -> None:
    payments.store.add(payment(Status.PENDING))
    with pytest.raises(WrongState):
        refunded(payments)


def test_endless_concurrent_updates_end_as_storage_contention(payments: FakePayments) -> None:
    payments.before_commit = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        refunded(payments)
    assert payments.store.payments["pay1"].status is Status.COMPLETED
