"""POST /payments/{id}/recheck: an admin has Duitku asked now."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.adapters import aws
from lunas.adapters.clock import now
from lunas.adapters.duitku.account import duitku_account
from lunas.adapters.duitku.client import Duitku
from lunas.adapters.store.anomalies import Anomalies
from lunas.adapters.store.payments import Payments
from lunas.adapters.store.table import Table
from lunas.edges.api import LunasApi
from lunas.edges.auth import ADMINS
from lunas.edges.bodies import Id
from lunas.edges.settlements import log_outcome
from lunas.edges.views import payment_view
from lunas.rules.payments import Act
from lunas.usecases.recheck import RecheckDesk, recheck

aws.prepare(aws.dynamodb, aws.secrets_manager)

api = LunasApi()


@api.on("POST", "/payments/{id}/recheck", ADMINS)
def recheck_payment(payment_id: Annotated[Id, Path(alias="id")]) -> dict[str, Any]:
    """Ask Duitku about a payment and settle it by the answer."""
    table = Table.from_environment()
    desk = RecheckDesk(
        payments=Payments(table),
        anomalies=Anomalies(table),
        status=Duitku(duitku_account()).status,
    )
    act = Act(api.caller.actor, now(), {"requestId": api.request_id})
    outcome = recheck(desk, payment_id, act)
    log_outcome(outcome)
    return payment_view(outcome.payment, api.caller)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return api.resolve(event, context)
