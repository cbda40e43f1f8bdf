"""The audit: checks every payment that changed, completes incomplete ones, reports differences.

It reads feeds of changes, a batch at a time, and records a checkpoint after each. A run that is
interrupted repeats its last batch and skips none. Two concurrent runs are harmless: a difference
is recorded as one anomaly, and a completion is a conditional write.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from lunas.domain.anomalies import Anomaly, invariant_broken
from lunas.domain.audit_feeds import IN_TABLE, SETTLED_AFTER, Feed, Ref
from lunas.domain.differences import Code, Difference
from lunas.domain.enrollments import Enrollment, enrollment_id
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.domain.invariants import differences, is_only_incomplete, orphans
from lunas.domain.payment_steps import take
from lunas.domain.payments import AuditContext, Payment, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from lunas.services.repositories import (
        AnomalyRepository,
        Clock,
        EnrollmentRepository,
        PaymentRepository,
        ScheduleRepository,
    )

ACTOR = "lunas:audit"
MAX_ATTEMPTS = 6
"""How many times a payment is read again when it changed meanwhile."""
BATCH = 50
"""Items that are read at once, and audited again if the run ends among them."""
WAITING = 4
"""Batches of APPROVED payments that one run audits, so that time is left for changes."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A payment as it was read, its differences, and the ids of the enrollments that were read."""

    payment: Payment | None
    found: tuple[Difference, ...] = ()
    enrollments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PaymentAudit:
    """The audit of one payment: enrollments read, new differences, whether it was completed."""

    enrollments: frozenset[str] = frozenset()
    differences: int = 0
    completed: bool = False


@dataclass(slots=True)
class AuditReport:
    """What a run did: payments audited, those it completed, differences that are new.

    ``behind`` holds the checkpoint of each feed of changes whose end the run did not reach.
    ``seen`` holds the ids of payments and enrollments that were audited: each once a run.
    """

    payments: int = 0
    completed: int = 0
    differences: int = 0
    behind: dict[Feed, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set, repr=False)

    def is_new(self, ref: Ref) -> bool:
        """Return whether a ref leads to something that this run has not audited yet."""
        return not self.seen >= _ids(ref)

    def add(self, ref: Ref, audited: PaymentAudit) -> None:
        """Count the audit of one payment."""
        self.payments += ref.payment_id not in self.seen
        self.seen |= _ids(ref) | audited.enrollments
        self.completed += audited.completed
        self.differences += audited.differences


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditService:
    """Audits payments.

    ``on_difference`` is called with each new difference before it is recorded, so that every
    recorded one was reported; ``on_completion`` with each payment that was completed.
    ``deadline_is_near``: whether the time of the run is nearly over.
    """

    schedule: ScheduleRepository
    payments: PaymentRepository
    enrollments: EnrollmentRepository
    anomalies: AnomalyRepository
    on_difference: Callable[[Anomaly], None]
    on_completion: Callable[[Payment], None]
    deadline_is_near: Callable[[], bool]
    now: Clock

    def run(self) -> AuditReport:
        """Audit payments with open deliveries, then everything that changed since the last run.

        Raises StorageContention; the next run continues from the last checkpoint.
        """
        report = AuditReport()
        until = self.now() - SETTLED_AFTER
        for feed in IN_TABLE:
            self._follow(feed, until, report)
        return report

    def audit(self, ref: Ref) -> PaymentAudit:
        """Audit the payment of a ref; reports each difference once. Raises StorageContention."""
        snapshot = self._certain(ref)
        if snapshot is None:
            return PaymentAudit()
        if snapshot.payment is not None and is_only_incomplete(snapshot.found):
            completed = self._complete(snapshot.payment)
            return PaymentAudit(snapshot.enrollments, completed=completed)
        return PaymentAudit(snapshot.enrollments, self._report(ref.payment_id, snapshot.found))

    def _follow(self, feed: Feed, until: datetime, report: AuditReport) -> None:
        checkpoint = self.schedule.checkpoint(feed, self.now())
        batches = 0
        while not self.deadline_is_near():
            batch = self.schedule.batch(feed, checkpoint, until, BATCH)
            if not self._audit_all(batch.refs, report):
                break
            if batch.checkpoint != checkpoint:
                self.schedule.record_checkpoint(feed, batch.checkpoint)
            checkpoint, batches = batch.checkpoint, batches + 1
            if batch.is_last or (feed is Feed.APPROVED and batches == WAITING):
                return
        if feed is not Feed.APPROVED:
            report.behind[feed] = checkpoint

    def _audit_all(self, refs: Iterable[Ref], report: AuditReport) -> bool:
        """Audit the new refs of a batch; return whether there was time for all of them."""
        for ref in filter(report.is_new, refs):
            if self.deadline_is_near():
                return False
            report.add(ref, self.audit(ref))
        return True

    def _certain(self, ref: Ref) -> Snapshot | None:
        """Read until two reads are the same, or nothing differs; None if they never are.

        Each read is consistent, but payment, history and enrollments are not read at one moment.
        Every write of them changes the payment too, so if the payment is the same in two reads,
        nothing was written in between.
        """
        snapshot = self._read(ref)
        for _ in range(MAX_ATTEMPTS):
            if not snapshot.found:
                return snapshot
            again = self._read(ref)
            if again == snapshot:
                return snapshot
            snapshot = again
        return None

    def _read(self, ref: Ref) -> Snapshot:
        try:
            payment, history = self.payments.read(ref.payment_id)
            enrollments = self.enrollments.get_many(_enrollment_ids(payment, ref))
        except (KeyError, TypeError, ValueError) as error:
            # A malformed item is a difference too, and must not stop the run.
            return Snapshot(None, (Difference(Code.UNREADABLE, type(error).__name__),))
        if payment is None:
            found = orphans(ref.payment_id, history, enrollments)
        else:
            found = differences(payment, history, enrollments, self.now())
        return Snapshot(payment, tuple(found), _ids_of(enrollments))

    def _complete(self, payment: Payment) -> bool:
        """Complete a payment; False on a concurrent write, after which the next run tries again."""
        everything = replace(payment, undelivered=frozenset())
        context = AuditContext(ACTOR, self.now(), reason="everything was delivered before")
        completed, history = take(everything, Step.COMPLETE, context)
        try:
            self.payments.complete(payment, completed, history)
        except (ConcurrentUpdate, StorageContention):
            return False
        self.on_completion(completed)
        return True

    def _report(self, payment_id: str, found: Sequence[Difference]) -> int:
        """Report and record new differences, one anomaly for each code; return how many."""
        new = 0
        ordered = sorted(found, key=lambda each: (each.code, each.text))
        for code, group in groupby(ordered, key=lambda each: each.code):
            texts = [each.text for each in group]
            anomaly = invariant_broken(payment_id, code, texts, self.now())
            if self.anomalies.get(anomaly.id) is None:
                self.on_difference(anomaly)
                self.anomalies.keep(anomaly)
                new += 1
        return new


def _enrollment_ids(payment: Payment | None, ref: Ref) -> list[str]:
    ids = {ref.enrollment_id} if ref.enrollment_id else set()
    if payment is not None:
        ids |= {enrollment_id(payment.user_id, course_id) for course_id in payment.course_ids}
    return sorted(ids)


def _ids(ref: Ref) -> set[str]:
    return {ref.payment_id, ref.enrollment_id or ref.payment_id}


def _ids_of(enrollments: Iterable[Enrollment]) -> frozenset[str]:
    return frozenset(each.id for each in enrollments)
