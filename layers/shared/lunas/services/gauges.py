"""Counts what is stuck, from the table: a lost log line cannot hide it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.anomalies import Anomaly, AnomalyStatus
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.lists import EnrollmentFilter, Page, Span
from lunas.domain.schedule import STUCK

if TYPE_CHECKING:
    from lunas.services.repositories import AnomalyRepository, Clock, EnrollmentRepository

PAGE = 100
"""Items of one status that are read: a gauge costs the same however much is stuck."""
UNFINISHED = (DeliveryStatus.PENDING, DeliveryStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is stuck now, the oldest first; ``full``: there may be more than was read."""

    found: tuple[Enrollment | Anomaly, ...]
    full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What a person has to act on: stuck enrollments, stuck revocations and open anomalies."""

    paid_not_enrolled: Gauge
    not_revoked: Gauge
    open_anomalies: Gauge


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeService:
    """Measures the gauges."""

    enrollments: EnrollmentRepository
    anomalies: AnomalyRepository
    now: Clock

    def measure(self) -> Gauges:
        """Read one page of each status: three Queries, whatever the table holds.

        The time of a revocation's request is not stored, so it counts as old as its enrollment; its
        alarm makes up for that by a delay.
        """
        pages = [self._unfinished(status) for status in UNFINISHED]
        return Gauges(
            paid_not_enrolled=_of(EnrollmentStatus.ENROLLED, pages),
            not_revoked=_of(EnrollmentStatus.NOT_ENROLLED, pages),
            open_anomalies=self._open(),
        )

    def _unfinished(self, status: DeliveryStatus) -> Page[Enrollment]:
        wanted = EnrollmentFilter(delivery=status, span=Span(None, self.now() - STUCK))
        return self.enrollments.page(wanted, PAGE, None)

    def _open(self) -> Gauge:
        page = self.anomalies.page(AnomalyStatus.OPEN, PAGE, None)
        return Gauge(tuple(reversed(page.items)), full=page.after is not None)


def _of(status: EnrollmentStatus, pages: list[Page[Enrollment]]) -> Gauge:
    found = [each for page in pages for each in page.items if each.status is status]
    found.sort(key=lambda each: each.created_at)
    return Gauge(tuple(found), full=any(page.after is not None for page in pages))
