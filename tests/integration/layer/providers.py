"""Duitku and Thinkific as a test needs them, in place of a function's own client."""

from functools import partial
from typing import Any

import pytest

from lunas.gateways.duitku import account
from lunas.gateways.duitku.client import Duitku
from lunas.platforms.thinkific import settings
from lunas.platforms.thinkific.http import ThinkificApi
from tests.support.http_stub import Reply, StubProvider

AT_THINKIFIC = {
    "deliver_enrollment",
    "sync_courses",
    "report_sales",
    "record_progress",
    "audit",
}
"""Functions that call Thinkific; the others call Duitku."""


def answers(
    monkeypatch: pytest.MonkeyPatch, function: str, *replies: Reply | Exception
) -> StubProvider:
    """Answer a function's outgoing calls in turn."""
    provider = StubProvider(*replies)
    home, client = (settings, ThinkificApi) if function in AT_THINKIFIC else (account, Duitku)
    monkeypatch.setattr(home, client.__name__, partial(client, session=provider.session))
    return provider


def invoice(reference: str = "R1") -> Reply:
    """Return Duitku's answer to a created invoice."""
    url = f"https://pay.test/{reference}"
    return Reply(body={"statusCode": "00", "reference": reference, "paymentUrl": url})


def status(order: str, code: str = "00", **changes: Any) -> Reply:
    """Return Duitku's status of an order."""
    fields = {"merchantOrderId": order, "reference": "R1", "amount": "49000", "fee": "0.00"}
    return Reply(body={**fields, "statusCode": code, **changes})


def no_enrollments() -> Reply:
    """Return an empty list of enrollments at Thinkific."""
    return Reply(body={"items": [], "meta": {"pagination": {"next_page": None}}})


def active_enrollment(
    platform_enrollment_id: int = 500, user: int = 7, course: int = 2_000_001
) -> dict[str, Any]:
    """Return an active enrollment of Thinkific."""
    return {
        "id": platform_enrollment_id,
        "user_id": user,
        "course_id": course,
        "activated_at": "2026-01-01T00:00:00Z",
        "expired": False,
        "is_free_trial": False,
    }
