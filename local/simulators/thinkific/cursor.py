"""Lists as the Webhooks API pages them: by a cursor instead of page numbers.

``next`` is the cursor that the page before named, ``limit`` is 25 unless given.
"""

import base64
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.simulators.thinkific.answers import Json, refusal, whole_number
from local.simulators.thinkific.paging import DEFAULT_LIMIT, MAX_LIMIT
from local.simulators.thinkific.records import Webhook


def cursor_page(
    request: Request, rows: Sequence[Webhook], render: Callable[[Webhook], Json]
) -> Response:
    """Answer with the page behind the cursor; rows are in the order of their ids."""
    limit = min(whole_number(request.query_params.get("limit")) or DEFAULT_LIMIT, MAX_LIMIT)
    after = _position(request.query_params.get("next"))
    left = [row for row in rows if int(row.id) > after]
    shown = left[:limit]
    has_next = len(left) > limit
    page = {
        "has_next": has_next,
        "next_page": _cursor(shown[-1].id) if has_next else None,
        "page_items": len(shown),
        "total_items": len(rows),
    }
    return JSONResponse({"items": [render(row) for row in shown], "meta": {"page": page}})


def _cursor(row_id: str) -> str:
    return base64.urlsafe_b64encode(f"after:{row_id}".encode()).decode()


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        name, _, row_id = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except ValueError as error:
        raise refusal(400, "next is not a cursor.") from error
    position = whole_number(row_id)
    if name != "after" or position is None:
        raise refusal(400, "next is not a cursor.")
    return position
