"""POST /payments/initiate and GET /payments/methods: paying through the gateway."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from lunas.api.app import LunasApi
from lunas.api.auth import USERS, check_owner
from lunas.api.catalogs import catalog
from lunas.api.parameters import IdempotencyKey
from lunas.api.requests import IdField, InitiateBody
from lunas.api.responses import (
    ChannelView,
    ListView,
    PaymentView,
    channel_view,
    purchase_response,
)
from lunas.aws import clients
from lunas.bootstrap import payment_services
from lunas.clock import now
from lunas.domain.catalog import check_on_sale, own_payment_type, price_of
from lunas.domain.errors import NotFound
from lunas.domain.payments import Payment, is_settled
from lunas.observability import logger
from lunas.services.checkout import CheckoutService
from lunas.services.purchases import PurchaseRequest
from lunas.storage import keys
from lunas.storage.payments import Payments
from lunas.storage.prefetch import prefetch_purchase
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager, payment_services.checkout)

api = LunasApi()
OPENED_OR_FOUND = {
    201: {"description": "Opened"},
    200: {"description": "The payment of this purchase that is open already"},
}


def _checkout(body: InitiateBody, buyer: str) -> CheckoutService:
    # Last, so that the prefetched items are as recent as possible.
    slot = keys.open_purchase(buyer, body.package_id, body.course_id)
    table = prefetch_purchase(
        Table.from_environment(), buyer, body.package_id, body.course_id, [slot]
    )
    return payment_services.checkout(table, body.return_url)


@api.on("POST", "/payments/initiate", USERS, OPENED_OR_FOUND)
@api.on(
    "POST",
    "/payment/initiate",
    USERS,
    OPENED_OR_FOUND,
    name="initiate_payment_alias",
    deprecated=True,
)
def initiate_payment(
    body: InitiateBody, idempotency_key: IdempotencyKey = None
) -> Response[PaymentView]:
    """Open a payment at the gateway, or get the open one of the same purchase again.

    Raises NotFound, NotOnSale, AlreadyEnrolled, CourseFull, CourseUnmapped, Conflict,
    CatalogUnavailable, PurchaseRefused, StorageContention and GatewayError.
    """
    if idempotency_key is None:
        return purchase_response(api.caller, *_initiate(body))
    # Imported only if the caller sends a key.
    from lunas.api.idempotency import once  # noqa: PLC0415

    done: list[tuple[Payment, bool]] = []

    def remembered(asked: dict[str, Any]) -> dict[str, Any]:
        """Open a payment; the stored response to repetitions holds the payment's id only."""
        done.append(_initiate(InitiateBody.model_validate(asked)))
        return {"paymentId": done[0][0].id}

    opened = once(
        remembered,
        scope="initiate",
        key=f"{len(api.caller.id)}:{api.caller.id}:{idempotency_key}",
        asked=body.model_dump(mode="json"),
        context=api.lambda_context,
    )
    return purchase_response(
        api.caller, *(done[0] if done else _repeated(body, opened["paymentId"]))
    )


def _repeated(body: InitiateBody, payment_id: str) -> tuple[Payment, bool]:
    """Answer a repetition with the current payment, never with an invoice that has ended.

    A payment that is not settled may have ended at the gateway, so it is initiated again.
    """
    payment = Payments(Table.from_environment()).get(payment_id)
    if payment is None:
        raise NotFound("the payment is gone")
    check_owner(api.caller, payment.user_id)
    return (payment, False) if is_settled(payment.status) else _initiate(body)


def _initiate(body: InitiateBody) -> tuple[Payment, bool]:
    request = PurchaseRequest(
        caller=api.caller,
        package_id=body.package_id,
        course_id=body.course_id,
        customer=body.customer.to_rules() if body.customer else None,
        correlation_id=api.request_id,
    )
    payment, is_new = _checkout(body, api.caller.id).initiate(request, body.payment_method)
    decision = "payment opened" if is_new else "open payment returned"
    logger.info(decision, payment_id=payment.id, package_id=payment.package_id)
    return payment, is_new


@api.on("GET", "/payments/methods", USERS)
def list_payment_methods(
    package_id: Annotated[IdField, Query(alias="packageId")],
) -> ListView[ChannelView]:
    """List the channels that can pay for a package, with their fees.

    Raises NotFound, NotOnSale, CatalogUnavailable and GatewayError.
    """
    package = catalog(Table.from_environment()).package(package_id)
    if package is None:
        raise NotFound("there is no such package")
    check_on_sale(package)
    amount = price_of(package, own_payment_type(api.caller))
    methods = payment_services.opening_gateway().methods(amount, now())
    return {"items": [channel_view(each) for each in methods]}


handler = api.resolve
