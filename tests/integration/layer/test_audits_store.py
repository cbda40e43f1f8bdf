"""What the audit reads and writes: feeds, checkpoints, and completions under their conditions."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lunas.storage.audits import Audits

from lunas.domain.audit_feeds import FIRST_LOOK, Batch, Feed, Ref
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import AuditContext, HistoryEvent, Payment, Status, Step, opened, take
from lunas.domain.times import to_iso
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.expressions import Change
from lunas.storage.keys import payment as payment_key
from lunas.storage.payment_items import history_item, payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.support.builders import GATEWAY_ACT, LATER, NOW, enrollment, payment
from tests.support.lifecycles import Life, ordered

NEW = "attribute_not_exists(#pk)"
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
LAST_MOMENT = MIDNIGHT - timedelta(milliseconds=1)
DAYS = timedelta(days=3)


@pytest.fixture
def audits(table: Table) -> Audits:
    return Audits(table)


def approved() -> Life:
    """Return a payment whose money has come; its invoice is no part of what is written first."""
    life = ordered().settled()
    return replace(life, payment=replace(life.payment, gateway=None))


def put(table: Table, life: Life) -> None:
    """Write a payment with all that belongs to it."""
    items = [payment_item(life.payment), *map(history_item, life.history)]
    for item in [*items, *map(enrollment_item, life.enrollments)]:
        assert table.put(item, NEW)


def happened(table: Table, *moments: datetime) -> list[str]:
    """Write one event a moment, each of a payment of its own; return the payments' ids."""
    ids = [f"pay{number}" for number in range(len(moments))]
    for name, at in zip(ids, moments, strict=True):
        event = opened(payment(id=name, created_at=at, updated_at=at), AuditContext("user:u1", at))
        assert table.put(history_item(event), NEW)
    return ids


def batches(audits: Audits, feed: Feed, until: datetime, limit: int = 50) -> Iterator[Batch]:
    """Follow a feed from its checkpoint to its end, noting each batch."""
    checkpoint = audits.checkpoint(feed, until)
    while True:
        batch = audits.batch(feed, checkpoint, until, limit)
        audits.record_checkpoint(feed, batch.checkpoint)
        yield batch
        if batch.is_last:
            return
        checkpoint = batch.checkpoint


def led_to(found: Iterator[Batch]) -> list[str]:
    """Return the payments that batches lead to, each once, in their order."""
    ids = [ref.payment_id for batch in found for ref in batch.refs]
    return list(dict.fromkeys(ids))


# ── Feeds ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [2, 3, 50])
def test_every_event_is_found_over_the_turns_of_days_and_over_empty_ones(
    table: Table, audits: Audits, limit: int
) -> None:
    moments = [NOW, NOW, LAST_MOMENT, MIDNIGHT, MIDNIGHT, MIDNIGHT + DAYS]
    ids = happened(table, *moments)
    until = MIDNIGHT + DAYS + timedelta(seconds=1)
    assert led_to(batches(audits, Feed.HISTORY, until, limit)) == ids


def test_an_event_is_found_when_it_is_old_enough_and_not_before(
    table: Table, audits: Audits
) -> None:
    (name,) = happened(table, NOW)
    assert led_to(batches(audits, Feed.HISTORY, NOW)) == []
    assert led_to(batches(audits, Feed.HISTORY, NOW + timedelta(milliseconds=1))) == [name]


@pytest.mark.parametrize("ahead", [timedelta(milliseconds=1), DAYS])
def test_what_was_looked_at_is_not_looked_at_again(
    table: Table, audits: Audits, ahead: timedelta
) -> None:
    happened(table, NOW, MIDNIGHT)
    until = MIDNIGHT + timedelta(hours=1)
    assert led_to(batches(audits, Feed.HISTORY, until))
    assert led_to(batches(audits, Feed.HISTORY, until + ahead)) == []


def test_each_step_of_a_payment_is_an_event_on_the_trail(table: Table, audits: Audits) -> None:
    life = approved()
    put(table, life)
    (batch,) = list(batches(audits, Feed.HISTORY, LATER))[-1:]
    assert batch.refs == (Ref("pay1"),) * 3


def test_the_first_audit_begins_some_time_ago(audits: Audits) -> None:
    assert audits.checkpoint(Feed.HISTORY, NOW) == to_iso(NOW - FIRST_LOOK)


def test_a_clock_that_is_behind_finds_nothing_and_takes_nothing_back(
    table: Table, audits: Audits
) -> None:
    happened(table, NOW)
    list(batches(audits, Feed.HISTORY, LATER))
    behind = audits.batch(Feed.HISTORY, to_iso(LATER), NOW, 50)
    assert behind == Batch((), to_iso(LATER), is_last=True)
    audits.record_checkpoint(Feed.HISTORY, to_iso(NOW))
    assert audits.checkpoint(Feed.HISTORY, NOW) == to_iso(LATER)


def test_every_enrollment_leads_to_the_payment_that_it_names(table: Table, audits: Audits) -> None:
    for course, at in (("c1", NOW), ("c2", MIDNIGHT + DAYS)):
        made = enrollment(course, payment_id=f"pay-{course}", created_at=at)
        assert table.put(enrollment_item(made), NEW)
    found = [*batches(audits, Feed.ENROLLMENT, MIDNIGHT + DAYS * 2, 3)]
    assert [ref for each in found for ref in each.refs] == [
        Ref("pay-c1", enrollment("c1").id),
        Ref("pay-c2", enrollment("c2").id),
    ]


def test_what_waits_is_followed_from_the_oldest_on_and_then_anew(
    table: Table, audits: Audits
) -> None:
    for number in range(3):
        made = payment(
            Status.APPROVED, id=f"pay{number}", created_at=NOW + timedelta(minutes=number)
        )
        assert table.put(payment_item(made), NEW)
    assert table.put(payment_item(payment(Status.COMPLETED, id="done")), NEW)
    for _ in range(2):
        found = [*batches(audits, Feed.APPROVED, NOW, 2)]
        assert led_to(iter(found)) == ["pay0", "pay1", "pay2"]
        assert found[-1].is_last


# ── Payments ─────────────────────────────────────────────────────────────────────────────────────


def test_a_payment_is_read_with_its_history_and_nothing_else(table: Table, audits: Audits) -> None:
    life = approved()
    put(table, life)
    for sk in ("CALLBACK#1", "INVOICE", "ZZZ"):
        assert table.put({"pk": "PAYMENT#pay1", "sk": sk, "type": "other"}, NEW)
    assert audits.read("pay1") == (life.payment, [*life.history])


def test_what_is_left_of_a_payment_is_read(table: Table, audits: Audits) -> None:
    (event,) = ordered().history
    assert table.put(history_item(event), NEW)
    assert audits.read("pay1") == (None, [event])
    assert audits.read("pay9") == (None, [])


def completion(life: Life) -> tuple[Payment, tuple[HistoryEvent, ...]]:
    return take(replace(life.payment, undelivered=frozenset()), Step.COMPLETE, GATEWAY_ACT)


@pytest.mark.parametrize("undelivered", [frozenset[str](), frozenset({"c1"})])
def test_a_completion_is_written_with_its_event(
    table: Table, audits: Audits, undelivered: frozenset[str]
) -> None:
    life = approved()
    life = replace(life, payment=replace(life.payment, undelivered=undelivered))
    put(table, life)
    after, events = completion(life)
    audits.complete(life.payment, after, events)
    assert audits.read("pay1") == (after, [*life.history, *events])


MOVED = {
    "status": {"status": "REFUNDED"},
    "version": {"version": 9},
    "undelivered": {"undelivered": {"c2"}},
    "nothing awaited": {"undelivered": None},
}


@pytest.mark.parametrize("moved", [MOVED["status"], MOVED["version"]], ids=["status", "version"])
def test_a_payment_that_awaited_nothing_and_moved_is_not_completed(
    table: Table, audits: Audits, moved: dict[str, object]
) -> None:
    life = approved()
    life = replace(life, payment=replace(life.payment, undelivered=frozenset()))
    put(table, life)
    assert table.update(payment_key("pay1"), Change(moved))
    with pytest.raises(ConcurrentUpdate):
        audits.complete(life.payment, *completion(life))


@pytest.mark.parametrize("moved", MOVED.values(), ids=MOVED.keys())
def test_a_payment_that_moved_is_not_completed(
    table: Table, audits: Audits, moved: dict[str, object]
) -> None:
    life = approved()
    put(table, life)
    assert table.update(payment_key("pay1"), Change(moved))
    stands = audits.read("pay1")
    with pytest.raises(ConcurrentUpdate):
        audits.complete(life.payment, *completion(life))
    assert audits.read("pay1") == stands


def test_a_payment_that_awaits_something_meanwhile_is_not_completed(
    table: Table, audits: Audits
) -> None:
    life = approved()
    life = replace(life, payment=replace(life.payment, undelivered=frozenset()))
    put(table, life)
    assert table.update(payment_key("pay1"), Change({"undelivered": {"c1"}}))
    with pytest.raises(ConcurrentUpdate):
        audits.complete(life.payment, *completion(life))


def test_an_event_that_is_there_already_refuses_the_completion(
    table: Table, audits: Audits
) -> None:
    life = approved()
    put(table, life)
    after, events = completion(life)
    assert table.put(history_item(events[0]), NEW)
    with pytest.raises(ConcurrentUpdate):
        audits.complete(life.payment, after, events)
    assert Payments(table).get("pay1") == life.payment
