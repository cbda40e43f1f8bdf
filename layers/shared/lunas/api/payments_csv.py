"""Lists of payments as CSV (RFC 4180), for spreadsheets."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from lunas.api.content_negotiation import preferred
from lunas.api.responses import PaymentView
from lunas.domain.lists import Page, Position
from lunas.domain.texts import INVISIBLE

CONTENT_TYPE = "text/csv"
CURSOR_HEADER = "X-Next-Cursor"
"""The header with the cursor of the rows after one response."""
BYTE_ORDER_MARK = "\ufeff"
"""Makes spreadsheets read the text as UTF-8."""
MAX_ROWS = 10_000
MAX_BYTES = 5_500_000
"""Of the body as JSON in ASCII, its longest form. A whole Lambda response has 6 MB at most."""
AT_ONCE = 500
"""Payments read by one Query: about half of the megabyte that it may return."""
COLUMNS = (
    "id",
    "userId",
    "packageId",
    "packageName",
    "courseIds",
    "status",
    "paymentType",
    "method",
    "amount",
    "currency",
    "reference",
    "proofLink",
    "firstName",
    "lastName",
    "email",
    "phone",
    "createdAt",
    "updatedAt",
    "approvedAt",
    "approvedBy",
    "completedAt",
    "reason",
)
_BREAKS = r",;\t-\r\x1c-\x1e\x85\u2028\u2029"
"""Characters that may end a cell: comma, semicolon, tab, and every line break in Unicode."""
_PASSED_OVER = rf"\s\"'\x00-\x1f{INVISIBLE}"
_RUN = rf"[{_BREAKS}{_PASSED_OVER}]*+"
FORMULA = re.compile(
    rf"(^{_RUN}|(?<![{_BREAKS}{_PASSED_OVER}])(?=[{_PASSED_OVER}]*?[{_BREAKS}]){_RUN})"
    r"(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
)
"""A position where a spreadsheet may see the start of a formula, wherever it splits the line. Some
spreadsheets also accept full-width signs, or drop invisible characters before a formula. The
possessive runs keep a text of breaks alone as fast as any other."""
FIRST_BREAK = re.compile(r"[\t\r]")
"""A cell that starts with one may be split after it, so that the rest becomes a cell."""

CSV_OR_JSON: Mapping[int, Mapping[str, Any]] = {
    200: {
        "description": "A page of payments; all of them as CSV to callers who prefer `text/csv`",
        "content": {"application/json": {}, CONTENT_TYPE: {}},
        "headers": {
            CURSOR_HEADER: {
                "description": "With CSV: the cursor of the rows beyond this response.",
                "schema": {"type": "string"},
            }
        },
    }
}
"""The response of a list of payments, for the OpenAPI document."""

type ReadPage = Callable[[int, Position | None], Page[PaymentView]]
"""Reads a page of payment views: at most so many, after a position."""


def wants_csv(headers: Mapping[str, str]) -> bool:
    """Return whether the Accept header prefers CSV to JSON, the default."""
    given = {name.lower(): value for name, value in headers.items()}.get("accept", "")
    return preferred(given, ("application/json", CONTENT_TYPE)) == CONTENT_TYPE


class Sheet:
    """A table in CSV that grows row by row, up to the size of one response."""

    def __init__(self, separator: str) -> None:
        self._separator = separator or ";"
        self._lines = [BYTE_ORDER_MARK + self._line(COLUMNS)]
        self._bytes = _bytes_of(self._lines[0])

    @property
    def room(self) -> int:
        """Return how many rows to read next, ``AT_ONCE`` at most."""
        rows = len(self._lines) - 1
        return min(MAX_ROWS - rows, AT_ONCE)

    def add(self, payments: Iterable[PaymentView]) -> int:
        """Add a row for each payment view while there is room; return the number of rows added.

        An empty sheet has room for any row: an item of the table has 400 kB at most.
        """
        added = 0
        for payment in payments:
            flat = {**payment, **payment.get("customer", {}), **payment.get("gateway", {})}
            line = self._line([_cell(flat.get(column)) for column in COLUMNS])
            longer = self._bytes + _bytes_of(line)
            if longer > MAX_BYTES:
                break
            self._lines.append(line)
            self._bytes = longer
            added += 1
        return added

    def text(self) -> str:
        """Return the whole table."""
        return "".join(self._lines)

    def _line(self, cells: Iterable[str]) -> str:
        line = io.StringIO()
        csv.writer(line, delimiter=self._separator).writerow(cells)
        return line.getvalue()


def read_sheet(
    read: ReadPage, after: Position | None, separator: str, deadline_is_near: Callable[[], bool]
) -> tuple[str, Position | None]:
    """Return the rows after a position, as many as one response and the deadline allow.

    The second value is the position of the remaining rows, None at the end. Each read is one Query.
    """
    sheet = Sheet(separator)
    while True:
        page = read(sheet.room, after)
        added = sheet.add(page.items)
        if added < len(page.items):
            return sheet.text(), page.places[added - 1] if added else after
        after = page.after
        if after is None or not sheet.room or deadline_is_near():
            return sheet.text(), after


def csv_response(text: str, cursor: str | None) -> Response[str]:
    """Return a table as a response, with the cursor of the remaining rows."""
    return Response(
        status_code=HTTPStatus.OK,
        content_type=f"{CONTENT_TYPE}; charset=utf-8",
        headers={CURSOR_HEADER: cursor} if cursor else {},
        body=text,
    )


def _bytes_of(text: str) -> int:
    """Return how many bytes a text adds to a JSON string."""
    return len(json.dumps(text)) - len('""')


def _cell(value: object) -> str:
    """Write one value, with an apostrophe before anything that looks like a formula."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(str(each) for each in value)
    written = FORMULA.sub(r"\1'", str(value))
    return f"'{written}" if FIRST_BREAK.match(written) else written
