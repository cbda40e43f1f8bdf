"""Reads the progress of learners from the API (thinkific-webhook.md, Progress sync)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lunas.domain.progress import ChangedPage, ProgressReport, enrollment_percent
from lunas.platforms.thinkific.enrollments import read_page, seconds
from lunas.platforms.thinkific.events import Unreadable, is_completed, thinkific_id
from lunas.platforms.thinkific.http import Missing, ThinkificApi


class LearnerProgress:
    """Reads enrollments for their progress. Every method raises DeliveryError."""

    def __init__(self, api: ThinkificApi) -> None:
        self._api = api

    def progress(self, platform_enrollment_id: int) -> ProgressReport | None:
        """Return the progress of an enrollment; None if it does not exist or cannot be read."""
        try:
            return _report(self._api.get(f"/enrollments/{platform_enrollment_id}"))
        except Missing:
            return None

    def changed(self, since: datetime, page: int) -> ChangedPage:
        """Read a page of the enrollments that changed after ``since``; skip unreadable ones."""
        query = {"query[updated_after]": seconds(since)}
        enrollments, following = read_page(self._api, "/enrollments", query, page)
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
