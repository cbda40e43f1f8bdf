"""What the audit reads and writes: feeds, checkpoints, and completions under their conditions."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lunas.domain.audit_feeds import FIRST_LOOK, Batch, Feed, Ref
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payment_steps import opened, take
from lunas.domain.payments import AuditContext, HistoryEvent, Payment, Status, Step
from lunas.domain.times import to_iso
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.expressions import Change
from lunas.storage.history_items import history_items
from lunas.storage.keys import payment as payment_key
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.schedule import Schedule
from lunas.storage.table import Table
from tests.support.builders import GATEWAY_CONTEXT, LATER, NOW, enrollment, payment
from tests.support.lifecycles import Life, ordered

NEW = "attribute_not_exists(#pk)"
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
LAST_MOMENT = MIDNIGHT - timedelta(milliseconds=1)
DAYS = timedelta(days=3)


@pytest.fixture
def schedule(table: Table) -> Schedule:
    return Schedule(table)


def approved() -> Life:
    """Return an approved payment; its invoice is not part of the first write."""
    life = ordered().settled()
    return replace(life, payment=replace(life.payment, gateway=None))


def put(table: Table, life: Life) -> None:
    """Write a payment with all that belongs to it."""
    items = [payment_item(life.payment), *history_items(life.history[1:])]
    for item in [*items, *map(enrollment_item, life.enrollments)]:
        assert table.put(item, NEW)


def happened(table: Table, *moments: datetime) -> list[str]:
    """Write one event a moment, each of a payment of its own; return the payments' ids."""
    ids = [f"pay{number}" for number in range(len(moments))]
    for name, at in zip(ids, moments, strict=True):
        event = opened(payment(id=name, created_at=at, updated_at=at), AuditContext("user:u1", at))
        assert table.put(history_items([event])[0], NEW)
    return ids


def batches(schedule: Schedule, feed: Feed, until: datetime, limit: int = 50) -> Iterator[Batch]:
    """Follow a feed from its checkpoint to its end, noting each batch."""
    checkpoint = schedule.checkpoint(feed, until)
    while True:
        batch = schedule.batch(feed, checkpoint, until, limit)
        schedule.record_checkpoint(feed, batch.checkpoint)
        yield batch
        if batch.is_last:
            return
        checkpoint = batch.checkpoint


def led_to(found: Iterator[Batch]) -> list[str]:
    """Return the payments of batches, each once, in order."""
    ids = [ref.payment_id for batch in found for ref in batch.refs]
    return list(dict.fromkeys(ids))


# ── Feeds ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [2, 3, 50])
def test_every_event_is_found_across_midnights_and_empty_days(
    table: Table, schedule: Schedule, limit: int
) -> None:
    moments = [NOW, NOW, LAST_MOMENT, MIDNIGHT, MIDNIGHT, MIDNIGHT + DAYS]
    ids = happened(table, *moments)
    until = MIDNIGHT + DAYS + timedelta(seconds=1)
    assert led_to(batches(schedule, Feed.HISTORY, until, limit)) == ids


def test_an_event_is_found_when_it_is_old_enough_and_not_before(
    table: Table, schedule: Schedule
) -> None:
    (name,) = happened(table, NOW)
    assert led_to(batches(schedule, Feed.HISTORY, NOW)) == []
    assert led_to(batches(schedule, Feed.HISTORY, NOW + timedelta(milliseconds=1))) == [name]


@pytest.mark.parametrize("ahead", [timedelta(milliseconds=1), DAYS])
def test_events_before_the_checkpoint_are_not_read_again(
    table: Table, schedule: Schedule, ahead: timedelta
) -> None:
    happened(table, NOW, MIDNIGHT)
    until = MIDNIGHT + timedelta(hours=1)
    assert led_to(batches(schedule, Feed.HISTORY, until))
    assert led_to(batches(schedule, Feed.HISTORY, until + ahead)) == []


def test_each_step_of_a_payment_is_one_change_in_the_feed(table: Table, schedule: Schedule) -> None:
    life = approved()
    put(table, life)
    (batch,) = list(batches(schedule, Feed.HISTORY, LATER))[-1:]
    assert batch.refs == (Ref("pay1"),)


def test_the_first_audit_starts_in_the_recent_past(schedule: Schedule) -> None:
    assert schedule.checkpoint(Feed.HISTORY, NOW) == to_iso(NOW - FIRST_LOOK)


def test_a_slow_clock_finds_nothing_and_moves_no_checkpoint_back(
    table: Table, schedule: Schedule
) -> None:
    happened(table, NOW)
    list(batches(schedule, Feed.HISTORY, LATER))
    behind = schedule.batch(Feed.HISTORY, to_iso(LATER), NOW, 50)
    assert behind == Batch((), to_iso(LATER), is_last=True)
    schedule.record_checkpoint(Feed.HISTORY, to_iso(NOW))
    assert schedule.checkpoint(Feed.HISTORY, NOW) == to_iso(LATER)


def test_every_enrollment_leads_to_the_payment_that_it_names(
    table: Table, schedule: Schedule
) -> None:
    for course, at in (("c1", NOW), ("c2", MIDNIGHT + DAYS)):
        made = enrollment(course, payment_id=f"pay-{course}", created_at=at)
        assert table.put(enrollment_item(made), NEW)
    found = [*batches(schedule, Feed.ENROLLMENT, MIDNIGHT + DAYS * 2, 3)]
    assert [ref for each in found for ref in each.refs] == [
        Ref("pay-c1", enrollment("c1").id),
        Ref("pay-c2", enrollment("c2").id),
    ]


def test_approved_payments_are_read_oldest_first_and_then_again(
    table: Table, schedule: Schedule
) -> None:
    for number in range(3):
        made = payment(
            Status.APPROVED, id=f"pay{number}", created_at=NOW + timedelta(minutes=number)
        )
        assert table.put(payment_item(made), NEW)
    assert table.put(payment_item(payment(Status.COMPLETED, id="done")), NEW)
    for _ in range(2):
        found = [*batches(schedule, Feed.APPROVED, NOW, 2)]
        assert led_to(iter(found)) == ["pay0", "pay1", "pay2"]
        assert found[-1].is_last


# ── Payments ─────────────────────────────────────────────────────────────────────────────────────


def test_a_payment_is_read_with_its_history_and_nothing_else(table: Table) -> None:
    life = approved()
    put(table, life)
    for sk in ("CALLBACK#1", "INVOICE", "ZZZ"):
        assert table.put({"pk": "PAYMENT#pay1", "sk": sk, "type": "other"}, NEW)
    assert Payments(table).read("pay1") == (life.payment, [*life.history])


def test_the_history_of_a_missing_payment_is_read(table: Table) -> None:
    (event,) = ordered().history
    assert table.put(history_items([event])[0], NEW)
    assert Payments(table).read("pay1") == (None, [event])
    assert Payments(table).read("pay9") == (None, [])


def completion(life: Life) -> tuple[Payment, tuple[HistoryEvent, ...]]:
    return take(replace(life.payment, undelivered=frozenset()), Step.COMPLETE, GATEWAY_CONTEXT)


@pytest.mark.parametrize("undelivered", [frozenset[str](), frozenset({"c1"})])
def test_a_completion_is_written_with_its_event(table: Table, undelivered: frozenset[str]) -> None:
    life = approved()
    life = replace(life, payment=replace(life.payment, undelivered=undelivered))
    put(table, life)
    after, events = completion(life)
    Payments(table).complete(life.payment, after, events)
    assert Payments(table).read("pay1") == (after, [*life.history, *events])


CHANGED = {
    "status": {"status": "REFUNDED"},
    "version": {"version": 9},
    "undelivered": {"undelivered": {"c2"}},
    "nothing awaited": {"undelivered": None},
}


@pytest.mark.parametrize(
    "changed", [CHANGED["status"], CHANGED["version"]], ids=["status", "version"]
)
def test_a_delivered_payment_that_changed_is_not_completed(
    table: Table, changed: dict[str, object]
) -> None:
    life = approved()
    life = replace(life, payment=replace(life.payment, undelivered=frozenset()))
    put(table, life)
    assert table.update(payment_key("pay1"), Change(changed))
    with pytest.raises(ConcurrentUpdate):
        Payments(table).complete(life.payment, *completion(life))


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED.keys())
def test_a_payment_that_changed_is_not_completed(table: Table, changed: dict[str, object]) -> None:
    life = approved()
    put(table, life)
    assert table.update(payment_key("pay1"), Change(changed))
    stored = Payments(table).read("pay1")
    with pytest.raises(ConcurrentUpdate):
        Payments(table).complete(life.payment, *completion(life))
    assert Payments(table).read("pay1") == stored


def test_a_payment_with_a_new_undelivered_course_is_not_completed(table: Table) -> None:
    life = approved()
    life = replace(life, payment=replace(life.payment, undelivered=frozenset()))
    put(table, life)
    assert table.update(payment_key("pay1"), Change({"undelivered": {"c1"}}))
    with pytest.raises(ConcurrentUpdate):
        Payments(table).complete(life.payment, *completion(life))


def test_an_existing_event_stops_the_completion(table: Table) -> None:
    life = approved()
    put(table, life)
    after, events = completion(life)
    assert table.put(history_items([events[0]])[0], NEW)
    with pytest.raises(ConcurrentUpdate):
        Payments(table).complete(life.payment, after, events)
    assert Payments(table).get("pay1") == life.payment
