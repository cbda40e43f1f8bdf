"""Buyers and admins: they call the API, and repeat requests that got no answer."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests

from local.cloud import Stack
from local.tokens import user_token
from tests.soak.plan import ADMIN, Purchase

type Json = dict[str, Any]

SECONDS = 60
MAX_WAIT = 300.0
"""Seconds that a buyer waits; Duitku's v2 API can take a minute."""
PAUSE = 1.0
LONG_PAUSE = 10.0
"""Seconds before a request is repeated; the longer one after "try again in a minute"."""
REPEATED = {"conflict", "channel-not-offered"}
"""Refusals after which a buyer tries again: another request is under way, a channel is closed."""


class SoakFailed(Exception):
    """An answer that no buyer or admin should get."""


@dataclass
class Api:
    """The API, with a count of the repeated requests by their answer.

    Once it is ``closed`` nothing is repeated: the soak was interrupted.
    """

    stack: Stack
    repeated: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def call(self, method: str, path: str, user: str, body: object = None) -> Json | None:
        """Send until there is a final answer; None if the learner has the course already.

        Raises SoakFailed for an answer that no one should get.
        """
        deadline = time.monotonic() + MAX_WAIT
        while time.monotonic() < deadline and not self.closed.is_set():
            answer = self._send(method, path, user, body)
            if answer is not None and answer.ok:
                content: Json = answer.json()
                return content
            code = _code(answer)
            if code == "already-enrolled":
                return None
            if answer is not None and _is_final(answer, code):
                raise SoakFailed(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            self.repeated[_description(answer, code)] += 1
            time.sleep(LONG_PAUSE if code in REPEATED else PAUSE)
        raise SoakFailed(f"{method} {path}: no answer within {MAX_WAIT:.0f} s")

    def order(self, learner: str, purchase: Purchase) -> Json | None:
        """Open a payment at Duitku; None when the learner has the courses already."""
        channel = {"paymentMethod": purchase.channel} if purchase.channel else {}
        body = {**purchase.body, **channel}
        return self.call("POST", "/payments/initiate", learner, body)

    def submit(self, learner: str, purchase: Purchase) -> Json | None:
        """Submit a transfer, once: after a lost answer the learner looks for it first."""
        body = {
            **purchase.body,
            "paymentType": "UMUM",
            "proofLink": f"https://proof.example/{learner}",
        }
        deadline = time.monotonic() + MAX_WAIT
        while time.monotonic() < deadline and not self.closed.is_set():
            answer = self._send("POST", "/payments", learner, body)
            if answer is not None and answer.ok:
                content: Json = answer.json()
                return content
            if _code(answer) == "already-enrolled":
                return None
            self.repeated[_description(answer, _code(answer))] += 1
            if found := self._submitted(learner, purchase):
                return found
            time.sleep(PAUSE)
        raise SoakFailed(f"{learner} could not submit a transfer")

    def admin(self, method: str, path: str, body: object = None) -> Json | None:
        """Call the API as an admin."""
        return self.call(method, path, ADMIN, body)

    def _submitted(self, learner: str, purchase: Purchase) -> Json | None:
        shown = self.call("GET", f"/payments/user/{learner}", learner) or {"items": []}
        same = (
            each
            for each in shown["items"]
            if each["status"] == "PAID"
            and (each["packageId"], each.get("courseId")) == (purchase.package, purchase.course)
        )
        return next(same, None)

    def _send(self, method: str, path: str, user: str, body: object) -> requests.Response | None:
        """Send once; None when the connection broke."""
        role = "ADMIN" if user == ADMIN else "USER"
        token = user_token(self.stack, user, role=role, email=email_of(user))
        self.calls += 1
        try:
            return requests.request(
                method,
                f"{self.stack.api_url}{path}",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=SECONDS,
            )
        except requests.RequestException:
            return None


def email_of(learner: str) -> str:
    """Return the address of a learner."""
    return f"{learner}@soak.example"


def _is_final(answer: requests.Response, code: str) -> bool:
    return answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and code not in REPEATED


def _code(answer: requests.Response | None) -> str:
    """Return the code of a problem, or "" if the answer is none."""
    try:
        content = answer.json() if answer is not None else {}
    except ValueError:
        content = {}
    return str(content.get("type", "")).rpartition(":")[2] if isinstance(content, dict) else ""


def _description(answer: requests.Response | None, code: str) -> str:
    return "no answer" if answer is None else f"{answer.status_code} {code}".strip()
