"""Responses about packages, courses, and their mapping to the platform's site."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal, NotRequired, TypedDict

from pydantic import Field

from lunas.api.responses import Amount, Url, show
from lunas.domain.catalog import Course, Package, PackageKind
from lunas.platforms.json_names import (
    BUNDLE_ID,
    COURSE_ID,
    CourseId,
    MappedBundleId,
    MappedCourseId,
    to_json,
)

if TYPE_CHECKING:
    from lunas.domain.catalog_mapping import Pair, Report


class PricesView(TypedDict):
    """Prices by payment type, at least one."""

    DIKE: NotRequired[Amount]
    UMUM: NotRequired[Amount]


class PackageView(MappedBundleId):
    """A package that can be bought."""

    id: str
    kind: PackageKind
    name: str
    description: NotRequired[str]
    imageUrl: NotRequired[Url]
    onSale: bool
    prices: PricesView
    courseIds: list[str]
    accessDays: NotRequired[Annotated[int, Field(description="Absent: access without end.")]]
    goneCourseIds: NotRequired[
        Annotated[
            list[str],
            Field(
                description="To admins: courses that the platform no longer showed.", min_length=1
            ),
        ]
    ]


class CourseView(MappedCourseId):
    """A course; `enrolled` counts the enrollments that are not revoked."""

    id: str
    name: str
    quota: NotRequired[Annotated[int, Field(ge=0)]]
    enrolled: int
    gone: NotRequired[
        Annotated[Literal[True], Field(description="To admins: the platform no longer showed it.")]
    ]


class MappedCourseView(MappedCourseId):
    """A course and its counterpart at the platform; `formerly` is the counterpart's old name."""

    courseId: str
    name: str
    formerly: NotRequired[str]


class UnsoldCourseView(CourseId):
    """A course at the platform to which no course of the catalog maps."""

    name: str


class GoneCourseView(CourseId):
    """A mapped course that the site no longer shows, and the packages on sale that hold it."""

    courseId: str
    name: str
    packages: list[str]


class MappedBundleView(MappedBundleId):
    """A package and its bundle at the platform."""

    packageId: str
    name: str


class BundleMappingView(TypedDict):
    """The mapping of BUNDLE packages; `differing` ones have other courses at the platform."""

    mapped: list[MappedBundleView]
    proposed: list[MappedBundleView]
    differing: list[MappedBundleView]
    gone: list[MappedBundleView]


class CourseMappingView(TypedDict):
    """The mapping of the catalog to the platform's site. Confirm a `proposed` one by PUT."""

    mapped: list[MappedCourseView]
    proposed: list[MappedCourseView]
    unmapped: list[MappedCourseView]
    renamed: list[MappedCourseView]
    gone: list[GoneCourseView]
    unsold: list[UnsoldCourseView]
    bundles: BundleMappingView


def package_view(package: Package, gone: Iterable[str] = ()) -> PackageView:
    """Show a package; ``gone`` are its courses that the platform no longer shows."""
    return show(
        PackageView,
        package,
        prices=dict(package.prices),
        goneCourseIds=list(gone) or None,
        **{BUNDLE_ID: to_json(package.platform_bundle_id)},
    )


def course_view(course: Course, *, to_admin: bool = False) -> CourseView:
    """Show a course; only admins see that the platform no longer shows it."""
    return show(
        CourseView,
        course,
        gone=True if to_admin and course.gone else None,
        **{COURSE_ID: to_json(course.platform_course_id)},
    )


def mapping_view(report: "Report") -> CourseMappingView:
    """Show the mapping of the catalog to the platform's site."""
    courses, bundles = report, report.bundles
    return {
        "mapped": _courses(MappedCourseView, courses.mapped),
        "proposed": _courses(MappedCourseView, courses.proposed),
        "unmapped": _courses(MappedCourseView, courses.unmapped),
        "renamed": _courses(MappedCourseView, courses.renamed),
        "gone": _courses(GoneCourseView, courses.gone),
        "unsold": [
            show(UnsoldCourseView, each, **{COURSE_ID: to_json(each.id)}) for each in courses.unsold
        ],
        "bundles": {
            "mapped": _bundles(bundles.mapped),
            "proposed": _bundles(bundles.proposed),
            "differing": _bundles(bundles.differing),
            "gone": _bundles(bundles.gone),
        },
    }


def _courses[V](kind: type[V], pairs: Iterable["Pair"]) -> list[V]:
    return [
        show(kind, each, courseId=each.id, **{COURSE_ID: to_json(each.platform_id)})
        for each in pairs
    ]


def _bundles(pairs: Iterable["Pair"]) -> list[MappedBundleView]:
    return [
        show(MappedBundleView, each, packageId=each.id, **{BUNDLE_ID: to_json(each.platform_id)})
        for each in pairs
    ]
