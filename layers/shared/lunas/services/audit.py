"""The audit: look at every payment that changed, prove that it is as it must be, say if not.

It follows trails of what changed, a stretch at a time, and notes how far it came after each. A
run that breaks off repeats its last stretch and skips none; two runs at once see the same twice,
which does no harm: a difference is one anomaly, and a completion has its conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from lunas.domain.audit_feeds import IN_TABLE, SETTLED_AFTER, Trace, Trail
from lunas.services.payment_audit import Examined, Examiner, examine

if TYPE_CHECKING:
    from lunas.services.repositories import Clock, TrailKeeper

STRETCH = 50
"""Items that are read at once, and looked at again if the run breaks off among them."""
WAITING = 4
"""Stretches of what is APPROVED that one run looks at, so that what changed has its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditor:
    """Everything that a run needs; ``hurry`` tells whether its time is nearly over."""

    trails: TrailKeeper
    examiner: Examiner
    deadline_is_near: Callable[[], bool]
    now: Clock


@dataclass(slots=True)
class AuditReport:
    """What a run did: payments looked at, those it completed, differences that are new.

    ``behind`` holds how far the run came on each trail of changes whose end it did not reach.
    ``seen`` holds the ids of payments and enrollments that were looked at: each once a run.
    """

    payments: int = 0
    completed: int = 0
    differences: int = 0
    behind: dict[Trail, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set, repr=False)

    def is_new(self, trace: Trace) -> bool:
        """Tell whether a trace leads to something that was not looked at yet."""
        return not self.seen >= _ids(trace)

    def add(self, trace: Trace, examined: Examined) -> None:
        """Count what came of one payment."""
        self.payments += trace.payment_id not in self.seen
        self.seen |= _ids(trace) | examined.enrollments
        self.completed += examined.completed
        self.differences += examined.differences


def audit(run: Auditor) -> AuditReport:
    """Look at what waits for its deliveries, then at all that changed since the last run.

    Raises StorageContention; the next run goes on where this one came to.
    """
    audited = AuditReport()
    until = run.now() - SETTLED_AFTER
    for trail in IN_TABLE:
        _follow(run, trail, until, audited)
    return audited


def _follow(run: Auditor, trail: Trail, until: datetime, audited: AuditReport) -> None:
    mark = run.trails.mark(trail, run.now())
    stretches = 0
    while not run.deadline_is_near():
        stretch = run.trails.follow(trail, mark, until, STRETCH)
        if not _examine_all(run, stretch.traces, audited):
            break
        if stretch.mark != mark:
            run.trails.note(trail, stretch.mark)
        mark, stretches = stretch.mark, stretches + 1
        if stretch.over or (trail is Trail.APPROVED and stretches == WAITING):
            return
    if trail is not Trail.APPROVED:
        audited.behind[trail] = mark


def _examine_all(run: Auditor, traces: Iterable[Trace], audited: AuditReport) -> bool:
    """Examine what is new of a stretch; tell whether the time sufficed for all of it."""
    for trace in filter(audited.is_new, traces):
        if run.deadline_is_near():
            return False
        audited.add(trace, examine(run.examiner, trace))
    return True


def _ids(trace: Trace) -> set[str]:
    return {trace.payment_id, trace.enrollment_id or trace.payment_id}
