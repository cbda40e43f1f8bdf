"""Finding, creating and enrolling learners at Thinkific (thinkific.md, Users, Enrollments)."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from lunas.domain.errors import DeliveryDelayed
from lunas.domain.texts import compared
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
from lunas.platforms.thinkific.fields import id_if_any, ids, text
from lunas.platforms.thinkific.http import Missing, Rejected, ThinkificApi, Unanswered

STILL_WRITING = 120.0
"""Seconds until the retry of a POST without an answer. A proxy aborts a request after 100 seconds,
so the enrollment exists by then, or it never will."""
ONE_DAY = timedelta(days=1)
BUNDLE_DELAY = 20.0
"""Seconds until the next look for a course of a bundle, which Thinkific may enroll later."""


class LearnerAccess:
    """Accounts and their access to courses. Every method raises DeliveryError."""

    api: ThinkificApi

    def find_user(self, email: str) -> str | None:
        """Return the account with this address, or None.

        Whether the filter matches exactly or regards case is not documented. So Lunas compares the
        addresses itself, and queries an address with capitals in lower case first, then unchanged.
        """
        for queried in dict.fromkeys((compared(email), email)):
            for user in every_item(self.api, "/users", {"query[email]": queried}):
                if compared(text(user, "email")) == compared(email):
                    return object_id(user)
        return None

    def ensure_user(self, learner: Learner) -> str:
        """Find the learner's account by the address, or create it."""
        return self.find_user(learner.email) or self.create_user(learner)

    def create_user(self, learner: Learner) -> str:
        """Create an account without a password, so that Thinkific sends a sign-in link.

        If the address is taken, the account exists and is looked up.
        """
        body = {
            "first_name": learner.first_name,
            "last_name": learner.last_name,
            "email": compared(learner.email),
            "skip_custom_fields_validation": True,
            "send_welcome_email": True,
        }
        try:
            return object_id(self.api.post("/users", body))
        except Rejected as rejected:
            if not rejected.address_taken:
                raise
        found = self.find_user(learner.email)
        if found is None:
            raise DeliveryDelayed("the address is taken, but its account cannot be found yet")
        return found

    def enroll(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        until: datetime | None,
        *,
        create: bool = True,
        given: AbstractSet[datetime | None] = frozenset(),
    ) -> str:
        """Give an account access to a course; without ``create``, Thinkific creates the enrollment.

        The effect of a second POST is not documented. So the enrollments are read before one is
        created, and read again after a POST that failed in any way.
        """
        enrollments = self._enrollments(user_id, course_id)
        enrollment = _preferred(enrollments)
        if enrollment is None:
            if not create:
                raise DeliveryDelayed("the bundle's course is not there yet", BUNDLE_DELAY)
            enrollment = self._create_enrollment(user_id, course_id, now, until)
        self._end_duplicates(enrollments, enrollment, now)
        return self._ensure_terms(enrollment, now, until, given)

    def adjust(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        until: datetime | None,
        given: AbstractSet[datetime | None],
    ) -> None:
        """Like :meth:`enroll` for an existing enrollment; without one, do nothing."""
        enrollments = self._enrollments(user_id, course_id)
        enrollment = _preferred(enrollments)
        if enrollment is not None:
            self._end_duplicates(enrollments, enrollment, now)
            self._ensure_terms(enrollment, now, until, given)

    def bundle_courses(self, bundle_id: str) -> set[str]:
        """Return the ids of a bundle's courses; none if there is no such bundle."""
        try:
            return set(ids(self.api.get(f"/bundles/{bundle_id}"), "course_ids"))
        except Missing:
            return set()

    def enroll_in_bundle(
        self, user_id: str, bundle_id: str, now: datetime, until: datetime | None
    ) -> None:
        """Enroll a user in all courses of a bundle: at once (201) or later (202)."""
        body: dict[str, Any] = {"user_id": int(user_id), **terms(now, until)}
        self.api.post_unread(f"/bundles/{bundle_id}/enrollments", body)

    def revoke(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        given: AbstractSet[datetime | None] | None = None,
    ) -> None:
        """End every enrollment that gives a user access to a course, if there is any.

        With ``given``, only enrollments that end at one of these times; any other end was set by
        someone else and stays.

        There is no DELETE: an expiry in the past ends access and keeps the learner's progress
        (docs/reference/thinkific.md, Enrollments). Nothing else is sent, so that no enrollment
        turns into a trial.
        """
        for enrollment in self._enrollments(user_id, course_id):
            if is_active(enrollment) and (given is None or is_given(enrollment, given, now)):
                self._end(enrollment, now)

    def _end_duplicates(
        self, enrollments: Sequence[Mapping[str, Any]], kept: Mapping[str, Any], now: datetime
    ) -> None:
        """End every other active enrollment: two POSTs at the same moment create two."""
        for enrollment in enrollments:
            if is_active(enrollment) and object_id(enrollment) != object_id(kept):
                self._end(enrollment, now)

    def _end(self, enrollment: Mapping[str, Any], now: datetime) -> None:
        path = f"/enrollments/{object_id(enrollment)}"
        self.api.put(path, {"expiry_date": seconds(now - ONE_DAY)})
        if is_active(self.api.get(path)):
            raise DeliveryDelayed("Thinkific shows the enrollment active after its end")

    def _ensure_terms(
        self,
        enrollment: Mapping[str, Any],
        now: datetime,
        until: datetime | None,
        given: AbstractSet[datetime | None],
    ) -> str:
        """Change an enrollment unless it gives the wanted access already; return its id."""
        longer = lasts_longer(enrollment, until) and is_given(enrollment, given, now)
        if is_active(enrollment) and lasts(enrollment, until) and not longer:
            return object_id(enrollment)
        return self._upgrade(enrollment, now, until)

    def _create_enrollment(
        self, user_id: str, course_id: str, now: datetime, until: datetime | None
    ) -> Mapping[str, Any]:
        body: dict[str, Any] = {
            "user_id": int(user_id),
            "course_id": int(course_id),
            **terms(now, until),
        }
        try:
            return self.api.post("/enrollments", body)
        except (Rejected, DeliveryDelayed) as error:
            return self._enrollment_after(error, user_id, course_id)

    def _enrollment_after(
        self, error: Rejected | DeliveryDelayed, user_id: str, course_id: str
    ) -> Mapping[str, Any]:
        # A rate limit means that nothing was done, and that another call now would do harm.
        if isinstance(error, DeliveryDelayed) and error.retry_after is not None:
            raise error
        try:
            enrollment = self._enrollment(user_id, course_id)
        except DeliveryDelayed as again:
            raise _error_to_raise(error, again) from None
        if enrollment is None:
            raise _error_to_raise(error, error) from None
        return enrollment

    def _upgrade(self, enrollment: Mapping[str, Any], now: datetime, until: datetime | None) -> str:
        """Change a trial or an expired, shorter or longer enrollment, and read the result."""
        if until is None and text(enrollment, "expiry_date"):
            # The effect of null on an expiry is not documented; that of a far date is.
            until = now + FOREVER
        body = terms(now, until)
        if is_active(enrollment):
            # The effect of a PUT without it is not documented, so its value is sent again.
            body["activated_at"] = text(enrollment, "activated_at")
        self.api.put(f"/enrollments/{object_id(enrollment)}", body)
        again = self.api.get(f"/enrollments/{object_id(enrollment)}")
        if not is_active(again) or not lasts(again, until):
            raise DeliveryDelayed("Thinkific shows less access after an upgrade than was asked for")
        return object_id(again)

    def _enrollment(self, user_id: str, course_id: str) -> Mapping[str, Any] | None:
        return _preferred(self._enrollments(user_id, course_id))

    def _enrollments(self, user_id: str, course_id: str) -> list[Mapping[str, Any]]:
        query = {"query[user_id]": user_id, "query[course_id]": course_id}
        # Thinkific ignores a filter that it does not know, so both ids are compared again.
        return [
            enrollment
            for enrollment in every_item(self.api, "/enrollments", query)
            if id_if_any(enrollment, "user_id") == user_id
            and id_if_any(enrollment, "course_id") == course_id
        ]


def _preferred(enrollments: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the one enrollment to keep: an active one before others, then the newest."""
    return max(
        enrollments,
        key=lambda enrollment: (is_active(enrollment), int(object_id(enrollment))),
        default=None,
    )


def _error_to_raise[E: Exception](posted: Exception, error: E) -> E | DeliveryDelayed:
    """Return the error to raise if the enrollment of a POST cannot be found.

    A POST that may still be running delays the retry, which would create a second enrollment.
    """
    if isinstance(posted, Unanswered):
        return DeliveryDelayed(str(error), STILL_WRITING)
    return error
