"""Raising progress, which never goes down, and requesting another delivery."""

from dataclasses import replace

import pytest

from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import (
    ConcurrentUpdate,
    LunasError,
    NotFound,
    StorageContention,
    WrongState,
)
from lunas.services.enrollments import EnrollmentService
from tests.support.builders import LATER, enrollment
from tests.unit.services.fakes import FakeEnrollments, FakeStore

ID = enrollment("c1").id
REVOKED = enrollment(
    "c1", status=EnrollmentStatus.NOT_ENROLLED, delivery=Delivery(status=DeliveryStatus.REVOKED)
)


@pytest.fixture
def kept() -> FakeEnrollments:
    store = FakeStore()
    store.add(enrollment("c1", progress=40))
    return FakeEnrollments(store)


def change(kept: FakeEnrollments, how: str) -> Enrollment:
    """Report progress or request a delivery."""
    service = EnrollmentService(kept)
    if how == "report":
        return service.report_progress(ID, 60, LATER)
    return service.redeliver(ID, LATER)


WAYS = pytest.mark.parametrize("how", ["report", "redeliver"])


@pytest.mark.parametrize(("reported", "known"), [(60, 60), (40, 40), (0, 40), (100, 100)])
def test_progress_is_raised_and_never_lowered(
    kept: FakeEnrollments, reported: int, known: int
) -> None:
    assert EnrollmentService(kept).report_progress(ID, reported, LATER).progress == known
    assert kept.store.enrollments[ID].progress == known


@pytest.mark.parametrize("status", sorted(set(DeliveryStatus) - {DeliveryStatus.REVOKED}))
def test_another_delivery_is_a_new_pending_request(
    kept: FakeEnrollments, status: DeliveryStatus
) -> None:
    kept.store.add(enrollment("c1", delivery=Delivery(status=status, request=3)))
    again = EnrollmentService(kept).redeliver(ID, LATER)
    assert (again.delivery.status, again.delivery.request) == (DeliveryStatus.PENDING, 4)
    assert kept.store.enrollments[ID] == again


@WAYS
def test_a_missing_enrollment_is_not_found(kept: FakeEnrollments, how: str) -> None:
    kept.store.enrollments.clear()
    with pytest.raises(NotFound):
        change(kept, how)


@WAYS
def test_a_revoked_enrollment_cannot_be_changed(kept: FakeEnrollments, how: str) -> None:
    kept.store.add(REVOKED)
    with pytest.raises(WrongState):
        change(kept, how)
    assert kept.store.enrollments[ID] == REVOKED


@pytest.mark.parametrize("status", [DeliveryStatus.PENDING, DeliveryStatus.FAILED])
def test_an_unfinished_revocation_can_be_requested_again(
    kept: FakeEnrollments, status: DeliveryStatus
) -> None:
    kept.store.add(replace(REVOKED, delivery=Delivery(status=status, request=2)))
    again = EnrollmentService(kept).redeliver(ID, LATER)
    assert again.status is EnrollmentStatus.NOT_ENROLLED
    assert (again.delivery.status, again.delivery.request) == (DeliveryStatus.PENDING, 3)


@WAYS
def test_after_a_concurrent_update_the_stored_enrollment_is_changed(
    kept: FakeEnrollments, how: str
) -> None:
    again = enrollment("c1", payment_id="pay2")
    kept.before_change = [lambda: kept.store.add(again)]
    assert change(kept, how).payment_id == "pay2"


@pytest.mark.parametrize(("gone", "error"), [(True, NotFound), (False, WrongState)])
@WAYS
def test_a_concurrent_refund_stops_the_change(
    kept: FakeEnrollments, how: str, gone: bool, error: type[LunasError]
) -> None:
    def refund() -> None:
        kept.store.enrollments.clear() if gone else kept.store.add(REVOKED)
        raise ConcurrentUpdate(stale=True)

    kept.before_change = [refund]
    with pytest.raises(error):
        change(kept, how)


@WAYS
def test_endless_concurrent_updates_end_as_storage_contention(
    kept: FakeEnrollments, how: str
) -> None:
    kept.before_change = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        change(kept, how)
    assert kept.store.enrollments[ID] == replace(enrollment("c1"), progress=40)
