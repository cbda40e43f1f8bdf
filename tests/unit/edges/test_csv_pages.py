"""Lists as CSV: columns, cells that no spreadsheet runs, and who gets CSV at all."""

import csv
import io
from typing import Any

import pytest

from lunas.edges.csv_pages import COLUMNS, CURSOR_HEADER, csv_page, wants_csv
from lunas.edges.views import payment_view
from lunas.rules.payments import Payment
from lunas.rules.people import Customer
from tests.unit.builders import ADMIN_CALLER, EMAIL, SERVICE_CALLER, bought, manual, payment


def rows(*payments: dict[str, Any]) -> list[dict[str, str]]:
    """Read a page back as a spreadsheet does."""
    body = csv_page(payments, None).body
    assert isinstance(body, str)
    return list(csv.DictReader(io.StringIO(body, newline="")))


def view(made: Payment) -> dict[str, Any]:
    return payment_view(made, ADMIN_CALLER)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/csv", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("text/csv, */*;q=0.1", True),
        ("application/json, text/csv", False),
        ("text/csv, application/json;q=0.5", False),
        ("application/json", False),
        ("*/*", False),
        ("text/csvx", False),
        ("", False),
    ],
)
def test_csv_is_for_who_asks_for_it(accept: str, wanted: bool) -> None:
    assert wants_csv({"Accept": accept}) is wanted
    assert wants_csv({"accept": accept}) is wanted


def test_without_an_accept_header_nobody_wants_csv() -> None:
    assert not wants_csv({})


def test_a_row_shows_payment_customer_and_gateway_side_by_side() -> None:
    (row,) = rows(view(payment(courses=bought("c1", "c2"))))
    assert list(row) == list(COLUMNS)
    assert (row["id"], row["status"], row["amount"]) == ("pay1", "PENDING", "49000")
    assert (row["courseIds"], row["reference"]) == ("c1 c2", "DREF1")
    assert (row["firstName"], row["email"]) == ("Budi", EMAIL)


def test_what_a_payment_does_not_have_is_an_empty_cell() -> None:
    (row,) = rows(view(manual()))
    assert (row["reference"], row["approvedAt"], row["reason"]) == ("", "", "")


def test_who_may_not_see_the_customer_gets_empty_cells() -> None:
    (row,) = rows(payment_view(payment(), SERVICE_CALLER))
    assert {row[name] for name in ("firstName", "lastName", "email", "phone")} == {""}


def test_an_empty_page_is_a_header_line() -> None:
    assert rows() == []
    assert csv_page([], None).body == ",".join(COLUMNS) + "\r\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_is_shown_as_text(start: str) -> None:
    formula = f"{start}HYPERLINK(1)"
    (row,) = rows(view(payment(customer=Customer(formula, "S", EMAIL), package_name=formula)))
    assert (row["firstName"], row["packageName"]) == (f"'{formula}", f"'{formula}")


@pytest.mark.parametrize("text", ['He said "hi"', "a, b", "two\nlines", "semi;colon", "李 Zoë"])
def test_a_text_survives_as_it_is(text: str) -> None:
    (row,) = rows(view(payment(package_name=text)))
    assert row["packageName"] == text


@pytest.mark.parametrize("cursor", ["next", None])
def test_the_next_page_is_told_in_a_header(cursor: str | None) -> None:
    page = csv_page([], cursor)
    assert page.headers.get(CURSOR_HEADER) == cursor
    assert page.content_type == "text/csv; charset=utf-8"
    assert page.status_code == 200
