"""Claims on courses of accounts in the table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lunas.domain.access_claims import Claims, Place
from lunas.domain.enrollments import Access, Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import AuditContext, Status, Step
from lunas.domain.settlement import settle
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.learners import Learners
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.support.builders import LATER, enrollment, payment

PLACE, OTHER, OTHER_ACCOUNT = Place("7", "2000001"), Place("7", "2000002"), Place("71", "2000001")
SOON = LATER + timedelta(days=30)


@pytest.fixture
def claims(table: Table) -> Learners:
    return Learners(table)


def test_each_claim_and_release_raises_the_version_and_returns_all(claims: Learners) -> None:
    first = claims.claim(PLACE, "enr1", SOON)
    assert first == Claims(
        place=PLACE, version=1, enrollment_ids=frozenset({"enr1"}), given=frozenset({SOON})
    )
    second = claims.claim(PLACE, "enr2", None)
    assert (second.version, sorted(second.enrollment_ids)) == (2, ["enr1", "enr2"])
    assert second.given == {SOON, None}
    third = claims.release(PLACE, "enr1")
    assert (third.version, *third.enrollment_ids, *third.released) == (3, "enr2", "enr1")
    assert third.names("enr1")


def test_a_claim_ends_an_earlier_release(claims: Learners) -> None:
    claims.release(PLACE, "enr1")
    again = claims.claim(PLACE, "enr1", None)
    assert [*again.enrollment_ids, *again.released] == ["enr1"]


def test_forgetting_a_claim_and_noting_access_keep_the_version(claims: Learners) -> None:
    claims.claim(PLACE, "enr1", SOON)
    claims.release(PLACE, "enr1")
    claims.forget(PLACE, "enr1")
    claims.note_given(PLACE, None)
    (stored,) = claims.of_account("7").values()
    assert stored == Claims(place=PLACE, version=2, given=frozenset({SOON, None}))
    assert not stored.names("enr1")


def with_shared_access(table: Table, claims: Learners, read: Claims, **stored: Any) -> Enrollment:
    """Record unlimited shared access on an enrollment of 30 days; return it as stored."""
    own = enrollment(expires_at=SOON, **stored)
    table.put(enrollment_item(own), "attribute_not_exists(#pk)")
    claims.note_shared(read, replace(own, shared=Access(None)), LATER)
    found = Enrollments(table).get(own.id)
    assert found is not None
    return found


def test_shared_access_is_recorded_and_nothing_else_changes(table: Table, claims: Learners) -> None:
    read = claims.claim(PLACE, "enr1", None)
    # A payment that took the enrollment over needs no delivery.
    own = with_shared_access(table, claims, read, payment_id="pay2")
    wanted = enrollment(expires_at=SOON, payment_id="pay2", updated_at=LATER)
    assert own == replace(wanted, shared=Access(None))
    claims.note_shared(read, replace(own, shared=Access(SOON)), LATER)
    claims.note_shared(read, replace(own, payment_id="pay3", shared=None), LATER)
    assert Enrollments(table).get(own.id) == wanted
    assert claims.of_account("7") == {PLACE: read}


def test_shared_access_is_not_recorded_after_a_newer_claim(table: Table, claims: Learners) -> None:
    read = claims.claim(PLACE, "enr1", None)
    claims.release(PLACE, "enr1")
    assert with_shared_access(table, claims, read) == enrollment(expires_at=SOON)


def test_shared_access_is_not_recorded_on_a_refunded_enrollment(
    table: Table, claims: Learners
) -> None:
    read = claims.claim(PLACE, "enr1", None)
    gone = with_shared_access(table, claims, read, status=EnrollmentStatus.NOT_ENROLLED)
    assert gone.shared is None


def test_a_repeated_purchase_has_no_shared_access_yet(
    table: Table, claims: Learners, payments: Payments
) -> None:
    shared = with_shared_access(table, claims, claims.claim(PLACE, "enr1", None))
    assert shared.ends_at is None
    paid = payment(Status.PAID)
    table.put(payment_item(paid), "attribute_not_exists(#pk)")
    audit_context = AuditContext("admin:a1", SOON + timedelta(days=1))
    with pytest.raises(ConcurrentUpdate) as concurrent_update:
        payments.commit(settle(paid, Step.APPROVE, audit_context, {}), keep_quota=False)
    assert not concurrent_update.value.owned
    assert concurrent_update.value.still_counted == {"c1"}
    payments.commit(
        settle(paid, Step.APPROVE, audit_context, {}, still_counted={"c1"}), keep_quota=False
    )
    assert (again := Enrollments(table).get(shared.id))
    assert (again.payment_id, again.shared) == (paid.id, None)


def test_an_account_shows_its_own_claims_only(claims: Learners) -> None:
    made = {each: claims.claim(each, "enr1", None) for each in (PLACE, OTHER, OTHER_ACCOUNT)}
    assert claims.of_account("7") == {PLACE: made[PLACE], OTHER: made[OTHER]}
    assert claims.of_account("8") == {}


def test_more_claims_than_fit_into_a_page_are_all_read(claims: Learners) -> None:
    long = "e" * 300_000
    for course in range(5):
        claims.claim(Place("7", str(course)), f"{course}{long}", None)
    assert len(claims.of_account("7")) == 5
