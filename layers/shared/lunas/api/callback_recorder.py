"""The evidence of a callback on its way to the table: it is kept whatever becomes of the callback.

A settlement writes it in its own transaction, so the usual callback costs no call more. On every
other way out - refused, unreadable, unknown, not paid yet, an error - it is written at the end.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lunas import observability
from lunas.api import http_events
from lunas.aws.settings import callback_lifetime
from lunas.clock import PAYMENT_ID, now
from lunas.domain.callback_evidence import CallbackEvidence, Signature
from lunas.domain.errors import StorageContention
from lunas.gateways.duitku.evidence import reduced
from lunas.observability import logger
from lunas.storage.callbacks import Callbacks
from lunas.storage.table import Table


@dataclass
class CallbackRecorder:
    """The evidence of one callback, and whether a settlement has kept it."""

    evidence: CallbackEvidence
    kept: bool = False

    def note(self, signature: Signature) -> None:
        """Add what the signature was found to be."""
        self.evidence = replace(self.evidence, signature=signature)


@contextmanager
def recorder(event: Mapping[str, Any]) -> Iterator[CallbackRecorder]:
    """Hold the evidence of a callback; keep it at the end unless that has been done.

    An error inside goes on its way, whether or not the evidence could be kept. Without one,
    evidence that cannot be kept is StorageContention: Duitku sends the callback again, and dealing
    with it twice does no harm.
    """
    held = CallbackRecorder(_received(event))
    logger.append_keys(callback=held.evidence.short)
    if PAYMENT_ID.fullmatch(held.evidence.order_id):
        logger.append_keys(payment_id=held.evidence.order_id)
    try:
        yield held
    except Exception:
        _keep(held.evidence)
        raise
    if not held.kept and not _keep(held.evidence):
        raise StorageContention("the callback was not kept")


def _received(event: Mapping[str, Any]) -> CallbackEvidence:
    return reduced(
        http_events.wire_body(event),
        http_events.lower_headers(event).get("content-type", ""),
        at=now(),
        lifetime=callback_lifetime(),
        correlation_id=http_events.request_id(event),
    )


def _keep(evidence: CallbackEvidence) -> bool:
    try:
        Callbacks(Table.from_environment()).keep(evidence)
    except Exception as error:  # noqa: BLE001  (it must not hide what happened before: logged)
        logger.error(
            "callback not kept",
            error=type(error).__name__,
            todo="see docs/guides/operations.md, Callbacks",
        )
        observability.count("CallbackNotKept")
        return False
    return True
