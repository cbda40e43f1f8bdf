"""What the API shows of anomalies."""

from typing import NotRequired, TypedDict

from lunas.api.responses import Evidence, Time, show
from lunas.domain.anomalies import Anomaly, AnomalyKind, AnomalyStatus


class AnomalyView(TypedDict):
    """Money without a match, with its evidence, and how it was closed."""

    id: str
    kind: AnomalyKind
    status: AnomalyStatus
    orderId: str
    paymentId: NotRequired[str]
    evidence: Evidence
    createdAt: Time
    resolution: NotRequired[str]
    reason: NotRequired[str]
    resolvedAt: NotRequired[Time]
    resolvedBy: NotRequired[str]


def anomaly_view(anomaly: Anomaly) -> AnomalyView:
    """Show an anomaly with its evidence, and how it was closed."""
    resolved = anomaly.resolved
    return show(
        AnomalyView,
        anomaly,
        evidence=dict(anomaly.evidence),
        createdAt=anomaly.at,
        resolution=resolved and resolved.resolution,
        reason=resolved and resolved.reason,
        resolvedAt=resolved and resolved.at,
        resolvedBy=resolved and resolved.actor,
    )
