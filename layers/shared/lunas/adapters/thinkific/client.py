"""Finding, creating and enrolling learners at Thinkific (docs/thinkific.md, Users, Enrollments)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from lunas.adapters.thinkific.http import Rejected, ThinkificApi
from lunas.rules.errors import DeliveryDelayed, DeliveryImpossible
from lunas.rules.people import Learner

PAGE = 250
"""Rows of one page, Thinkific's maximum."""
MAX_PAGES = 200
"""Pages read before a list that never ends is given up."""
YESTERDAY = timedelta(days=1)
FOREVER = timedelta(days=36_500)
MARGIN = timedelta(minutes=1)
"""An enrollment is activated this much in the past, so that clocks that differ do not lock it."""


class Thinkific:
    """The learning platform as Lunas uses it. Every method raises DeliveryError."""

    def __init__(self, api: ThinkificApi) -> None:
        self._api = api

    def find_user(self, email: str) -> int | None:
        """Return the account with this address, or None.

        The filter may match loosely, so addresses are compared here, in lower case.
        """
        for row in self._rows("/users", {"query[email]": email}):
            if str(row.get("email") or "").lower() == email.lower():
                return _id(row)
        return None

    def create_user(self, learner: Learner) -> int:
        """Create an account without a password, which switches on Thinkific's sign-in link.

        An address that is taken means that the account exists: it is looked up then.
        """
        body = {
            "first_name": learner.first_name,
            "last_name": learner.last_name,
            "email": learner.email,
            "skip_custom_fields_validation": True,
            "send_welcome_email": True,
        }
        try:
            return _id(self._api.post("/users", body))
        except Rejected as rejected:
            if "taken" not in rejected.errors.get("email", "").lower():
                raise
        found = self.find_user(learner.email)
        if found is None:
            raise DeliveryDelayed("the address is taken, but its account cannot be found yet")
        return found

    def enroll(self, user_id: int, course_id: int, now: datetime) -> int:
        """Give a user full access to a course, whatever stood there before; return the row's id.

        Look first, then create or upgrade: what a second POST does is not documented. After a
        POST that failed in any way, look again before anything else is concluded.
        """
        row = self._enrollment(user_id, course_id)
        if row is None:
            return self._create_enrollment(user_id, course_id, now)
        if _is_active(row):
            return _id(row)
        return self._upgrade(row, now)

    def revoke(self, user_id: int, course_id: int, now: datetime) -> None:
        """End a user's access to a course, in every row that gives it; nothing to end is fine.

        There is no DELETE: an expiry in the past ends access and keeps the learner's progress
        (docs/thinkific.md, Enrollments). Nothing else is sent, so that no row turns into a trial.
        """
        for row in self._enrollments(user_id, course_id):
            if not _is_active(row):
                continue
            path = f"/enrollments/{_id(row)}"
            self._api.put(path, {"expiry_date": _seconds(now - YESTERDAY)})
            if _is_active(self._api.get(path)):
                raise DeliveryDelayed("Thinkific shows the enrollment active after its end")

    def courses(self) -> list[tuple[int, str]]:
        """Return id and name of every course that the API shows."""
        return [(_id(row), str(row.get("name", ""))) for row in self._rows("/courses", {})]

    def _create_enrollment(self, user_id: int, course_id: int, now: datetime) -> int:
        body = {"user_id": user_id, "course_id": course_id, "activated_at": _seconds(now - MARGIN)}
        try:
            row = self._api.post("/enrollments", body)
        except (Rejected, DeliveryDelayed) as error:
            found = self._enrollment_after(error, user_id, course_id)
            return _id(found) if _is_active(found) else self._upgrade(found, now)
        return _id(row) if _is_active(row) else self._upgrade(row, now)

    def _enrollment_after(
        self, error: Rejected | DeliveryDelayed, user_id: int, course_id: int
    ) -> Mapping[str, Any]:
        # A rate limit means that nothing was done, and that another call now would do harm.
        if isinstance(error, DeliveryDelayed) and error.retry_after is not None:
            raise error
        row = self._enrollment(user_id, course_id)
        if row is None:
            raise error
        return row

    def _upgrade(self, row: Mapping[str, Any], now: datetime) -> int:
        """Turn a trial or an expired row into full access, and read it back."""
        body = {"activated_at": _seconds(now - MARGIN)}
        if row.get("expiry_date"):
            # What null does to an expiry is documented nowhere; a far date is.
            body["expiry_date"] = _seconds(now + FOREVER)
        self._api.put(f"/enrollments/{_id(row)}", body)
        again = self._api.get(f"/enrollments/{_id(row)}")
        if not _is_active(again):
            raise DeliveryDelayed("Thinkific shows the enrollment inactive after an upgrade")
        return _id(again)

    def _enrollment(self, user_id: int, course_id: int) -> Mapping[str, Any] | None:
        """Return the row of a user in a course: an active one first, else the newest."""
        rows = self._enrollments(user_id, course_id)
        return max(rows, key=lambda row: (_is_active(row), _id(row)), default=None)

    def _enrollments(self, user_id: int, course_id: int) -> list[Mapping[str, Any]]:
        query = {"query[user_id]": user_id, "query[course_id]": course_id}
        # A filter that Thinkific does not know is ignored, so both ids are checked again here.
        return [
            row
            for row in self._rows("/enrollments", query)
            if str(row.get("user_id")) == str(user_id)
            and str(row.get("course_id")) == str(course_id)
        ]

    def _rows(self, path: str, query: Mapping[str, str | int]) -> Iterator[Mapping[str, Any]]:
        page: int | None = 1
        for _ in range(MAX_PAGES):
            answer = self._api.get(path, {**query, "page": page or 1, "limit": PAGE})
            yield from _items(answer)
            page = _next_page(answer)
            if page is None:
                return
        raise DeliveryImpossible(f"Thinkific's list {path} does not end")


def _items(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = answer.get("items")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DeliveryDelayed("Thinkific answered without a list of rows")
    return rows


def _next_page(answer: Mapping[str, Any]) -> int | None:
    meta = answer.get("meta")
    pagination = meta.get("pagination") if isinstance(meta, dict) else None
    following = pagination.get("next_page") if isinstance(pagination, dict) else None
    return following if isinstance(following, int) else None


def _id(row: Mapping[str, Any]) -> int:
    """Return the id of a row: an integer, or digits."""
    try:
        return int(row["id"])
    except (KeyError, TypeError, ValueError):
        raise DeliveryDelayed("Thinkific answered without an id") from None


def _seconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_active(row: Mapping[str, Any]) -> bool:
    """Tell full access from a trial (no activated_at) and from an expired row."""
    return bool(row.get("activated_at")) and not row.get("expired") and not row.get("is_free_trial")
