"""Learners, admins and services as they use the API."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import requests

from local.cloud import Stack
from local.tokens import user_token

TIMEOUT = 60
"""Seconds for one request; a cold start on a busy machine takes a few."""
PATIENCE = 90.0
"""Seconds until a state that must come about is given up."""

type Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    stack: Stack
    id: str
    token: str
    headers: Json = field(default_factory=dict)

    @property
    def email(self) -> str:
        """The address that the token carries."""
        return f"{self.id}@example.com"

    def call(self, method: str, path: str, body: object = None) -> requests.Response:
        """Send a request with the token."""
        return requests.request(
            method,
            f"{self.stack.api_url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **self.headers},
            timeout=TIMEOUT,
        )

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
class People:
    """Makes people whom no other test knows."""

    stack: Stack

    def learner(self) -> Person:
        """Return a new learner."""
        return self._person("learner", "USER")

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
            "exp": now + 600,
        }
        token = jwt.encode(claims, domain.secret, algorithm="HS256")
        key = {"x-api-key": self.stack.service_api_key}
        return Person(self.stack, "progress-service", token, key)

    def _person(self, kind: str, role: str) -> Person:
        name = f"{kind}-{uuid.uuid4().hex[:12]}"
        return Person(self.stack, name, user_token(self.stack, name, role=role))


def eventually[T](look: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Look again and again until what is seen is good; fail with the last sight."""
    deadline = time.monotonic() + PATIENCE
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"still not so after {PATIENCE:.0f} s: {seen}"
        time.sleep(0.1)
    return seen


def _given(body: Json) -> Json:
    return {name: value for name, value in body.items() if value is not None}
