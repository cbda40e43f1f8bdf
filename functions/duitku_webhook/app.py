"""Duitku's callback, by the Function URL or POST /webhooks/duitku.

The order of the steps is the defence (docs/reference/duitku.md, Callback): raw body, signature,
merchant, order, amount, Duitku's own word, transaction, and only then 200. What was received is
kept as evidence whatever comes of it.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api import http_events, problems
from lunas.api.callback_recorder import CallbackRecorder, recorder
from lunas.api.senders import check_sender
from lunas.api.settlement_logs import log_callback_result
from lunas.aws import clients
from lunas.aws.settings import enabled
from lunas.clock import now
from lunas.domain.callback_evidence import Signature
from lunas.domain.errors import (
    Forbidden,
    GatewayError,
    GatewayUnavailable,
    LunasError,
    MalformedInput,
)
from lunas.gateways.duitku.account import duitku_account
from lunas.gateways.duitku.callbacks import Callback, Verifier, parse_callback
from lunas.gateways.duitku.client import Duitku, DuitkuAccount
from lunas.observability import logger
from lunas.services.callbacks import CallbackDesk, VerifiedCallback, handle_callback
from lunas.storage.anomalies import Anomalies
from lunas.storage.payments import Payments
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager)

FORM = "application/x-www-form-urlencoded"
OK_RESPONSE = {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": "OK"}


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer one callback: 200 once it is dealt with, 4xx if it is no good, 503 to get it again."""
    request_id = http_events.request_id(event)
    observability.bind(request_id, route="duitku callback")
    try:
        with recorder(event) as held:
            _hear(event, held)
    except LunasError as error:
        _log_refusal(error, event)
        return problems.proxy_answer(error, request_id)
    except Exception as error:  # noqa: BLE001  (the last resort: logged, answered as 500)
        observability.log_exception(error)
        return problems.proxy_answer(error, request_id)
    return OK_RESPONSE


def _hear(event: dict[str, Any], held: CallbackRecorder) -> None:
    http_events.check_media_type(event, FORM)
    callback = parse_callback(http_events.raw_body(event))
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
    hint = VerifiedCallback(
        order_id=callback.order_id,
        amount=callback.amount,
        rupiah=callback.rupiah,
        evidence=callback.evidence,
        callback=held.evidence,
    )
    try:
        heard = handle_callback(desk, hint)
    except GatewayError as error:
        # Whatever kept Duitku from telling, the callback has to come again.
        raise GatewayUnavailable.after(error, f"the callback cannot be checked: {error}") from None
    held.kept = heard.keeps(held.evidence)
    log_callback_result(heard)


def _verify(callback: Callback, account: DuitkuAccount, held: CallbackRecorder) -> None:
    legacy = enabled("DUITKU_LEGACY_CALLBACKS")
    verifier = Verifier(account.merchant_code, account.api_key, legacy)
    held.note(verifier.check(callback))
    if verifier.verify(callback) is Signature.VALID_LEGACY:
        logger.warning("legacy signature accepted", todo="ask Duitku to sign by HMAC-SHA256")


def _log_refusal(error: LunasError, event: dict[str, Any]) -> None:
    if isinstance(error, Forbidden):
        observability.count("CallbackRefused")
        logger.warning(
            "callback refused", reason=str(error), todo="see docs/reference/duitku.md, Callback"
        )
    elif isinstance(error, MalformedInput):
        logger.info("callback unreadable", reason=str(error))
    else:
        logger.error("callback not dealt with", code=error.code, reason=str(error))
        entrance = (
            observability.FUNCTION_URL if http_events.by_function_url(event) else observability.API
        )
        observability.count_failure(error, problems.status_of(error), entrance)
