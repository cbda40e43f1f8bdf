"""Comparing catalog and site by ids; names only lead to proposals."""

import pytest

from lunas.domain.catalog import Course, Package, PackageKind
from lunas.domain.catalog_mapping import Pair, Report, SiteBundle, SiteCourse, compare
from tests.support.builders import bundle, course, package

PYTHON, SQL = SiteCourse("11", "Python"), SiteCourse("12", "SQL")


def compared(
    *things: Course | Package | SiteCourse | SiteBundle,
) -> Report:
    return compare(
        [each for each in things if isinstance(each, Course)],
        [each for each in things if isinstance(each, Package)],
        [each for each in things if isinstance(each, SiteCourse)],
        [each for each in things if isinstance(each, SiteBundle)],
    )


def unmapped(name: str = "Python", course_id: str = "c1") -> Course:
    return course(course_id, name=name, platform_course_id=None)


def test_a_mapped_course_that_exists_is_mapped_whatever_its_name() -> None:
    report = compared(course("c1", name="Other", platform_course_id="11"), PYTHON)
    assert report.mapped == (Pair("c1", "Other", "11"),)
    assert (report.gone, report.proposed, report.unsold) == ((), (), ())


def test_a_mapped_course_that_is_missing_is_gone_even_if_a_namesake_exists() -> None:
    report = compared(course("c1", name="Python", platform_course_id="99"), PYTHON)
    assert report.gone == (Pair("c1", "Python", "99"),)
    assert (report.mapped, report.proposed) == ((), ())


def test_a_gone_course_names_the_packages_that_still_sell_it() -> None:
    lost, there = course("c1", platform_course_id="99"), course("c2", platform_course_id="11")
    report = compared(
        lost,
        there,
        package(id="p1", course_ids=("c2", "c1")),
        package(id="p2", course_ids=("c1",), on_sale=False),
        package(id="p3", course_ids=("c2",)),
        PYTHON,
    )
    assert [each.packages for each in report.gone] == [("p1",)]
    assert [each.packages for each in report.mapped] == [()]


def test_the_one_namesake_of_an_unmapped_course_is_proposed() -> None:
    report = compared(unmapped(), PYTHON, SQL)
    assert report.proposed == (Pair("c1", "Python", "11"),)
    assert report.unmapped == ()


@pytest.mark.parametrize(
    "site",
    [
        (),
        (SiteCourse("11", "Python Dasar"),),
        (SiteCourse("11", "python"),),
        (SiteCourse("11", "Python "),),
        (SiteCourse("11", "Python"), SiteCourse("13", "Python")),
    ],
    ids=["none", "longer", "other case", "blank", "two"],
)
def test_nothing_but_one_exact_namesake_is_proposed(site: tuple[SiteCourse, ...]) -> None:
    report = compared(unmapped(), *site)
    assert report.unmapped == (Pair("c1", "Python"),)
    assert report.proposed == ()


def test_a_course_of_the_site_that_is_mapped_already_is_not_proposed_again() -> None:
    report = compared(course("c2", platform_course_id="11"), unmapped(), PYTHON)
    assert report.proposed == ()
    assert report.unmapped == (Pair("c1", "Python"),)


@pytest.mark.parametrize(("known", "changed"), [("Old", True), ("Python", False), (None, False)])
def test_a_renamed_course_is_reported(known: str | None, changed: bool) -> None:
    ours = course("c1", platform_course_id="11", platform_name=known)
    expected = (Pair("c1", "Python", "11", "Old"),) if changed else ()
    assert compared(ours, PYTHON).renamed == expected


def test_a_course_of_the_site_that_is_not_sold_is_reported() -> None:
    assert compared(course("c1", platform_course_id="11"), PYTHON, SQL).unsold == (SQL,)


COURSES = (course("c1", platform_course_id="11"), course("c2", platform_course_id="12"))
WHOLE = SiteBundle("4", "Both", frozenset({"11", "12"}))


def sold(bundle_id: str | None = None) -> Package:
    made = bundle("c1", "c2")
    return package(
        id=made.id,
        kind=PackageKind.BUNDLE,
        name="Bundle",
        course_ids=("c1", "c2"),
        platform_bundle_id=bundle_id,
    )


@pytest.mark.parametrize(
    ("held", "group"),
    [
        (frozenset({"11", "12"}), "mapped"),
        (frozenset({"11"}), "differing"),
        (frozenset({"11", "12", "13"}), "differing"),
        (None, "gone"),
    ],
    ids=["same", "fewer", "more", "none"],
)
def test_a_mapped_bundle_is_compared_by_its_courses(
    held: frozenset[str] | None, group: str
) -> None:
    there = () if held is None else (SiteBundle("4", "Any", held),)
    report = compared(*COURSES, sold("4"), *there).bundles
    found = {name for name in ("mapped", "differing", "gone", "proposed") if getattr(report, name)}
    assert found == {group}
    assert getattr(report, group) == (Pair("b1", "Bundle", "4"),)


@pytest.mark.parametrize(("count", "proposed"), [(0, 0), (1, 1), (2, 0)])
def test_the_one_bundle_of_the_same_courses_is_proposed(count: int, proposed: int) -> None:
    there = [SiteBundle(str(4 + number), "Both", WHOLE.course_ids) for number in range(count)]
    assert len(compared(*COURSES, sold(), *there).bundles.proposed) == proposed


def test_a_bundle_with_an_unmapped_course_differs() -> None:
    report = compared(COURSES[0], course("c2", platform_course_id=None), sold("4"), WHOLE).bundles
    assert report.differing == (Pair("b1", "Bundle", "4"),)


def test_packages_that_are_not_bundles_are_not_compared_with_bundles() -> None:
    report = compared(*COURSES, package(), WHOLE).bundles
    assert (report.mapped, report.proposed, report.differing, report.gone) == ((), (), (), ())
