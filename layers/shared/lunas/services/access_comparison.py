"""Compares the access at the platform with the deliveries in the table.

The audit checks that the table is consistent; this checks that the platform matches the table. It
reads the changes of payments twice, soon after and a day after, so that a delivery that was pending
at the first comparison, or repaired by it, is compared again. It stops when the platform's rate
limit is used up or the platform does not respond, and the next run continues there: deliveries
take precedence.
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
"""Changes that are read at once, and compared again if the run stops among them."""
CALLS = 60
"""Calls to the platform that one run makes at most."""
LOOKS = 3
"""How many times a place that differs is read again while it changes."""
DELAYS = {Feed.PLATFORM: SETTLED_AFTER, Feed.PLATFORM_AGAIN: timedelta(days=1)}
"""The age of a change at which its feed yields it."""
MAX_WAIT = timedelta(hours=6)
"""The age of a change at which a run skips it without a response about its account, if the platform
responds about another account in the same run: one account cannot block all others for good, and
nothing is skipped in an outage."""
COMPARED = GIVES_COURSES | {Status.REFUNDED}
"""Statuses of a payment that may have been delivered."""


@dataclass(slots=True)
class Compared:
    """What a run did: calls to the platform, new differences, deliveries requested again.

    ``stopped``: why it did not reach the end of the changes, None if it did; ``late``: whether the
    change at which it stopped is older than MAX_WAIT.
    """

    asked: int = 0
    differences: int = 0
    fixed: int = 0
    stopped: str | None = None
    late: bool = False
    seen: set[str] = field(default_factory=set, repr=False)
    answered: set[str] = field(default_factory=set, repr=False, compare=False)


class _OutOfTime(Exception):
    """The run has no time or calls left."""


class _Unreadable(Exception):
    """An item of a payment is malformed; its argument is the error of reading it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessComparisonService:
    """Compares the access of learners at the platform with the table.

    ``on_difference`` is called with each new difference before it is recorded, ``on_skip`` with the
    id of a payment that is skipped because it cannot be compared, and the error.
    """

    schedule: ScheduleRepository
    payments: PaymentRepository
    enrollments: EnrollmentRepository
    learners: LearnerRepository
    platform: Callable[[], CoursePlatform]
    anomalies: AnomalyRepository
    on_difference: Callable[[Anomaly], None]
    on_skip: Callable[[str, Exception], None]
    deadline_is_near: Callable[[], bool]
    now: Clock

    def run(self) -> Compared:
        """Compare what changed since the last run; raises StorageContention."""
        done = Compared()
        try:
            for feed in DELAYS:
                self._follow(feed, done)
        except (DeliveryDelayed, ConfigurationError, _OutOfTime) as error:
            done.stopped = str(error)
        return done

    def _follow(self, feed: Feed, done: Compared) -> None:
        checkpoint, until = self.schedule.checkpoint(feed, self.now()), self.now() - DELAYS[feed]
        over = False
        while not over:
            batch = self.schedule.batch(feed, checkpoint, until, BATCH)
            self._compare_all(batch, to_iso(until - MAX_WAIT), done)
            if batch.checkpoint != checkpoint:
                self.schedule.record_checkpoint(feed, batch.checkpoint)
            checkpoint, over = batch.checkpoint, batch.is_last

    def _compare_all(self, batch: Batch, late: str, done: Compared) -> None:
        unanswered: list[tuple[str, DeliveryDelayed]] = []
        for ref in batch.refs:
            if ref.payment_id in done.seen:
                continue
            if self.deadline_is_near():
                raise _OutOfTime("the time of the run is over")
            done.late = ref.place < late
            if error := self._compare_or_pass(ref.payment_id, done):
                unanswered.append((ref.payment_id, error))
            else:
                done.seen.add(ref.payment_id)
        for payment_id, error in unanswered:
            if not done.answered:
                raise error
            self.on_skip(payment_id, error)
            done.seen.add(payment_id)

    def _compare_or_pass(self, payment_id: str, done: Compared) -> DeliveryDelayed | None:
        """Compare a payment, or report that it cannot be compared; raises errors that end the run.

        Returns the error of a late change if the platform does not respond about its account.
        """
        try:
            self._compare_payment(payment_id, done)
        except DeliveryImpossible as error:
            self.on_skip(payment_id, error)
        except _Unreadable as error:
            # The log names the type of the cause only: its text may quote the item.
            self.on_skip(payment_id, error.args[0])
        except DeliveryDelayed as error:
            if isinstance(error, RateLimited) or error.misconfigured or not done.late:
                raise
            return error
        return None

    def _compare_payment(self, payment_id: str, done: Compared) -> None:
        found = self._gaps(payment_id, done)
        for _ in range(LOOKS):
            if not found:
                return
            again = self._gaps(payment_id, done)
            if again == found:
                for each in found:
                    self._fix(payment_id, each, done)
                return
            found = again

    def _gaps(self, payment_id: str, done: Compared) -> list[Gap]:
        """Compare every place that the enrollments of a payment lead to, once."""
        # Two courses of a payment may lead to one place, which is compared once.
        placed = {place: own for own in self._own(payment_id) if (place := place_of(own))}
        found: list[Gap] = []
        for account in sorted({place.account_id for place in placed}):
            # The table is read first: a write after it makes the second comparison differ.
            claims = _read(self.learners.of_account, account)
            accesses, now = self._accesses(account, done), self.now()
            for place, own in placed.items():
                if place.account_id == account:
                    named = _named(own, claims.get(place) or Claims(place=place, version=0))
                    seen = gap(own, named, self._claiming(own, named), accesses, now)
                    found += [seen] if seen else []
        return found

    def _own(self, payment_id: str) -> list[Enrollment]:
        """Read the learner's enrollments in the courses of a payment if any may be delivered."""
        payment, _ = _read(self.payments.read, payment_id)
        if payment is None or payment.status not in COMPARED:
            return []
        ids = [enrollment_id(payment.user_id, each) for each in payment.course_ids]
        return _read(self.enrollments.get_many, ids)

    def _accesses(self, account_id: str, done: Compared) -> list[PlatformAccess]:
        if done.asked == CALLS:
            raise _OutOfTime("the calls of the run are used up")
        done.asked += 1
        done.answered.discard(account_id)
        accesses = self.platform().access(account_id, self.now())
        done.answered.add(account_id)
        return accesses

    def _claiming(self, own: Enrollment, claims: Claims) -> list[Enrollment]:
        ids = claims.enrollment_ids | claims.released
        known = [own] if own.id in ids else []
        others = sorted(ids - {own.id})
        return known + (_read(self.enrollments.get_many, others) if others else [])

    def _fix(self, payment_id: str, found: Gap, done: Compared) -> None:
        """Report a difference once, then request the delivery again, which fixes it.

        The order matters: after a crash between the two, the next run finds the difference again.
        """
        anomaly = access_broken(payment_id, found, self.now())
        if self.anomalies.get(anomaly.id) is None:
            self.on_difference(anomaly)
            self.anomalies.keep(anomaly)
            done.differences += 1
        try:
            if found.release:
                # A revocation considers only places that claims name.
                self.learners.release(found.place, found.enrollment.id)
            self.enrollments.request_again(found.enrollment, self.now())
        except ConcurrentUpdate:
            # The enrollment just changed, which has requested a delivery.
            return
        done.fixed += 1


def _read[K, T](read: Callable[[K], T], key: K) -> T:
    """Read from the table; raises _Unreadable, with its cause, for an item that is malformed."""
    try:
        return read(key)
    except (KeyError, TypeError, ValueError) as error:
        raise _Unreadable(error) from None


def _named(own: Enrollment, claims: Claims) -> Claims:
    """Add a delivered enrollment to the claims of its place, even if it is not recorded there."""
    if own.delivery.status is DeliveryStatus.DELIVERED:
        return replace(claims, enrollment_ids=claims.enrollment_ids | {own.id})
    return claims
