"""Comparing with the platform: whether it gives the learner what the table says was delivered.

The audit proves that the table is right; this proves that the platform is as the table says. It
follows the changes of payments twice by checkpoints of its own, soon after and a day after, so
that what was on its way at the first look, or was repaired by it, is looked at again. It stops when
the platform has no room or no answer, and goes on from there in the next run: deliveries go first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lunas.domain.access_claims import Claims
from lunas.domain.access_comparison import Gap, PlatformAccess, gap, place_of
from lunas.domain.anomalies import Anomaly, access_broken
from lunas.domain.audit_feeds import SETTLED_AFTER, Batch, Feed
from lunas.domain.enrollments import DeliveryStatus, Enrollment, enrollment_id
from lunas.domain.errors import (
    ConcurrentUpdate,
    ConfigurationError,
    DeliveryDelayed,
    DeliveryImpossible,
    RateLimited,
)
from lunas.domain.invariants import GIVES_COURSES
from lunas.domain.payments import Status
from lunas.domain.times import to_iso

if TYPE_CHECKING:
    from lunas.platforms.base import CoursePlatform
    from lunas.services.repositories import (
        AnomalyRepository,
        Clock,
        EnrollmentRepository,
        LearnerRepository,
        PaymentRepository,
        ScheduleRepository,
    )

BATCH = 10
"""Changes that are read at once, and looked at again if the run stops among them."""
CALLS = 60
"""Times that one run asks the platform at most."""
LOOKS = 3
"""How often a place that differs is looked at anew while it moves."""
DELAYS = {Feed.PLATFORM: SETTLED_AFTER, Feed.PLATFORM_AGAIN: timedelta(days=1)}
"""How old a change is when its feed leads to it."""
MAX_WAIT = timedelta(hours=6)
"""How old a change is before a run passes it without an answer about its account, and only if the
platform answers about another account in the same run: one account cannot hold up all others for
good, and an outage passes nothing."""
COMPARED = GIVES_COURSES | {Status.REFUNDED}
"""States of a payment in which the platform may have heard of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Everything that a run needs.

    ``report`` gets each new difference before it is recorded; ``unread`` the id of a payment that
    could not be compared and is passed, and why; ``deadline_is_near`` whether the run has to end.
    """

    feeds: ScheduleRepository
    payments: PaymentRepository
    enrollments: EnrollmentRepository
    learners: LearnerRepository
    platform: Callable[[], CoursePlatform]
    anomalies: AnomalyRepository
    report: Callable[[Anomaly], None]
    unread: Callable[[str, Exception], None]
    deadline_is_near: Callable[[], bool]
    now: Clock


@dataclass(slots=True)
class Compared:
    """What a run did: times that it asked, new differences, deliveries that it asked for again.

    ``stopped``: why it did not come to the end of what changed, None if it did; ``late`` tells
    that what it stopped at waits for longer than MAX_WAIT.
    """

    asked: int = 0
    differences: int = 0
    fixed: int = 0
    stopped: str | None = None
    late: bool = False
    seen: set[str] = field(default_factory=set, repr=False)
    answered: set[int] = field(default_factory=set, repr=False, compare=False)


class _OutOfTime(Exception):
    """The run has no time or no calls left."""


class _Unreadable(Exception):
    """The table holds something of a payment that cannot be read."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


def compare(run: Comparer) -> Compared:
    """Compare what changed since the last run with the platform. Raises StorageContention.

    The next run goes on where this one came to.
    """
    done = Compared()
    try:
        for feed in DELAYS:
            _follow(run, feed, done)
    except (DeliveryDelayed, ConfigurationError, _OutOfTime) as error:
        done.stopped = str(error)
    return done


def _follow(run: Comparer, feed: Feed, done: Compared) -> None:
    checkpoint, until = run.feeds.checkpoint(feed, run.now()), run.now() - DELAYS[feed]
    over = False
    while not over:
        batch = run.feeds.batch(feed, checkpoint, until, BATCH)
        _compare_all(run, batch, to_iso(until - MAX_WAIT), done)
        if batch.checkpoint != checkpoint:
            run.feeds.record_checkpoint(feed, batch.checkpoint)
        checkpoint, over = batch.checkpoint, batch.is_last


def _compare_all(run: Comparer, batch: Batch, late: str, done: Compared) -> None:
    unanswered: list[tuple[str, DeliveryDelayed]] = []
    for ref in batch.refs:
        if ref.payment_id in done.seen:
            continue
        if run.deadline_is_near():
            raise _OutOfTime("the time of the run is over")
        done.late = ref.place < late
        if error := _compare_or_pass(run, ref.payment_id, done):
            unanswered.append((ref.payment_id, error))
        else:
            done.seen.add(ref.payment_id)
    for payment_id, error in unanswered:
        if not done.answered:
            raise error
        run.unread(payment_id, error)
        done.seen.add(payment_id)


def _compare_or_pass(run: Comparer, payment_id: str, done: Compared) -> DeliveryDelayed | None:
    """Compare a payment, or report that it cannot be; raises what stops the whole run.

    Returns the error of a late change whose account has no answer, which others may have.
    """
    try:
        _compare_payment(run, payment_id, done)
    except DeliveryImpossible as error:
        run.unread(payment_id, error)
    except _Unreadable as error:
        # The cause is what the log names, by its type alone: its text may quote the item.
        run.unread(payment_id, error.cause)
    except DeliveryDelayed as error:
        if isinstance(error, RateLimited) or error.misconfigured or not done.late:
            raise
        return error
    return None


def _compare_payment(run: Comparer, payment_id: str, done: Compared) -> None:
    found = _gaps(run, payment_id, done)
    for _ in range(LOOKS):
        if not found:
            return
        again = _gaps(run, payment_id, done)
        if again == found:
            for each in found:
                _fix(run, payment_id, each, done)
            return
        found = again


def _gaps(run: Comparer, payment_id: str, done: Compared) -> list[Gap]:
    """Look once at every place that the enrollments of a payment lead to."""
    # Two courses of a payment may lead to one place, which is compared once.
    placed = {place: own for own in _own(run, payment_id) if (place := place_of(own))}
    found: list[Gap] = []
    for account in sorted({place.account_id for place in placed}):
        # The table first: whatever is written after it makes the second look differ.
        claims = _read(run.learners.of_account, account)
        rows, now = _rows(run, account, done), run.now()
        for place, own in placed.items():
            if place.account_id == account:
                named = _named(own, claims.get(place) or Claims(place=place, version=0))
                seen = gap(own, named, _claiming(run, own, named), rows, now)
                found += [seen] if seen else []
    return found


def _own(run: Comparer, payment_id: str) -> list[Enrollment]:
    """Read the learner's enrollments in the courses of a payment that the platform may know of."""
    payment, _ = _read(run.payments.read, payment_id)
    if payment is None or payment.status not in COMPARED:
        return []
    ids = [enrollment_id(payment.user_id, each) for each in payment.course_ids]
    return _read(run.enrollments.get_many, ids)


def _read[K, T](read: Callable[[K], T], key: K) -> T:
    """Read from the table; raises _Unreadable, with its cause, for an item that is malformed."""
    try:
        return read(key)
    except (KeyError, TypeError, ValueError) as error:
        raise _Unreadable(error) from None


def _rows(run: Comparer, account_id: int, done: Compared) -> list[PlatformAccess]:
    if done.asked == CALLS:
        raise _OutOfTime("the run has asked the platform often enough")
    done.asked += 1
    done.answered.discard(account_id)
    rows = run.platform().access(account_id, run.now())
    done.answered.add(account_id)
    return rows


def _named(own: Enrollment, claims: Claims) -> Claims:
    """Count a delivered enrollment among those that claim its place, even where none is noted."""
    if own.delivery.status is DeliveryStatus.DELIVERED:
        return replace(claims, enrollment_ids=claims.enrollment_ids | {own.id})
    return claims


def _claiming(run: Comparer, own: Enrollment, claims: Claims) -> list[Enrollment]:
    ids = claims.enrollment_ids | claims.released
    known = [own] if own.id in ids else []
    others = sorted(ids - {own.id})
    return known + (_read(run.enrollments.get_many, others) if others else [])


def _fix(run: Comparer, payment_id: str, found: Gap, done: Compared) -> None:
    """Tell of a difference once, then have the delivery asked for again, which mends it.

    In this order: whoever dies between the two finds the difference again, and mends it.
    """
    anomaly = access_broken(payment_id, found, run.now())
    if run.anomalies.get(anomaly.id) is None:
        run.report(anomaly)
        run.anomalies.keep(anomaly)
        done.differences += 1
    try:
        if found.release:
            # A place that is named nowhere would not be looked at when access is taken away.
            run.learners.release(found.place, found.enrollment.id)
        run.enrollments.request_again(found.enrollment, run.now())
    except ConcurrentUpdate:
        # It was changed just now, and is on its way by that.
        return
    done.fixed += 1
