"""Enrolls a test learner and revokes it, as a delivery and a refund would."""

from collections.abc import Iterator
from datetime import UTC, datetime

from lunas.cli.thinkific_check.findings import Finding, explained
from lunas.cli.thinkific_check.rights import Caller
from lunas.domain.errors import DeliveryError
from lunas.domain.users import Learner
from lunas.platforms.thinkific.enrollments import every_item, is_active
from lunas.platforms.thinkific.http import Rejected
from lunas.platforms.thinkific.platform import Thinkific

FIRST_NAME, LAST_NAME = "Lunas", "Check"
NO_COURSE = (
    "Thinkific names the course: it was deleted, its id is a product's, or it was made with the "
    "new course builder, which the API does not serve"
)


def try_delivery(caller: Caller, email: str, course_id: str) -> Iterator[Finding]:
    """Enroll a learner and revoke it again, unless the learner is enrolled already."""
    platform, now = Thinkific(caller.api), datetime.now(UTC)
    step = "finding the test learner"
    try:
        user_id = platform.find_user(email)
        if user_id is None:
            step = "creating the test learner"
            user_id = platform.create_user(Learner(FIRST_NAME, LAST_NAME, email))
        yield Finding(f"the test learner is account {user_id}")
        if _enrolled(caller, user_id, course_id):
            yield Finding(
                f"account {user_id} has course {course_id} already, so nothing was changed",
                "use an address that no learner has",
            )
            return
        step = f"enrolling in course {course_id}"
        enrollment = platform.enroll(user_id, course_id, now, None)
        yield Finding(f"{step}: enrollment {enrollment}, read back and active")
        step = "revoking it"
        platform.revoke(user_id, course_id, now)
        yield Finding(f"{step}: read back and ended")
    except Rejected as rejected:
        about_course = "course" in " ".join(rejected.errors.values()).lower()
        yield Finding(f"{step}: refused ({rejected})", NO_COURSE if about_course else _VALUES)
    except DeliveryError as error:
        yield explained(step, error, _SCOPES.get(step, "write:enrollments"))


def _enrolled(caller: Caller, user_id: str, course_id: str) -> bool:
    query = {"query[user_id]": user_id, "query[course_id]": course_id}
    return any(
        is_active(row)
        for row in every_item(caller.api, "/enrollments", query)
        if str(row.get("user_id")) == str(user_id) and str(row.get("course_id")) == str(course_id)
    )


_VALUES = "Thinkific refuses these values: check the site's rules for new users"
_SCOPES = {
    "finding the test learner": "read:users",
    "creating the test learner": "write:users",
}
