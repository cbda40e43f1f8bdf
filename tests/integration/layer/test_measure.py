"""Gauges counted from the table: by one Query for each state, with a limited cost."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.anomalies import AnomalyKind, AnomalyStatus, anomaly
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.services.gauges import PAGE, Gauges, GaugeService
from lunas.storage.anomalies import Anomalies, anomaly_item
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.expressions import Item, to_wire
from lunas.storage.table import Table
from tests.support.builders import NOW, enrollment

QUARTER = timedelta(minutes=15)
TICK = timedelta(milliseconds=1)
BATCH = 25
"""Items of one BatchWriteItem, DynamoDB's limit."""


def write(table: Table, items: Iterable[Item]) -> None:
    """Write items without their conditions."""
    requests = [{"PutRequest": {"Item": to_wire(each)}} for each in items]
    for start in range(0, len(requests), BATCH):
        batch: list[object] = [*requests[start : start + BATCH]]
        table.client.batch_write_item(RequestItems={table.name: batch})  # type: ignore[dict-item]


def waiting(number: int, age: timedelta, delivery: DeliveryStatus) -> Enrollment:
    return enrollment(f"c{number}", created_at=NOW - age, delivery=Delivery(status=delivery))


def counted(table: Table) -> Gauges:
    service = GaugeService(
        enrollments=Enrollments(table), anomalies=Anomalies(table), now=lambda: NOW
    )
    return service.measure()


@pytest.mark.parametrize(("age", "stuck"), [(QUARTER - TICK, 0), (QUARTER, 0), (QUARTER + TICK, 1)])
def test_an_enrollment_is_stuck_once_it_is_older_than_15_minutes(
    table: Table, age: timedelta, stuck: int
) -> None:
    write(table, [enrollment_item(waiting(1, age, DeliveryStatus.PENDING))])
    assert len(counted(table).paid_not_enrolled.found) == stuck


def test_each_gauge_counts_its_own_kind_and_nothing_else(table: Table) -> None:
    old = 2 * QUARTER
    pending = waiting(1, old, DeliveryStatus.PENDING)
    failed = waiting(2, old + TICK, DeliveryStatus.FAILED)
    open_at_thinkific = replace(
        waiting(3, old, DeliveryStatus.PENDING), status=EnrollmentStatus.NOT_ENROLLED
    )
    done = [waiting(4, old, DeliveryStatus.DELIVERED), waiting(5, old, DeliveryStatus.REVOKED)]
    unresolved = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", {"amount": "1"}, NOW)
    closed = replace(unresolved, id="ano2", status=AnomalyStatus.RESOLVED)
    enrollments = [pending, failed, open_at_thinkific, *done]
    write(table, [*map(enrollment_item, enrollments), *map(anomaly_item, (unresolved, closed))])

    gauges = counted(table)

    assert gauges.paid_not_enrolled.found == (failed, pending)
    assert gauges.not_revoked.found == (open_at_thinkific,)
    assert gauges.open_anomalies.found == (unresolved,)


def test_a_gauge_over_a_page_stops_at_the_page_and_costs_the_same(
    table: Table, calls: Counter[str]
) -> None:
    many, old = range(PAGE + 20), 2 * QUARTER
    pending = [waiting(each, old + each * TICK, DeliveryStatus.PENDING) for each in many]
    failed = [waiting(1000 + each, old, DeliveryStatus.FAILED) for each in range(3)]
    unresolved = [
        anomaly(AnomalyKind.UNKNOWN_ORDER, f"o{each}", {}, NOW - each * TICK) for each in many
    ]
    write(table, [*map(enrollment_item, [*pending, *failed]), *map(anomaly_item, unresolved)])
    calls.clear()

    gauges = counted(table)

    assert len(gauges.paid_not_enrolled.found) == PAGE + len(failed)
    assert gauges.paid_not_enrolled.full
    assert len(gauges.open_anomalies.found) == PAGE
    assert gauges.open_anomalies.full
    assert calls == {"Query": 3}


def test_a_gauge_below_a_page_is_exact(table: Table) -> None:
    write(table, [enrollment_item(waiting(1, 2 * QUARTER, DeliveryStatus.PENDING))])
    assert not counted(table).paid_not_enrolled.full
