"""Corrections, and concurrent work on the same payment."""

from dataclasses import replace

import pytest

from lunas.domain.access_claims import Place
from lunas.domain.corrections import Wanted
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, enrollment_id
from lunas.domain.errors import ConcurrentUpdate, NotFound, StorageContention, WrongState
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.services.corrections import MAX_ATTEMPTS, CorrectionService
from tests.support.builders import LATER, USER, bought, enrollment, payment
from tests.unit.services.fakes import (
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakeStore,
)

ACT = AuditContext("admin:a1", LATER, {"requestId": "r9"}, "a slip")
RIGHT = Wanted(email="budi@example.org")
ACCOUNT = "7"
DELIVERED = Delivery(status=DeliveryStatus.DELIVERED)
OWN = enrollment("c1", delivery=DELIVERED)
OTHERS = enrollment("c2", payment_id="pay0", delivery=DELIVERED)
STRANGERS = replace(OTHERS, id=enrollment_id("u2", "c2"), user_id="u2")


@pytest.fixture
def corrections() -> FakePayments:
    store = FakeStore()
    store.add(payment(Status.COMPLETED, courses=bought("c1"), version=4), OWN, OTHERS, STRANGERS)
    return FakePayments(store)


def corrected(corrections: FakePayments, payment_id: str = "pay1") -> Payment:
    return wanted(corrections, payment_id, RIGHT)


def claim(corrections: FakePayments, *enrollment_ids: str) -> None:
    """Claim a course of the account for enrollments."""
    for each in enrollment_ids:
        FakeLearners(corrections.store).claim(Place(ACCOUNT, "1"), each, None)


def waiting(corrections: FakePayments) -> list[Enrollment]:
    """Return the enrollments to deliver again."""
    found = corrections.store.enrollments.values()
    return [each for each in found if each.delivery.status is DeliveryStatus.PENDING]


def test_payment_history_and_enrollments_change_in_one_write(corrections: FakePayments) -> None:
    done = corrected(corrections)
    assert (done.learner.email, done.status) == (RIGHT.email, Status.COMPLETED)
    assert (corrections.store.payments["pay1"], corrections.commits) == (done, 1)
    assert len(corrections.store.history["pay1"]) == 1
    assert [each.id for each in waiting(corrections)] == [OWN.id]


def test_only_the_users_enrollments_at_the_linked_account_are_delivered_again(
    corrections: FakePayments,
) -> None:
    corrections.store.links[USER] = ACCOUNT
    claim(corrections, OTHERS.id, STRANGERS.id)
    corrected(corrections)
    assert {each.id for each in waiting(corrections)} == {OWN.id, OTHERS.id}


def test_a_concurrent_step_is_seen(corrections: FakePayments) -> None:
    later = replace(corrections.store.payments["pay1"], status=Status.REFUNDED, version=5)
    corrections.before_commit = [lambda: corrections.store.add(later)]
    with pytest.raises(WrongState):
        corrected(corrections)
    assert corrections.store.payments["pay1"] == later


def test_an_account_that_was_linked_meanwhile_is_seen(corrections: FakePayments) -> None:
    def linked() -> None:
        corrections.store.links[USER] = ACCOUNT
        corrections.store.revisions[USER] = 1
        claim(corrections, OTHERS.id)

    corrections.before_commit = [linked]
    corrected(corrections)
    assert {each.id for each in waiting(corrections)} == {OWN.id, OTHERS.id}


OTHER_ADDRESS = Wanted(email="santoso@example.net")


@pytest.fixture
def second(corrections: FakePayments) -> FakePayments:
    """Correct the user's first payment, and add a second."""
    corrections.store.add(payment(Status.PAID, id="pay2", courses=bought("c9"), version=1))
    corrected(corrections)
    return corrections


def wanted(corrections: FakePayments, payment_id: str, wanted: Wanted) -> Payment:
    store = corrections.store
    service = CorrectionService(corrections, FakeEnrollments(store), FakeLearners(store))
    return service.correct(payment_id, wanted, ACT)


def test_a_second_payment_is_not_corrected_to_another_address(second: FakePayments) -> None:
    with pytest.raises(WrongState, match="pay1"):
        wanted(second, "pay2", OTHER_ADDRESS)
    assert second.store.payments["pay2"].version == 1


@pytest.mark.parametrize(
    "same", [RIGHT, Wanted(email="BUDI@example.org"), Wanted(name="Budi Hartono")]
)
def test_a_second_payment_may_have_the_same_address_or_another_name(
    second: FakePayments, same: Wanted
) -> None:
    assert wanted(second, "pay2", same).version == 2


def test_the_payment_that_named_the_address_may_name_another(second: FakePayments) -> None:
    assert wanted(second, "pay1", OTHER_ADDRESS).learner.email == OTHER_ADDRESS.email


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "refunded"])
def test_a_missing_or_refunded_payment_does_not_bind_the_others(
    second: FakePayments, *, gone: bool
) -> None:
    first = second.store.payments.pop("pay1")
    if not gone:
        second.store.add(replace(first, status=Status.REFUNDED))
    assert wanted(second, "pay2", OTHER_ADDRESS).learner.email == OTHER_ADDRESS.email


def test_an_unknown_payment_cannot_be_corrected(corrections: FakePayments) -> None:
    with pytest.raises(NotFound):
        corrected(corrections, "pay9")


def test_endless_concurrent_updates_end_as_storage_contention(corrections: FakePayments) -> None:
    corrections.before_commit = [ConcurrentUpdate(stale=True)] * MAX_ATTEMPTS
    with pytest.raises(StorageContention):
        corrected(corrections)
    assert corrections.store.payments["pay1"].version == 4
