"""Payments made by the domain's own steps, so that they are consistent."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from lunas.domain.delivery import PaymentChange, Placement, asked_again, delivered, revoked
from lunas.domain.enrollments import Enrollment
from lunas.domain.payment_steps import check_after, opened
from lunas.domain.payments import AuditContext, HistoryEvent, Method, Payment, Step
from lunas.domain.refunds import refund
from lunas.domain.settlement import Settlement, close, settle
from tests.support.builders import NOW, bought, manual, owning, paid, payment

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Life:
    """A payment with its history and the enrollments in its courses, a minute to each step."""

    payment: Payment
    history: tuple[HistoryEvent, ...]
    enrollments: tuple[Enrollment, ...] = ()

    @property
    def now(self) -> datetime:
        """The time of the next step."""
        return self.payment.updated_at + MINUTE

    def audit_context(self, actor: str, reason: str | None = None) -> AuditContext:
        """Build the context of an actor's step, with Duitku's status for this payment."""
        return AuditContext(actor, self.now, paid(order_id=self.payment.id).evidence, reason)

    def settled(self, *owned: str, by: str = "duitku:callback") -> Self:
        """Settle the payment: enroll in all courses except those owned."""
        step = Step.CONFIRM if self.payment.method is Method.GATEWAY else Step.APPROVE
        return self._after(settle(self.payment, step, self.audit_context(by), owning(*owned)))

    def lengthening(self, *owned: Enrollment) -> Self:
        """Settle the payment: extend the access to courses that the learner owns."""
        plan = settle(
            self.payment,
            Step.CONFIRM,
            self.audit_context("duitku:callback"),
            {each.course_id: each for each in owned},
        )
        life = self._after(plan)
        return life.with_others(*(each.after for each in plan.overlaps))

    def approved(self, *owned: str) -> Self:
        """Approve a manual payment."""
        return self.settled(*owned, by="admin:a1")

    def ended(self, step: Step, actor: str = "lunas:reconcile") -> Self:
        """Close the payment without enrollments."""
        return self._after(close(self.payment, step, self.audit_context(actor, "no money")))

    def delivered(self, *course_ids: str) -> Self:
        """Deliver some of the courses."""
        life = self
        for each in self.enrollments:
            if each.course_id in course_ids:
                life = life._delivered(each)
        return life

    def refunded(self) -> Self:
        """Record that the money went back, and revoke what this payment alone paid for."""
        plan = refund(
            self.payment, self.audit_context("admin:a1", "asked for it"), self.enrollments
        )
        taken = {each.after.id: each.after for each in plan.takings}
        return replace(
            self,
            payment=plan.after,
            history=(*self.history, *plan.history),
            enrollments=tuple(taken.get(each.id, each) for each in self.enrollments),
        )

    def revoked(self) -> Self:
        """Record that Thinkific has revoked everything."""
        gone = tuple(
            revoked(each, self.audit_context("lunas:deliver")) for each in self.enrollments
        )
        return replace(self, enrollments=gone)

    def asked_again(self) -> Self:
        """Ask for every delivery once more."""
        again = tuple(asked_again(each, self.now) for each in self.enrollments)
        return replace(self, enrollments=again)

    def with_others(self, *others: Enrollment) -> Self:
        """Add enrollments that other payments brought."""
        return replace(self, enrollments=(*self.enrollments, *others))

    def _after(self, plan: Settlement) -> Self:
        events, made = (*self.history, *plan.history), (*self.enrollments, *plan.enrollments)
        return replace(self, payment=plan.after, history=events, enrollments=made)

    def _delivered(self, each: Enrollment) -> Self:
        placed = Placement("7", "500", "2000001")
        record = delivered(each, [self.payment], placed, AuditContext("lunas:deliver", self.now))
        others = tuple(other for other in self.enrollments if other is not each)
        moved = record.payments[0] if record.payments else PaymentChange(self.payment, self.payment)
        return replace(
            self,
            payment=moved.after,
            history=(*self.history, *moved.history),
            enrollments=(*others, record.enrollment),
        )


def ordered(*course_ids: str, **changes: Any) -> Life:
    """Open a payment at Duitku, for courses that it names."""
    courses, due = bought(*course_ids or ("c1",)), check_after(payment(), NOW)
    made = payment(courses=courses, check_at=due, **changes)
    return Life(made, (opened(made, AuditContext("user:u1", NOW)),))


def handed_in(*course_ids: str) -> Life:
    """Hand a manual payment in."""
    made = manual(courses=bought(*course_ids or ("c1",)))
    return Life(made, (opened(made, AuditContext("user:u1", NOW)),))
