"""/payments: submit manual payments, list payments, and look them up."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BeforeValidator

from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS, MAX_ID, USERS, RouteAccess, check_owner, users_and_services
from lunas.api.pagination import read_cursor, write_cursor
from lunas.api.parameters import BLANK, PAGE, Cursor, From, IdempotencyKey, Limit, Separator, To
from lunas.api.payments_csv import CSV_OR_JSON, csv_response, read_sheet, wants_csv
from lunas.api.requests import Id, SubmitBody
from lunas.api.responses import (
    HistoryEventView,
    ListView,
    PageView,
    PaymentView,
    history_view,
    page_view,
    payment_view,
    purchase_response,
)
from lunas.aws import clients
from lunas.bootstrap import payment_services
from lunas.domain.lists import Page, PaymentFilter, Position, Span
from lunas.domain.payments import Method, Payment, Status, existing
from lunas.domain.users import PaymentType
from lunas.observability import logger
from lunas.services.purchases import PurchaseRequest
from lunas.storage import keys
from lunas.storage.payments import Payments
from lunas.storage.prefetch import prefetch_purchase
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager, payment_services.manual_payments)

api = LunasApi()
ME = "me"
"""Stands for the caller's own id in a path."""
ENOUGH = 10_000
"""Milliseconds that must be left to read more payments for a CSV; API Gateway waits 30 seconds."""
READERS = users_and_services("payments:read")
STAFF = RouteAccess(ADMINS.roles, "payments:read")


def _payments() -> Payments:
    return Payments(Table.from_environment())


@api.on(
    "POST",
    "/payments",
    USERS,
    responses={
        201: {"description": "Submitted"},
        200: {"description": "The payment of this purchase that waits already"},
    },
)
def submit_payment(
    body: SubmitBody, idempotency_key: IdempotencyKey = None
) -> Response[PaymentView]:
    """Submit a manual payment for an admin to decide on, or get the one that waits already.

    Raises NotFound, NotOnSale, AlreadyEnrolled, CourseFull, CourseUnmapped, Conflict,
    CatalogUnavailable and StorageContention.
    """
    if idempotency_key is None:
        return purchase_response(api.caller, *_submit(body))
    # Imported only if the caller sends a key.
    from lunas.api.idempotency import once  # noqa: PLC0415

    taken = once(
        _remembered,
        scope="submit",
        key=f"{len(api.caller.id)}:{api.caller.id}:{idempotency_key}",
        asked=body.model_dump(mode="json"),
        context=api.lambda_context,
    )
    return purchase_response(api.caller, _readable(taken["paymentId"]), is_new=taken["isNew"])


def _remembered(asked: dict[str, Any]) -> dict[str, Any]:
    """Submit a payment; the stored response to repetitions holds the payment's id only."""
    payment, is_new = _submit(SubmitBody.model_validate(asked))
    return {"paymentId": payment.id, "isNew": is_new}


def _submit(body: SubmitBody) -> tuple[Payment, bool]:
    slot = keys.waiting_transfer(api.caller.id, body.package_id, body.course_id)
    table = prefetch_purchase(
        Table.from_environment(), api.caller.id, body.package_id, body.course_id, [slot]
    )
    request = PurchaseRequest(
        caller=api.caller,
        package_id=body.package_id,
        course_id=body.course_id,
        payment_type=body.payment_type,
        correlation_id=api.request_id,
    )
    payment, is_new = payment_services.manual_payments(table).submit(request, body.proof_link)
    decision = "manual payment taken" if is_new else "waiting payment returned"
    logger.info(decision, payment_id=payment.id)
    return payment, is_new


@api.on("GET", "/payments", STAFF, CSV_OR_JSON)
def list_payments(  # noqa: PLR0913, PLR0917  (each is a query parameter)
    status: Annotated[Status | None, BLANK, Query()] = None,
    payment_type: Annotated[PaymentType | None, BLANK, Query(alias="paymentType")] = None,
    method: Annotated[Method | None, BLANK, Query()] = None,
    start: From = None,
    to: To = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
    separator: Separator = ",",
) -> Response[PageView[PaymentView] | str]:
    """List payments, newest first, as JSON or CSV."""
    wanted = PaymentFilter(
        status=status, payment_type=payment_type, method=method, span=Span(start, to)
    )
    return _listed(wanted, limit, cursor, separator)


@api.on("GET", "/payments/user/{userId}", READERS, CSV_OR_JSON)
def list_payments_of_user(
    user_id: Annotated[
        str, BeforeValidator(unquote), Path(alias="userId", min_length=1, max_length=MAX_ID)
    ],
    limit: Limit = PAGE,
    cursor: Cursor = None,
    separator: Separator = ",",
) -> Response[PageView[PaymentView] | str]:
    """List the payments of a user, newest first, as JSON or CSV.

    ``me`` is the caller, whose id may hold characters that no path can carry.

    Raises Forbidden.
    """
    owner = api.caller.id if user_id == ME else user_id
    check_owner(api.caller, owner)
    return _listed(PaymentFilter(user_id=owner), limit, cursor, separator)


def _listed(wanted: PaymentFilter, limit: int, cursor: str | None, separator: str) -> Response[Any]:
    asked = {"list": "payments", "filter": wanted}
    after = read_cursor(cursor, asked)
    if wants_csv(api.current_event.headers):
        text, rest = read_sheet(partial(_views, wanted), after, separator, _deadline_is_near)
        return csv_response(text, write_cursor(rest, asked))
    page = _views(wanted, limit, after)
    return Response(
        status_code=HTTPStatus.OK,
        content_type=content_types.APPLICATION_JSON,
        body=page_view(page.items, write_cursor(page.after, asked)),
    )


def _views(wanted: PaymentFilter, limit: int, after: Position | None) -> Page[PaymentView]:
    page = _payments().page(wanted, limit, after)
    views = tuple(payment_view(each, api.caller) for each in page.items)
    return Page(views, page.after, page.places)


def _deadline_is_near() -> bool:
    return api.lambda_context.get_remaining_time_in_millis() < ENOUGH


@api.on("GET", "/payments/{id}", READERS)
def get_payment(payment_id: Annotated[Id, Path(alias="id")]) -> PaymentView:
    """Show a payment.

    Raises Forbidden and NotFound.
    """
    return payment_view(_readable(payment_id), api.caller)


@api.on("GET", "/payments/{id}/history", READERS)
def get_payment_history(payment_id: Annotated[Id, Path(alias="id")]) -> ListView[HistoryEventView]:
    """Show who did what to a payment, when and on what evidence; oldest first.

    Raises Forbidden and NotFound.
    """
    payment, events = _payments().read(payment_id)
    check_owner(api.caller, existing(payment).user_id)
    return {"items": [history_view(event, api.caller) for event in events]}


def _readable(payment_id: str) -> Payment:
    payment = existing(_payments().get(payment_id))
    check_owner(api.caller, payment.user_id)
    return payment


handler = api.resolve
