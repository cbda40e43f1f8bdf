"""The rate limiter in the table: which permit a caller gets, what is written, how it recovers."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lunas.domain.errors import NoPermit, StorageContention
from lunas.domain.rate_limit import BURST, RateLimit
from lunas.storage import keys
from lunas.storage.expressions import Change, Item, Key
from lunas.storage.rate_limits import FURTHEST, MAX_ATTEMPTS, SharedCalls
from lunas.storage.table import Table
from tests.support.length import by_length

NOW = 1_800_000_000_000
ENDLESS = NOW + 10**9
RATE_LIMIT = RateLimit.per_minute(110)
KEY = keys.call_limit("THINKIFIC", "shop")


@pytest.fixture
def calls(table: Table) -> SharedCalls:
    return SharedCalls(table, "THINKIFIC", "shop", RATE_LIMIT)


def busy_until(table: Table) -> int | None:
    item = table.get(KEY)
    return int(item["busyUntil"]) if item else None


def test_the_first_permit_is_immediate_and_stored(calls: SharedCalls, table: Table) -> None:
    assert calls.reserve(NOW, NOW) == NOW
    assert table.get(KEY) == {**KEY, "type": "limit", "busyUntil": NOW + RATE_LIMIT.interval}


def test_permits_are_evenly_spaced_after_the_burst(calls: SharedCalls) -> None:
    permits = [calls.reserve(NOW, ENDLESS) for _ in range(BURST + 3)]
    assert permits[:BURST] == [NOW] * BURST
    assert permits[BURST:] == [NOW + RATE_LIMIT.interval * each for each in (1, 2, 3)]


@given(st.lists(st.integers(0, 4_000), min_size=1, max_size=20), st.sampled_from([60, 110, 999]))
@settings(
    max_examples=by_length(12, 60, 300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_table_gives_exactly_the_permits_of_the_rate_limit(
    table: Table, gaps: list[int], rate: int
) -> None:
    table.client.delete_item(TableName=table.name, Key={k: {"S": v} for k, v in KEY.items()})
    rate_limit = RateLimit.per_minute(rate)
    calls, expected, now = SharedCalls(table, "THINKIFIC", "shop", rate_limit), 0, NOW
    for gap in gaps:
        now += gap
        assert calls.reserve(now, ENDLESS) == rate_limit.permit(expected, now)
        expected = rate_limit.taken(expected, now)
        assert busy_until(table) == expected


def test_a_permit_that_would_be_too_late_is_not_taken(calls: SharedCalls, table: Table) -> None:
    for _ in range(BURST + 2):
        calls.reserve(NOW, ENDLESS)
    before = busy_until(table)
    with pytest.raises(NoPermit) as raised:
        calls.reserve(NOW, NOW + 3 * RATE_LIMIT.interval - 1)
    assert raised.value.retry_after == 3 * RATE_LIMIT.interval / 1000
    assert busy_until(table) == before
    assert calls.reserve(NOW, NOW + 3 * RATE_LIMIT.interval) == NOW + 3 * RATE_LIMIT.interval


def test_permits_taken_by_others_meanwhile_do_not_extend_the_wait(
    calls: SharedCalls, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(BURST):
        calls.reserve(NOW, ENDLESS)
    before, write = busy_until(table), Table.update_returning

    def after_others(self: Table, key: Key, change: Change) -> tuple[bool, Item]:
        if change.adds:
            monkeypatch.undo()
            for _ in range(3):
                calls.reserve(NOW, ENDLESS)
        return write(self, key, change)

    monkeypatch.setattr(Table, "update_returning", after_others)
    with pytest.raises(NoPermit):
        calls.reserve(NOW, NOW + RATE_LIMIT.interval)
    assert busy_until(table) == (before or 0) + 3 * RATE_LIMIT.interval


def test_a_caller_without_time_left_gets_no_permit_and_no_call_is_made(
    calls: SharedCalls, table: Table
) -> None:
    with pytest.raises(NoPermit) as raised:
        calls.reserve(NOW, NOW - 1)
    assert raised.value.retry_after == 1
    assert busy_until(table) is None


def test_a_rest_delays_every_permit_until_it_ends(calls: SharedCalls) -> None:
    calls.reserve(NOW, NOW)
    calls.rest_until(NOW + 30_000)
    with pytest.raises(NoPermit) as raised:
        calls.reserve(NOW, NOW + 29_999)
    assert raised.value.retry_after == 30
    permits = [calls.reserve(NOW + 30_000, ENDLESS) for _ in range(3)]
    assert permits == [NOW + 30_000 + RATE_LIMIT.interval * each for each in range(3)]


def test_a_rest_can_come_before_any_permit(calls: SharedCalls) -> None:
    calls.rest_until(NOW + 5_000)
    assert calls.reserve(NOW, ENDLESS) == NOW + 5_000


def test_a_shorter_rest_does_not_cut_a_longer_one_short(calls: SharedCalls, table: Table) -> None:
    calls.rest_until(NOW + 60_000)
    before = busy_until(table)
    calls.rest_until(NOW + 10_000)
    assert busy_until(table) == before


def test_a_worker_with_a_wrong_clock_cannot_stop_all_calls(
    calls: SharedCalls, table: Table
) -> None:
    calls.reserve(NOW + FURTHEST * 1_000, ENDLESS * 2)
    assert calls.reserve(NOW, NOW) == NOW
    assert busy_until(table) == NOW + RATE_LIMIT.interval


def test_each_site_has_its_own_limit(calls: SharedCalls, table: Table) -> None:
    for _ in range(BURST + 1):
        calls.reserve(NOW, ENDLESS)
    assert SharedCalls(table, "THINKIFIC", "other", RATE_LIMIT).reserve(NOW, NOW) == NOW


def test_a_permit_takes_one_write_or_two_and_no_read(table: Table) -> None:
    made: Counter[str] = Counter()
    events = table.client.meta.events

    def counted(model: Any, **_: Any) -> None:
        made[model.name] += 1

    events.register("before-call.dynamodb", counted)
    try:
        calls = SharedCalls(table, "THINKIFIC", "shop", RATE_LIMIT)
        calls.reserve(NOW, NOW)
        assert made == {"UpdateItem": 1}
        calls.reserve(NOW, NOW)
        assert made == {"UpdateItem": 3}
    finally:
        events.unregister("before-call.dynamodb", counted)


class ConcurrentWriter(Table):
    """Another caller writes between the read and the write, several times."""

    def __init__(self, table: Table, others: list[int]) -> None:
        super().__init__(table.client, table.name)
        self.others = others

    def update_returning(self, key: Any, change: Any) -> Any:
        """Write after another caller, who leaves the limiter busy until the next moment."""
        if self.others:
            item = {**key, "type": "limit", "busyUntil": self.others.pop(0)}
            self.put(item, "attribute_exists(#pk) OR attribute_not_exists(#pk)")
        return super().update_returning(key, change)


@pytest.mark.parametrize(
    "others",
    [[NOW + 50], [NOW + 50, NOW - 1], [NOW + 50, NOW - 1, NOW + 50], [NOW + 50, NOW + 90]],
    ids=["busy", "idle again", "busy again", "busier"],
)
def test_a_permit_comes_after_those_that_others_took_first(table: Table, others: list[int]) -> None:
    last = max(others[-1], NOW)
    assert (
        SharedCalls(ConcurrentWriter(table, others), "T", "s", RATE_LIMIT).reserve(NOW, ENDLESS)
        == NOW
    )
    item = table.get(keys.call_limit("T", "s"))
    assert item
    assert int(item["busyUntil"]) == last + RATE_LIMIT.interval


def test_endless_concurrent_writes_are_storage_contention(table: Table) -> None:
    others = [NOW + 50, NOW - 1] * MAX_ATTEMPTS
    with pytest.raises(StorageContention):
        SharedCalls(ConcurrentWriter(table, others), "T", "s", RATE_LIMIT).reserve(NOW, ENDLESS)
    assert len(others) == MAX_ATTEMPTS
