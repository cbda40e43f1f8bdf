"""Writes the log lines and metrics of settlements."""

from typing import TYPE_CHECKING, Any

from lunas import observability
from lunas.domain.settlement import Result
from lunas.observability import logger
from lunas.services.settlement import Outcome

if TYPE_CHECKING:
    from lunas.services.callbacks import CallbackResult

DECISIONS = {Result.SETTLED: "payment settled", Result.ENDED: "payment ended"}


def log_outcome(outcome: Outcome) -> None:
    """Log the outcome of an attempt to settle, and its anomaly if there is one."""
    payment = outcome.payment
    facts: dict[str, Any] = {
        "payment_id": payment.id,
        "status": payment.status,
        "result": outcome.result,
    }
    logger.info(DECISIONS.get(outcome.result, "payment unchanged"), **facts)
    if outcome.result is Result.SETTLED:
        observability.count("PaymentApproved")
    if outcome.anomaly is not None:
        log_anomaly(outcome.anomaly.kind, outcome.anomaly.id, payment.id)


def log_callback_result(result: "CallbackResult") -> None:
    """Log the result of a callback."""
    if result.outcome is not None:
        log_outcome(result.outcome)
    elif result.anomaly is not None:
        log_anomaly(result.anomaly.kind, result.anomaly.id, result.anomaly.payment_id)


def log_anomaly(kind: str, anomaly_id: str, payment_id: str | None) -> None:
    """Log and count an anomaly, which a person has to resolve."""
    logger.error(
        "anomaly recorded",
        kind=kind,
        anomaly_id=anomaly_id,
        payment_id=payment_id,
        todo="compare with the gateway's dashboard, then refund or enroll by hand",
    )
    observability.count("Anomaly")
