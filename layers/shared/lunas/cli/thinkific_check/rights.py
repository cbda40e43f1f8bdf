"""Checks what Lunas may do at a Thinkific site, without changing anything.

The rights to write are checked by writes that Thinkific must refuse as incomplete: a user without
an address, an enrollment without a user.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests

from lunas.cli.thinkific_check.findings import Finding, explained
from lunas.domain.errors import DeliveryError
from lunas.platforms.thinkific.enrollments import every_item
from lunas.platforms.thinkific.http import (
    TIMEOUT,
    USER_AGENT,
    Missing,
    Rejected,
    ThinkificApi,
    ThinkificSite,
)

NO_USER = 0
"""An id that no user has."""
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
class Caller:
    """A site, with the client and session for calling it."""

    site: ThinkificSite
    api: ThinkificApi
    session: requests.Session
    reports_sales: bool = False


def access(caller: Caller) -> Finding | None:
    """Return a finding if the site refuses calls, else None."""
    try:
        caller.api.get("/courses", {"page": 1, "limit": 1})
    except DeliveryError as error:
        return explained("reading courses", error, "read:courses")
    return None


def courses(caller: Caller) -> list[Mapping[str, Any]]:
    """Return every course that the site lists; raises DeliveryError."""
    return list(every_item(caller.api, "/courses", {}))


def rights(caller: Caller) -> Iterator[Finding]:
    """Try each call that Lunas makes at the site."""
    for what, (path, scope) in READING.items():
        yield _tried(f"reading {what}", scope, _reading(caller, path))
    for what, (path, scope) in WRITING.items():
        yield _tried(what, scope, _writing(caller, path))
    yield _sales(caller)
    yield _webhooks(caller)


def enrollable(caller: Caller, course_id: str) -> bool:
    """Return whether a course exists at Thinkific, listed or not; raises DeliveryError.

    It requests an enrollment without a user; the refusal also names the course if that is missing.
    """
    body = {"course_id": int(course_id), "user_id": NO_USER, "activated_at": "2000-01-01T00:00:00Z"}
    try:
        caller.api.post("/enrollments", body)
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


def _reading(caller: Caller, path: str) -> Callable[[], object]:
    return lambda: caller.api.get(path, {"page": 1, "limit": 1})


def _writing(caller: Caller, path: str) -> Callable[[], object]:
    def write_nothing() -> None:
        try:
            caller.api.post_unread(path, {})
        except Rejected:
            return

    return write_nothing


def _sales(caller: Caller) -> Finding:
    path, scope = SALES
    found = _tried("reporting sales", scope, _writing(caller, path))
    if caller.reports_sales or found.fix is None:
        return found
    # Nothing to fix: the setting ExternalOrders is off.
    return Finding(f"{found.what}; not needed while ExternalOrders is off")


def _webhooks(caller: Caller) -> Finding:
    """Call the Webhooks API v2, which accepts only a bearer token."""
    what = "webhooks (API v2)"
    try:
        headers = {
            "Authorization": f"Bearer {caller.site.credentials.bearer()}",
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
        }
        url = f"{caller.site.api_url}/api/v2/webhooks"
        response = caller.session.get(
            url, params={"limit": 1}, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
    except (DeliveryError, requests.RequestException) as error:
        return Finding(f"{what}: no response ({type(error).__name__})", _WEBHOOKS)
    if response.status_code != HTTPStatus.OK:
        return Finding(f"{what}: refused ({response.status_code})", _WEBHOOKS)
    return Finding(what)


_WEBHOOKS = (
    "progress and completion will not arrive by webhook: check that the key works as a bearer "
    "token, or connect the site by OAuth"
)
