"""Prefetched items: read in one call, returned once, and dropped after any other read."""

from collections import Counter

import pytest

from lunas.domain.enrollments import enrollment_id
from lunas.storage import keys
from lunas.storage.expressions import Change, Key
from lunas.storage.prefetch import PrefetchedTable, prefetch_purchase
from lunas.storage.table import Table
from tests.integration.layer import providers, purchases
from tests.support.api_requests import user_token
from tests.support.functions import call

ONE, TWO, NONE, OTHER = ({"pk": "P", "sk": name} for name in ("one", "two", "none", "other"))


@pytest.fixture
def prefetched(table: Table, calls: Counter[str]) -> PrefetchedTable:
    """Write some items and prefetch all but one."""
    for each in (ONE, TWO, OTHER):
        write(table, each, "before")
    calls.clear()
    return PrefetchedTable(table, [ONE, TWO, NONE])


def write(table: Table, key: Key, state: str) -> None:
    assert table.put({**key, "state": state}, "attribute_exists(pk) OR attribute_not_exists(pk)")


def test_prefetched_items_cost_one_call(prefetched: PrefetchedTable, calls: Counter[str]) -> None:
    assert prefetched.get(ONE) == {**ONE, "state": "before"}
    assert prefetched.get(NONE) is None
    assert prefetched.get_many([TWO]) == [{**TWO, "state": "before"}]
    assert calls == {"BatchGetItem": 1}


def test_a_second_read_is_not_from_the_prefetch(prefetched: PrefetchedTable, table: Table) -> None:
    prefetched.get(ONE)
    prefetched.get_many([TWO])
    for each in (ONE, TWO):
        write(table, each, "after")
    assert prefetched.get(ONE) == {**ONE, "state": "after"}
    assert prefetched.get_many([TWO]) == [{**TWO, "state": "after"}]


def test_a_batch_mixes_prefetched_and_current_items(
    prefetched: PrefetchedTable, table: Table
) -> None:
    for each in (ONE, OTHER):
        write(table, each, "after")
    found = {each["sk"]: each["state"] for each in prefetched.get_many([ONE, OTHER, NONE])}
    assert found == {"one": "before", "other": "after"}


def test_another_read_discards_the_prefetch(prefetched: PrefetchedTable, table: Table) -> None:
    prefetched.get(OTHER)
    for each in (ONE, TWO):
        write(table, each, "after")
    assert prefetched.get(ONE) == {**ONE, "state": "after"}
    assert prefetched.get_many([TWO]) == [{**TWO, "state": "after"}]


def test_a_purchase_prefetches_every_item_that_decides_it(
    table: Table, calls: Counter[str]
) -> None:
    slot = keys.open_purchase("u1", "p1", "c1")
    read = prefetch_purchase(table, "u1", "p1", "c1", [slot])
    calls.clear()
    assert read.get(keys.package("p1")) is None
    assert read.get_many([keys.course("c1")]) == []
    assert read.get(slot) is None
    assert read.get_many([keys.enrollment(enrollment_id("u1", "c1"))]) == []
    assert not calls


@pytest.mark.usefixtures("catalog")
def test_a_purchase_at_duitku_costs_three_calls(
    monkeypatch: pytest.MonkeyPatch, calls: Counter[str]
) -> None:
    calls.clear()
    purchases.initiated(monkeypatch)
    assert calls == {"BatchGetItem": 1, "TransactWriteItems": 1, "UpdateItem": 1}


@pytest.mark.usefixtures("catalog")
@pytest.mark.parametrize(("package", "course", "reads"), [("p1", "c1", 1), ("b1", None, 3)])
def test_a_manual_purchase_reads_once_what_it_can_name(
    calls: Counter[str], package: str, course: str | None, reads: int
) -> None:
    calls.clear()
    purchases.submitted(package=package, course=course)
    assert calls == {"BatchGetItem": reads, "TransactWriteItems": 1}


@pytest.mark.usefixtures("catalog")
def test_a_course_that_came_with_the_payment_found_open_is_not_sold_again(
    monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    """Duitku's status confirms the open payment, so the prefetched items are outdated."""
    opened = purchases.initiated(monkeypatch)
    late = Change({"expiresAt": "2026-01-01T00:00:00.000Z"})
    assert table.update(keys.payment(opened["id"]), late)
    providers.answers(monkeypatch, "initiate_payment", providers.status(opened["id"]))
    body = {"packageId": "p1", "courseId": "c1"}
    status, problem = call(
        "initiate_payment", "POST /payments/initiate", body=body, token=user_token("u1")
    )
    assert (status, problem["type"]) == (409, "urn:lunas:problem:already-enrolled")
