"""``make demo``: three purchases, each from the order to its enrollments at Thinkific.

Everything goes over HTTP, as it would from a browser, on a stack that lives only for the demo.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from local.cloud import Options, Stack, running_stack
from local.cloud.progress import step
from local.tokens import user_token

_ADMIN = "demo-admin"
_REQUEST_SECONDS = 60
_COMPLETION_SECONDS = 60.0
_POLL_SECONDS = 0.1
_LOG_LINES = 15


class DemoFailed(Exception):
    """The demo did not come to its expected end; the text is where."""


@dataclass(frozen=True)
class Purchase:
    """One learner's purchase and the number of enrollments it must end in."""

    learner: str
    package: str
    course: str | None
    enrollments: int

    @property
    def body(self) -> dict[str, str]:
        """The order as the API takes it; a bundle names no course."""
        chosen = {"courseId": self.course} if self.course else {}
        return {"packageId": self.package, **chosen}


ENTRY = Purchase("demo-sari", "entry", "python-dasar", 1)
INTERMEDIATE = Purchase("demo-budi", "intermediate", "analisis-sql", 1)
BUNDLE = Purchase("demo-ayu", "bundle-data", None, 2)
PURCHASES = (ENTRY, INTERMEDIATE, BUNDLE)


@dataclass(frozen=True)
class Shop:
    """Does what learners and admins do, and reports each step."""

    stack: Stack
    report: Callable[[str], None]

    def buy_at_duitku(self, purchase: Purchase) -> str:
        """Order, pay on Duitku's side, wait until it is COMPLETED; returns the payment's id."""
        with step(self.report, f"{purchase.learner} orders {purchase.package} at Duitku"):
            payment = self._call("POST", "/payments/initiate", purchase.learner, purchase.body)
        with step(self.report, f"{purchase.learner} pays {payment['amount']} rupiah"):
            order = f"{self.stack.duitku_url}/_sim/orders/{payment['id']}/pay"
            answer = requests.post(order, json={"paymentMethod": "SP"}, timeout=_REQUEST_SECONDS)
            _content(answer, "paying at Duitku")
        return self._wait_for_completion(purchase, payment["id"])

    def buy_by_transfer(self, purchase: Purchase) -> str:
        """Hand in the proof of a transfer and have an admin approve it; ends likewise."""
        with step(self.report, f"{purchase.learner} hands in a transfer for {purchase.package}"):
            proof = {"paymentType": "UMUM", "proofLink": "https://example.com/proof.jpg"}
            body = purchase.body | proof
            payment = self._call("POST", "/payments", purchase.learner, body)
        with step(self.report, f"an admin approves {payment['amount']} rupiah"):
            self._call("PATCH", f"/payments/{payment['id']}/approve", _ADMIN, {})
        return self._wait_for_completion(purchase, payment["id"])

    def status(self, purchase: Purchase, payment: str) -> str:
        """Give the state of a payment as its buyer sees it."""
        return str(self._call("GET", f"/payments/{payment}", purchase.learner)["status"])

    def count_enrollments(self) -> int:
        """Count the enrollments that Thinkific has for the three learners."""
        url = f"{self.stack.thinkific_url}/_sim/enrollments"
        found = _content(requests.get(url, timeout=_REQUEST_SECONDS), "asking Thinkific")
        learners = {_email(purchase.learner) for purchase in PURCHASES}
        return sum(row["user_email"] in learners for row in found["items"])

    def _wait_for_completion(self, purchase: Purchase, payment: str) -> str:
        with step(self.report, f"{purchase.learner} is enrolled, the payment COMPLETED"):
            deadline = time.monotonic() + _COMPLETION_SECONDS
            while (status := self.status(purchase, payment)) != "COMPLETED":
                if time.monotonic() > deadline:
                    message = f"payment {payment} is {status} after {_COMPLETION_SECONDS:.0f} s"
                    raise DemoFailed(message)
                time.sleep(_POLL_SECONDS)
        return payment

    def _call(self, method: str, path: str, user: str, body: object = None) -> dict[str, Any]:
        role = "ADMIN" if user == _ADMIN else "USER"
        token = user_token(self.stack, user, role=role, email=_email(user))
        answer = requests.request(
            method,
            f"{self.stack.api_url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_REQUEST_SECONDS,
        )
        return _content(answer, f"{method} {path}")


def run(state_dir: Path) -> int:
    """Run the demo on a fresh stack; returns 0 when every purchase ended in its enrollments."""
    started = time.monotonic()
    with running_stack(state_dir, Options(report=_say)) as stack:
        try:
            summary = _buy_everything(Shop(stack, _say))
        except (DemoFailed, requests.RequestException) as failure:
            _say(f"{_ends_of_logs(stack)}\ndemo failed: {failure}")
            return 1
    _say(f"{time.monotonic() - started:6.1f} s  in all, and everything is stopped again")
    _say(summary)
    return 0


def _buy_everything(shop: Shop) -> str:
    """Make the purchases, count what became of them; raises ``DemoFailed`` if any is missing."""
    payments = {
        ENTRY: shop.buy_at_duitku(ENTRY),
        INTERMEDIATE: shop.buy_by_transfer(INTERMEDIATE),
        BUNDLE: shop.buy_at_duitku(BUNDLE),
    }
    completed = sum(shop.status(*payment) == "COMPLETED" for payment in payments.items())
    enrollments = shop.count_enrollments()
    summary = f"demo: {completed} payments COMPLETED, {enrollments} enrollments at Thinkific"
    expected = sum(purchase.enrollments for purchase in PURCHASES)
    if (completed, enrollments) != (len(PURCHASES), expected):
        message = f"{summary}, but {len(PURCHASES)} and {expected} were to be"
        raise DemoFailed(message)
    return summary


def _content(answer: requests.Response, doing: str) -> dict[str, Any]:
    if not answer.ok:
        message = f"{doing} was answered {answer.status_code}: {answer.text[:2000]}"
        raise DemoFailed(message)
    content: dict[str, Any] = answer.json()
    return content


def _ends_of_logs(stack: Stack) -> str:
    """Show the end of each log, of the function that logged last at the end."""
    logs = sorted(stack.logs.glob("*.log"), key=lambda log: log.stat().st_mtime)
    return "\n".join(
        f"── {log.name}\n" + "\n".join(log.read_text().splitlines()[-_LOG_LINES:]) for log in logs
    )


def _email(learner: str) -> str:
    return f"{learner}@example.com"


def _say(line: str) -> None:
    print(line, flush=True)
