"""Finding, creating and enrolling learners at Thinkific (thinkific.md, Users, Enrollments)."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from lunas.domain.addresses import compared
from lunas.domain.errors import DeliveryDelayed
from lunas.domain.users import Learner
from lunas.platforms.thinkific.enrollments import (
    FOREVER,
    every_item,
    is_active,
    is_given,
    lasts,
    lasts_longer,
    object_id,
    seconds,
    terms,
)
from lunas.platforms.thinkific.fields import number_if_any, numbers, text
from lunas.platforms.thinkific.http import Missing, Rejected, ThinkificApi, Unanswered

STILL_WRITING = 120.0
"""Seconds until another try after a POST without an answer: a proxy gives a request up after 100,
so by then the row is there, or it never will be."""
YESTERDAY = timedelta(days=1)
BUNDLE_DELAY = 20.0
"""Seconds until the next look for a course of a bundle that Thinkific enrolls before long."""


class LearnerAccess:
    """Accounts and their access to courses. Every method raises DeliveryError."""

    def __init__(self, api: ThinkificApi) -> None:
        self._api = api

    def find_user(self, email: str) -> int | None:
        """Return the account with this address, or None.

        The filter may match loosely, or regard case, which is not documented. So addresses are
        compared here, and one with capitals is asked for in lower case first, then as it is.
        """
        for asked in dict.fromkeys((compared(email), email)):
            for row in every_item(self._api, "/users", {"query[email]": asked}):
                if compared(text(row, "email")) == compared(email):
                    return object_id(row)
        return None

    def ensure_user(self, learner: Learner) -> int:
        """Find the account of a learner by the address, or make it."""
        found = self.find_user(learner.email)
        return found if found is not None else self.create_user(learner)

    def create_user(self, learner: Learner) -> int:
        """Create an account without a password, which switches on Thinkific's sign-in link.

        An address that is taken means that the account exists: it is looked up then.
        """
        body = {
            "first_name": learner.first_name,
            "last_name": learner.last_name,
            "email": compared(learner.email),
            "skip_custom_fields_validation": True,
            "send_welcome_email": True,
        }
        try:
            return object_id(self._api.post("/users", body))
        except Rejected as rejected:
            if not rejected.address_taken:
                raise
        found = self.find_user(learner.email)
        if found is None:
            raise DeliveryDelayed("the address is taken, but its account cannot be found yet")
        return found

    def enroll(
        self,
        user_id: int,
        course_id: int,
        now: datetime,
        until: datetime | None,
        *,
        create: bool = True,
        given: AbstractSet[datetime | None] = frozenset(),
    ) -> int:
        """Give a user full access to a course, whatever stood there before; return the row's id.

        Access lasts ``until`` then, in UTC, or for good. What lasts longer is shortened only if
        it ends at a time that Lunas has ``given``: else it came by other means, and stays.
        Without ``create`` the row is on its way by other means: DeliveryDelayed until it is there.
        Look first, then create or upgrade: what a second POST does is not documented. After a
        POST that failed in any way, look again before anything else is concluded.
        """
        rows = self._enrollments(user_id, course_id)
        row = _foremost(rows)
        if row is None:
            if not create:
                raise DeliveryDelayed("the bundle's course is not there yet", BUNDLE_DELAY)
            row = self._create_enrollment(user_id, course_id, now, until)
        self._end_doubles(rows, row, now)
        return self._fitted(row, now, until, given)

    def adjust(
        self,
        user_id: int,
        course_id: int,
        now: datetime,
        until: datetime | None,
        given: AbstractSet[datetime | None],
    ) -> None:
        """Do as :meth:`enroll` with a row that is there, and nothing where there is none."""
        rows = self._enrollments(user_id, course_id)
        row = _foremost(rows)
        if row is not None:
            self._end_doubles(rows, row, now)
            self._fitted(row, now, until, given)

    def bundle_courses(self, bundle_id: int) -> set[int]:
        """Return the ids of the courses that a bundle holds; none if there is no such bundle."""
        try:
            return set(numbers(self._api.get(f"/bundles/{bundle_id}"), "course_ids"))
        except Missing:
            return set()

    def enroll_in_bundle(
        self, user_id: int, bundle_id: int, now: datetime, until: datetime | None
    ) -> None:
        """Enroll a user in all courses of a bundle: at once (201), or before long (202)."""
        body: dict[str, Any] = {"user_id": user_id, **terms(now, until)}
        self._api.post_unread(f"/bundles/{bundle_id}/enrollments", body)

    def revoke(
        self,
        user_id: int,
        course_id: int,
        now: datetime,
        given: AbstractSet[datetime | None] | None = None,
    ) -> None:
        """End a user's access to a course, in every row that gives it; nothing to end is fine.

        With ``given``, only in rows that end at one of these times: what lasts until another one
        came by other means, and stays.

        There is no DELETE: an expiry in the past ends access and keeps the learner's progress
        (docs/reference/thinkific.md, Enrollments). Nothing else is sent, so that no row turns into
        a trial.
        """
        for row in self._enrollments(user_id, course_id):
            if is_active(row) and (given is None or is_given(row, given, now)):
                self._end(row, now)

    def _end_doubles(
        self, rows: Sequence[Mapping[str, Any]], kept: Mapping[str, Any], now: datetime
    ) -> None:
        """End active rows beside the one that counts: two POSTs at one moment leave two."""
        for row in rows:
            if is_active(row) and object_id(row) != object_id(kept):
                self._end(row, now)

    def _end(self, row: Mapping[str, Any], now: datetime) -> None:
        path = f"/enrollments/{object_id(row)}"
        self._api.put(path, {"expiry_date": seconds(now - YESTERDAY)})
        if is_active(self._api.get(path)):
            raise DeliveryDelayed("Thinkific shows the enrollment active after its end")

    def _fitted(
        self,
        row: Mapping[str, Any],
        now: datetime,
        until: datetime | None,
        given: AbstractSet[datetime | None],
    ) -> int:
        """Leave a row that gives what it should, change another one; return its id."""
        longer = lasts_longer(row, until) and is_given(row, given, now)
        if is_active(row) and lasts(row, until) and not longer:
            return object_id(row)
        return self._upgrade(row, now, until)

    def _create_enrollment(
        self, user_id: int, course_id: int, now: datetime, until: datetime | None
    ) -> Mapping[str, Any]:
        body: dict[str, Any] = {"user_id": user_id, "course_id": course_id, **terms(now, until)}
        try:
            return self._api.post("/enrollments", body)
        except (Rejected, DeliveryDelayed) as error:
            return self._enrollment_after(error, user_id, course_id)

    def _enrollment_after(
        self, error: Rejected | DeliveryDelayed, user_id: int, course_id: int
    ) -> Mapping[str, Any]:
        # A rate limit means that nothing was done, and that another call now would do harm.
        if isinstance(error, DeliveryDelayed) and error.retry_after is not None:
            raise error
        try:
            row = self._enrollment(user_id, course_id)
        except DeliveryDelayed as again:
            raise _patient(error, again) from None
        if row is None:
            raise _patient(error, error) from None
        return row

    def _upgrade(self, row: Mapping[str, Any], now: datetime, until: datetime | None) -> int:
        """Turn a trial, an expired, a shorter or a longer row into what was paid; read it back."""
        if until is None and text(row, "expiry_date"):
            # What null does to an expiry is documented nowhere; a far date is.
            until = now + FOREVER
        body = terms(now, until)
        if is_active(row):
            # What a PUT without it does is unknown; what was there is sent again.
            body["activated_at"] = text(row, "activated_at")
        self._api.put(f"/enrollments/{object_id(row)}", body)
        again = self._api.get(f"/enrollments/{object_id(row)}")
        if not is_active(again) or not lasts(again, until):
            raise DeliveryDelayed("Thinkific shows less access after an upgrade than was asked for")
        return object_id(again)

    def _enrollment(self, user_id: int, course_id: int) -> Mapping[str, Any] | None:
        return _foremost(self._enrollments(user_id, course_id))

    def _enrollments(self, user_id: int, course_id: int) -> list[Mapping[str, Any]]:
        query = {"query[user_id]": user_id, "query[course_id]": course_id}
        # A filter that Thinkific does not know is ignored, so both ids are checked again here.
        return [
            row
            for row in every_item(self._api, "/enrollments", query)
            if number_if_any(row, "user_id") == user_id
            and number_if_any(row, "course_id") == course_id
        ]


def _foremost(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the row that counts among those of a user in a course: active first, then newest."""
    return max(rows, key=lambda row: (is_active(row), object_id(row)), default=None)


def _patient[E: Exception](posted: Exception, error: E) -> E | DeliveryDelayed:
    """Return what to raise when the row of a POST is not to be seen.

    A POST that may still be under way makes the wait longer: a second one would make a second row.
    """
    if isinstance(posted, Unanswered):
        return DeliveryDelayed(str(error), STILL_WRITING)
    return error
