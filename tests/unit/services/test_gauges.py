"""Gauges count what is stuck for 15 minutes, up to a page."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lunas.domain.anomalies import Anomaly, AnomalyKind, AnomalyStatus, anomaly
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.lists import EnrollmentFilter, Page, Position
from lunas.services.gauges import PAGE, Gauges, GaugeService
from tests.support.builders import NOW, enrollment
from tests.unit.services.fakes import FakeAnomalies, FakeEnrollments, FakeStore

QUARTER = timedelta(minutes=15)
TICK = timedelta(milliseconds=1)


class FakeEnrollmentList(FakeEnrollments):
    """Lists by delivery and time, newest first, as the index does."""

    def __init__(self, *every: Enrollment) -> None:
        super().__init__(FakeStore())
        self.every = sorted(every, key=lambda each: each.created_at, reverse=True)

    def page(
        self, wanted: EnrollmentFilter, limit: int, after: Position | None
    ) -> Page[Enrollment]:
        assert after is None
        end = wanted.span.end or datetime.max.replace(tzinfo=NOW.tzinfo)
        found = [
            each
            for each in self.every
            if each.delivery.status is wanted.delivery and each.created_at < end
        ]
        return _page(found, limit)


class FakeAnomalyList(FakeAnomalies):
    """Lists by status, newest first."""

    def __init__(self, *every: Anomaly) -> None:
        super().__init__(FakeStore())
        self.every = sorted(every, key=lambda each: each.at, reverse=True)

    def page(
        self, status: AnomalyStatus | None, limit: int, after: Position | None
    ) -> Page[Anomaly]:
        assert after is None
        return _page([each for each in self.every if each.status is status], limit)


def _page[T](found: list[T], limit: int) -> Page[T]:
    return Page(tuple(found[:limit]), {"pk": "last"} if len(found) >= limit else None)


def waiting(
    age: timedelta,
    delivery: DeliveryStatus = DeliveryStatus.PENDING,
    status: EnrollmentStatus = EnrollmentStatus.ENROLLED,
    number: int = 1,
) -> Enrollment:
    return enrollment(
        f"c{number}", created_at=NOW - age, delivery=Delivery(status=delivery), status=status
    )


def odd(number: int, status: AnomalyStatus = AnomalyStatus.OPEN) -> Anomaly:
    at = NOW - number * TICK
    made = anomaly(AnomalyKind.UNKNOWN_ORDER, f"o{number}", {"amount": "1"}, at)
    return replace(made, status=status)


def counted(gauges: Gauges) -> tuple[int, int, int]:
    found = (gauges.paid_not_enrolled, gauges.not_revoked, gauges.open_anomalies)
    return len(found[0].found), len(found[1].found), len(found[2].found)


def gauges_of(*every: Enrollment | Anomaly) -> Gauges:
    enrollments = [each for each in every if isinstance(each, Enrollment)]
    anomalies = [each for each in every if isinstance(each, Anomaly)]
    service = GaugeService(
        enrollments=FakeEnrollmentList(*enrollments),
        anomalies=FakeAnomalyList(*anomalies),
        now=lambda: NOW,
    )
    return service.measure()


def test_without_anything_stuck_every_gauge_is_zero() -> None:
    gauges = gauges_of()
    assert counted(gauges) == (0, 0, 0)
    assert not gauges.paid_not_enrolled.full
    assert not gauges.open_anomalies.full


@pytest.mark.parametrize(("age", "stuck"), [(QUARTER - TICK, 0), (QUARTER, 0), (QUARTER + TICK, 1)])
@pytest.mark.parametrize("delivery", [DeliveryStatus.PENDING, DeliveryStatus.FAILED])
def test_an_enrollment_is_stuck_once_it_is_older_than_15_minutes(
    age: timedelta, stuck: int, delivery: DeliveryStatus
) -> None:
    assert counted(gauges_of(waiting(age, delivery))) == (stuck, 0, 0)


@pytest.mark.parametrize(
    ("delivery", "status", "expected"),
    [
        (DeliveryStatus.PENDING, EnrollmentStatus.ENROLLED, (1, 0, 0)),
        (DeliveryStatus.FAILED, EnrollmentStatus.ENROLLED, (1, 0, 0)),
        (DeliveryStatus.DELIVERED, EnrollmentStatus.ENROLLED, (0, 0, 0)),
        (DeliveryStatus.PENDING, EnrollmentStatus.NOT_ENROLLED, (0, 1, 0)),
        (DeliveryStatus.FAILED, EnrollmentStatus.NOT_ENROLLED, (0, 1, 0)),
        (DeliveryStatus.REVOKED, EnrollmentStatus.NOT_ENROLLED, (0, 0, 0)),
    ],
)
def test_paid_and_refunded_enrollments_are_counted_separately(
    delivery: DeliveryStatus, status: EnrollmentStatus, expected: tuple[int, int, int]
) -> None:
    assert counted(gauges_of(waiting(QUARTER * 2, delivery, status))) == expected


def test_only_open_anomalies_are_counted_whatever_their_age() -> None:
    gauges = gauges_of(odd(0), odd(1), odd(2, AnomalyStatus.RESOLVED))
    assert counted(gauges) == (0, 0, 2)


def test_the_oldest_come_first() -> None:
    hours = timedelta(hours=1)
    gauges = gauges_of(
        waiting(2 * hours, number=1),
        waiting(3 * hours, DeliveryStatus.FAILED, number=2),
        waiting(1 * hours, number=3),
        odd(1),
        odd(2),
    )
    ages = [NOW - hours * each for each in (3, 2, 1)]
    found = gauges.paid_not_enrolled.found
    assert [each.created_at for each in found if isinstance(each, Enrollment)] == ages
    assert gauges.open_anomalies.found == (odd(2), odd(1))


def test_a_gauge_stops_at_a_full_page_and_is_marked_as_full() -> None:
    many = [waiting(QUARTER * 2 + each * TICK, number=each) for each in range(PAGE + 1)]
    odd_ones = [odd(each) for each in range(PAGE + 1)]
    gauges = gauges_of(*many, *odd_ones)
    assert counted(gauges) == (PAGE, 0, PAGE)
    assert gauges.paid_not_enrolled.full
    assert gauges.open_anomalies.full
