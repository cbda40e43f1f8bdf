"""Lists as the Thinkific Admin API pages and filters them.

``page`` counts from 1, ``limit`` is 25 unless given and at most 250. The page before the first
is 0, while the one after the last is null. A filter is the parameter ``query[name]``; the bare
name is no filter and is ignored, as are filters that do not exist.
"""

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.simulators.thinkific.answers import Json, whole_number

DEFAULT_LIMIT = 25
MAX_LIMIT = 250


def asked(request: Request, name: str) -> str | None:
    """Return the value of the filter ``query[name]``, None when it is not set."""
    return request.query_params.get(f"query[{name}]")


def page_of[Row](request: Request, rows: Sequence[Row], render: Callable[[Row], Json]) -> Response:
    """Answer with the page that the request asks for, and with its place in the list."""
    page = _number(request, "page", 1)
    limit = min(_number(request, "limit", DEFAULT_LIMIT), MAX_LIMIT)
    start = (page - 1) * limit
    shown = rows[start : start + limit]
    pagination = _pagination(page, limit, len(rows), len(shown))
    items = [render(row) for row in shown]
    return JSONResponse({"items": items, "meta": {"pagination": pagination}})


def _number(request: Request, name: str, default: int) -> int:
    return whole_number(request.query_params.get(name)) or default


def _pagination(page: int, limit: int, total: int, shown: int) -> Json:
    pages = -(-total // limit)
    first = (page - 1) * limit + 1 if shown else 0
    last = first + shown - 1 if shown else 0
    return {
        "current_page": page,
        "next_page": page + 1 if page < pages else None,
        "prev_page": page - 1,
        "total_pages": pages,
        "total_items": total,
        "entries_info": f"{first}-{last} of {total}",
    }
