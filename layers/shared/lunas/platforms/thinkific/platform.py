"""Thinkific as the course platform, with one API client for all calls.

It reads courses, bundles, access and progress (docs/reference/thinkific.md).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lunas.domain.access_comparison import PlatformAccess
from lunas.domain.catalog_mapping import SiteBundle, SiteCourse
from lunas.domain.progress import ChangedPage, ProgressReport, enrollment_percent
from lunas.platforms.thinkific.client import LearnerAccess
from lunas.platforms.thinkific.enrollments import (
    FOREVER,
    end_of,
    every_item,
    is_active,
    object_id,
    read_page,
    seconds,
)
from lunas.platforms.thinkific.events import Unreadable, is_completed, thinkific_id
from lunas.platforms.thinkific.external_orders import ExternalOrders
from lunas.platforms.thinkific.fields import id_if_any, ids, required_id, text
from lunas.platforms.thinkific.http import Missing, ThinkificApi


class LearnerProgress:
    """Reads enrollments for their progress. Every method raises DeliveryError."""

    api: ThinkificApi

    def progress(self, platform_enrollment_id: str) -> ProgressReport | None:
        """Return the progress of an enrollment; None if it does not exist or cannot be read."""
        try:
            return _report(self.api.get(f"/enrollments/{platform_enrollment_id}"))
        except Missing:
            return None

    def changed(self, since: datetime, page: int) -> ChangedPage:
        """Read a page of the enrollments that changed after ``since``; skip unreadable ones."""
        query = {"query[updated_after]": seconds(since)}
        enrollments, following = read_page(self.api, "/enrollments", query, page)
        reports = (_report(enrollment) for enrollment in enrollments)
        return ChangedPage(tuple(each for each in reports if each), following)


def _report(enrollment: Mapping[str, Any]) -> ProgressReport | None:
    try:
        completed = is_completed(enrollment) or enrollment.get("completed") is True
        return ProgressReport(
            platform_enrollment_id=thinkific_id(enrollment.get("id"), "id"),
            user_id=thinkific_id(enrollment.get("user_id"), "user_id"),
            course_id=thinkific_id(enrollment.get("course_id"), "course_id"),
            percent=enrollment_percent(enrollment.get("percentage_completed"), completed=completed),
        )
    except Unreadable:
        return None


class PresentAccess:
    """Reads all enrollments of an account and changes none."""

    api: ThinkificApi

    def access(self, account_id: str, now: datetime) -> list[PlatformAccess]:
        """Return the courses that the account has full access to now; raises DeliveryError.

        Thinkific ignores a filter that it does not know, so the account is compared again.
        An enrollment whose end cannot be read does not count: paid access must be certain.
        """
        found = every_item(self.api, "/enrollments", {"query[user_id]": account_id})
        own = (enrollment for enrollment in found if id_if_any(enrollment, "user_id") == account_id)
        return [each for enrollment in own if (each := _platform_access(enrollment, now))]


def _platform_access(enrollment: Mapping[str, Any], now: datetime) -> PlatformAccess | None:
    try:
        end = end_of(enrollment)
    except ValueError:
        return None
    if not is_active(enrollment) or (end is not None and end <= now):
        return None
    lasting = end is None or end > now + FOREVER / 2
    return PlatformAccess(required_id(enrollment, "course_id"), None if lasting else end)


class SiteCatalog:
    """Reads all pages of courses and bundles. Every method raises DeliveryError."""

    api: ThinkificApi

    def courses(self) -> Iterator[SiteCourse]:
        """Return every course that the API shows, with its course id, not its product id."""
        for course in every_item(self.api, "/courses", {}):
            yield SiteCourse(object_id(course), text(course, "name"))

    def bundles(self) -> Iterator[SiteBundle]:
        """Return every bundle. Only the list of products names them."""
        for product in every_item(self.api, "/products", {}):
            if text(product, "productable_type") == "Bundle":
                bundle = self._bundle(required_id(product, "productable_id"))
                if bundle is not None:
                    yield bundle

    def _bundle(self, bundle_id: str) -> SiteBundle | None:
        try:
            bundle = self.api.get(f"/bundles/{bundle_id}")
        except Missing:
            # Deleted since the list was read.
            return None
        return SiteBundle(bundle_id, text(bundle, "name"), frozenset(ids(bundle, "course_ids")))


@dataclass(frozen=True)
class Thinkific(LearnerAccess, PresentAccess, SiteCatalog, LearnerProgress, ExternalOrders):
    """A site at Thinkific; CoursePlatform documents the methods.

    ``factor`` converts rupiah to the smallest unit of the currency in external orders.
    """

    api: ThinkificApi
    factor: int = 1
