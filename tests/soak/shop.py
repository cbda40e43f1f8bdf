"""The purchases of one learner, from order to payment, with the faults of the callback."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from tests.soak.client import Api
from tests.soak.operators import Operators
from tests.soak.plan import Basket, Callback, Purchase, Way
from tests.soak.simulators import Simulator

PLANS: dict[Callback, Any] = {
    Callback.HONEST: {},
    Callback.DOUBLED: {"times": 3, "parallel": True},
    Callback.LATE: {"delay": 6},
    Callback.NEVER: False,
    Callback.MISSIGNED: {"signature": "bad"},
    Callback.ALTERED: {"fields": {"amount": "1000"}, "signature": "original"},
    Callback.EARLY: False,
    Callback.FAILED_FIRST: {},
}
"""How the simulator sends the callback of a payment; False: not at all."""


@dataclass
class Shop:
    """Makes purchases, and remembers what was paid, approved and refunded."""

    api: Api
    duitku: Simulator
    operators: Operators
    approved: set[str] = field(default_factory=set)
    to_refund: set[str] = field(default_factory=set)
    refunded: set[str] = field(default_factory=set)
    bought: list[tuple[Purchase, str | None]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def serve(self, basket: Basket) -> None:
        """Make all purchases of a learner."""
        if basket.together:
            opened = [(each, self._open(basket.learner, each)) for each in basket.purchases]
            for purchase, payment in opened:
                self._pay(purchase, payment)
        else:
            for purchase in basket.purchases:
                self._pay(purchase, self._open(basket.learner, purchase))

    def refund(self) -> None:
        """Have an admin refund each settled payment that is to be refunded."""
        for payment_id in self.to_refund - self.refunded:
            shown = self.api.admin("GET", f"/payments/{payment_id}")
            if shown and shown["status"] in {"APPROVED", "COMPLETED"}:
                self.api.admin(
                    "POST",
                    f"/payments/{payment_id}/refund",
                    {"reason": "the learner changed their mind"},
                )
                self.refunded.add(payment_id)

    def _open(self, learner: str, purchase: Purchase) -> dict[str, Any] | None:
        if purchase.way is Way.MANUAL:
            return self.api.submit(learner, purchase)
        return self.api.order(learner, purchase)

    def _pay(self, purchase: Purchase, payment: dict[str, Any] | None) -> None:
        payment_id = payment["id"] if payment else None
        with self._lock:
            self.bought.append((purchase, payment_id))
        if payment_id is None or not purchase.pays:
            return
        if purchase.way is Way.MANUAL:
            self._approve(payment_id)
        else:
            self._send_money(purchase, payment_id)
        if purchase.refunded:
            with self._lock:
                self.to_refund.add(payment_id)

    def _approve(self, payment_id: str) -> None:
        with self._lock:
            self.approved.add(payment_id)
        self.api.admin("PATCH", f"/payments/{payment_id}/approve")

    def _send_money(self, purchase: Purchase, payment_id: str) -> None:
        order = f"orders/{payment_id}"
        chosen = {"paymentMethod": "SP"} if purchase.way is Way.POP else {}
        if purchase.callback is Callback.EARLY:
            self.duitku.do(order, chosen)
            self.duitku.do(f"{order}/callback", {"fields": {"resultCode": "00"}})
        if purchase.callback is Callback.FAILED_FIRST:
            self.duitku.do(f"{order}/fail", {**chosen, "callback": {"wait": True}})
        self.duitku.do(f"{order}/pay", {**chosen, "callback": PLANS[purchase.callback]})
        self.operators.note_paid(payment_id)
