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
"""Carries the cursor of what is left over, which a table has no place for."""
BYTE_ORDER_MARK = "\ufeff"
"""By it, spreadsheets know that the text is UTF-8."""
MAX_ROWS = 10_000
MAX_BYTES = 5_500_000
"""Of the body as JSON in ASCII, the longest form of it. Lambda takes 6 MB, with all around it."""
AT_ONCE = 500
"""Payments read by one Query: half of what fits into its megabyte."""
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
"""What may end a cell: comma, semicolon, tab, and all that Unicode knows as the end of a line."""
_PASSED_OVER = rf"\s\"'\x00-\x1f{INVISIBLE}"
_RUN = rf"[{_BREAKS}{_PASSED_OVER}]*+"
FORMULA = re.compile(
    rf"(^{_RUN}|(?<![{_BREAKS}{_PASSED_OVER}])(?=[{_PASSED_OVER}]*?[{_BREAKS}]){_RUN})"
    r"(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
)
"""A place at which a spreadsheet may see a formula begin, wherever it splits the line; full-width
signs are formulas to some, and what is not seen before one may be dropped. Such places are looked
for run by run, so that a text of nothing but breaks takes no longer than another."""
FIRST_BREAK = re.compile(r"[\t\r]")
"""A cell that begins so is cut before what comes next, which then begins a cell."""

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
"""The response of a list of payments, in OpenAPI's notation."""

type ReadPage = Callable[[int, Position | None], Page[PaymentView]]
"""Reads a page of payment views: so many at most, after a position."""


def wants_csv(headers: Mapping[str, str]) -> bool:
    """Tell whether the Accept header prefers CSV to JSON, which is the answer to no preference."""
    given = {name.lower(): value for name, value in headers.items()}.get("accept", "")
    return preferred(given, ("application/json", CONTENT_TYPE)) == CONTENT_TYPE


class Sheet:
    """A table that grows row by row, to an answer that Lambda can still hand over."""

    def __init__(self, separator: str) -> None:
        self._separator = separator or ";"
        self._lines = [BYTE_ORDER_MARK + self._line(COLUMNS)]
        self._bytes = _bytes_of(self._lines[0])

    @property
    def room(self) -> int:
        """Return how many more rows may be read for it, ``AT_ONCE`` at most."""
        rows = len(self._lines) - 1
        return min(MAX_ROWS - rows, AT_ONCE)

    def add(self, payments: Iterable[PaymentView]) -> int:
        """Add a row for each payment view, as far as there is place; return for how many.

        An empty sheet has place for any one: an item of the table has 400 kB.
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
        """Return all that was written."""
        return "".join(self._lines)

    def _line(self, cells: Iterable[str]) -> str:
        line = io.StringIO()
        csv.writer(line, delimiter=self._separator).writerow(cells)
        return line.getvalue()


def read_sheet(
    read: ReadPage, after: Position | None, separator: str, deadline_is_near: Callable[[], bool]
) -> tuple[str, Position | None]:
    """Read all rows from ``after`` on, as far as one answer and its time hold; say where it ended.

    Each read is one Query. What is left over is named by the position, None at the end.
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


def csv_answer(text: str, cursor: str | None) -> Response[str]:
    """Return a table as the answer, with the cursor of what is left over."""
    return Response(
        status_code=HTTPStatus.OK,
        content_type=f"{CONTENT_TYPE}; charset=utf-8",
        headers={CURSOR_HEADER: cursor} if cursor else {},
        body=text,
    )


def _bytes_of(text: str) -> int:
    """Return how many bytes a text adds to a longer one in JSON."""
    return len(json.dumps(text)) - len('""')


def _cell(value: object) -> str:
    """Write one value; where a spreadsheet would see a formula begin, an apostrophe goes before."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(str(each) for each in value)
    written = FORMULA.sub(r"\1'", str(value))
    return f"'{written}" if FIRST_BREAK.match(written) else written
