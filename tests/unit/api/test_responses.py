"""What the views of the API show, and to which caller."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lunas.api.catalog_responses import course_view, package_view
from lunas.api.enrollment_responses import enrollment_view
from lunas.api.responses import channel_view, history_view, payment_view
from lunas.domain.enrollments import Access, Delivery, DeliveryStatus, EnrollmentStatus
from lunas.domain.gateway_status import PaymentChannel
from lunas.domain.payment_steps import opened
from lunas.domain.payments import HistoryEvent, Status
from lunas.domain.times import to_iso
from lunas.domain.users import Caller, Role
from tests.support.builders import (
    ADMIN_CALLER,
    EMAIL,
    GATEWAY_CONTEXT,
    LATER,
    NOW,
    SERVICE_CALLER,
    USER,
    USER_CALLER,
    course,
    enrollment,
    manual,
    package,
    payment,
)

STRANGER = Caller("u2", Role.USER)
NAMESAKE = Caller(USER, Role.SERVICE, scopes=frozenset({"payments:read"}))


@pytest.mark.parametrize("viewer", [USER_CALLER, ADMIN_CALLER])
def test_owner_and_admin_see_customer_and_proof(viewer: Caller) -> None:
    shown = payment_view(manual(), viewer)
    assert shown["customer"]["email"] == EMAIL
    assert shown["proofLink"] == "https://proof.example/1"


@pytest.mark.parametrize(
    "viewer", [SERVICE_CALLER, STRANGER, NAMESAKE], ids=["service", "stranger", "namesake service"]
)
def test_other_callers_see_no_personal_data(viewer: Caller) -> None:
    shown = json.dumps(payment_view(manual(), viewer))
    for kept_back in (EMAIL, "Santoso", "0812", "proof.example"):
        assert kept_back not in shown


STRANGER = replace(USER_CALLER, id="u9")


@pytest.mark.parametrize(
    ("viewer", "seen"),
    [(USER_CALLER, True), (ADMIN_CALLER, True), (SERVICE_CALLER, False), (STRANGER, False)],
)
def test_the_learner_is_shown_to_owner_and_admin_only(viewer: Caller, *, seen: bool) -> None:
    learner = replace(payment().learner, email="account@example.com")
    shown = payment_view(replace(payment(), learner=learner), viewer)
    learner_view = {"name": "Budi Santoso", "email": "account@example.com"}
    assert shown.get("learner") == (learner_view if seen else None)
    assert ("account@example.com" in json.dumps(shown)) is seen


def test_a_learner_with_one_name_is_shown_with_it_once() -> None:
    single = replace(payment().learner, first_name="Budi", last_name="Budi")
    assert payment_view(payment(learner=single), ADMIN_CALLER)["learner"]["name"] == "Budi"


def test_a_payment_shows_exactly_the_documented_fields() -> None:
    full = payment(
        Status.COMPLETED,
        approved_at=NOW,
        approved_by="duitku",
        completed_at=LATER,
        reason="x",
        proof_link="https://x",
    )
    assert set(payment_view(full, ADMIN_CALLER)) == {
        "id", "userId", "packageId", "packageName", "courseId", "courseIds", "status",
        "paymentType", "method", "amount", "currency", "proofLink", "gateway", "customer",
        "learner", "createdAt", "updatedAt", "approvedAt", "approvedBy", "completedAt", "reason",
        "version",
    }  # fmt: skip


def test_missing_values_of_a_payment_are_left_out() -> None:
    shown = payment_view(manual(course_id=None), USER_CALLER)
    for absent in ("courseId", "gateway", "approvedAt", "approvedBy", "completedAt", "reason"):
        assert absent not in shown
    assert shown["courseIds"] == ["c1"]


def test_the_invoice_is_shown_under_gateway() -> None:
    assert payment_view(payment(), USER_CALLER)["gateway"] == {
        "reference": "DREF1",
        "paymentUrl": "https://pay.example/1",
        "expiresAt": "2026-11-22T04:04:05.678Z",
    }


def test_before_duitku_answers_the_gateway_shows_only_the_expiry() -> None:
    shown = payment_view(payment(gateway=None), USER_CALLER)
    assert shown["gateway"] == {"expiresAt": "2026-11-22T04:04:05.678Z"}


def test_money_is_a_whole_number_and_time_is_utc() -> None:
    shown = payment_view(payment(), USER_CALLER)
    assert (shown["amount"], shown["currency"]) == (49_000, "IDR")
    assert shown["createdAt"] == "2026-11-22T03:04:05.678Z"


def test_every_view_can_be_written_as_json() -> None:
    views = [
        payment_view(payment(Status.APPROVED, approved_at=NOW), ADMIN_CALLER),
        enrollment_view(enrollment(), NOW, USER_CALLER),
        package_view(package()),
        course_view(course(quota=3)),
    ]
    assert json.loads(json.dumps(views)) == views


def test_a_history_event_shows_actor_time_states_evidence_and_reason() -> None:
    event = HistoryEvent(
        payment_id="pay1",
        version=2,
        at=NOW,
        actor="admin:a1",
        source=Status.PAID,
        target=Status.REJECTED,
        evidence={"requestId": "r1"},
        reason="no transfer",
    )
    assert history_view(event, ADMIN_CALLER) == {
        "at": "2026-11-22T03:04:05.678Z",
        "actor": "admin:a1",
        "from": "PAID",
        "to": "REJECTED",
        "evidence": {"requestId": "r1"},
        "reason": "no transfer",
    }
    first = replace(event, source=None, evidence=None, reason=None)
    assert set(history_view(first, ADMIN_CALLER)) == {"at", "actor", "to"}


@pytest.mark.parametrize(("seconds", "status"), [(1, "ENROLLED"), (0, "NOT_ENROLLED")])
def test_access_that_ended_is_shown_as_not_enrolled(seconds: int, status: str) -> None:
    end = NOW + timedelta(seconds=seconds)
    shown = enrollment_view(enrollment(expires_at=end), NOW, USER_CALLER)
    assert (shown["status"], shown["expiresAt"]) == (status, to_iso(end))


@pytest.mark.parametrize(
    ("shared", "end"),
    [(NOW + timedelta(days=9), NOW + timedelta(days=9)), (NOW - timedelta(days=1), NOW)],
)
def test_shared_access_is_shown_where_it_lasts_longer(shared: datetime, end: datetime) -> None:
    own = enrollment(expires_at=NOW, shared=Access(shared))
    shown = enrollment_view(own, NOW, USER_CALLER)
    assert shown["status"] == ("ENROLLED" if end > NOW else "NOT_ENROLLED")
    assert shown["expiresAt"] == to_iso(end)


def test_shared_access_without_an_end_shows_none() -> None:
    own = enrollment(expires_at=NOW, shared=Access(None))
    shown = enrollment_view(own, NOW, USER_CALLER)
    assert shown["status"] == "ENROLLED"
    assert "expiresAt" not in shown


def test_a_refunded_enrollment_does_not_show_shared_access() -> None:
    own = enrollment(
        status=EnrollmentStatus.NOT_ENROLLED, expires_at=NOW, shared=Access(NOW + timedelta(days=9))
    )
    shown = enrollment_view(own, NOW, USER_CALLER)
    assert (shown["status"], shown["expiresAt"]) == ("NOT_ENROLLED", to_iso(NOW))


def test_access_without_an_end_shows_none() -> None:
    assert "expiresAt" not in enrollment_view(enrollment(), NOW, USER_CALLER)


def test_an_enrollment_shows_the_state_of_its_delivery() -> None:
    delivery = Delivery(
        status=DeliveryStatus.FAILED, attempts=3, last_error="no such course", platform_user_id="7"
    )
    shown = enrollment_view(enrollment(delivery=delivery, progress=40), NOW, USER_CALLER)
    assert shown["delivery"] == {
        "status": "FAILED",
        "thinkificUserId": 7,
        "attempts": 3,
        "lastError": "no such course",
    }
    assert (shown["status"], shown["progress"], shown["courseName"]) == (
        "ENROLLED",
        40,
        "Course c1",
    )
    assert enrollment_view(enrollment(), NOW, USER_CALLER)["delivery"] == {
        "status": "PENDING",
        "attempts": 0,
    }


@pytest.mark.parametrize(
    ("viewer", "shown"),
    [
        (USER_CALLER, True),
        (ADMIN_CALLER, True),
        (SERVICE_CALLER, False),
        (replace(SERVICE_CALLER, id=USER), False),
        (replace(USER_CALLER, id="u2"), False),
    ],
)
def test_a_certificate_is_shown_to_its_owner_and_to_admins(viewer: Caller, *, shown: bool) -> None:
    link = "https://shop.thinkific.com/certificates/abc"
    view = enrollment_view(enrollment(certificate_url=link), NOW, viewer)
    assert view.get("certificateUrl") == (link if shown else None)


def test_the_catalog_is_shown_as_it_is_edited() -> None:
    assert package_view(package()) == {
        "id": "p1",
        "kind": "ENTRY",
        "name": "Entry",
        "onSale": True,
        "prices": {"DIKE": 40_000, "UMUM": 49_000},
        "courseIds": ["c1", "c2"],
    }
    bare = course(platform_course_id=None)
    assert course_view(bare) == {"id": "c1", "name": "Course c1", "enrolled": 0}
    assert course_view(course(quota=0))["quota"] == 0


def test_a_channel_is_shown_with_its_fee() -> None:
    shown = channel_view(PaymentChannel("BC", "BCA", "https://img", 4000))
    assert shown == {"code": "BC", "name": "BCA", "imageUrl": "https://img", "fee": 4000}


@pytest.mark.parametrize("viewer", [USER_CALLER, ADMIN_CALLER, SERVICE_CALLER])
def test_a_service_does_not_see_the_learner_of_a_correction(viewer: Caller) -> None:
    evidence = {
        "learnerBefore": "Budi <budi@example.com>",
        "learnerAfter": "Sari",
        "requestId": "r1",
    }
    event = opened(payment(), replace(GATEWAY_CONTEXT, evidence=evidence))
    shown = history_view(event, viewer)["evidence"]
    assert shown == ({"requestId": "r1"} if viewer is SERVICE_CALLER else evidence)
