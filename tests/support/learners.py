"""Learners who make progress at Thinkific, and the events about it, genuine and forged."""

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import Any

import requests

from local.cloud import Stack
from tests.support.providers import Thinkific
from tests.support.users import TIMEOUT, Json, Person, Users, eventually

COURSE = "python-dasar"
SIGNATURE = "X-Thinkific-Hmac-Sha256"


@dataclass(frozen=True)
class EnrolledLearner:
    """A learner who is enrolled, in Lunas and at Thinkific."""

    person: Person
    thinkific: Thinkific
    payment: str
    enrollment: str
    platform_enrollment: Json

    @classmethod
    def enrolled(cls, users: Users, thinkific: Thinkific) -> "EnrolledLearner":
        """Enroll a new learner in one course."""
        learner = users.learner()
        payment = learner.submit("entry", COURSE)
        users.admin().approve(payment["id"])
        learner.wait_for(payment["id"], "COMPLETED")
        (ours,), (theirs,) = learner.enrollments(), thinkific.enrollments(learner.email)
        return cls(learner, thinkific, payment["id"], ours["id"], theirs)

    def learns(self, percentage: float) -> None:
        """Make progress in the course; Thinkific sends an event."""
        self.thinkific.do(
            "progress", {"enrollmentId": self.platform_enrollment["id"], "percentage": percentage}
        )

    def shown(self) -> Json:
        """Return the enrollment as its owner sees it."""
        return self.person.get(f"/enrollments/{self.enrollment}")

    def progress(self) -> int:
        """Return the progress that the API shows."""
        return int(self.shown()["progress"])

    def reaches(self, percent: int) -> None:
        """Wait until the API shows a progress."""
        eventually(self.progress, lambda seen: seen == percent)

    def event(self, percentage: str, action: str = "progress", **changes: Any) -> bytes:
        """Write an event about this learner, with an id of its own."""
        content = {
            "id": uuid.uuid4().hex,
            "resource": "enrollment",
            "action": action,
            "payload": {
                "id": self.platform_enrollment["id"],
                "user": {"id": self.platform_enrollment["user_id"]},
                "course_id": self.platform_enrollment["course_id"],
                "percentage_completed": percentage,
            },
        }
        return json.dumps({**content, **changes}).encode()


def post(stack: Stack, body: bytes, key: str | None = None) -> int:
    """Post an event, signed by the site's key or another; return the status."""
    secret = (key or stack.thinkific.api_key).encode()
    headers = {
        "Content-Type": "application/json",
        SIGNATURE: hmac.new(secret, body, hashlib.sha256).hexdigest(),
    }
    answer = requests.post(stack.thinkific_webhook_url, data=body, headers=headers, timeout=TIMEOUT)
    return answer.status_code
