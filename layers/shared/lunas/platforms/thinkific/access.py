"""What access an account has at Thinkific now (docs/reference/thinkific.md, Enrollments)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lunas.domain.access_comparison import PlatformAccess
from lunas.platforms.thinkific.enrollments import FOREVER, end_of, every_item, is_active
from lunas.platforms.thinkific.fields import number, number_if_any
from lunas.platforms.thinkific.http import ThinkificApi


class PresentAccess:
    """Reads all rows of an account at once, and changes none."""

    def __init__(self, api: ThinkificApi) -> None:
        self._api = api

    def access(self, account_id: int, now: datetime) -> list[PlatformAccess]:
        """Return the rows that give the account full access now; raises DeliveryError.

        A filter that Thinkific does not know is ignored, so the account is checked again here.
        A row whose end cannot be read counts as none: what is paid for has to be sure.
        """
        found = every_item(self._api, "/enrollments", {"query[user_id]": account_id})
        own = (row for row in found if number_if_any(row, "user_id") == account_id)
        return [each for row in own if (each := _platform_access(row, now))]


def _platform_access(row: Mapping[str, Any], now: datetime) -> PlatformAccess | None:
    try:
        end = end_of(row)
    except ValueError:
        return None
    if not is_active(row) or (end is not None and end <= now):
        return None
    lasting = end is None or end > now + FOREVER / 2
    return PlatformAccess(number(row, "course_id"), None if lasting else end)
