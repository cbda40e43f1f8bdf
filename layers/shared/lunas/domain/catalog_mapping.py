"""Compares the catalog with a site of the platform, by ids and exact names only."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lunas.domain.catalog import Course, Package, PackageKind


@dataclass(frozen=True, slots=True)
class SiteCourse:
    """A course of the site: its course id (not its product's) and its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class SiteBundle:
    """A bundle of the site, with the ids of its courses."""

    id: str
    name: str
    course_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A course or package of ours and its counterpart; ``formerly``: the counterpart's old name.

    ``packages``: for a course that is gone, the packages that still sell it.
    """

    id: str
    name: str
    platform_id: str | None = None
    formerly: str | None = None
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a comparison found; each of our courses is in exactly one of the first four.

    ``mapped``: by id, and listed by the site. ``gone``: mapped, but no longer listed.
    ``proposed``: not mapped, and exactly one course of the site has the same name; an admin
    confirms it by PUT. ``unmapped``: neither. ``renamed``: mapped ones whose name at the site has
    changed. ``unsold``: courses of the site that no course of ours maps to. ``bundles``: the same
    for bundles; ``differing`` ones have other courses than their package.
    """

    mapped: tuple[Pair, ...]
    proposed: tuple[Pair, ...]
    unmapped: tuple[Pair, ...]
    gone: tuple[Pair, ...]
    renamed: tuple[Pair, ...]
    unsold: tuple[SiteCourse, ...]
    bundles: "BundleReport"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleReport:
    """What the comparison found about packages of kind BUNDLE."""

    mapped: tuple[Pair, ...]
    proposed: tuple[Pair, ...]
    differing: tuple[Pair, ...]
    gone: tuple[Pair, ...]


def compare(
    courses: Iterable[Course],
    packages: Iterable[Package],
    site_courses: Iterable[SiteCourse],
    site_bundles: Iterable[SiteBundle],
) -> Report:
    """Compare the catalog with a site; changes nothing."""
    ours, theirs = tuple(courses), {each.id: each for each in site_courses}
    offered = tuple(packages)
    by_name = _unique_names(theirs.values())
    taken = {each.platform_course_id for each in ours}
    mapped = [each for each in ours if each.platform_course_id in theirs]
    open_ones = [each for each in ours if each.platform_course_id is None]
    proposed = [each for each in open_ones if by_name.get(each.name) not in {None, *taken}]
    return Report(
        mapped=tuple(_pair(each) for each in mapped),
        proposed=tuple(Pair(each.id, each.name, by_name[each.name]) for each in proposed),
        unmapped=tuple(_pair(each) for each in open_ones if each not in proposed),
        gone=tuple(
            replace(_pair(each), packages=_sold_in(each, offered))
            for each in ours
            if each.platform_course_id is not None and each.platform_course_id not in theirs
        ),
        renamed=tuple(_renamed(mapped, theirs)),
        unsold=tuple(each for each in theirs.values() if each.id not in taken),
        bundles=_compare_bundles(ours, offered, site_bundles),
    )


def _compare_bundles(
    courses: tuple[Course, ...], packages: Iterable[Package], site_bundles: Iterable[SiteBundle]
) -> BundleReport:
    theirs = {each.id: each.course_ids for each in site_bundles}
    ids = {each.id: each.platform_course_id for each in courses}
    sold = [each for each in packages if each.kind is PackageKind.BUNDLE]
    needed = {each.id: frozenset(ids.get(course) for course in each.course_ids) for each in sold}
    named = [each for each in sold if each.platform_bundle_id is not None]
    listed = [each for each in named if each.platform_bundle_id in theirs]
    same = [each for each in listed if theirs[each.platform_bundle_id or ""] == needed[each.id]]
    matching = {
        each.id: [bundle for bundle, held in theirs.items() if held == needed[each.id]]
        for each in sold
        if each not in named
    }
    return BundleReport(
        mapped=tuple(_package_pair(each) for each in same),
        differing=tuple(_package_pair(each) for each in listed if each not in same),
        gone=tuple(_package_pair(each) for each in named if each not in listed),
        proposed=tuple(
            Pair(each.id, each.name, matching[each.id][0])
            for each in sold
            if len(matching.get(each.id, ())) == 1
        ),
    )


def _sold_in(course: Course, packages: tuple[Package, ...]) -> tuple[str, ...]:
    return tuple(each.id for each in packages if each.on_sale and course.id in each.course_ids)


def _unique_names(theirs: Iterable[SiteCourse]) -> dict[str, str]:
    """Return the course id of each name that only one course has."""
    named = tuple(theirs)
    counted = Counter(each.name for each in named)
    return {each.name: each.id for each in named if counted[each.name] == 1}


def _renamed(mapped: Iterable[Course], theirs: dict[str, SiteCourse]) -> Iterable[Pair]:
    for each in mapped:
        now = theirs[each.platform_course_id or ""].name
        if each.platform_name is not None and each.platform_name != now:
            yield Pair(each.id, now, each.platform_course_id, each.platform_name)


def _pair(course: Course) -> Pair:
    return Pair(course.id, course.name, course.platform_course_id)


def _package_pair(package: Package) -> Pair:
    return Pair(package.id, package.name, package.platform_bundle_id)
