"""Lists as CSV: columns, cells that no spreadsheet evaluates, and when CSV is returned."""

import csv
import io
import json
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from lunas.api import payments_csv
from lunas.api.auth import MAX_ID
from lunas.api.payments_csv import (
    BYTE_ORDER_MARK,
    COLUMNS,
    CURSOR_HEADER,
    Sheet,
    csv_response,
    read_sheet,
    wants_csv,
)
from lunas.api.responses import PaymentView, payment_view
from lunas.domain.catalog import MAX_COURSES
from lunas.domain.lists import Page, Position
from lunas.domain.payments import Payment
from lunas.domain.users import LONGEST_NAME, Customer
from tests.support.builders import ADMIN_CALLER, EMAIL, SERVICE_CALLER, bought, manual, payment


def written(*payments: PaymentView, separator: str = ",") -> str:
    sheet = Sheet(separator)
    sheet.add(payments)
    return sheet.text()


def rows(*payments: PaymentView) -> list[dict[str, str]]:
    """Read a table back as a spreadsheet does."""
    text = written(*payments).removeprefix(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def view(made: Payment) -> PaymentView:
    return payment_view(made, ADMIN_CALLER)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/csv", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("text/csv, */*;q=0.1", True),
        ("text/csv, */*", True),
        ("text/csv, application/json;q=0.1", True),
        ("application/json;q=0.5, text/csv;q=0.9", True),
        ("application/json; q=0.5 , text/csv ; Q=0.51", True),
        ("text/csv, application/json", True),
        ("text/*", True),
        ("*/*;q=0.8, text/csv;q=0.9", True),
        ("application/json;q=0, text/csv;q=0.001", True),
        ("application/json, text/csv", False),
        ("text/csv;q=0.5, application/json", False),
        ("text/csv;q=0", False),
        ("text/csv;q=0, */*", False),
        ("text/csv;q=0.2, */*;q=0.3", False),
        ("text/*, application/json", False),
        ("application/json", False),
        ("*/*", False),
        ("text/html, */*", False),
        ("text/html", False),
        ("text/csvx", False),
        (";q=1, ,", False),
        ("", False),
    ],
)
def test_csv_is_returned_when_the_request_prefers_it(accept: str, wanted: bool) -> None:
    assert wants_csv({"Accept": accept}) is wanted
    assert wants_csv({"accept": accept}) is wanted


@pytest.mark.parametrize("quality", ["", "x", "2", "-1", "nan", "0.5.5"])
def test_an_invalid_quality_counts_as_full(quality: str) -> None:
    assert wants_csv({"accept": f"application/json;q=0.9, text/csv;q={quality}"})


def test_without_an_accept_header_the_response_is_json() -> None:
    assert not wants_csv({})


def test_a_row_shows_payment_customer_and_gateway_side_by_side() -> None:
    (row,) = rows(view(payment(courses=bought("c1", "c2"))))
    assert list(row) == list(COLUMNS)
    assert (row["id"], row["status"], row["amount"]) == ("pay1", "PENDING", "49000")
    assert (row["courseIds"], row["reference"]) == ("c1 c2", "DREF1")
    assert (row["firstName"], row["email"]) == ("Budi", EMAIL)


def test_a_missing_value_is_an_empty_cell() -> None:
    (row,) = rows(view(manual()))
    assert (row["reference"], row["approvedAt"], row["reason"]) == ("", "", "")


def test_customer_cells_are_empty_for_a_service() -> None:
    (row,) = rows(payment_view(payment(), SERVICE_CALLER))
    assert {row[name] for name in ("firstName", "lastName", "email", "phone")} == {""}


def test_an_empty_list_is_a_header_line() -> None:
    assert rows() == []
    assert written() == BYTE_ORDER_MARK + ",".join(COLUMNS) + "\r\n"


def named(text: str) -> str:
    """Return a text as a cell holds it."""
    (row,) = rows(view(payment(package_name=text)))
    return row["packageName"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b"])
def test_a_text_that_a_spreadsheet_would_evaluate_is_shown_as_text(start: str) -> None:
    formula = f"{start}HYPERLINK(1)"
    (row,) = rows(view(payment(customer=Customer(formula, "S", EMAIL), package_name=formula)))
    assert (row["firstName"], row["packageName"]) == (f"'{formula}", f"'{formula}")


@pytest.mark.parametrize(
    "text",
    [
        "Jos\u00e9;=1+2",
        "Jos\u00e9; =1+2",
        'a;"=1+2"',
        "a,=1+2",
        "a\t@SUM(1)",
        "a\n-1+2",
        "a;;+62",
        " =1+2",
        '"=1+2',
        "=1;=2,=3\t=4",
        "\u200b=1+2",
        "a;\x00=1+2",
        "a\x0b=1+2",
        "a\u2028=1+2",
        "a\x85\ufeff@SUM(1)",
    ],
)
@pytest.mark.parametrize("separator", [",", ";"])
def test_no_cell_starts_a_formula_with_any_separator(text: str, separator: str) -> None:
    line = written(view(payment(package_name=text)), separator=separator)
    for splitting in (",", ";", "\t"):
        for cell in splitting.join(line.splitlines()).split(splitting):
            assert not cell.lstrip(' "\x00\u200b\ufeff').startswith(("=", "+", "-", "@"))


def test_a_text_of_many_line_breaks_is_written_in_linear_time() -> None:
    """Trying each break with all that follow takes 20 seconds for this text."""
    started = time.process_time()
    assert named("\u2028" * 50_000).count("\u2028") == 50_000
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "text",
    ['Budi "Budi" Santoso', "a, b", "two\nlines", "semi;colon", "\u674e Zo\u00eb", "a-b=c@d"],
)
def test_any_other_text_is_unchanged(text: str) -> None:
    assert named(text) == text


def test_the_separator_may_be_a_semicolon_and_an_empty_one_means_it() -> None:
    header = BYTE_ORDER_MARK + ";".join(COLUMNS)
    assert written(separator=";").startswith(header)
    assert written(separator="").startswith(header)


@pytest.mark.parametrize("cursor", ["next", None])
def test_the_cursor_of_the_rest_is_in_a_header(cursor: str | None) -> None:
    answer = csv_response("text", cursor)
    assert answer.headers.get(CURSOR_HEADER) == cursor
    assert answer.content_type == "text/csv; charset=utf-8"
    assert (answer.status_code, answer.body) == (200, "text")


ANSWER = {
    "statusCode": 200,
    "headers": {"Content-Type": "text/csv; charset=utf-8", CURSOR_HEADER: "c" * 2_000},
    "isBase64Encoded": False,
    "cookies": [],
}
"""What the function returns to Lambda beside the body."""


class Source:
    """A list of ``number`` payments, which records its reads."""

    def __init__(self, number: int, **changes: Any) -> None:
        self.number = number
        self.view = view(payment(**changes))
        self.reads: list[int] = []

    def read(self, limit: int, after: Position | None) -> Page[PaymentView]:
        start = int(after["at"]) if after else 0
        end = min(start + limit, self.number)
        self.reads.append(limit)
        items = tuple(
            cast("PaymentView", {**self.view, "id": f"pay{each}"}) for each in range(start, end)
        )
        places = tuple({"at": str(each + 1)} for each in range(start, end))
        return Page(items, {"at": str(end)} if end < self.number else None, places)

    def sheet(
        self, after: Position | None = None, deadline_is_near: Callable[[], bool] = lambda: False
    ) -> tuple[int, Position | None]:
        """Return how many rows one response holds, and where it ended."""
        text, rest = read_sheet(self.read, after, ",", deadline_is_near)
        return len(list(csv.reader(io.StringIO(text, newline="")))) - 1, rest


@pytest.mark.parametrize("number", [0, 1, 499, 500, 501, 1200, 10_000])
def test_one_response_holds_all_rows(number: int) -> None:
    assert Source(number).sheet() == (number, None)


def test_beyond_ten_thousand_rows_a_response_names_the_rest() -> None:
    source = Source(10_001)
    rows, rest = source.sheet()
    assert (rows, rest) == (10_000, {"at": "10000"})
    assert source.sheet(rest) == (1, None)


LAMBDA_TAKES = 6 * 1024 * 1024
"""Bytes of a response, as JSON, with everything around the body."""


def longest(character: str) -> dict[str, Any]:
    """Return the longest texts that a payment may hold, all of one character."""
    return {
        "user_id": character * MAX_ID,
        "package_name": character * 200,
        "courses": bought(*(f"{each:064}" for each in range(MAX_COURSES))),
        "customer": Customer(character * LONGEST_NAME, character * LONGEST_NAME, EMAIL, "1" * 50),
        "proof_link": f"https://{character * 2040}",
        "approved_by": f"admin:{character * MAX_ID}",
        "reason": character * 500,
    }


WORST = ["x", '"', "=", "\x00", "\u674e", "\u2028", "\U0001f600", ",="]
"""Characters that CSV doubles, JSON escapes with up to twelve, or that get an apostrophe."""


@pytest.mark.parametrize("character", WORST, ids=ascii)
def test_a_response_never_exceeds_the_limit_of_lambda(character: str) -> None:
    source = Source(600, **longest(character))
    seen, after = 0, None
    for _ in range(20):
        text, after = read_sheet(source.read, after, ",", lambda: False)
        for as_ascii in (True, False):
            answer = {**ANSWER, "body": text}
            assert len(json.dumps(answer, ensure_ascii=as_ascii).encode()) < LAMBDA_TAKES
        found = list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))
        assert [row["id"] for row in found] == [f"pay{seen + each}" for each in range(len(found))]
        seen += len(found)
        if after is None:
            break
    assert (seen, after) == (600, None)


def test_a_response_is_as_full_as_possible() -> None:
    source = Source(10_000, package_name="\u674e" * 900, reason="\u674e" * 900)
    text, rest = read_sheet(source.read, None, ",", lambda: False)
    row = len(json.dumps(written(source.view).removeprefix(written())))
    assert payments_csv.MAX_BYTES - row < len(json.dumps(text)) <= payments_csv.MAX_BYTES
    assert rest


def test_ten_thousand_ordinary_rows_take_twenty_reads() -> None:
    source = Source(10_000)
    assert source.sheet() == (10_000, None)
    assert source.reads == [payments_csv.AT_ONCE] * 20


def test_near_the_deadline_a_response_names_the_rest() -> None:
    source = Source(5_000)
    rows, rest = source.sheet(deadline_is_near=lambda: True)
    assert rows == source.reads[0]
    assert rest == {"at": str(rows)}
