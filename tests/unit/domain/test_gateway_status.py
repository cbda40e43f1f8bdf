"""Duitku's status: its amounts, and whether it matches a payment."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.gateway_status import GatewayStatus, matches, whole_rupiah
from tests.support.builders import REFERENCE, paid, payment

ARABIC, FULL_WIDTH = "\u0661\u0665\u0660\u0660\u0660", "\uff11\uff15\uff10\uff10\uff10"
"""15000 in digits that int() would take."""
NONSENSE: list[object] = [
    "", " ", "abc", "NaN", "nan", "Infinity", "1e9", "1E5", "-1", "+1", "1,000", "1.000,00",
    "150000.5", "150000.", ".0", "0x10", "1_000", " 150000", "150000 ", "150000\n", ARABIC,
    FULL_WIDTH, f"15000.{ARABIC[-1]}", "9" * 16, None, True, [], {}, float("nan"), float("inf"),
    0.5, Decimal("1.5"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "rupiah"),
    [
        ("40000", 40_000),
        ("150000.00", 150_000),
        ("150000.0", 150_000),
        (40_000, 40_000),
        (40_000.0, 40_000),
        (Decimal("40000.00"), 40_000),
        ("0", 0),
        ("9" * 15, 10**15 - 1),
    ],
)
def test_whole_amounts_are_read_as_duitku_writes_them(given: object, rupiah: int) -> None:
    assert whole_rupiah(given) == rupiah


@pytest.mark.parametrize("given", NONSENSE, ids=repr)
def test_a_value_that_is_not_a_whole_amount_is_none(given: object) -> None:
    assert whole_rupiah(given) is None


@given(st.text())
def test_any_text_is_read_or_refused_without_an_error(text: str) -> None:
    read = whole_rupiah(text)
    assert read is None or (read >= 0 and str(read) in text)


@given(st.integers(0, 10**15 - 1), st.sampled_from(["", ".0", ".00", ".000", ".0000"]))
def test_reading_undoes_writing(amount: int, decimals: str) -> None:
    assert whole_rupiah(f"{amount}{decimals}") == amount


def test_a_status_of_the_same_order_amount_and_reference_matches() -> None:
    assert matches(payment(), paid())


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": "pay2"},
        {"order_id": ""},
        {"rupiah": 48_999},
        {"rupiah": None},
        {"reference": "OTHER"},
        {"reference": ""},
    ],
    ids=str,
)
def test_a_status_that_differs_in_anything_does_not_match(changes: dict[str, object]) -> None:
    assert not matches(payment(), paid(**changes))


def test_any_reference_matches_while_our_own_is_unknown() -> None:
    unknown = payment(gateway=None)
    assert matches(unknown, paid(reference="ANY"))
    assert not matches(unknown, paid(reference=""))


def test_the_evidence_holds_the_values_of_the_status() -> None:
    assert dict(paid(fee="0.00").evidence) == {
        "state": "PAID",
        "statusCode": "00",
        "orderId": "pay1",
        "reference": REFERENCE,
        "amount": "49000",
        "fee": "0.00",
    }
    empty = GatewayStatus(paid().state)
    assert dict(empty.evidence) == {"state": empty.state}
