"""The refund function: access, answers and cost."""

from collections import Counter
from typing import Any

import pytest

from lunas.domain.enrollments import EnrollmentStatus, enrollment_id
from lunas.storage.catalog import Catalog
from lunas.storage.enrollments import Enrollments
from tests.integration.layer.purchases import approve, submitted
from tests.support.api_requests import user_token
from tests.support.functions import call
from tests.support.logs import Logged

pytestmark = pytest.mark.usefixtures("catalog")


def refund(payment_id: str, reason: Any = "cancelled", role: str = "ADMIN") -> tuple[int, Any]:
    return call(
        "refund_payment",
        "POST /payments/{id}/refund",
        f"/payments/{payment_id}/refund",
        body={"reason": reason},
        token=user_token("a1", role),
    )


@pytest.fixture
def settled() -> str:
    payment = str(submitted()["id"])
    assert approve(payment)[0] == 200
    return payment


def test_a_refund_is_answered_with_the_payment_as_it_is_then(
    settled: str, enrollments: Enrollments, logged: Logged
) -> None:
    status, payment = refund(settled)
    assert (status, payment["status"], payment["reason"]) == (200, "REFUNDED", "cancelled")
    found = enrollments.get(enrollment_id("u1", "c1"))
    assert found
    assert found.status is EnrollmentStatus.NOT_ENROLLED
    assert logged.messages("INFO")[-1] == "payment refunded"
    assert logged.metrics() == ["PaymentRefunded"]


def test_a_refund_takes_three_calls_and_its_repetition_one(
    settled: str, calls: Counter[str]
) -> None:
    calls.clear()
    refund(settled)
    assert calls == {"GetItem": 1, "BatchGetItem": 1, "TransactWriteItems": 1}
    calls.clear()
    assert refund(settled)[0] == 200
    assert calls == {"GetItem": 1}


def test_a_repetition_is_not_counted_again(settled: str, logged: Logged) -> None:
    refund(settled)
    refund(settled)
    assert logged.metrics().count("PaymentRefunded") == 1


@pytest.mark.parametrize("reason", ["", " ", None, 5, "x" * 501])
def test_a_refund_needs_a_reason(settled: str, reason: Any) -> None:
    assert refund(settled, reason)[0] == 422


def test_users_cannot_refund(settled: str, enrollments: Enrollments) -> None:
    assert refund(settled, role="USER")[0] == 403
    found = enrollments.get(enrollment_id("u1", "c1"))
    assert found
    assert found.status is EnrollmentStatus.ENROLLED


def test_an_unknown_or_unsettled_payment_cannot_be_refunded(catalog: Catalog) -> None:
    assert catalog.course("c1")
    assert refund("pay404")[0] == 404
    assert refund(submitted()["id"])[0] == 409
