"""The filters of an enrollment list (Thinkific Admin API, Enrollments)."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request

from local.simulators.thinkific.answers import refusal, whole_number
from local.simulators.thinkific.dates import from_text
from local.simulators.thinkific.paging import asked
from local.simulators.thinkific.records import Enrollment
from local.simulators.thinkific.site import Site

type Test = Callable[[Enrollment], bool]
type Compare = Callable[[datetime, datetime], bool]

COMPARISONS: dict[str, Compare] = {
    "on": lambda moment, given: moment.date() == given.date(),
    "before": lambda moment, given: moment < given,
    "on_or_before": lambda moment, given: moment <= given,
    "after": lambda moment, given: moment > given,
    "on_or_after": lambda moment, given: moment >= given,
}
DATE_FILTERS = {
    f"{kind}_{name}": (kind, compare)
    for kind in ("created", "updated")
    for name, compare in COMPARISONS.items()
    if (kind, name) != ("updated", "on_or_after")
}
"""Thinkific has no ``updated_on_or_after``; like every unknown filter it is ignored."""
FALSE = frozenset({"false", "f", "off", "0"})
"""What a filter of yes or no is false by, in any case; every other text is true. Clients write
their own language's words, such as ``True``."""


def matching(
    request: Request, rows: list[Enrollment], site: Site, now: datetime
) -> list[Enrollment]:
    """Return the rows that pass every filter of the request; raise a 400 for an unusable date."""
    tests = [*_id_tests(request), *_state_tests(request, now), *_date_tests(request)]
    tests.extend(_email_tests(request, site))
    return [row for row in rows if all(test(row) for test in tests)]


def _id_tests(request: Request) -> list[Test]:
    user, course = asked(request, "user_id"), asked(request, "course_id")
    user_id, course_id = whole_number(user), whole_number(course)
    tests: list[Test] = []
    if user is not None:
        tests.append(lambda row: row.user_id == user_id)
    if course is not None:
        tests.append(lambda row: row.course_id == course_id)
    return tests


def _email_tests(request: Request, site: Site) -> list[Test]:
    email = asked(request, "email")
    if email is None:
        return []
    user = site.user_by_email(email)
    return [lambda row: user is not None and row.user_id == user.id]


def _state_tests(request: Request, now: datetime) -> list[Test]:
    states: dict[str, Test] = {
        "free_trial": lambda row: row.is_free_trial,
        "full": lambda row: not row.is_free_trial,
        "completed": lambda row: row.completed_at is not None,
        "expired": lambda row: row.expired(now),
    }
    given = {name: asked(request, name) for name in states}
    return [
        _is(states[name], wanted=value.lower() not in FALSE)
        for name, value in given.items()
        if value
    ]


def _is(test: Test, *, wanted: bool) -> Test:
    return lambda row: test(row) is wanted


def _date_tests(request: Request) -> list[Test]:
    given = {name: asked(request, name) for name in DATE_FILTERS}
    return [_date_test(name, value) for name, value in given.items() if value]


def _date_test(name: str, value: str) -> Test:
    kind, compare = DATE_FILTERS[name]
    try:
        moment = from_text(value)
    except ValueError as error:
        raise refusal(400, f"query[{name}] is not a valid date.") from error
    if kind == "created":
        return lambda row: compare(row.created_at, moment)
    return lambda row: compare(row.updated_at, moment)
