"""Deliveries: delays between retries, current requests, and what they change on payments."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.delivery import (
    AWAITING,
    LONGEST_PATIENT_RETRY,
    LONGEST_RETRY,
    LONGEST_WAIT,
    MAX_WAIT,
    SHORTEST_RETRY,
    Placement,
    delivered,
    is_current,
    not_delivered,
    patient_retry_delay,
    retry_delay,
)
from lunas.domain.enrollments import Delivery, DeliveryStatus
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.domain.schedule import OVERDUE
from tests.support.builders import LATER, bought, enrollment, payment, request_of

ACT = AuditContext("lunas:deliver", LATER)
PLACED = Placement(user_id="11", enrollment_id="22", course_id="33")


def approved(*waiting: str) -> Payment:
    return payment(Status.APPROVED, courses=bought("c1", "c2"), undelivered=frozenset(waiting))


@pytest.mark.parametrize(
    ("received", "delay"), [(1, 5), (2, 10), (3, 20), (5, 80), (6, 120), (10, 120), (999, 120)]
)
def test_the_delay_doubles_up_to_two_minutes_and_is_spread_over_its_later_half(
    received: int, delay: float
) -> None:
    waits = [retry_delay(received, f"message {number}") for number in range(200)]
    assert delay / 2 <= min(waits) < 0.55 * delay
    assert 0.95 * delay < max(waits) <= delay


@given(st.integers(1, 10**9), st.text())
def test_the_delay_stays_within_its_bounds(received: int, message: str) -> None:
    assert SHORTEST_RETRY / 2 <= retry_delay(received, message) <= LONGEST_RETRY == 120


def test_the_delay_of_a_message_is_deterministic() -> None:
    assert retry_delay(7, "one") == retry_delay(7, "one") != retry_delay(7, "two")


def test_a_lost_delivery_is_requested_again_within_15_minutes() -> None:
    """Reconcile, which runs each minute, takes over after the longest delay of the queue."""
    assert timedelta(seconds=120) + OVERDUE == LONGEST_WAIT
    assert LONGEST_WAIT + timedelta(minutes=1) < timedelta(minutes=15)


@given(st.integers(1, 1000), st.text())
def test_a_patient_delivery_is_retried_every_ten_minutes_at_most(
    received: int, message: str
) -> None:
    delay = patient_retry_delay(received, message)
    if received <= MAX_WAIT:
        assert delay == retry_delay(received, message)
    else:
        assert LONGEST_PATIENT_RETRY / 2 <= delay <= LONGEST_PATIENT_RETRY == 600


def test_an_older_request_is_current() -> None:
    assert is_current(request_of(enrollment()), enrollment(delivery=Delivery(request=7)))


def test_the_latest_request_is_current() -> None:
    assert is_current(request_of(enrollment()), enrollment())


@pytest.mark.parametrize(
    "stored",
    [
        enrollment(payment_id="pay2"),
        enrollment(delivery=Delivery(status=DeliveryStatus.DELIVERED)),
        enrollment(delivery=Delivery(status=DeliveryStatus.FAILED)),
        enrollment(delivery=Delivery(status=DeliveryStatus.REVOKED)),
    ],
    ids=["other payment", "delivered", "failed", "revoked"],
)
def test_an_outdated_request_is_not_current(stored: object) -> None:
    assert isinstance(stored, type(enrollment()))
    assert not is_current(request_of(enrollment()), stored)


def test_the_last_course_completes_the_payment() -> None:
    record = delivered(enrollment("c2"), [approved("c2")], PLACED, ACT)
    (change,) = record.payments
    assert change.after.status is Status.COMPLETED
    assert change.after.completed_at == LATER
    assert [each.target for each in change.history] == [Status.COMPLETED]


def test_an_earlier_course_leaves_the_payment_approved() -> None:
    record = delivered(enrollment("c1"), [approved("c1", "c2")], PLACED, ACT)
    (change,) = record.payments
    assert change.after.status is Status.APPROVED
    assert change.after.undelivered == {"c2"}
    assert change.history == ()


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.REFUNDED])
def test_a_delivery_does_not_change_a_payment_that_is_past_approved(status: Status) -> None:
    record = delivered(enrollment(), [payment(status)], PLACED, ACT)
    assert record.payments == ()


def test_a_delivery_completes_every_payment_that_waits_for_it() -> None:
    others = [replace(approved("c1"), id=f"pay{number}") for number in range(2, 5)]
    done = replace(others[0], undelivered=frozenset())
    more = replace(others[2], undelivered=frozenset({"c1", "c2"}))
    record = delivered(enrollment(), [approved("c1"), done, others[1], more], PLACED, ACT)
    assert [each.after.id for each in record.payments] == ["pay1", "pay3", "pay4"]
    ends = [each.after.status for each in record.payments]
    assert ends == [Status.COMPLETED, Status.COMPLETED, Status.APPROVED]


def test_a_delivery_changes_no_more_payments_than_fit_into_a_transaction() -> None:
    waiting = [replace(approved("c1"), id=f"pay{number}") for number in range(AWAITING + 10)]
    record = delivered(enrollment(), waiting, PLACED, ACT)
    assert len(record.payments) == AWAITING
    # Enrollment, counter, anomaly, and two for each payment.
    assert 3 + 2 * len(record.payments) <= 100


def test_a_delivery_records_thinkifics_ids_and_clears_the_last_error() -> None:
    tried = enrollment(delivery=Delivery(attempts=2, last_error="later"))
    delivery = delivered(tried, [approved("c1")], PLACED, ACT).enrollment.delivery
    assert delivery.status is DeliveryStatus.DELIVERED
    assert (delivery.platform_user_id, delivery.platform_enrollment_id) == ("11", "22")
    assert (delivery.attempts, delivery.last_error) == (3, None)


@pytest.mark.parametrize("counted", [True, False])
def test_an_enrollment_is_counted_once(counted: bool) -> None:
    record = delivered(enrollment(counted=counted), [approved("c1")], PLACED, ACT)
    assert record.count is not counted
    assert record.enrollment.counted


@pytest.mark.parametrize(
    ("final", "status"), [(True, DeliveryStatus.FAILED), (False, DeliveryStatus.PENDING)]
)
def test_a_failed_attempt_is_counted_with_its_error(final: bool, status: DeliveryStatus) -> None:
    failed = not_delivered(enrollment(), "why", ACT, final=final)
    due = None if final else LATER + LONGEST_WAIT
    tried = Delivery(status=status, attempts=1, last_error="why", due_at=due)
    assert failed.delivery == tried
    assert failed.updated_at == LATER
