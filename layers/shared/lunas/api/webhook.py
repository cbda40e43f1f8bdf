"""The endpoint of a webhook: handles a request, answers it, logs refusals, and keeps evidence.

The evidence of every callback is stored, whatever its outcome. A settlement writes it in its own
transaction, so that the usual callback needs no further call. After any other outcome - refused,
unreadable, unknown, not paid yet, an error - it is written at the end.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lunas import observability
from lunas.api import http_events, problems
from lunas.aws.settings import callback_lifetime
from lunas.clock import PAYMENT_ID, now
from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.errors import LunasError, StorageContention
from lunas.gateways.base import ReceivedCallback
from lunas.observability import logger
from lunas.storage.callbacks import Callbacks
from lunas.storage.table import Table

type Response = dict[str, Any]


@contextmanager
def answering(
    event: Mapping[str, Any], route: str, log_refusal: Callable[[LunasError], None]
) -> Iterator[Response]:
    """Yield the response to a request: 200, unless the block raises; then the problem.

    The block verifies the raw body before it reads any of it. Failures are counted here;
    ``log_refusal`` logs a LunasError. Any other error is logged and answered with 500.
    """
    request_id = http_events.request_id(event)
    observability.bind(request_id, route=route)
    response: Response = {
        "statusCode": 200,
        "headers": {"Content-Type": "text/plain"},
        "body": "OK",
    }
    try:
        yield response
    except LunasError as error:
        log_refusal(error)
        by_url = http_events.by_function_url(event)
        entrance = observability.FUNCTION_URL if by_url else observability.API
        observability.count_failure(error, problems.status_of(error), entrance)
        response |= problems.proxy_answer(error, request_id)
    except Exception as error:  # noqa: BLE001  (the last resort: logged, answered as 500)
        observability.log_exception(error)
        response |= problems.proxy_answer(error, request_id)


type Reduce = Callable[..., CallbackEvidence]
"""Reduces a callback to its evidence, as the gateway's ``reduced`` does."""


class CallbackRecorder(ReceivedCallback):
    """A received callback; ``is_stored`` once a settlement has written its evidence."""

    is_stored = False


@contextmanager
def recorder(event: Mapping[str, Any], reduce: Reduce) -> Iterator[CallbackRecorder]:
    """Write the evidence of a callback at the end, unless a settlement has written it.

    An error in the block is raised whether or not the evidence could be written. Without one, a
    failed write raises StorageContention: the gateway sends the callback again, which may be
    handled twice.
    """
    received = _received(event, reduce)
    logger.append_keys(callback=received.evidence.short)
    if PAYMENT_ID.fullmatch(received.evidence.order_id):
        logger.append_keys(payment_id=received.evidence.order_id)
    try:
        yield received
    except Exception:
        _keep(received.evidence)
        raise
    if not received.is_stored and not _keep(received.evidence):
        raise StorageContention("the callback was not recorded")


def _received(event: Mapping[str, Any], reduce: Reduce) -> CallbackRecorder:
    body = http_events.wire_body(event)
    evidence = reduce(
        body,
        http_events.lower_headers(event).get("content-type", ""),
        at=now(),
        lifetime=callback_lifetime(),
        correlation_id=http_events.request_id(event),
    )
    return CallbackRecorder(body, http_events.source_address(event), evidence)


def _keep(evidence: CallbackEvidence) -> bool:
    try:
        Callbacks(Table.from_environment()).keep(evidence)
    except Exception as error:  # noqa: BLE001  (it must not hide what happened before: logged)
        logger.error(
            "callback not recorded",
            error=type(error).__name__,
            todo="see docs/guides/operations.md, Callbacks",
        )
        observability.count("CallbackNotRecorded")
        return False
    return True
