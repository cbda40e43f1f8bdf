"""Examining one payment: read it whole, complete it if only that is missing, else report it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from lunas.domain.anomalies import Anomaly, invariant_broken
from lunas.domain.audit_feeds import Trace
from lunas.domain.differences import Code, Difference
from lunas.domain.enrollments import Enrollment, enrollment_id
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.domain.invariants import differences, is_only_incomplete, orphans
from lunas.domain.payments import AuditContext, Payment, Step, take

if TYPE_CHECKING:
    from lunas.services.repositories import AnomalyBook, Clock, EnrollmentReader, PaymentExaminer

ACTOR = "lunas:audit"
ROUNDS = 6
"""How often a payment is looked at anew when it moved meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Everything that examining needs.

    ``report`` hears each new difference before it is kept, so that none is kept unheard;
    ``repaired`` hears each payment that was completed.
    """

    payments: PaymentExaminer
    enrollments: EnrollmentReader
    anomalies: AnomalyBook
    report: Callable[[Anomaly], None]
    repaired: Callable[[Payment], None]
    now: Clock


@dataclass(frozen=True, slots=True)
class Sight:
    """A payment as it was seen, what differs, and the ids of the enrollments looked at."""

    payment: Payment | None
    found: tuple[Difference, ...] = ()
    enrollments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of it: the enrollments looked at, new differences, whether it was completed."""

    enrollments: frozenset[str] = frozenset()
    differences: int = 0
    completed: bool = False


def examine(desk: Examiner, trace: Trace) -> Examined:
    """Examine the payment of a trace; reports each difference once. Raises StorageContention."""
    sight = _certain(desk, trace)
    if sight is None:
        return Examined()
    if sight.payment is not None and is_only_incomplete(sight.found):
        return Examined(sight.enrollments, completed=_complete(desk, sight.payment))
    return Examined(sight.enrollments, _report(desk, trace.payment_id, sight.found))


def _certain(desk: Examiner, trace: Trace) -> Sight | None:
    """Look until two looks show the same, or nothing is wrong; None if it never stays the same.

    Reads of a payment, its history and its enrollments are consistent, but not of one moment.
    Whatever writes them together moves the payment as well, so a payment that is the same
    before and after was not written between.
    """
    sight = _look(desk, trace)
    for _ in range(ROUNDS):
        if not sight.found:
            return sight
        again = _look(desk, trace)
        if again == sight:
            return sight
        sight = again
    return None


def _look(desk: Examiner, trace: Trace) -> Sight:
    try:
        payment, history = desk.payments.read(trace.payment_id)
        enrollments = desk.enrollments.get_many(_enrollment_ids(payment, trace))
    except (KeyError, TypeError, ValueError) as error:
        # What cannot be read is a difference too, and must not hide what comes after it.
        return Sight(None, (Difference(Code.UNREADABLE, type(error).__name__),))
    if payment is None:
        found = orphans(trace.payment_id, history, enrollments)
    else:
        found = differences(payment, history, enrollments, desk.now())
    return Sight(payment, tuple(found), _ids(enrollments))


def _enrollment_ids(payment: Payment | None, trace: Trace) -> list[str]:
    ids = {trace.enrollment_id} if trace.enrollment_id else set()
    if payment is not None:
        ids |= {enrollment_id(payment.user_id, course_id) for course_id in payment.course_ids}
    return sorted(ids)


def _ids(enrollments: Iterable[Enrollment]) -> frozenset[str]:
    return frozenset(each.id for each in enrollments)


def _complete(desk: Examiner, payment: Payment) -> bool:
    """Complete a payment; False if others write it, which leads the next run here again."""
    everything = replace(payment, undelivered=frozenset())
    audit_context = AuditContext(ACTOR, desk.now(), reason="everything was delivered before")
    completed, history = take(everything, Step.COMPLETE, audit_context)
    try:
        desk.payments.complete(payment, completed, history)
    except (ConcurrentUpdate, StorageContention):
        return False
    desk.repaired(completed)
    return True


def _report(desk: Examiner, payment_id: str, found: Sequence[Difference]) -> int:
    """Report and keep what differs, one anomaly a code, unless it is known; return how many."""
    new = 0
    ordered = sorted(found, key=lambda each: (each.code, each.text))
    for code, group in groupby(ordered, key=lambda each: each.code):
        texts = [each.text for each in group]
        anomaly = invariant_broken(payment_id, code, texts, desk.now())
        if desk.anomalies.get(anomaly.id) is None:
            desk.report(anomaly)
            desk.anomalies.keep(anomaly)
            new += 1
    return new
