"""How far learners are, by the rows of the API (thinkific-webhook.md, Progress sync)."""

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
        """Return how far the learner of a row is; None if there is no such row, or no telling."""
        try:
            return _report(self._api.get(f"/enrollments/{platform_enrollment_id}"))
        except Missing:
            return None

    def changed(self, since: datetime, page: int) -> ChangedPage:
        """Read a page of what changed after a moment; rows that cannot be read are left out."""
        query = {"query[updated_after]": seconds(since)}
        rows, following = read_page(self._api, "/enrollments", query, page)
        reports = (_report(row) for row in rows)
        return ChangedPage(tuple(each for each in reports if each), following)


def _report(row: Mapping[str, Any]) -> ProgressReport | None:
    try:
        completed = is_completed(row) or row.get("completed") is True
        return ProgressReport(
            platform_enrollment_id=thinkific_id(row.get("id"), "id"),
            user_id=thinkific_id(row.get("user_id"), "user_id"),
            course_id=thinkific_id(row.get("course_id"), "course_id"),
            percent=enrollment_percent(row.get("percentage_completed"), completed=completed),
        )
    except Unreadable:
        return None
