"""Asking a Thinkific site what Lunas may do there; nothing is changed by it.

That writing is allowed is seen by writes that are sure to be refused for what they lack: no user
without an address, and no enrollment without a user.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests

from local.thinkific.findings import Finding, explained
from lunas.domain.errors import DeliveryError
from lunas.platforms.thinkific.enrollments import every_row
from lunas.platforms.thinkific.http import (
    TIMEOUT,
    USER_AGENT,
    Missing,
    Rejected,
    ThinkificApi,
    ThinkificSite,
)

NOBODY = 0
"""The id of no user."""
READING = {
    "users": ("/users", "read:users"),
    "products": ("/products", "read:products"),
    "enrollments": ("/enrollments", "read:enrollments"),
}
WRITING = {
    "creating users": ("/users", "write:users"),
    "enrolling": ("/enrollments", "write:enrollments"),
}
SALES = ("/external_orders", "write:external_orders")


@dataclass(frozen=True)
class Examined:
    """A site, and how it is called."""

    site: ThinkificSite
    api: ThinkificApi
    session: requests.Session
    reports_sales: bool = False


def access(at: Examined) -> Finding | None:
    """Return why nothing can be asked at all, None if something can."""
    try:
        at.api.get("/courses", {"page": 1, "limit": 1})
    except DeliveryError as error:
        return explained("reading courses", error, "read:courses")
    return None


def courses(at: Examined) -> list[Mapping[str, Any]]:
    """Return every course that the site shows; raises DeliveryError."""
    return list(every_row(at.api, "/courses", {}))


def rights(at: Examined) -> Iterator[Finding]:
    """Try everything that Lunas does at the site."""
    for what, (path, scope) in READING.items():
        yield _tried(f"reading {what}", scope, _reading(at, path))
    for what, (path, scope) in WRITING.items():
        yield _tried(what, scope, _writing(at, path))
    yield _sales(at)
    yield _webhooks(at)


def enrollable(at: Examined, course_id: int) -> bool:
    """Tell whether Thinkific knows a course by its id, shown or not; raises DeliveryError.

    It is asked to enroll nobody: the refusal names the course, too, if that is missing.
    """
    body = {"course_id": course_id, "user_id": NOBODY, "activated_at": "2000-01-01T00:00:00Z"}
    try:
        at.api.post("/enrollments", body)
    except Rejected as rejected:
        return "course" not in " ".join([*rejected.errors, *rejected.errors.values()]).lower()
    except Missing:
        return False
    return True


def _tried(what: str, scope: str, attempt: Callable[[], object]) -> Finding:
    try:
        attempt()
    except DeliveryError as error:
        return explained(what, error, scope)
    return Finding(what)


def _reading(at: Examined, path: str) -> Callable[[], object]:
    return lambda: at.api.get(path, {"page": 1, "limit": 1})


def _writing(at: Examined, path: str) -> Callable[[], object]:
    def write_nothing() -> None:
        try:
            at.api.post_unread(path, {})
        except Rejected:
            return

    return write_nothing


def _sales(at: Examined) -> Finding:
    path, scope = SALES
    found = _tried("reporting sales", scope, _writing(at, path))
    if at.reports_sales or found.mend is None:
        return found
    # Only a note: the setting ExternalOrders is off.
    return Finding(f"{found.what}; not needed while ExternalOrders is off")


def _webhooks(at: Examined) -> Finding:
    """Ask the Webhooks API v2, which takes a bearer only."""
    what = "webhooks (API v2)"
    try:
        headers = {
            "Authorization": f"Bearer {at.site.credentials.bearer()}",
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
        }
        url = f"{at.site.api_url}/api/v2/webhooks"
        answer = at.session.get(
            url, params={"limit": 1}, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
    except (DeliveryError, requests.RequestException) as error:
        return Finding(f"{what}: no answer ({type(error).__name__})", _WEBHOOKS)
    if answer.status_code != HTTPStatus.OK:
        return Finding(f"{what}: refused ({answer.status_code})", _WEBHOOKS)
    return Finding(what)


_WEBHOOKS = (
    "progress and completion will not come by webhook: look that the key works as a bearer, or "
    "connect the site by OAuth"
)
