"""Duitku's callback, by the Function URL or POST /webhooks/duitku.

The order of the steps is the defence (docs/duitku.md, Callback): raw body, signature, merchant,
order, amount, Duitku's own word, transaction, and only then 200. What was received is kept as
evidence whatever comes of it.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.adapters import aws
from lunas.adapters.clock import now
from lunas.adapters.duitku.account import duitku_account
from lunas.adapters.duitku.callback import Callback, Verifier, parse_callback
from lunas.adapters.duitku.client import Duitku, DuitkuAccount
from lunas.adapters.settings import enabled
from lunas.adapters.store.anomalies import Anomalies
from lunas.adapters.store.payments import Payments
from lunas.adapters.store.table import Table
from lunas.edges import incoming, problems, telemetry
from lunas.edges.custody import Custody, custody
from lunas.edges.senders import check_sender
from lunas.edges.settlements import log_heard
from lunas.rules.callbacks import Signature
from lunas.rules.errors import (
    Forbidden,
    GatewayError,
    GatewayUnavailable,
    LunasError,
    MalformedInput,
)
from lunas.usecases.hear_callback import CallbackDesk, Hint, hear_callback

aws.prepare(aws.dynamodb, aws.secrets_manager)

FORM = "application/x-www-form-urlencoded"
THANKS = {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": "OK"}


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer one callback: 200 once it is dealt with, 4xx if it is no good, 503 to get it again."""
    request_id = incoming.request_id(event)
    telemetry.begin(request_id, route="duitku callback")
    try:
        with custody(event) as held:
            _hear(event, held)
    except LunasError as error:
        _log_refusal(error, event)
        return problems.proxy_answer(error, request_id)
    except Exception as error:  # noqa: BLE001  (the last resort: logged, answered as 500)
        telemetry.crashed(error)
        return problems.proxy_answer(error, request_id)
    return THANKS


def _hear(event: dict[str, Any], held: Custody) -> None:
    incoming.check_media_type(event, FORM)
    callback = parse_callback(incoming.raw_body(event))
    account = duitku_account()
    _verify(callback, account, held)
    check_sender(event)
    table = Table.from_environment()
    desk = CallbackDesk(
        payments=Payments(table),
        anomalies=Anomalies(table),
        status=Duitku(account).status,
        now=now,
    )
    hint = Hint(
        order_id=callback.order_id,
        amount=callback.amount,
        rupiah=callback.rupiah,
        evidence=callback.evidence,
        callback=held.evidence,
    )
    try:
        heard = hear_callback(desk, hint)
    except GatewayError as error:
        # Whatever kept Duitku from telling, the callback has to come again.
        raise GatewayUnavailable.after(error, f"the callback cannot be checked: {error}") from None
    held.kept = heard.keeps(held.evidence)
    log_heard(heard)


def _verify(callback: Callback, account: DuitkuAccount, held: Custody) -> None:
    legacy = enabled("DUITKU_LEGACY_CALLBACKS")
    verifier = Verifier(account.merchant_code, account.api_key, legacy)
    held.note(verifier.check(callback))
    if verifier.verify(callback) is Signature.FITS_LEGACY:
        telemetry.warn("legacy signature accepted", todo="ask Duitku to sign by HMAC-SHA256")


def _log_refusal(error: LunasError, event: dict[str, Any]) -> None:
    if isinstance(error, Forbidden):
        telemetry.count("CallbackRefused")
        telemetry.warn("callback refused", reason=str(error), todo="see docs/duitku.md, Callback")
    elif isinstance(error, MalformedInput):
        telemetry.decided("callback unreadable", reason=str(error))
    else:
        telemetry.alarm("callback not dealt with", code=error.code, reason=str(error))
        entrance = telemetry.FUNCTION_URL if incoming.by_function_url(event) else telemetry.API
        telemetry.count_failure(error, problems.status_of(error), entrance)
