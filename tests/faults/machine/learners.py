"""Learners buy, pay in time, late or twice, and learn; callbacks come, right and forged."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from local.simulators.duitku.orders import Order, State
from local.simulators.duitku.settings import CallbackPlan
from tests.faults.machine.base import LEARNERS, PURCHASES, BaseMachine, chosen, pick
from tests.faults.world.users import Person

LATEST = timedelta(days=6)
"""After an order's end: how long a buyer may still pay it. Later, Lunas checks no more."""

learners, purchases = st.sampled_from(LEARNERS), st.sampled_from(PURCHASES)


class Learning(BaseMachine):
    """What learners do."""

    @rule(
        learner=learners,
        purchase=purchases,
        channel=st.sampled_from((None, None, "SP", "VC")),
        key=st.sampled_from((None, None, "k1")),
    )
    def buy(self, learner: Person, purchase: Any, channel: str | None, key: str | None) -> None:
        """Open a payment."""
        package, course = purchase
        self.actors.initiate(learner, package, course, channel, key)

    @precondition(lambda self: self.payments())
    @rule(learner=learners, number=pick)
    def check(self, learner: Person, number: int) -> None:
        """Check a payment, one's own or another's."""
        self.actors.check(learner, chosen(self.payments(), number))

    @rule(learner=learners, purchase=purchases)
    def buy_and_pay(self, learner: Person, purchase: Any) -> None:
        """Open a payment and pay it at once."""
        answer = self.actors.initiate(learner, *purchase)
        order = self.world.duitku.order(answer.body["id"]) if answer.ok else None
        if order is not None:
            self.world.duitku.pay(order)

    @rule(learner=learners, purchase=purchases, key=st.sampled_from((None, None, "k1")))
    def submit(self, learner: Person, purchase: Any, key: str | None) -> None:
        """Submit a manual payment, for the first time or again."""
        package, course = purchase
        self.actors.submit(learner, package, course, key)

    def _payable(self) -> list[Order]:
        now = self.world.clock.now()
        return [order for order in self.orders() if now < order.expires_at + LATEST]

    @precondition(lambda self: self._payable())
    @rule(number=pick, callback=st.sampled_from((True, True, False)))
    def pay(self, number: int, callback: bool) -> None:
        """Pay an order, expired or not; the callback may get lost."""
        payable = self._payable()
        unpaid = [order for order in payable if order.state is not State.PAID]
        self.world.duitku.pay(chosen(unpaid or payable, number), callback)

    @precondition(lambda self: self._payable())
    @rule(number=pick)
    def pay_again(self, number: int) -> None:
        """Pay an order, paid or not."""
        self.world.duitku.pay(chosen(self._payable(), number))

    @precondition(lambda self: self.unpaid())
    @rule(number=pick, state=st.sampled_from((State.FAILED, State.CANCELLED, State.EXPIRED)))
    def end_unpaid(self, number: int, state: State) -> None:
        """End an order without payment."""
        self.world.duitku.close(chosen(self.unpaid(), number), state)

    @precondition(lambda self: self.enrollments())
    @rule(number=pick, progress=st.integers(0, 100))
    def learn(self, number: int, progress: int) -> None:
        """Report progress."""
        found = chosen(self.enrollments(), number)
        learner = self.actors.ledger.users[found["userId"]]
        self.actors.report(learner, found["id"], progress)


class CallingBack(BaseMachine):
    """Callbacks beside Duitku's own."""

    @precondition(lambda self: self.orders())
    @rule(
        number=pick,
        signature=st.sampled_from(("valid", "valid", "bad", "empty", "missing", "legacy")),
        code=st.sampled_from(("00", "01", "02")),
        times=st.integers(1, 3),
        delay=st.sampled_from((0, 30, 4_000)),
    )
    def replay(self, number: int, signature: Any, code: str, times: int, delay: int) -> None:
        """Send a callback again, with any result and signature, now or much later."""
        plan = CallbackPlan(
            fields={"resultCode": code}, signature=signature, times=times, delay=delay
        )
        self.world.duitku.send(chosen(self.orders(), number), plan)

    @precondition(lambda self: self.orders())
    @rule(
        number=pick,
        other=pick,
        field=st.sampled_from(("amount", "merchantOrderId", "merchantCode", "reference")),
        signature=st.sampled_from(("original", "valid")),
    )
    def forge(self, number: int, other: int, field: str, signature: Any) -> None:
        """Send a callback with one field of another order."""
        stranger = chosen(self.orders(), other)
        forged = {
            "amount": "10000",
            "merchantOrderId": stranger.merchant_order_id,
            "merchantCode": "DS99999",
            "reference": stranger.reference,
        }
        plan = CallbackPlan(fields={field: forged[field], "resultCode": "00"}, signature=signature)
        self.world.duitku.send(chosen(self.orders(), number), plan)
