"""Errors as application/problem+json (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NotRequired, TypedDict

from lunas.domain import errors


class FieldProblem(TypedDict):
    """An invalid field: its JSON name (dotted when nested) and a message."""

    field: str
    message: str


class Problem(TypedDict):
    """An error (RFC 9457). Handle it by its `type`; include `requestId` when you report it."""

    type: str
    title: str
    status: int
    detail: str
    requestId: str
    errors: NotRequired[list[FieldProblem]]


CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:lunas:problem:"
STATUS: Mapping[type[errors.LunasError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.MalformedInput: HTTPStatus.BAD_REQUEST,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.ProviderUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageContention: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.PurchaseRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.GatewayRefused: HTTPStatus.BAD_GATEWAY,
    errors.GatewayUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.GatewayTimeout: HTTPStatus.GATEWAY_TIMEOUT,
}
"""Statuses by class; an error has that of its nearest class, or is a 500 without details."""
PUBLIC_DETAILS: Mapping[type[errors.LunasError], str] = {
    errors.GatewayRefused: "The payment gateway refused to open this payment.",
    errors.GatewayUnavailable: "The payment gateway is unavailable. Nothing is lost; try again.",
    errors.GatewayTimeout: "The payment gateway timed out. Nothing is lost; try again.",
}
"""The detail for the caller of errors whose own message is for the operator."""
RETRY_AFTER = "5"
"""Seconds after which a caller should repeat the request."""


def status_of(error: BaseException) -> HTTPStatus:
    """Return the status of an error: that of its nearest class with an entry, else 500."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(error: BaseException, request_id: str) -> Problem:
    """Return the problem details of an error."""
    status = status_of(error)
    body: Problem = {
        "type": f"{TYPE_PREFIX}{_code(error, status)}",
        "title": status.phrase,
        "status": status.value,
        "detail": _detail(error, status),
        "requestId": request_id,
    }
    if isinstance(error, errors.InvalidInput | errors.PurchaseRefused):
        body["errors"] = [{"field": each.field, "message": each.message} for each in error.errors]
    return body


def headers_of(error: BaseException) -> dict[str, str]:
    """Return the headers that go with the status of an error."""
    match status_of(error):
        case HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer"}
        case HTTPStatus.SERVICE_UNAVAILABLE | HTTPStatus.GATEWAY_TIMEOUT:
            return {"Retry-After": RETRY_AFTER}
        case _:
            return {}


def proxy_answer(error: BaseException, request_id: str) -> dict[str, Any]:
    """Return an error as the response of a function behind API Gateway or a Function URL."""
    return {
        "statusCode": status_of(error).value,
        "headers": {"Content-Type": CONTENT_TYPE, **headers_of(error)},
        "body": json.dumps(problem(error, request_id)),
        "isBase64Encoded": False,
    }


def _code(error: BaseException, status: HTTPStatus) -> str:
    if isinstance(error, errors.LunasError) and status is not HTTPStatus.INTERNAL_SERVER_ERROR:
        return error.code
    return "internal"


def _detail(error: BaseException, status: HTTPStatus) -> str:
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return "An internal error occurred. Include the request id when you report it."
    if isinstance(error, errors.PurchaseRefused):
        return "; ".join(f"{each.field}: {each.message}" for each in error.errors)
    for kind in type(error).__mro__:
        if kind in PUBLIC_DETAILS:
            return PUBLIC_DETAILS[kind]
    return str(error)
