"""A page of payments as CSV (RFC 4180), for spreadsheets."""

import csv
import io
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

CONTENT_TYPE = "text/csv"
CURSOR_HEADER = "X-Next-Cursor"
"""Carries the cursor of the next page, which a table has no place for."""
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
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""


def wants_csv(headers: Mapping[str, str]) -> bool:
    """Tell whether the Accept header prefers CSV to JSON."""
    given = {name.lower(): value for name, value in headers.items()}.get("accept", "")
    names = [part.partition(";")[0].strip().lower() for part in given.split(",")]
    return CONTENT_TYPE in names and "application/json" not in names


def csv_page(payments: Sequence[Mapping[str, Any]], cursor: str | None) -> Response[str]:
    """Return a page of payment views as CSV with a header line."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for payment in payments:
        flat = {**payment, **payment.get("customer", {}), **payment.get("gateway", {})}
        writer.writerow([_cell(flat.get(column)) for column in COLUMNS])
    return Response(
        status_code=HTTPStatus.OK,
        content_type=f"{CONTENT_TYPE}; charset=utf-8",
        headers={CURSOR_HEADER: cursor} if cursor else {},
        body=text.getvalue(),
    )


def _cell(value: object) -> str:
    """Write one value; a text that a spreadsheet would run gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(str(each) for each in value)
    written = str(value)
    return f"'{written}" if written.startswith(FORMULA) else written
