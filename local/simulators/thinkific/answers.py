"""Bodies in and errors out, in the shapes of the Thinkific Admin API (``thinkific.md``)."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

type Json = dict[str, Any]

MAX_DIGITS = 18
FORM = "application/x-www-form-urlencoded"


class ApiError(Exception):
    """A refusal by the API: the HTTP status and the JSON body that go out."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body

    @property
    def response(self) -> Response:
        """Return the refusal as the answer to send."""
        return JSONResponse(self.body, self.status)


def refusal(status: int, text: str) -> ApiError:
    """Return a 400, 401, 403 or 404, whose body is one ``error`` text."""
    return ApiError(status, {"error": text})


def not_found() -> ApiError:
    """Return the 404 that stands for every missing row and for every verb that does not exist."""
    return refusal(404, "Record not found.")


def found[Row](row: Row | None) -> Row:
    """Return a row; raise the 404 when there is none."""
    if row is None:
        raise not_found()
    return row


def unprocessable(errors: dict[str, list[str]] | dict[str, str] | list[str]) -> ApiError:
    """Return a 422: lists by field for users, a list for enrollments, texts for webhooks."""
    return ApiError(422, {"errors": errors})


def no_content() -> Response:
    """Return the 204 with an empty body that ends every PUT and DELETE."""
    return Response(status_code=204)


async def json_body(request: Request) -> Json:
    """Return the request's JSON object, or its form as one; raise a 400 for any other content.

    The API asks for JSON but is known to take forms, whose nested names are written ``a[b]``.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    strict = request.app.state.simulation.settings.strict_content_type
    if kind == FORM and request.url.path.startswith("/api/") and not strict:
        return _nested(
            parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        )
    if kind != "application/json":
        raise refusal(400, "Content-Type must be application/json.")
    return _object(await request.body())


def _nested(pairs: Iterable[tuple[str, str]]) -> Json:
    """Return a form as an object: ``a[b]=1`` is ``{"a": {"b": "1"}}``, ``a[]=1`` a list."""
    body: Json = {}
    for name, value in pairs:
        outer, bracket, inner = name.partition("[")
        if not bracket:
            body[outer] = value
        elif inner == "]":
            _held(body, outer, list).append(value)
        else:
            _held(body, outer, dict)[inner.rstrip("]")] = value
    return body


def _held[Holder: (list[Any], dict[str, Any])](body: Json, name: str, kind: type[Holder]) -> Holder:
    """Return the list or object under a name; begin one where something else is."""
    if not isinstance(body.get(name), kind):
        body[name] = kind()
    held: Holder = body[name]
    return held


def _object(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise refusal(400, "The body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise refusal(400, "The body must be a JSON object.")
    return body


def text(body: Json, name: str) -> str:
    """Return a field as trimmed text, empty when it is absent or null."""
    value = body.get(name)
    return "" if value is None else str(value).strip()


def whole_number(value: object) -> int | None:
    """Return an id given as an integer or as digits, None for anything else."""
    digits = str(value)
    usable = digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS
    return int(digits) if usable else None


async def show_error(_request: Request, error: Exception) -> Response:
    """Answer with the refusal that a route raised (an exception handler of Starlette)."""
    return error.response if isinstance(error, ApiError) else not_found().response
