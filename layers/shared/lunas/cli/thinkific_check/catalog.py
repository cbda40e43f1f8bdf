"""Compares the catalog of a stack with the courses of the site."""

from collections.abc import Iterator, Mapping
from typing import Any

from lunas.cli.thinkific_check.findings import Finding, explained
from lunas.cli.thinkific_check.rights import Caller, enrollable
from lunas.domain.catalog_mapping import Pair, Report, SiteCourse, compare
from lunas.domain.errors import DeliveryError
from lunas.platforms.thinkific.platform import Thinkific
from lunas.storage.catalog import Catalog

PUT = "PUT /courses/{id} with thinkificCourseId"


def mapping(caller: Caller, catalog: Catalog, shown: list[Mapping[str, Any]]) -> Iterator[Finding]:
    """Report whether the site has each course and bundle that is sold."""
    site_courses = [SiteCourse(str(row["id"]), str(row.get("name") or "")) for row in shown]
    try:
        bundles = list(Thinkific(caller.api).bundles())
    except DeliveryError as error:
        yield explained("reading bundles", error, "read:products")
        return
    report = compare(catalog.courses(), catalog.packages(), site_courses, bundles)
    yield Finding(f"{len(report.mapped)} courses of the catalog are mapped and shown by the site")
    yield from (_unmapped(pair) for pair in report.unmapped)
    yield from (_proposed(pair) for pair in report.proposed)
    products = {str(row.get("product_id")): str(row["id"]) for row in shown}
    yield from (_gone(caller, pair, products) for pair in report.gone)
    yield from _renamed(report)
    yield from _bundles(report)


def _unmapped(pair: Pair) -> Finding:
    return Finding(f"course {pair.id} ({pair.name}) is not mapped: it cannot be sold", PUT)


def _proposed(pair: Pair) -> Finding:
    return Finding(
        f"course {pair.id} ({pair.name}) is not mapped: it cannot be sold",
        f"the site's course of that name has the id {pair.platform_id}; if it is the one, {PUT}",
    )


def _gone(caller: Caller, pair: Pair, products: Mapping[str, str]) -> Finding:
    """Distinguish a product's id, a course of the new builder and a course that is gone."""
    what = f"course {pair.id} ({pair.name}) is mapped to {pair.platform_id}, which is not shown"
    if (meant := products.get(str(pair.platform_id))) is not None:
        return Finding(what, f"that is a product's id; the course of it is {meant}: {PUT}")
    try:
        if enrollable(caller, pair.platform_id or ""):
            return Finding(f"{what}, but it can be enrolled in (new course builder)")
    except DeliveryError as error:
        return explained(what, error, "write:enrollments")
    return Finding(
        what,
        "Thinkific refuses to enroll in it (422 names the course): it was deleted, or made with "
        f"the new course builder, which the API does not serve. Map another one: {PUT}",
    )


def _renamed(report: Report) -> Iterator[Finding]:
    for pair in report.renamed:
        yield Finding(f"course {pair.id} is now called {pair.name}, formerly {pair.formerly}")


def _bundles(report: Report) -> Iterator[Finding]:
    for pair in report.bundles.gone:
        yield Finding(
            f"package {pair.id}: Thinkific has no bundle {pair.platform_id}",
            "PUT /packages/{id} without thinkificBundleId, or with the right one; until then its "
            "courses are enrolled singly",
        )
    for pair in report.bundles.differing:
        yield Finding(
            f"package {pair.id}: bundle {pair.platform_id} holds other courses than are sold",
            "make both the same; until then its courses are enrolled singly",
        )
