"""POST /payments and GET /payments/{id}: manual payments, and looking payments up."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.adapters.clock import new_payment_id, now
from lunas.adapters.store.catalogue import Catalogue
from lunas.adapters.store.enrollments import Enrollments
from lunas.adapters.store.payments import Payments
from lunas.adapters.store.table import Table
from lunas.edges import telemetry
from lunas.edges.api import LunasApi
from lunas.edges.auth import USERS, check_owner, users_and_services
from lunas.edges.bodies import Id, SubmitBody
from lunas.edges.views import history_view, payment_view
from lunas.rules.errors import NotFound
from lunas.rules.payments import Payment
from lunas.usecases.purchase import Wish
from lunas.usecases.submit import ManualDesk, submit

api = LunasApi()
READERS = users_and_services("payments:read")


def _payments() -> Payments:
    return Payments(Table.from_environment())


@api.on("POST", "/payments", USERS)
def submit_payment(body: SubmitBody) -> Response[dict[str, Any]]:
    """Take a manual payment, which an admin then approves or rejects."""
    table = Table.from_environment()
    desk = ManualDesk(
        catalogue=Catalogue(table),
        enrollments=Enrollments(table),
        payments=Payments(table),
        now=now,
        new_id=new_payment_id,
    )
    wish = Wish(
        caller=api.caller,
        package_id=body.package_id,
        course_id=body.course_id,
        payment_type=body.payment_type,
        correlation_id=api.request_id,
    )
    payment = submit(desk, wish, body.proof_link)
    telemetry.decided("manual payment taken", payment_id=payment.id)
    return Response(
        status_code=HTTPStatus.CREATED,
        content_type=content_types.APPLICATION_JSON,
        body=payment_view(payment, api.caller),
    )


@api.on("GET", "/payments/{id}", READERS)
def get_payment(payment_id: Annotated[Id, Path(alias="id")]) -> dict[str, Any]:
    """Show a payment to its owner, an admin or a service."""
    return payment_view(_readable(payment_id), api.caller)


@api.on("GET", "/payments/{id}/history", READERS)
def get_history(payment_id: Annotated[Id, Path(alias="id")]) -> dict[str, Any]:
    """Show who did what to a payment, when and on what evidence; oldest first."""
    payment = _readable(payment_id)
    return {"items": [history_view(event) for event in _payments().history(payment.id)]}


def _readable(payment_id: str) -> Payment:
    payment = _payments().get(payment_id)
    if payment is None:
        raise NotFound("there is no such payment")
    check_owner(api.caller, payment.user_id)
    return payment


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return api.resolve(event, context)
