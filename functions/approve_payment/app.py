"""PATCH /payments/{id}/approve: an admin turns a manual payment into its enrollments."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.adapters.clock import now
from lunas.adapters.store.payments import Payments
from lunas.adapters.store.table import Table
from lunas.edges.api import LunasApi
from lunas.edges.auth import ADMINS
from lunas.edges.bodies import ApproveBody, Id
from lunas.edges.settlements import log_outcome
from lunas.edges.views import payment_view
from lunas.rules.payments import Act
from lunas.usecases.approve import approve

api = LunasApi()


@api.on("PATCH", "/payments/{id}/approve", ADMINS)
def approve_payment(
    payment_id: Annotated[Id, Path(alias="id")],
    body: Annotated[ApproveBody | None, Body()] = None,
) -> dict[str, Any]:
    """Approve a payment together with all its enrollments; repeating it changes nothing."""
    asked = body or ApproveBody()
    act = Act(api.caller.actor, now(), {"requestId": api.request_id})
    outcome = approve(Payments(Table.from_environment()), payment_id, act, overbook=asked.overbook)
    log_outcome(outcome)
    return payment_view(outcome.payment, api.caller)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return api.resolve(event, context)
