"""Learners, admins and services that use the API."""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import jwt
import requests

from local.cloud import Stack
from local.tokens import user_token

TIMEOUT = 60
"""Seconds for one request; a cold start on a busy machine takes a few."""
MAX_WAIT = 90.0
"""Seconds to wait for an expected state before the test fails."""
PRICES = {
    "ENTRY": {"UMUM": 49000, "DIKE": 39000},
    "INTERMEDIATE": {"UMUM": 90000, "DIKE": 72000},
    "BUNDLE": {"UMUM": 130000, "DIKE": 104000},
}
"""Rupiah, as in the sample catalog."""

type Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """A caller with a token."""

    stack: Stack
    id: str
    token: str
    headers: Json = field(default_factory=dict)

    @property
    def email(self) -> str:
        """The address that the token carries."""
        return f"{_digest(self.id, 'mail')}@example.com"

    def call(self, method: str, path: str, body: object = None) -> requests.Response:
        """Send a request with the token."""
        return requests.request(
            method,
            f"{self.stack.api_url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **self.headers},
            timeout=TIMEOUT,
        )

    def sending(self, headers: Json) -> "Person":
        """Return the same caller, with these headers on every request."""
        return replace(self, headers={**self.headers, **headers})

    def get(self, path: str) -> Json:
        """Return what a path shows; any answer but 200 fails the test."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        shown: Json = answer.json()
        return shown

    def initiate(self, package: str, course: str | None = None, **more: object) -> Json:
        """Open a payment at Duitku and return it."""
        body = {"packageId": package, "courseId": course, **more}
        answer = self.call("POST", "/payments/initiate", _given(body))
        assert answer.status_code == 201, answer.text
        payment: Json = answer.json()
        return payment

    def submit(self, package: str, course: str | None = None) -> Json:
        """Hand in a manual payment and return it."""
        proof = {"paymentType": "UMUM", "proofLink": "https://example.com/proof.jpg"}
        body = {"packageId": package, "courseId": course, **proof}
        answer = self.call("POST", "/payments", _given(body))
        assert answer.status_code == 201, answer.text
        payment: Json = answer.json()
        return payment

    def approve(self, payment_id: str) -> requests.Response:
        """Approve a payment."""
        return self.call("PATCH", f"/payments/{payment_id}/approve")

    def reject(self, payment_id: str, reason: str = "no such transfer") -> requests.Response:
        """Reject a payment."""
        return self.call("PATCH", f"/payments/{payment_id}/reject", {"reason": reason})

    def refund(
        self, payment_id: str, reason: str = "the learner changed their mind"
    ) -> requests.Response:
        """Record that the money of a payment went back."""
        return self.call("POST", f"/payments/{payment_id}/refund", {"reason": reason})

    def check(self, payment_id: str) -> requests.Response:
        """Check the caller's own payment at Duitku."""
        return self.call("POST", f"/payments/{payment_id}/check")

    def recheck(self, payment_id: str) -> requests.Response:
        """Check a payment at Duitku as an admin."""
        return self.call("POST", f"/payments/{payment_id}/recheck")

    def put_course(self, *, quota: int | None = None, mapped: bool = True) -> str:
        """Write a new course, which shares the Thinkific course of ``python-dasar``."""
        course = f"course-{uuid.uuid4().hex[:12]}"
        courses = {each["id"]: each for each in self.get("/courses")["items"]}
        known = courses["python-dasar"]["thinkificCourseId"] if mapped else None
        body = {"name": f"Course {course}", "quota": quota, "thinkificCourseId": known}
        return self._put("courses", course, body)

    def put_package(self, *courses: str, kind: str = "ENTRY") -> str:
        """Write a new package, at the price that the sample catalog has for its kind."""
        package = f"package-{uuid.uuid4().hex[:12]}"
        body = {"kind": kind, "name": "Package", "prices": PRICES[kind], "courseIds": list(courses)}
        return self._put("packages", package, body)

    def _put(self, kind: str, name: str, body: Json) -> str:
        answer = self.call("PUT", f"/{kind}/{name}", _given(body))
        assert answer.status_code == 200, answer.text
        return name

    def pages(self, path: str) -> Iterator[list[Json]]:
        """Follow a list to its end, page by page."""
        join, cursor = "&" if "?" in path else "?", ""
        while True:
            page = self.get(f"{path}{cursor}")
            yield page["items"]
            if "nextCursor" not in page:
                return
            cursor = f"{join}cursor={page['nextCursor']}"

    def all(self, path: str) -> list[Json]:
        """Return everything of a list."""
        return [item for page in self.pages(path) for item in page]

    def payment(self, payment_id: str) -> Json:
        """Return a payment."""
        return self.get(f"/payments/{payment_id}")

    def states(self, payment_id: str) -> list[str]:
        """Return the states that the history of a payment went through."""
        return [event["to"] for event in self.get(f"/payments/{payment_id}/history")["items"]]

    def enrollments(self) -> list[Json]:
        """Return one's own enrollments."""
        items: list[Json] = self.get("/enrollments/my-enrollments")["items"]
        return items

    def wait_for(self, payment_id: str, status: str) -> Json:
        """Return a payment once it has this status."""
        return eventually(
            lambda: self.payment(payment_id), lambda payment: payment["status"] == status
        )


@dataclass(frozen=True)
class Users:
    """Makes callers that no other test uses."""

    stack: Stack

    def learner(self, kind: str = "UMUM") -> Person:
        """Return a new learner; ``kind`` is the payment type, UMUM or DIKE."""
        return self._person("learner", "USER", kind)

    def admin(self) -> Person:
        """Return a new admin."""
        return self._person("admin", "ADMIN")

    def service(self, scope: str = "enrollments:read") -> Person:
        """Return a service with a token of its own trust domain and the API key."""
        domain, now = self.stack.service, int(time.time())
        claims = {
            "sub": "progress-service",
            "role": "SERVICE",
            "scope": scope,
            "iss": domain.issuer,
            "aud": domain.audience,
            "iat": now,
            "exp": now + 3600,
        }
        token = jwt.encode(claims, domain.secret, algorithm="HS256")
        key = {"x-api-key": self.stack.service_api_key}
        return Person(self.stack, "progress-service", token, key)

    def named(self, name: str, role: str = "USER", kind: str = "UMUM") -> Person:
        """Return the user with this id.

        Their names and address have nothing in common with the id, which logs may show.
        """
        email, called = f"{_digest(name, 'mail')}@example.com", _digest(name, "name")
        claims = {"role": role, "kind": kind, "email": email, "name": f"Siti{called} Hadi{called}"}
        return Person(self.stack, name, user_token(self.stack, name, **claims))

    def _person(self, called: str, role: str, kind: str = "UMUM") -> Person:
        return self.named(f"{called}-{uuid.uuid4().hex[:12]}", role, kind)


def eventually[T](look: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Look until the result is good; fail with the last result."""
    deadline = time.monotonic() + MAX_WAIT
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"still not so after {MAX_WAIT:.0f} s: {seen}"
        time.sleep(0.1)
    return seen


def _digest(user: str, what: str) -> str:
    return hashlib.sha256(f"{what} of {user}".encode()).hexdigest()[:16]


def _given(body: Json) -> Json:
    return {name: value for name, value in body.items() if value is not None}
