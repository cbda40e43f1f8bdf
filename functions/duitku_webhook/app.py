"""Duitku's callback, by the Function URL or POST /webhooks/duitku.

The order of the checks matters (docs/reference/duitku.md, Callback): raw body, signature, merchant,
sender, order, amount, state, Duitku's own status, transaction, and only then 200. Every callback is
stored as evidence, whatever its result.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api import http_events, webhook
from lunas.api.settlement_logs import log_callback_result
from lunas.aws import clients
from lunas.bootstrap import payment_services
from lunas.domain.errors import Forbidden, LunasError, MalformedInput
from lunas.gateways.duitku.account import duitku
from lunas.gateways.duitku.evidence import reduced
from lunas.observability import logger

clients.prepare(clients.dynamodb, clients.secrets_manager, payment_services.callbacks)

FORM = "application/x-www-form-urlencoded"


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Handle one callback: 200 once done, 4xx if it is refused, 503 so that Duitku repeats it."""
    with (
        webhook.answering(event, "duitku callback", _log_refusal) as response,
        webhook.recorder(event, reduced) as received,
    ):
        http_events.check_body(event, FORM)
        callback = duitku().parse_callback(received)
        result = payment_services.callbacks().handle(callback)
        received.is_stored = result.keeps(received.evidence)
        log_callback_result(result)
    return response


def _log_refusal(error: LunasError) -> None:
    if isinstance(error, Forbidden):
        observability.count("CallbackRefused")
        logger.warning(
            "callback refused", reason=str(error), todo="see docs/reference/duitku.md, Callback"
        )
    elif isinstance(error, MalformedInput):
        logger.info("callback malformed", reason=str(error))
    else:
        logger.error("callback failed", code=error.code, reason=str(error))
