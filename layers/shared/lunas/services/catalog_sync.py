"""Compares the catalog with the platform's site, when an admin requests it and once a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.catalog_mapping import Report, compare

if TYPE_CHECKING:
    from lunas.platforms.base import CoursePlatform
    from lunas.services.repositories import CatalogRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSyncService:
    """Compares the catalog with the platform's site."""

    catalog: CatalogRepository
    platform: CoursePlatform

    def sync(self) -> Report:
        """Read the site's courses and bundles and compare; maps nothing itself.

        The site's current name is recorded on each mapped course, to detect a later change; a
        course that the site does not list is recorded as gone. It stays on sale, since a list of
        the platform may be incomplete: an admin decides. Raises DeliveryError when the platform
        cannot be read completely; then nothing is recorded.
        """
        site_courses = tuple(self.platform.courses())
        site_bundles = tuple(self.platform.bundles())
        courses = self.catalog.courses()
        report = compare(courses, self.catalog.packages(), site_courses, site_bundles)
        names = {each.id: each.name for each in site_courses}
        for course in courses:
            name = names.get(course.platform_course_id or "")
            if name is not None and (name != course.platform_name or course.gone):
                self.catalog.note_platform_name(course, name)
            if name is None and course.platform_course_id is not None and not course.gone:
                self.catalog.note_gone(course)
        return report
