"""Purchases made through the functions, as the first step of other tests."""

from typing import Any

import pytest

from tests.integration.layer import providers
from tests.support.api_requests import user_token
from tests.support.functions import call

PROOF = "https://proof.example/1"


def submitted(sub: str = "u1", package: str = "p1", course: str | None = "c1") -> Any:
    """Submit a manual payment and return it."""
    body = {"packageId": package, "paymentType": "UMUM", "proofLink": PROOF}
    if course:
        body["courseId"] = course
    status, payment = call("payments", "POST /payments", body=body, token=user_token(sub))
    assert status == 201, payment
    return payment


def initiated(monkeypatch: pytest.MonkeyPatch, sub: str = "u1", reference: str = "R1") -> Any:
    """Open a Duitku payment and return it."""
    providers.answers(monkeypatch, "initiate_payment", providers.invoice(reference))
    status, payment = call(
        "initiate_payment",
        "POST /payments/initiate",
        body={"packageId": "p1", "courseId": "c1"},
        token=user_token(sub),
    )
    assert status == 201, payment
    return payment


def approve(payment_id: str, body: Any = None, sub: str = "a1") -> tuple[int, Any]:
    """Approve a payment as an admin."""
    path = f"/payments/{payment_id}/approve"
    token = user_token(sub, "ADMIN")
    return call("approve_payment", "PATCH /payments/{id}/approve", path, body=body, token=token)
