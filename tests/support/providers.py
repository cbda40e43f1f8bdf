"""Duitku and Thinkific in a test: the admin routes of their simulators, and forged callbacks."""

import hashlib
import hmac
from typing import Any
from urllib.parse import quote

import requests

from local.cloud import Stack
from tests.support.users import TIMEOUT

type Json = dict[str, Any]


class Provider:
    """A simulator."""

    def __init__(self, url: str | None) -> None:
        assert url, "this test needs the simulator"
        self.url = url

    def see(self, path: str) -> Json:
        """Return what an admin route shows."""
        return _content(requests.get(f"{self.url}/_sim/{path}", timeout=TIMEOUT))

    def do(self, path: str, body: object = None) -> Json:
        """Use an admin route."""
        return _content(requests.post(f"{self.url}/_sim/{path}", json=body or {}, timeout=TIMEOUT))

    def fault(self, route: str, kind: str, **more: object) -> None:
        """Ask for a fault on a route."""
        self.do("faults", {"route": route, "kind": kind, **more})

    def calm(self) -> None:
        """Remove faults that no request has met."""
        _content(requests.delete(f"{self.url}/_sim/faults", timeout=TIMEOUT))


class Duitku(Provider):
    """Duitku, and senders who pretend to be Duitku."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.duitku_url)
        self._stack = stack

    def pay(self, payment: Json, **more: object) -> None:
        """Pay as the buyer does on Duitku's page."""
        self.do(f"orders/{payment['id']}/pay", {"paymentMethod": "SP", **more})

    def end(self, payment: Json, how: str) -> None:
        """End an order: ``expire``, ``fail`` or ``cancel``."""
        self.do(f"orders/{payment['id']}/{how}", {"paymentMethod": "SP"})

    def status_calls(self) -> int:
        """Return how often the status of an order was asked for."""
        counts = self.see("requests")["counts"]
        return int(counts.get("popTransactionStatus", 0)) + int(counts.get("transactionStatus", 0))

    def form(self, payment: Json, **changed: str | None) -> dict[str, str]:
        """Return the callback that Duitku would send, correctly signed, with fields ``changed``.

        The signature is made for the changed fields, unless it is one of them; None removes one.
        """
        fields: dict[str, str | None] = {
            "merchantCode": self._stack.duitku.merchant_code,
            "amount": str(payment["amount"]),
            "merchantOrderId": payment["id"],
            "productDetail": payment["packageName"],
            "paymentCode": "SP",
            "resultCode": "00",
            "reference": payment["gateway"]["reference"],
            **changed,
        }
        signed = f"{fields['merchantCode']}{fields['amount']}{fields['merchantOrderId']}"
        fields.setdefault("signature", sign(signed, self._stack.duitku.api_key))
        return {name: value for name, value in fields.items() if value is not None}

    def post(self, form: dict[str, str]) -> requests.Response:
        """Send a callback to the Function URL."""
        return requests.post(self._stack.duitku_webhook_url, data=form, timeout=TIMEOUT)


class Thinkific(Provider):
    """Thinkific's site."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.thinkific_url)

    def set(self, **settings: object) -> None:
        """Change settings of the simulator."""
        self.do("settings", settings)

    def enrollments(self, email: str) -> list[Json]:
        """Return the enrollments of a learner."""
        return [each for each in self.see("enrollments")["items"] if each["user_email"] == email]

    def users(self, email: str) -> list[Json]:
        """Return the accounts with an address."""
        return [each for each in self.see("users")["items"] if each["email"] == email]

    def write(self, path: str, body: Json, stack: Stack) -> None:
        """Write at the site directly, not through Lunas."""
        headers = {
            "X-Auth-API-Key": stack.thinkific.api_key,
            "X-Auth-Subdomain": stack.thinkific.subdomain,
        }
        url = f"{self.url}/api/public/v1{path}"
        _content(requests.post(url, json=body, headers=headers, timeout=TIMEOUT))

    def calls(self, route: str) -> int:
        """Return how often a route was called."""
        return int(self.see("requests")["routes"].get(route, {}).get("calls", 0))

    def limited(self) -> int:
        """Return how many calls were answered 429."""
        return int(self.see("requests")["limited"])

    def traced(self, correlation_id: str) -> Json:
        """Return how often each route was called with this correlation id."""
        found: Json = self.see(f"requests?correlationId={quote(correlation_id)}")["routes"]
        return found


def sign(message: str, key: str) -> str:
    """Sign as Duitku does, by independent code."""
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()


def _content(answer: requests.Response) -> Json:
    assert answer.ok, f"{answer.request.url}: {answer.status_code} {answer.text[:300]}"
    found: Json = answer.json()
    return found
