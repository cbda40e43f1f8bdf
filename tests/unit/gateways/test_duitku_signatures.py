"""Signatures against the vectors of docs/reference/duitku.md."""

import pytest

from lunas.gateways.duitku import signatures
from tests.support.duitku_vectors import (
    CALLBACKS,
    INQUIRIES,
    INVOICES,
    LEGACY_CALLBACKS,
    METHODS,
    STATUSES,
    Project,
)


@pytest.mark.parametrize(("of", "expected"), INQUIRIES)
def test_an_inquiry_is_signed_over_order_then_amount(of: Project, expected: str) -> None:
    made = signatures.inquiry_signature(of.merchant, of.order, int(of.amount), of.key)
    assert made == expected


@pytest.mark.parametrize(("of", "expected"), METHODS)
def test_a_request_for_methods_is_signed_over_amount_and_time(of: Project, expected: str) -> None:
    made = signatures.methods_signature(of.merchant, int(of.amount), of.moment, of.key)
    assert made == expected


@pytest.mark.parametrize(("of", "expected"), STATUSES)
def test_a_request_for_a_status_is_signed_over_the_order(of: Project, expected: str) -> None:
    assert signatures.status_signature(of.merchant, of.order, of.key) == expected


@pytest.mark.parametrize(("of", "expected"), CALLBACKS)
def test_a_callback_is_signed_over_amount_as_received_then_order(
    of: Project, expected: str
) -> None:
    made = signatures.callback_signature(of.merchant, of.amount, of.order, of.key)
    assert made == expected


@pytest.mark.parametrize(("of", "expected"), INVOICES)
def test_an_invoice_is_signed_over_the_timestamp(of: Project, expected: str) -> None:
    assert signatures.invoice_signature(of.merchant, of.timestamp, of.key) == expected


@pytest.mark.parametrize(("of", "expected"), LEGACY_CALLBACKS)
def test_a_legacy_callback_is_signed_by_md5_with_the_key_at_the_end(
    of: Project, expected: str
) -> None:
    made = signatures.legacy_callback_signature(of.merchant, of.amount, of.order, of.key)
    assert made == expected


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [
        ("ab", "ab", True),
        ("ab", "AB", False),
        ("", "", False),
        ("", "ab", False),
        ("é", "ab", False),
    ],
)
def test_signatures_are_compared_exactly(given: str, expected: str, same: bool) -> None:
    assert signatures.same_signature(given, expected) is same
