"""Submitting a manual payment."""

from collections.abc import Callable
from itertools import count

import pytest

from lunas.domain.enrollments import Access
from lunas.domain.errors import (
    AlreadyEnrolled,
    CourseFull,
    InvalidInput,
    NotFound,
    StorageContention,
)
from lunas.domain.payments import Method, Payment, Status
from lunas.domain.users import PaymentType
from lunas.services.manual_payments import ManualPaymentService
from lunas.services.purchases import PurchaseRequest
from tests.support.builders import (
    EMAIL,
    NOW,
    USER,
    bundle,
    course,
    enrollment,
    manual,
    package,
    request,
)
from tests.unit.services.fakes import (
    FakeCatalog,
    FakeClock,
    FakeEnrollments,
    FakePayments,
    FakeStore,
    settlements,
)

PROOF = "https://proof.example/1"


@pytest.fixture
def store() -> FakeStore:
    made = FakeStore()
    made.add(package(), bundle("c1", "c2"), course("c1"), course("c2"))
    return made


@pytest.fixture
def service(store: FakeStore) -> ManualPaymentService:
    return made(store, FakePayments(store))


def made(store: FakeStore, payments: FakePayments) -> ManualPaymentService:
    return ManualPaymentService(
        catalog=FakeCatalog(store),
        enrollments=FakeEnrollments(store),
        payments=payments,
        settlements=settlements(payments),
        now=FakeClock(),
        new_id=_ids(),
    )


def _ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"new{next(numbers)}"


def waiting(store: FakeStore, status: Status = Status.PAID, name: str = "first") -> Payment:
    """Store an earlier transfer for the same purchase."""
    made = manual(status, id=name)
    store.add(made)
    store.transfers[made.user_id, made.package_id, made.course_id] = made.id
    return made


def test_a_manual_payment_is_stored_as_paid_with_its_proof(
    service: ManualPaymentService, store: FakeStore
) -> None:
    taken, is_new = service.submit(request(payment_type=PaymentType.UMUM), PROOF)
    assert is_new
    assert (taken.status, taken.method, taken.amount) == (Status.PAID, Method.MANUAL, 49_000)
    assert (taken.proof_link, taken.gateway_name) == (PROOF, None)
    assert taken.learner.email == EMAIL
    assert store.payments == {"new1": taken}
    assert store.enrollments == {}


def test_the_history_starts_with_paid_by_the_learner(
    service: ManualPaymentService, store: FakeStore
) -> None:
    service.submit(request(), PROOF)
    (event,) = store.history["new1"]
    assert (event.actor, event.source, event.target) == (f"user:{USER}", None, Status.PAID)
    assert (event.at, event.version) == (NOW, 1)


def test_a_bundle_is_paid_for_as_a_whole(service: ManualPaymentService) -> None:
    taken, _ = service.submit(request(package_id="b1", course_id=None), PROOF)
    assert taken.course_ids == ("c1", "c2")


@pytest.mark.parametrize(
    "wanted",
    [
        request(payment_type=PaymentType.DIKE),
        request(course_id=None),
        request(package_id="b1", course_id="c1"),
    ],
    ids=["type of another", "nothing picked", "picked from a bundle"],
)
def test_a_purchase_that_breaks_a_rule_is_refused(
    service: ManualPaymentService, store: FakeStore, wanted: PurchaseRequest
) -> None:
    with pytest.raises(InvalidInput):
        service.submit(wanted, PROOF)
    assert store.payments == {}


def test_an_unknown_package_is_not_found(service: ManualPaymentService) -> None:
    with pytest.raises(NotFound):
        service.submit(request(package_id="p9"), PROOF)


def test_an_owned_course_is_refused(service: ManualPaymentService, store: FakeStore) -> None:
    store.add(enrollment("c1"))
    with pytest.raises(AlreadyEnrolled):
        service.submit(request(), PROOF)


def test_an_ended_course_is_refused_while_access_is_shared(
    service: ManualPaymentService, store: FakeStore
) -> None:
    store.add(enrollment("c1", expires_at=NOW, shared=Access(None)))
    with pytest.raises(AlreadyEnrolled):
        service.submit(request(), PROOF)
    store.add(enrollment("c1", expires_at=NOW))
    assert service.submit(request(), PROOF)[1]


def test_a_full_course_is_refused(service: ManualPaymentService, store: FakeStore) -> None:
    store.add(course("c1", quota=0))
    with pytest.raises(CourseFull):
        service.submit(request(), PROOF)


def test_a_waiting_transfer_is_returned_unchanged(
    service: ManualPaymentService, store: FakeStore
) -> None:
    first = waiting(store)
    assert service.submit(request(), "https://proof.example/2") == (first, False)
    assert set(store.payments) == {"first"}


@pytest.mark.parametrize("status", [Status.REJECTED, Status.REFUNDED])
def test_a_decided_transfer_allows_another(
    service: ManualPaymentService, store: FakeStore, status: Status
) -> None:
    waiting(store, status)
    taken, is_new = service.submit(request(), PROOF)
    assert (taken.id, is_new) == ("new1", True)
    assert service.submit(request(), PROOF) == (taken, False)


def test_of_two_concurrent_submissions_the_second_returns_the_first_payment(
    store: FakeStore,
) -> None:
    payments = FakePayments(store)

    def click() -> None:
        waiting(store)

    payments.before_create.append(click)
    assert made(store, payments).submit(request(), PROOF) == (manual(id="first"), False)
    assert set(store.payments) == {"first"}


def test_a_slot_that_keeps_changing_ends_as_storage_contention(
    store: FakeStore,
) -> None:
    payments, numbers = FakePayments(store), count(1)

    def decided() -> None:
        waiting(store, Status.REJECTED, f"other{next(numbers)}")

    payments.before_create.extend([decided] * 3)
    with pytest.raises(StorageContention):
        made(store, payments).submit(request(), PROOF)
