"""Catalog, learners and anomalies in the table."""

from dataclasses import replace

import pytest

from lunas.domain.access_claims import AccountLink
from lunas.domain.anomalies import AnomalyKind, anomaly
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.users import PaymentType
from lunas.storage.anomalies import Anomalies
from lunas.storage.catalog import Catalog
from lunas.storage.learners import Learners
from lunas.storage.settlements import count_action
from lunas.storage.table import Table
from tests.support.builders import NOW, bundle, course, package


def count_one(table: Table, course_id: str) -> None:
    table.transact([count_action(table, course_id, keep_quota=False)])


def test_a_package_is_read_as_it_was_written(catalog: Catalog) -> None:
    assert catalog.package("p1") == package()
    assert catalog.package("b1") == bundle("c1", "c2")
    assert catalog.package("p404") is None


def test_packages_are_listed_by_id(catalog: Catalog) -> None:
    assert [each.id for each in catalog.packages()] == ["b1", "p1"]


def test_a_package_is_replaced(catalog: Catalog) -> None:
    changed = package(name="New", prices={PaymentType.UMUM: 50_000}, course_ids=("c2",))
    catalog.put_package(changed)
    assert catalog.package("p1") == changed


@pytest.mark.parametrize(
    "made", [course("c9", quota=3), course("c9", platform_course_id=None), course("c9", quota=0)]
)
def test_a_course_is_read_as_it_was_written(catalog: Catalog, made: object) -> None:
    assert isinstance(made, type(course()))
    assert catalog.put_course(made) == made
    assert catalog.course("c9") == made


def test_an_unknown_course_is_none(catalog: Catalog) -> None:
    assert catalog.course("c404") is None


def test_courses_come_in_the_requested_order_without_missing_ones(
    catalog: Catalog,
) -> None:
    found = catalog.courses(["c2", "c404", "c1"])
    assert [each.id for each in found] == ["c2", "c1"]
    assert [each.id for each in catalog.courses()] == ["c1", "c2"]
    assert catalog.courses([]) == []


def test_editing_a_course_keeps_its_counter(table: Table, catalog: Catalog) -> None:
    for _ in range(3):
        count_one(table, "c1")
    written = catalog.put_course(course("c1", name="New", quota=5, enrolled=0))
    assert (written.name, written.quota, written.enrolled) == ("New", 5, 3)
    assert catalog.course("c1") == written


def test_a_quota_and_a_mapping_can_be_removed(catalog: Catalog) -> None:
    catalog.put_course(course("c1", quota=5))
    written = catalog.put_course(course("c1", quota=None, platform_course_id=None))
    assert (written.quota, written.platform_course_id) == (None, None)


def test_a_course_counted_before_it_was_written_keeps_the_count(
    table: Table, catalog: Catalog
) -> None:
    count_one(table, "c7")
    assert catalog.put_course(course("c7")).enrolled == 1


def test_the_first_account_of_a_learner_stays(table: Table) -> None:
    learners = Learners(table)
    assert learners.platform_user_id("u1") is None
    learners.link("u1", "7")
    with pytest.raises(ConcurrentUpdate):
        learners.link("u1", "8")
    assert learners.platform_user_id("u1") == "7"
    assert learners.platform_user_id("u2") is None


def test_an_anomaly_is_recorded_once(table: Table) -> None:
    found = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", {"amount": "1"}, NOW)
    assert Anomalies(table).keep(found)
    assert not Anomalies(table).keep(found)


def test_a_course_that_only_the_package_service_knows_gets_its_item_when_counted(
    table: Table, catalog: Catalog
) -> None:
    count_one(table, "c8")
    found = catalog.course("c8")
    assert found
    assert (found.id, found.enrolled, found.platform_course_id) == ("c8", 1, None)
    assert [each.id for each in catalog.courses()] == ["c1", "c2", "c8"]


def test_counting_leaves_a_course_otherwise_as_it_is(table: Table, catalog: Catalog) -> None:
    before = catalog.course("c1")
    count_one(table, "c1")
    after = catalog.course("c1")
    assert before
    assert after == replace(before, enrolled=1)


def test_an_unlinked_account_is_replaced_by_another(table: Table) -> None:
    learners = Learners(table)
    learners.link("u1", "7")
    learners.unlink("u1", "7")
    assert learners.link_of("u1") == AccountLink(None, frozenset({"7"}), 2)
    with pytest.raises(ConcurrentUpdate):
        learners.link("u1", "8")
    learners.link("u1", "8", learners.link_of("u1"))
    assert learners.link_of("u1") == AccountLink("8", frozenset({"7"}), 3)


def test_an_account_that_is_linked_again_is_no_former_one(table: Table) -> None:
    learners = Learners(table)
    learners.link("u1", "7")
    learners.unlink("u1", "7")
    learners.link("u1", "7", learners.link_of("u1"))
    assert learners.link_of("u1") == AccountLink("7", frozenset(), 3)


@pytest.mark.parametrize("linked", [True, False])
def test_only_the_account_that_was_read_is_unlinked(table: Table, linked: bool) -> None:
    learners = Learners(table)
    if linked:
        learners.link("u1", "8")
    learners.unlink("u1", "7")
    assert learners.platform_user_id("u1") == ("8" if linked else None)


def test_an_account_found_before_the_link_changed_is_not_stored(table: Table) -> None:
    learners = Learners(table)
    learners.link("u1", "7")
    learners.unlink("u1", "7")
    read = learners.link_of("u1")
    learners.link("u1", "8", read)
    learners.unlink("u1", "8")
    with pytest.raises(ConcurrentUpdate):
        learners.link("u1", "7", read)
    assert learners.link_of("u1") == AccountLink(None, frozenset({"7", "8"}), 4)
