"""Settling: the only way in which a payment or an approval becomes enrollments.

Webhook, approval, recheck and reconcile all use it. Each transaction is conditional, and the
request that loses a race reads again and decides again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lunas.domain.errors import ConcurrentUpdate, CourseFull, NotFound, StorageContention
from lunas.domain.payment_steps import denied_since, sooner
from lunas.domain.payments import TRANSITIONS, Payment, Step, is_settled
from lunas.domain.schedule import DENIED
from lunas.domain.settlement import Decision, Result, Settlement, close, settle

if TYPE_CHECKING:
    from lunas.domain.anomalies import Anomaly
    from lunas.domain.enrollments import Enrollment
    from lunas.services.repositories import AnomalyRepository, PaymentRepository

MAX_ATTEMPTS = 6
"""How many times a settlement is decided again after a concurrent update."""
ENROLLING_STEPS = frozenset({Step.CONFIRM, Step.APPROVE})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The payment after an attempt to settle, and the anomaly if something did not match."""

    result: Result
    payment: Payment
    anomaly: Anomaly | None = None


@dataclass(frozen=True, slots=True)
class SettlementService:
    """Carries out decisions about payments."""

    payments: PaymentRepository
    anomalies: AnomalyRepository

    def apply(self, decision: Decision) -> Outcome:
        """Take the decided step, exactly once, or record its anomaly.

        CONFIRM and APPROVE turn a payment into enrollments. A paid one is honoured beyond a
        course's quota and leaves an anomaly; with ``keep_quota`` a full course raises CourseFull
        instead. The other steps close a payment, unless it has changed meanwhile.

        Raises WrongState when the status does not allow CONFIRM or APPROVE, and StorageContention.
        """
        if decision.step is None:
            if decision.anomaly is not None:
                self.anomalies.keep(decision.anomaly)
            return Outcome(decision.result, decision.payment, decision.anomaly)
        courses, payment = _CourseState(), decision.payment
        for _ in range(MAX_ATTEMPTS):
            if done := _superseded(payment, decision.step):
                return done
            plan = self._plan(replace(decision, payment=payment), decision.step, courses)
            try:
                self.payments.commit(plan, keep_quota=True)
            except ConcurrentUpdate as concurrent_update:
                courses.update_from(concurrent_update)
                if decision.keep_quota and courses.full:
                    raise _course_full(courses.full) from None
                payment = self._after(concurrent_update, payment)
            else:
                return Outcome(decision.result, plan.after, plan.anomaly)
        raise StorageContention("other requests kept changing this payment; try again")

    def _plan(self, decision: Decision, step: Step, courses: _CourseState) -> Settlement:
        if step not in ENROLLING_STEPS:
            return _closing(decision, step)
        overbook = step is Step.APPROVE and not decision.keep_quota
        payment = replace(decision.payment, overbook=overbook)
        plan = settle(
            payment, step, decision.context, courses.owned, courses.full, courses.still_counted
        )
        if decision.keep_quota:
            self._check_quotas(plan)
        return plan

    def _check_quotas(self, plan: Settlement) -> None:
        """Raise CourseFull for a full course that the transaction has no room to count."""
        uncounted = [each.course_id for each in plan.enrollments if not each.counted]
        if full := self.payments.full_courses(uncounted):
            raise _course_full(full)

    def _after(self, concurrent_update: ConcurrentUpdate, payment: Payment) -> Payment:
        """Return the payment to decide on next, after a concurrent update."""
        if not concurrent_update.stale:
            return payment
        again = self.payments.get(payment.id)
        if again is None:
            raise NotFound("the payment is gone")
        return again


def expiry_reason(outcome: Outcome) -> str:
    """Return why a payment expires."""
    found = "has money that does not match" if outcome.anomaly else "has no payment"
    return f"time is over, and the gateway {found}"


def _superseded(payment: Payment, step: Step) -> Outcome | None:
    """Return the outcome if other requests have changed the payment; None if the step can go on."""
    if is_settled(payment.status):
        return Outcome(Result.ALREADY_SETTLED, payment)
    if step not in ENROLLING_STEPS and payment.status not in TRANSITIONS[step].sources:
        return Outcome(Result.ENDED, payment)
    return None


def _closing(decision: Decision, step: Step) -> Settlement:
    """Plan the end of a payment.

    One that the gateway denied is checked again soon, several times if the invoice's time was not
    over.
    """
    payment, at = decision.payment, decision.context.at
    if decision.denied and step is Step.FAIL:
        payment = replace(payment, denied_at=denied_since(payment, at))
    plan = close(payment, step, decision.context)
    if decision.denied and step is Step.EXPIRE:
        again = sooner(plan.after, at + DENIED)
        plan = replace(plan, after=replace(plan.after, check_at=again))
    return plan


@dataclass(slots=True)
class _CourseState:
    """The state of a payment's courses, learned from concurrent updates."""

    owned: dict[str, Enrollment] = field(default_factory=dict)
    still_counted: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()

    def update_from(self, found: ConcurrentUpdate) -> None:
        no_longer_owned = found.still_counted | found.free
        kept = {
            course: each for course, each in self.owned.items() if course not in no_longer_owned
        }
        self.owned = {**kept, **found.owned}
        self.still_counted = (
            self.still_counted - found.owned.keys() - found.free
        ) | found.still_counted
        self.full = (self.full | found.full) - self.owned.keys() - self.still_counted


def _course_full(full: frozenset[str]) -> CourseFull:
    return CourseFull(f"no place left in: {', '.join(sorted(full))}")
