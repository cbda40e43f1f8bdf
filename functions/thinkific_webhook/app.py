"""Thinkific's events, by POST /webhooks/thinkific: checked, queued, and answered at once.

The signature of the raw body is verified before the event is parsed
(docs/reference/thinkific-webhook.md). The function only writes to the queue, so it answers fast,
and with 200 unless the queue fails.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api import http_events, webhook
from lunas.aws import clients
from lunas.aws.queues import ProgressQueue
from lunas.aws.secrets import secret
from lunas.aws.settings import setting
from lunas.domain.errors import ConfigurationError, Forbidden, LunasError, MalformedInput
from lunas.domain.progress import ProgressEvent
from lunas.domain.sites import TOPICS_OF_AN_APP
from lunas.observability import logger
from lunas.platforms.thinkific.events import (
    COMPLETED,
    PROGRESS,
    SIGNATURE,
    UNINSTALLED,
    Event,
    Unreadable,
    is_signed,
    parse_event,
    report_of,
)

clients.prepare(clients.secrets_manager, clients.sqs)

KEYS = ("apiKey", "accessToken", "clientSecret")
"""The secrets that may sign: the key or token that registered a webhook, or the app's secret."""


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer one event: 200 once it is queued or ignored, 4xx if it is refused, else 500."""
    with webhook.answering(event, "thinkific event", _log_refusal) as response:
        body = http_events.raw_body(event)
        _verify(body, http_events.lower_headers(event).get(SIGNATURE))
        _read(body, http_events.request_id(event))
    return response


def _read(body: bytes, request_id: str) -> None:
    try:
        event = parse_event(body)
        logger.append_keys(event=event.id, topic=event.topic)
        _accept(event, request_id)
    except Unreadable as error:
        # Sending it again would not help, so it is not refused.
        logger.warning(
            "event unreadable", reason=str(error), todo="see docs/reference/thinkific-webhook.md"
        )


def _verify(body: bytes, signature: str | None) -> None:
    known = secret("THINKIFIC_SECRET_ID")
    keys = [str(known[name]) for name in KEYS if known.get(name)]
    if not keys:
        raise ConfigurationError("no key that Thinkific signs with is set: see docs/deploy.md")
    if signature is None:
        raise Forbidden("the signature is missing")
    if not is_signed(body, signature, keys):
        raise Forbidden("the signature does not match")


def _accept(event: Event, request_id: str) -> None:
    match event.topic:
        case _ if event.topic in {COMPLETED, PROGRESS}:
            accepted = ProgressEvent(
                id=event.id, report=report_of(event), correlation_id=request_id
            )
            ProgressQueue(setting("PROGRESS_QUEUE_URL")).send(accepted)
            logger.info(
                "event queued", platform_enrollment_id=accepted.report.platform_enrollment_id
            )
        case _ if event.topic == UNINSTALLED:
            logger.error(
                "app uninstalled at Thinkific", todo="connect the site again, see the runbook"
            )
            observability.gauge("WebhooksMissing", len(TOPICS_OF_AN_APP))
        case _:
            logger.info("event ignored")


def _log_refusal(error: LunasError) -> None:
    if isinstance(error, Forbidden):
        observability.count("EventRefused")
        logger.warning(
            "event refused", reason=str(error), todo="see docs/runbooks/events-refused.md"
        )
    elif isinstance(error, MalformedInput):
        logger.info("event malformed", reason=str(error))
    else:
        logger.error("event failed", code=error.code, reason=str(error))
