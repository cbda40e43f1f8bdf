"""Auditing a payment: a healthy one is left alone, an incomplete one completed, others reported."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lunas.domain.anomalies import Anomaly, AnomalyKind
from lunas.domain.audit_feeds import Ref
from lunas.domain.enrollments import Delivery, DeliveryStatus
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.domain.payments import Payment, Status
from lunas.services.audit import ACTOR, AuditService, PaymentAudit
from tests.support.builders import LATER, enrollment
from tests.support.lifecycles import Life, handed_in, ordered
from tests.unit.services.fakes import (
    FakeAnomalies,
    FakeClock,
    FakeEnrollments,
    FakePayments,
    FakeSchedule,
    FakeStore,
)

DELIVERED = Delivery(status=DeliveryStatus.DELIVERED, platform_enrollment_id="500")
HEALTHY = ordered("c1").settled().delivered("c1")
REF = Ref("pay1")


class Bench:
    """An audit service over fakes."""

    def __init__(self, *lives: Life) -> None:
        self.store = FakeStore()
        self.payments = FakePayments(self.store)
        self.schedule = FakeSchedule(self.store)
        self.anomalies = FakeAnomalies(self.store)
        self.reported: list[Anomaly] = []
        self.repaired: list[Payment] = []
        self.clock = FakeClock(LATER)
        for life in lives:
            self.put(life)

    def service(self, deadline_is_near: Callable[[], bool] = lambda: False) -> AuditService:
        return AuditService(
            schedule=self.schedule,
            payments=self.payments,
            enrollments=FakeEnrollments(self.store),
            anomalies=self.anomalies,
            on_difference=self.reported.append,
            on_completion=self.repaired.append,
            deadline_is_near=deadline_is_near,
            now=self.clock,
        )

    def put(self, life: Life) -> None:
        """Store a payment with its enrollments and history."""
        self.store.add(life.payment, *life.enrollments)
        self.store.history[life.payment.id] = list(life.history)

    def audit(self, ref: Ref = REF) -> PaymentAudit:
        return self.service().audit(ref)

    def codes(self) -> set[str]:
        """Return the codes of the recorded anomalies."""
        return {each.evidence["code"] for each in self.store.anomalies.values()}


def incomplete() -> Life:
    """Return a payment whose courses are all delivered, but which was not completed."""
    life = ordered("c1", "c2").settled()
    done = tuple(replace(each, delivery=DELIVERED) for each in life.enrollments)
    return replace(life, payment=replace(life.payment, undelivered=frozenset()), enrollments=done)


BROKEN = replace(HEALTHY, enrollments=())
TWICE_BROKEN = replace(BROKEN, payment=replace(HEALTHY.payment, amount=0))


def test_a_healthy_payment_is_read_once_and_left_alone() -> None:
    bench = Bench(HEALTHY)
    seen = bench.audit()
    assert seen == PaymentAudit(frozenset({enrollment("c1").id}))
    assert (bench.payments.reads, bench.store.anomalies) == (1, {})


def test_a_difference_is_recorded_with_its_code_and_ids() -> None:
    bench = Bench(BROKEN)
    assert bench.audit().differences == 1
    (found,) = bench.store.anomalies.values()
    assert found.kind is AnomalyKind.INVARIANT_BROKEN
    assert (found.order_id, found.payment_id, found.at) == ("pay1", "pay1", LATER)
    assert dict(found.evidence) == {
        "code": "ENROLLMENT_MISSING",
        "found": "no enrollment in course c1",
    }
    assert bench.reported == [found]


def test_a_difference_is_reported_once() -> None:
    bench = Bench(BROKEN)
    bench.audit()
    assert bench.audit().differences == 0
    assert len(bench.reported) == len(bench.store.anomalies) == 1


def test_each_code_is_an_anomaly_of_its_own() -> None:
    bench = Bench(TWICE_BROKEN)
    assert bench.audit().differences == 3
    assert bench.codes() == {"ENROLLMENT_MISSING", "AMOUNT_WRONG", "HISTORY_EVIDENCE"}


def test_two_differences_of_one_code_are_one_anomaly() -> None:
    bench = Bench(replace(ordered("c1", "c2").settled(), enrollments=()))
    assert bench.audit().differences == 1
    (found,) = bench.reported
    assert found.evidence["found"] == "no enrollment in course c1; no enrollment in course c2"


class BusyAnomalies(FakeAnomalies):
    """Anomalies that cannot be recorded just now."""

    def keep(self, anomaly: Anomaly) -> bool:
        raise StorageContention(anomaly.id)


def test_a_difference_is_reported_before_it_is_recorded() -> None:
    bench = Bench(BROKEN)
    bench.anomalies = BusyAnomalies(bench.store)
    with pytest.raises(StorageContention):
        bench.audit()
    assert len(bench.reported) == 1


def test_a_payment_that_looks_broken_during_a_write_is_read_again() -> None:
    bench = Bench(BROKEN)
    bench.payments.before_read = [lambda: None, lambda: bench.put(HEALTHY)]
    assert bench.audit().differences == 0
    assert (bench.payments.reads, bench.reported) == (2, [])


def test_a_payment_with_new_differences_is_read_once_more() -> None:
    bench = Bench(BROKEN)
    bench.payments.before_read = [lambda: None, lambda: bench.put(TWICE_BROKEN)]
    assert bench.audit().differences == 3
    assert bench.payments.reads == 3


def test_a_payment_that_keeps_changing_is_not_reported() -> None:
    bench = Bench(BROKEN)

    def moves(at: int) -> Callable[[], None]:
        moved = replace(BROKEN.payment, package_name=str(at))
        return lambda: bench.put(replace(BROKEN, payment=moved))

    bench.payments.before_read = [moves(each) for each in range(20)]
    assert bench.audit() == PaymentAudit()
    assert bench.reported == []


def test_a_missing_payment_is_reported_by_its_remaining_items() -> None:
    bench = Bench(HEALTHY)
    del bench.store.payments["pay1"]
    bench.audit(Ref("pay1", enrollment("c1").id))
    assert bench.codes() == {"PAYMENT_MISSING"}
    assert "event 4, enrollment enr" in bench.reported[0].evidence["found"]


def test_an_enrollment_of_a_course_that_its_payment_did_not_buy_is_found() -> None:
    bench = Bench(HEALTHY)
    stray = enrollment("c9", delivery=DELIVERED)
    bench.store.add(stray)
    assert bench.audit().differences == 0
    assert bench.audit(Ref("pay1", stray.id)).differences == 1
    assert bench.codes() == {"ENROLLMENT_STRAY"}


@pytest.mark.parametrize("error", [KeyError("status"), ValueError("PAYED"), TypeError("None")])
def test_an_unreadable_payment_is_reported_without_its_content(error: Exception) -> None:
    bench = Bench(HEALTHY)
    bench.payments.before_read = [error, error]
    assert bench.audit().differences == 1
    (found,) = bench.reported
    assert dict(found.evidence) == {"code": "UNREADABLE", "found": type(error).__name__}


# ── Completing ───────────────────────────────────────────────────────────────────────────────────


def test_a_payment_that_only_lacks_its_completion_gets_it() -> None:
    bench = Bench(incomplete())
    assert bench.audit().completed
    done = bench.store.payments["pay1"]
    assert (done.status, done.completed_at, done.version) == (Status.COMPLETED, LATER, 4)
    last = bench.store.history["pay1"][-1]
    assert (last.actor, last.source, last.target) == (ACTOR, Status.APPROVED, Status.COMPLETED)
    assert last.reason
    assert (bench.repaired, bench.reported) == ([done], [])


def test_a_completion_drops_delivered_courses_that_still_count_as_undelivered() -> None:
    life = incomplete()
    bench = Bench(replace(life, payment=replace(life.payment, undelivered=frozenset({"c2"}))))
    assert bench.audit().completed
    assert bench.store.payments["pay1"].undelivered == frozenset()


def test_a_completed_payment_is_healthy() -> None:
    bench = Bench(incomplete())
    bench.audit()
    assert bench.audit() == PaymentAudit(frozenset(enrollment(each).id for each in ("c1", "c2")))


def test_a_manual_payment_is_completed_too() -> None:
    life = handed_in().approved()
    life = replace(life, enrollments=(replace(life.enrollments[0], delivery=DELIVERED),))
    assert Bench(life).audit().completed


@pytest.mark.parametrize("first", [ConcurrentUpdate(stale=True), StorageContention("busy")])
def test_a_completion_that_conflicts_is_left_to_the_next_run(first: Exception) -> None:
    bench = Bench(incomplete())
    bench.payments.before_complete = [first]
    assert not bench.audit().completed
    assert (bench.repaired, bench.reported) == ([], [])
    assert bench.audit().completed


def test_a_payment_that_lacks_more_is_reported_and_not_completed() -> None:
    life = incomplete()
    bench = Bench(replace(life, payment=replace(life.payment, approved_by="a9")))
    assert not bench.audit().completed
    assert bench.codes() == {"COMPLETION_MISSING", "APPROVAL_DIFFERS"}
    assert bench.store.payments["pay1"].status is Status.APPROVED
