"""Writes gauges as metrics, and a log line for each that names the runbook."""

from typing import Any

from lunas import observability
from lunas.observability import logger
from lunas.services.gauges import Gauge, Gauges

NAMED = 5
"""Ids in a log line at most, the oldest first."""


def log_gauges(gauges: Gauges) -> None:
    """Write every gauge, also at zero, so that its alarm ends."""
    paid, revoked, odd = gauges.paid_not_enrolled, gauges.not_revoked, gauges.open_anomalies
    observability.gauge("PaidNotEnrolled", len(paid.found))
    observability.gauge("NotRevoked", len(revoked.found))
    observability.gauge("OpenAnomalies", len(odd.found))
    _report("paid and not enrolled", paid, "enrollment_ids", "paid-not-enrolled")
    _report("refunded and not revoked", revoked, "enrollment_ids", "not-revoked")
    _report("anomalies are open", odd, "anomaly_ids", "open-anomalies")


def log_connection(*, lost: bool) -> None:
    """Write whether a person has to connect the platform's site again.

    With an API key no connection is needed, but the gauge is still written, so that its alarm ends.
    """
    observability.gauge("PlatformDisconnected", int(lost))
    if lost:
        logger.warning("platform site not connected", todo="see docs/runbooks/thinkific-refused.md")


def _report(message: str, gauge: Gauge, ids: str, page: str) -> None:
    if not gauge.found:
        return
    named = gauge.found[:NAMED]
    listed: dict[str, Any] = {ids: [each.id for each in named]}
    logger.warning(
        message,
        count=len(gauge.found),
        more=gauge.full,
        **listed,
        payment_ids=[each.payment_id for each in named],
        todo=f"see docs/runbooks/{page}.md",
    )
