"""The current access of an account at Thinkific (docs/reference/thinkific.md, Enrollments)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lunas.domain.access_comparison import PlatformAccess
from lunas.platforms.thinkific.enrollments import FOREVER, end_of, every_item, is_active
from lunas.platforms.thinkific.fields import number, number_if_any
from lunas.platforms.thinkific.http import ThinkificApi


class PresentAccess:
    """Reads all enrollments of an account and changes none."""

    def __init__(self, api: ThinkificApi) -> None:
        self._api = api

    def access(self, account_id: int, now: datetime) -> list[PlatformAccess]:
        """Return the courses that the account has full access to now; raises DeliveryError.

        Thinkific ignores a filter that it does not know, so the account is compared again.
        An enrollment whose end cannot be read does not count: paid access must be certain.
        """
        found = every_item(self._api, "/enrollments", {"query[user_id]": account_id})
        own = (
            enrollment for enrollment in found if number_if_any(enrollment, "user_id") == account_id
        )
        return [each for enrollment in own if (each := _platform_access(enrollment, now))]


def _platform_access(enrollment: Mapping[str, Any], now: datetime) -> PlatformAccess | None:
    try:
        end = end_of(enrollment)
    except ValueError:
        return None
    if not is_active(enrollment) or (end is not None and end <= now):
        return None
    lasting = end is None or end > now + FOREVER / 2
    return PlatformAccess(number(enrollment, "course_id"), None if lasting else end)
