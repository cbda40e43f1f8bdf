"""Opening a payment at the gateway, once for each purchase despite failures and races."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

import pytest

from lunas.domain.catalog import Course, Package
from lunas.domain.enrollments import EnrollmentStatus, enrollment_id
from lunas.domain.errors import (
    AlreadyEnrolled,
    AmountRefused,
    ConcurrentUpdate,
    ConfigurationError,
    Conflict,
    CourseFull,
    CourseUnmapped,
    FieldError,
    GatewayBlocked,
    GatewayRefused,
    GatewayTimeout,
    GatewayUnavailable,
    InvalidInput,
    LunasError,
    NotFound,
    NotOnSale,
    StorageContention,
)
from lunas.domain.gateway_status import GatewayState, GatewayStatus
from lunas.domain.payments import (
    GatewayInvoice,
    Held,
    Method,
    Payment,
    Slot,
    Status,
)
from lunas.domain.settlement import Result
from lunas.domain.users import Customer
from lunas.gateways.base import PaymentGateway
from lunas.services.checkout import CheckoutService
from lunas.services.open_payments import OpenPayments
from lunas.services.purchases import PurchaseRequest
from lunas.services.settlement import Outcome
from tests.support import vendors
from tests.support.builders import (
    EMAIL,
    LIFETIME,
    NOW,
    USER,
    bought,
    bundle,
    course,
    enrollment,
    package,
    paid,
    payment,
    request,
)
from tests.unit.services.fakes import (
    FakeCatalog,
    FakeClock,
    FakeEnrollments,
    FakeInvoices,
    FakePayments,
    FakeSchedule,
    FakeStatus,
    FakeStore,
    settlements,
)

pytestmark = pytest.mark.usefixtures("vendor")

NOT_STARTED = GatewayStatus(GatewayState.NOT_STARTED, order_id="pay1", code="404")
OPEN = GatewayStatus(GatewayState.OPEN, order_id="pay1", code="01")
ENDED = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
UNANSWERED = GatewayUnavailable("no answer")


@dataclass
class Shop:
    """A checkout over fakes; payments are called new1, new2 and so on."""

    store: FakeStore = field(default_factory=FakeStore)
    clock: FakeClock = field(default_factory=FakeClock)
    invoices: FakeInvoices = field(default_factory=FakeInvoices)
    status: FakeStatus = field(default_factory=lambda: FakeStatus(NOT_STARTED))

    def __post_init__(self) -> None:
        self.store.add(package(), course("c1"), course("c2"))
        self.payments = FakePayments(self.store)
        self.outcomes: list[Outcome] = []
        self.pauses: list[Callable[[], None]] = []
        self.schedule = FakeSchedule(self.store)
        numbers = count(1)
        settling = settlements(self.payments)
        self.checkout = CheckoutService(
            catalog=FakeCatalog(self.store),
            enrollments=FakeEnrollments(self.store),
            payments=self.payments,
            settlements=settling,
            open_payments=OpenPayments(
                payments=self.payments,
                schedule=self.schedule,
                settlements=settling,
                gateways=self.gateway,
                on_outcome=self.outcomes.append,
                pause=lambda: self.pauses.pop(0)() if self.pauses else None,
                now=self.clock,
            ),
            gateways=self.gateway,
            opens_by=vendors.chosen(),
            return_url="https://shop.test/back",
            lifetime=LIFETIME,
            now=self.clock,
            new_id=lambda: f"new{next(numbers)}",
        )

    def gateway(self, _: Payment) -> PaymentGateway:
        """Return the gateway of every payment."""
        return vendors.gateway(self.status, self.invoices)

    def initiate(
        self, wanted: PurchaseRequest | None = None, method: str | None = None
    ) -> tuple[Payment, bool]:
        """Ask for a payment."""
        return self.checkout.initiate(wanted or request(), method)

    def answers(self, **each: GatewayStatus | Exception) -> None:
        """Set the status of each payment at the gateway; the others are open there."""

        class Each(FakeStatus):
            def __call__(self, payment: Payment) -> GatewayStatus:
                self.answer = each.get(payment.id, OPEN)
                return super().__call__(payment)

        self.status = Each(OPEN)

    def settle(self, *course_ids: str, payment_id: str | None = None) -> None:
        """Enroll the user in courses, and approve ``payment_id`` if it is given."""
        if payment_id:
            self.store.add(replace(self.store.payments[payment_id], status=Status.APPROVED))
        self.store.add(*(enrollment(each) for each in course_ids))

    def stored(self, payment_id: str) -> Status:
        """Return the stored status of a payment."""
        return self.store.payments[payment_id].status


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_new_payment_copies_price_and_courses_and_holds_its_invoice(shop: Shop) -> None:
    opened, is_new = shop.initiate()
    assert is_new
    assert (opened.status, opened.method, opened.amount) == (Status.PENDING, Method.GATEWAY, 49_000)
    assert opened.course_ids == ("c1",)
    assert (opened.gateway_name, opened.channel) == (vendors.chosen(), None)
    assert opened.gateway_expires_at == NOW + LIFETIME
    assert opened.gateway
    assert opened.gateway.reference == "REF-new1"
    stored = shop.store.payments["new1"]
    assert (stored.gateway, stored.gateway_expires_at) == (opened.gateway, NOW + LIFETIME)
    assert stored.references == {"REF-new1"}


def test_the_history_starts_with_the_buyer(shop: Shop) -> None:
    shop.initiate()
    (event,) = shop.store.history["new1"]
    assert (event.actor, event.target, event.at) == (f"user:{USER}", Status.PENDING, NOW)


def test_a_named_channel_goes_to_the_v2_product(shop: Shop) -> None:
    opened, _ = shop.initiate(method="BC")
    assert (opened.gateway_name, opened.channel) == (vendors.chosen(), "BC")
    assert shop.invoices.asked == [("new1", "BC")]


def test_the_learner_comes_from_the_token_even_when_the_invoice_names_another(shop: Shop) -> None:
    other = Customer("Citra", "Lain", "citra@example.com")
    opened, _ = shop.initiate(request(customer=other))
    assert opened.customer == other
    assert opened.learner.email == EMAIL


def test_the_same_purchase_again_returns_the_open_payment(shop: Shop) -> None:
    first, _ = shop.initiate()
    again, is_new = shop.initiate()
    assert (again.id, again.gateway, is_new) == (first.id, first.gateway, False)
    assert len(shop.invoices.asked) == 1


def test_another_course_of_the_package_is_another_purchase(shop: Shop) -> None:
    shop.initiate()
    other, is_new = shop.initiate(request(course_id="c2"))
    assert is_new
    assert other.id == "new2"


def test_the_loser_of_a_race_for_the_slot_gets_the_winners_payment(shop: Shop) -> None:
    shop.payments.before_create = [lambda: shop.store.hold_slot(payment(id="theirs"))]
    found, is_new = shop.initiate()
    assert (found.id, is_new) == ("theirs", False)
    assert "new1" not in shop.store.payments


def test_a_loser_requests_the_invoice_that_the_winner_still_lacks(shop: Shop) -> None:
    winner = payment(id="theirs", gateway=None)
    shop.payments.before_create = [lambda: shop.store.hold_slot(winner)]
    found, _ = shop.initiate()
    assert shop.invoices.asked == [("theirs", None)]
    assert found.gateway
    assert found.gateway.reference == "REF-theirs"


def test_an_endless_race_for_the_slot_ends_as_storage_contention(shop: Shop) -> None:
    shop.payments.before_create = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        shop.initiate()
    assert shop.invoices.asked == []


def test_a_refused_invoice_fails_the_payment_with_the_reason(shop: Shop) -> None:
    shop.invoices.failures = [GatewayRefused("Duitku answered 400: Minimum Payment")]
    with pytest.raises(GatewayRefused):
        shop.initiate()
    assert shop.stored("new1") is Status.FAILED
    assert shop.store.history["new1"][-1].reason == "Duitku answered 400: Minimum Payment"


def test_after_a_refusal_the_next_request_opens_a_new_payment(shop: Shop) -> None:
    shop.invoices.failures = [GatewayRefused("no")]
    with pytest.raises(GatewayRefused):
        shop.initiate()
    opened, is_new = shop.initiate()
    assert (opened.id, is_new) == ("new2", True)


@pytest.mark.parametrize("failure", [UNANSWERED, GatewayTimeout("slow")])
def test_an_unanswered_invoice_leaves_the_payment_open_and_the_next_call_retries(
    shop: Shop, failure: Exception
) -> None:
    shop.invoices.failures = [failure]
    with pytest.raises(GatewayUnavailable):
        shop.initiate()
    assert shop.stored("new1") is Status.PENDING
    found, is_new = shop.initiate()
    assert (found.id, is_new) == ("new1", False)
    assert found.gateway
    assert [order for order, _ in shop.invoices.asked] == ["new1", "new1"]


def test_an_overdue_payment_is_checked_before_another_is_opened(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.clock.forward(LIFETIME)
    opened, is_new = shop.initiate()
    assert shop.status.asked == ["pay1"]
    assert shop.stored("pay1") is Status.EXPIRED
    assert (opened.id, is_new) == ("new1", True)


def test_an_open_payment_is_checked_and_returned(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.clock.forward(LIFETIME - timedelta(minutes=1))
    found, _ = shop.initiate()
    assert found.id == "pay1"
    assert shop.status.asked == ["pay1"]
    assert [each.result for each in shop.outcomes] == [Result.STILL_OPEN]
    stored = shop.store.payments["pay1"]
    assert (stored.asked_at, stored.asking) == (shop.clock.now, False)


@pytest.mark.parametrize("invoice", [payment().gateway, None], ids=["invoice", "none"])
def test_a_payment_without_an_expiry_is_checked_and_expired(
    shop: Shop, invoice: GatewayInvoice | None
) -> None:
    shop.store.hold_slot(payment(gateway=invoice, gateway_expires_at=None))
    opened, is_new = shop.initiate()
    assert (opened.id, is_new) == ("new1", True)
    assert (shop.status.asked, shop.stored("pay1")) == (["pay1"], Status.EXPIRED)


def test_a_slot_of_a_missing_payment_is_free(shop: Shop) -> None:
    shop.store.slots[USER, "p1", "c1"] = Slot((Held("gone"),))
    opened, is_new = shop.initiate()
    assert (opened.id, is_new) == ("new1", True)
    assert shop.store.slots[USER, "p1", "c1"].held == (Held("new1"),)


@pytest.mark.parametrize("method", [None, "SP"])
def test_an_invoice_that_duitku_ended_is_not_returned_again(shop: Shop, method: str | None) -> None:
    shop.store.hold_slot(payment(channel=method))
    shop.status.answer = ENDED
    opened, is_new = shop.initiate(method=method)
    assert (opened.id, is_new) == ("new1", True)
    assert shop.stored("pay1") is Status.FAILED
    assert shop.store.slots[USER, "p1", "c1"].held == (Held("new1", method),)


def test_money_found_when_the_buyer_returns_is_settled(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.status.answer = paid()
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()
    assert shop.stored("pay1") is Status.APPROVED


def test_duitku_is_asked_once_in_fifteen_seconds(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    for passed in (0, 5, 9, 1, 14, 1):
        shop.clock.forward(timedelta(seconds=passed))
        shop.initiate()
    assert len(shop.status.asked) == 3


def test_a_payment_that_was_checked_lately_is_not_written(shop: Shop) -> None:
    shop.store.hold_slot(payment(asked_at=NOW))
    shop.schedule.before_question = [nothing]
    shop.initiate()
    assert shop.schedule.before_question == [nothing]


def test_while_duitku_does_not_answer_an_open_payment_is_returned_as_it_is(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.status.answer = UNANSWERED
    found, is_new = shop.initiate()
    assert (found.id, is_new) == ("pay1", False)
    assert shop.store.payments["pay1"].asking is False


def test_a_request_during_another_check_gets_its_result(shop: Shop) -> None:
    shop.store.hold_slot(payment(asked_at=NOW, asking=True))

    def ended_by_other() -> None:
        shop.store.add(payment(Status.FAILED))

    shop.pauses = [lambda: None, ended_by_other]
    opened, is_new = shop.initiate()
    assert (opened.id, is_new) == ("new1", True)
    assert shop.status.asked == []


def test_a_payment_that_vanishes_during_another_check_is_returned_as_it_was(shop: Shop) -> None:
    shop.store.hold_slot(payment(asked_at=NOW, asking=True))
    shop.pauses = [shop.store.payments.clear]
    assert shop.initiate() == (payment(asked_at=NOW, asking=True), False)


def test_of_two_concurrent_requests_one_asks_duitku(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.schedule.before_question = [
        lambda: shop.store.add(payment(asked_at=NOW, asking=True)),
    ]
    found, is_new = shop.initiate()
    assert (found.id, is_new, shop.status.asked) == ("pay1", False, [])


# ── Channels ─────────────────────────────────────────────────────────────────────────────────────


def test_another_channel_opens_a_new_payment_beside_the_open_one(shop: Shop) -> None:
    first, _ = shop.initiate(method="SP")
    second, is_new = shop.initiate(method="BC")
    assert (second.id, is_new) == ("new2", True)
    assert shop.stored(first.id) is Status.PENDING
    assert shop.invoices.asked == [("new1", "SP"), ("new2", "BC")]


def test_the_same_channel_again_returns_its_open_payment(shop: Shop) -> None:
    opened = {each: shop.initiate(method=each)[0].id for each in ("SP", "BC")}
    assert {each: shop.initiate(method=each)[0].id for each in opened} == opened
    assert len(shop.invoices.asked) == 2


def test_without_a_channel_the_newest_open_payment_is_returned(shop: Shop) -> None:
    shop.initiate(method="SP")
    shop.initiate(method="BC")
    assert shop.initiate()[0].id == "new2"
    shop.store.add(replace(shop.store.payments["new2"], status=Status.FAILED))
    assert shop.initiate()[0].id == "new1"


def test_a_channel_named_after_an_open_choice_opens_another_payment(shop: Shop) -> None:
    shop.initiate()
    _, is_new = shop.initiate(method="SP")
    assert is_new


def test_money_paid_by_another_channel_prevents_a_further_invoice(shop: Shop) -> None:
    shop.store.hold_slot(payment(channel="SP"))
    shop.status.answer = paid()
    with pytest.raises(AlreadyEnrolled):
        shop.initiate(method="BC")
    assert shop.stored("pay1") is Status.APPROVED
    assert shop.invoices.asked == []


@pytest.mark.parametrize("answer", [UNANSWERED, paid(rupiah=1)], ids=["none", "mismatch"])
def test_a_failed_check_of_another_channel_does_not_stop_this_one(
    shop: Shop, answer: GatewayStatus | Exception
) -> None:
    shop.store.hold_slot(payment(channel="SP"))
    shop.status.answer = answer
    opened, is_new = shop.initiate(method="BC")
    assert (opened.id, is_new) == ("new1", True)
    assert shop.stored("pay1") is Status.PENDING


def test_the_slot_keeps_one_payment_of_each_channel(shop: Shop) -> None:
    shop.initiate(method="SP")
    shop.initiate(method="BC")
    shop.store.add(replace(shop.store.payments["new1"], status=Status.FAILED))
    shop.initiate(method="SP")
    held = shop.store.slots[USER, "p1", "c1"].held
    assert held == (Held("new3", "SP"), Held("new2", "BC"))


def test_the_slot_drops_ended_payments(shop: Shop) -> None:
    for method in ("SP", "BC"):
        ended = shop.initiate(method=method)[0]
        shop.store.add(replace(shop.store.payments[ended.id], status=Status.FAILED))
    shop.initiate()
    assert shop.store.slots[USER, "p1", "c1"].held == (Held("new3"),)


# ── Enrolled meanwhile ───────────────────────────────────────────────────────────────────────────


def two_channels(shop: Shop) -> None:
    """Store an open payment by BC, called bc, and a newer one by SP, called sp."""
    for number, each in enumerate(("BC", "SP")):
        invoice = GatewayInvoice(reference=f"REF-{each}", payment_method=each)
        shop.store.hold_slot(
            payment(
                id=each.lower(),
                channel=each,
                gateway=invoice,
                created_at=NOW + timedelta(seconds=number),
            )
        )


def paid_sp() -> GatewayStatus:
    return paid(order_id="sp", reference="REF-SP")


@pytest.mark.parametrize("method", [None, "BC", "SP", "VC"])
def test_after_payment_by_one_channel_the_open_invoice_of_another_is_not_returned(
    shop: Shop, method: str | None
) -> None:
    two_channels(shop)
    shop.answers(sp=paid_sp())
    shop.settle("c1", payment_id="sp")
    for _ in range(3):
        with pytest.raises(AlreadyEnrolled):
            shop.initiate(method=method)
    assert (shop.status.asked, shop.invoices.asked) == ([], [])
    assert shop.stored("bc") is Status.PENDING


@pytest.mark.parametrize("by", [Method.GATEWAY, Method.MANUAL])
def test_the_open_invoice_of_an_owned_course_is_not_returned(shop: Shop, by: Method) -> None:
    shop.store.hold_slot(payment())
    shop.store.add(payment(Status.APPROVED, id="other", method=by))
    shop.store.add(enrollment("c1", payment_id="other"))
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()
    assert shop.status.asked == []


def test_the_request_that_finds_the_money_returns_no_other_invoice(shop: Shop) -> None:
    two_channels(shop)
    shop.answers(sp=paid_sp())
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()
    assert (shop.stored("sp"), shop.stored("bc")) == (Status.APPROVED, Status.PENDING)
    assert shop.store.owns(enrollment_id(USER, "c1"))


def test_a_callback_that_settles_during_the_check_of_another_payment_counts(
    shop: Shop,
) -> None:
    two_channels(shop)

    class Slow(FakeStatus):
        def __call__(self, payment: Payment) -> GatewayStatus:
            shop.settle("c1", payment_id="sp")
            return super().__call__(payment)

    shop.status = Slow(OPEN)
    with pytest.raises(AlreadyEnrolled):
        shop.initiate(method="BC")


def test_a_settlement_during_another_check_counts(shop: Shop) -> None:
    shop.store.hold_slot(payment(asked_at=NOW, asking=True))
    shop.pauses = [lambda: shop.settle("c1")]
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()


def test_late_money_for_a_denied_order_closes_the_purchase(shop: Shop) -> None:
    first, _ = shop.initiate()
    shop.answers(new1=replace(ENDED, order_id="new1"))
    second, is_new = shop.initiate()
    assert (second.id, is_new, shop.stored(first.id)) == ("new2", True, Status.FAILED)
    shop.settle("c1", payment_id=first.id)
    for method in (None, "BC"):
        with pytest.raises(AlreadyEnrolled):
            shop.initiate(method=method)
    assert shop.stored("new2") is Status.PENDING


def test_late_money_by_a_denied_channel_closes_the_others(
    shop: Shop,
) -> None:
    two_channels(shop)
    shop.answers(sp=replace(ENDED, order_id="sp"))
    assert shop.initiate() == (shop.store.payments["bc"], False)
    assert shop.stored("sp") is Status.FAILED
    shop.settle("c1", payment_id="sp")
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()


def test_an_owned_course_is_refused_while_duitku_cannot_be_asked(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.settle("c1")
    shop.status.answer = UNANSWERED
    shop.clock.forward(LIFETIME)
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()


def test_the_lost_invoice_of_an_owned_course_is_not_requested_again(shop: Shop) -> None:
    shop.store.hold_slot(payment(gateway=None))
    shop.settle("c1")
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()
    assert shop.invoices.asked == []


def test_the_lost_invoice_of_a_course_gained_meanwhile_is_not_requested_again(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.clock.forward(timedelta(minutes=2))
    shop.schedule.before_question = [lambda: shop.settle("c1")]
    with pytest.raises(AlreadyEnrolled):
        shop.initiate(method="BC")
    assert shop.invoices.asked == []


def test_a_refunded_course_can_be_bought_by_an_invoice_that_is_still_open(shop: Shop) -> None:
    two_channels(shop)
    shop.store.add(payment(Status.REFUNDED, id="sp", channel="SP"))
    shop.store.add(enrollment("c1", status=EnrollmentStatus.NOT_ENROLLED))
    found, is_new = shop.initiate()
    assert (found.id, is_new) == ("bc", False)


def bundle_held(shop: Shop, *course_ids: str) -> PurchaseRequest:
    """Store an open payment of a bundle, opened with these courses."""
    shop.store.add(bundle("c1", "c2"))
    bundled = payment(package_id="b1", course_id=None, courses=bought(*course_ids))
    shop.store.hold_slot(bundled)
    return request(package_id="b1", course_id=None)


def test_the_open_invoice_of_a_bundle_is_returned_until_all_of_it_is_owned(shop: Shop) -> None:
    wanted = bundle_held(shop, "c1", "c2")
    shop.settle("c1")
    assert shop.initiate(wanted)[0].id == "pay1"
    shop.settle("c2")
    with pytest.raises(AlreadyEnrolled):
        shop.initiate(wanted)


def test_an_open_invoice_without_new_courses_is_replaced_when_the_bundle_grew(
    shop: Shop,
) -> None:
    """A course came into the bundle after the payment was opened."""
    wanted = bundle_held(shop, "c1")
    shop.settle("c1")
    opened, is_new = shop.initiate(wanted)
    assert (opened.id, is_new, opened.course_ids) == ("new1", True, ("c1", "c2"))
    assert shop.stored("pay1") is Status.PENDING


# ── Off sale ─────────────────────────────────────────────────────────────────────────────────────


def test_an_open_invoice_is_returned_when_the_package_is_off_sale(
    shop: Shop,
) -> None:
    first, _ = shop.initiate(method="SP")
    shop.store.add(package(on_sale=False), course("c1", quota=1, enrolled=1))
    found, is_new = shop.initiate(method="SP")
    assert (found.id, found.gateway, is_new) == (first.id, first.gateway, False)
    with pytest.raises(NotOnSale):
        shop.initiate(method="BC")
    assert shop.invoices.asked == [("new1", "SP")]


UNSALEABLE: list[tuple[Package | Course, type[LunasError]]] = [
    (package(on_sale=False), NotOnSale),
    (course("c1", quota=1, enrolled=1), CourseFull),
    (course("c1", platform_course_id=None), CourseUnmapped),
]


@pytest.mark.parametrize(("changed", "error"), UNSALEABLE)
@pytest.mark.parametrize("method", [None, "BC"])
def test_a_lost_invoice_is_not_replaced_once_the_course_is_not_for_sale(
    shop: Shop, method: str | None, changed: Package | Course, error: type[LunasError]
) -> None:
    shop.store.hold_slot(lost_v2() if method else payment(gateway=None))
    shop.store.add(changed)
    shop.clock.forward(timedelta(minutes=2))
    with pytest.raises(error):
        shop.initiate(method=method)
    assert shop.invoices.asked == []
    assert shop.stored("pay1") is Status.PENDING


def test_an_owned_package_that_is_off_sale_is_refused_as_owned(shop: Shop) -> None:
    shop.store.add(package(on_sale=False), enrollment("c1"))
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()


# ── While Duitku refuses to be asked ─────────────────────────────────────────────────────────────

SECOND = timedelta(seconds=1)


def test_after_a_block_duitku_is_not_asked_about_an_open_payment(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.schedule.until = NOW + SECOND
    assert shop.initiate() == (payment(), False)
    assert shop.status.asked == []
    assert shop.store.payments["pay1"] == payment()
    shop.clock.forward(SECOND)
    shop.initiate()
    assert shop.status.asked == ["pay1"]


def test_after_a_block_the_result_of_another_request_is_awaited(shop: Shop) -> None:
    shop.store.hold_slot(payment(asked_at=NOW, asking=True))
    shop.schedule.until = NOW + SECOND
    shop.pauses = [lambda: shop.store.add(payment(Status.FAILED))]
    assert shop.initiate()[0].id == "new1"


def test_after_a_block_duitku_is_not_asked_about_another_channel(shop: Shop) -> None:
    shop.store.hold_slot(payment(channel="SP"))
    shop.schedule.until = NOW + SECOND
    opened, is_new = shop.initiate(method="BC")
    assert (opened.id, is_new, shop.status.asked) == ("new1", True, [])


def test_after_a_block_an_overdue_payment_is_left_to_reconcile(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.clock.forward(LIFETIME)
    shop.schedule.until = shop.clock.now + SECOND
    assert shop.initiate()[0].id == "new1"
    assert shop.status.asked == []
    assert shop.store.payments["pay1"] == payment()
    shop.clock.forward(SECOND)
    assert shop.initiate()[0].id == "new1"


def test_after_a_block_an_order_that_is_refused_an_invoice_is_not_checked(
    shop: Shop,
) -> None:
    shop.store.hold_slot(payment(gateway=None))
    shop.schedule.until = NOW + timedelta(minutes=5)
    shop.invoices.failures = [GatewayRefused("already paid")]
    shop.clock.forward(timedelta(minutes=1))
    with pytest.raises(GatewayBlocked):
        shop.initiate()
    assert (shop.status.asked, shop.stored("pay1")) == ([], Status.PENDING)


@pytest.mark.parametrize(
    ("method", "minutes"), [("VC", 30), ("OL", 15), ("LF", 24), ("JP", 10), ("BC", 60), ("ZZ", 60)]
)
def test_the_channel_decides_when_an_invoice_expires(shop: Shop, method: str, minutes: int) -> None:
    opened, _ = shop.initiate(method=method)
    assert opened.gateway_expires_at == NOW + timedelta(minutes=minutes)
    assert shop.invoices.minutes == [minutes]
    assert shop.store.payments["new1"].gateway_expires_at == opened.gateway_expires_at


def test_a_later_invoice_expires_after_the_minutes_requested(shop: Shop) -> None:
    shop.store.hold_slot(payment(gateway=None))
    shop.clock.forward(timedelta(minutes=5, seconds=20))
    found, _ = shop.initiate()
    assert shop.invoices.minutes == [54]
    assert found.gateway_expires_at == NOW + timedelta(minutes=59, seconds=20)


@pytest.mark.parametrize("answer", [NOT_STARTED, OPEN, ENDED])
def test_an_overdue_unpaid_payment_expires(shop: Shop, answer: GatewayStatus) -> None:
    shop.store.hold_slot(payment())
    shop.status.answer = answer
    shop.clock.forward(LIFETIME)
    shop.initiate()
    assert shop.stored("pay1") is Status.EXPIRED
    evidence = shop.store.history["pay1"][-1].evidence
    assert evidence
    assert evidence["statusCode"] == answer.code


def test_late_money_is_settled_and_the_course_not_sold_twice(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.status.answer = paid()
    shop.clock.forward(LIFETIME)
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()
    assert shop.stored("pay1") is Status.APPROVED
    assert shop.store.owns(enrollment_id(USER, "c1"))
    assert list(shop.store.payments) == ["pay1"]
    assert [each.result for each in shop.outcomes] == [Result.SETTLED]


def test_while_duitku_cannot_be_asked_an_expired_payment_blocks_a_new_one(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.status.answer = UNANSWERED
    shop.clock.forward(LIFETIME)
    with pytest.raises(GatewayUnavailable):
        shop.initiate()
    assert list(shop.store.payments) == ["pay1"]
    assert shop.stored("pay1") is Status.PENDING
    assert shop.store.payments["pay1"].asked_at == shop.clock.now


def nothing() -> None:
    """Do nothing in a pause."""


def lost_v2() -> Payment:
    return payment(gateway=None, channel="BC", invoice_calls=1)


def test_a_mismatch_keeps_a_lost_payment_open_until_it_is_overdue(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.status.answer = paid(rupiah=1)
    shop.invoices.failures = [GatewayRefused("v2 knows the order id")]
    shop.clock.forward(timedelta(minutes=2))
    with pytest.raises(Conflict):
        shop.initiate(method="BC")
    assert list(shop.store.payments) == ["pay1"]
    assert shop.stored("pay1") is Status.PENDING
    assert len(shop.store.anomalies) == 1
    assert [each.result for each in shop.outcomes] == [Result.MISMATCH]


def test_a_mismatch_does_not_block_a_new_payment_once_overdue(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.status.answer = paid(rupiah=1)
    shop.clock.forward(LIFETIME)
    opened, is_new = shop.initiate()
    assert (opened.id, is_new) == ("new1", True)
    assert shop.stored("pay1") is Status.EXPIRED
    assert "does not match" in str(shop.store.history["pay1"][-1].reason)
    assert len(shop.store.anomalies) == 1
    assert [each.result for each in shop.outcomes] == [Result.MISMATCH]


def test_a_request_while_another_opens_the_invoice_gets_that_invoice(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.clock.forward(timedelta(seconds=14))

    def opened() -> None:
        theirs = GatewayInvoice(reference="THEIRS", payment_method="BC")
        shop.payments.record_invoice(payment(), theirs, NOW + LIFETIME)

    shop.pauses = [nothing, opened, nothing]
    found, is_new = shop.initiate(method="BC")
    assert (found.id, is_new) == ("pay1", False)
    assert found.gateway
    assert found.gateway.reference == "THEIRS"
    assert (shop.status.asked, shop.invoices.asked) == ([], [])
    assert shop.pauses == [nothing]


def test_a_request_while_another_is_refused_the_invoice_opens_a_new_payment(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.pauses = [lambda: shop.store.add(replace(lost_v2(), status=Status.FAILED))]
    opened, is_new = shop.initiate(method="BC")
    assert (opened.id, is_new) == ("new1", True)


def test_an_invoice_that_takes_too_long_is_not_awaited(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.clock.forward(timedelta(seconds=15))
    shop.pauses = [nothing]
    with pytest.raises(Conflict):
        shop.initiate(method="BC")
    assert shop.pauses == [nothing]


def test_within_a_minute_a_v2_payment_without_invoice_may_still_be_opening(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.clock.forward(timedelta(seconds=59))
    with pytest.raises(Conflict):
        shop.initiate(method="BC")
    assert (shop.status.asked, shop.invoices.asked) == ([], [])
    assert shop.stored("pay1") is Status.PENDING


@pytest.mark.parametrize("answer", [NOT_STARTED, OPEN, UNANSWERED])
def test_after_a_minute_a_lost_v2_invoice_is_requested_again_under_the_same_id(
    shop: Shop, answer: GatewayStatus | Exception
) -> None:
    shop.store.hold_slot(lost_v2())
    shop.status.answer = answer
    shop.clock.forward(timedelta(minutes=1))
    found, is_new = shop.initiate(method="BC")
    assert (found.id, is_new) == ("pay1", False)
    assert shop.invoices.asked == [("pay1", "BC")]
    stored = shop.store.payments["pay1"]
    assert (stored.invoice_calls, stored.invoice_answers) == (2, 1)


def test_a_request_gets_the_lost_invoice_that_another_request_replaces(shop: Shop) -> None:
    shop.store.hold_slot(payment(gateway=None))
    shop.clock.forward(timedelta(minutes=1))
    shop.payments.invoice_claims["pay1"] = shop.clock.now + timedelta(seconds=1)
    theirs = GatewayInvoice(reference="THEIRS")
    shop.pauses = [lambda: shop.payments.record_invoice(payment(), theirs, NOW + LIFETIME)]
    found, is_new = shop.initiate()
    assert (found.id, found.gateway, is_new) == ("pay1", theirs, False)
    assert (shop.status.asked, shop.invoices.asked) == ([], [])


def test_of_two_concurrent_requests_one_replaces_a_lost_v2_invoice(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.clock.forward(timedelta(minutes=1))
    shop.payments.invoice_claims["pay1"] = shop.clock.now
    with pytest.raises(Conflict):
        shop.initiate(method="BC")
    assert shop.invoices.asked == []


def test_a_refused_second_invoice_opens_a_new_payment(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.invoices.failures = [GatewayRefused("merchantOrderId was used before")]
    shop.clock.forward(timedelta(minutes=1))
    opened, is_new = shop.initiate(method="BC")
    assert (opened.id, is_new) == ("new1", True)
    assert shop.stored("pay1") is Status.FAILED
    assert shop.store.history["pay1"][-1].reason


def test_a_second_invoice_refused_because_the_order_is_paid_settles_it(
    shop: Shop,
) -> None:
    shop.store.hold_slot(payment(gateway=None))
    shop.status.answer = paid()
    shop.invoices.failures = [GatewayRefused("already paid")]
    shop.clock.forward(timedelta(minutes=1))
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()
    assert shop.stored("pay1") is Status.APPROVED


@pytest.mark.parametrize("passed", [timedelta(0), timedelta(minutes=2)])
def test_a_channel_that_duitku_refuses_fails_the_payment_and_the_request(
    shop: Shop, passed: timedelta
) -> None:
    shop.store.hold_slot(lost_v2())
    shop.clock.forward(passed)
    refusal = AmountRefused("Maximum Payment", FieldError("paymentMethod", "too much"))
    shop.invoices.failures = [refusal]
    method = "BC" if passed else "SP"
    with pytest.raises(AmountRefused):
        shop.initiate(method=method)
    assert [each.id for each in shop.store.payments.values() if each.channel == method] == [
        "pay1" if passed else "new1"
    ]
    ended = "pay1" if passed else "new1"
    assert shop.stored(ended) is Status.FAILED


def test_a_lost_v2_payment_that_was_paid_is_settled(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.status.answer = paid()
    shop.clock.forward(timedelta(minutes=1))
    with pytest.raises(AlreadyEnrolled):
        shop.initiate(method="BC")
    assert shop.stored("pay1") is Status.APPROVED


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED])
@pytest.mark.parametrize("channel", [None, "SP"])
def test_an_ended_payment_frees_its_slot(shop: Shop, status: Status, channel: str | None) -> None:
    shop.store.hold_slot(payment(status, channel=channel))
    opened, is_new = shop.initiate(method="BC" if channel else None)
    assert is_new
    assert shop.store.slots[USER, "p1", "c1"].held == (Held(opened.id, opened.channel),)
    assert (shop.status.asked, shop.payments.reads) == ([], 1)


REFUSALS: list[tuple[Package | None, PurchaseRequest, type[LunasError]]] = [
    (None, request(package_id="p9"), NotFound),
    (None, request(course_id=None), InvalidInput),
    (None, request(course_id="c9"), InvalidInput),
    (package(course_ids=("c1", "c404")), request(course_id="c404"), ConfigurationError),
]


@pytest.mark.parametrize(("sold", "wanted", "error"), REFUSALS)
def test_a_purchase_that_the_catalog_does_not_offer_is_refused(
    shop: Shop, sold: Package | None, wanted: PurchaseRequest, error: type[LunasError]
) -> None:
    if sold:
        shop.store.add(sold)
    with pytest.raises(error):
        shop.initiate(wanted)
    assert (shop.store.payments, shop.invoices.asked) == ({}, [])


def test_an_address_too_long_for_an_invoice_is_refused_before_anything_is_written(
    shop: Shop,
) -> None:
    long = Customer("Budi", "S", f"{'b' * 50}@example.com")
    with pytest.raises(InvalidInput):
        shop.initiate(request(customer=long))
    assert shop.store.payments == {}


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"quota": 1, "enrolled": 1}, CourseFull), ({"platform_course_id": None}, CourseUnmapped)],
)
def test_a_full_or_unmapped_course_is_refused(
    shop: Shop, changes: dict[str, int | None], error: type[LunasError]
) -> None:
    shop.store.add(replace(course("c1"), **changes))  # type: ignore[arg-type]
    with pytest.raises(error):
        shop.initiate()
    assert shop.store.payments == {}


def test_an_owned_course_is_not_sold_again(shop: Shop) -> None:
    shop.store.add(enrollment("c1"))
    with pytest.raises(AlreadyEnrolled):
        shop.initiate()


def test_a_course_whose_access_ended_is_sold_again(shop: Shop) -> None:
    shop.store.add(enrollment("c1", expires_at=NOW))
    assert shop.initiate()[1]


def test_a_full_course_is_sold_again_only_to_a_learner_it_still_counts(shop: Shop) -> None:
    had = enrollment("c1", status=EnrollmentStatus.NOT_ENROLLED)
    shop.store.add(course("c1", quota=1, enrolled=1), replace(had, counted=False))
    with pytest.raises(CourseFull):
        shop.initiate()
    shop.store.add(had)
    assert shop.initiate()[1]


def test_a_bundle_is_refused_only_when_all_of_it_is_owned(shop: Shop) -> None:
    shop.store.add(bundle("c1", "c2"), enrollment("c1"))
    wanted = request(package_id="b1", course_id=None)
    opened, _ = shop.initiate(wanted)
    assert opened.course_ids == ("c1", "c2")
    shop.store.add(replace(opened, status=Status.FAILED), enrollment("c2"))
    with pytest.raises(AlreadyEnrolled):
        shop.initiate(wanted)


def test_a_full_course_that_is_owned_does_not_stop_the_rest_of_a_bundle(shop: Shop) -> None:
    shop.store.add(bundle("c1", "c2"), enrollment("c1"), course("c1", quota=1, enrolled=1))
    _, is_new = shop.initiate(request(package_id="b1", course_id=None))
    assert is_new


def test_an_unmapped_course_that_is_owned_does_not_stop_the_rest_of_a_bundle(shop: Shop) -> None:
    unmapped = replace(course("c1"), platform_course_id=None)
    shop.store.add(bundle("c1", "c2"), enrollment("c1"), unmapped)
    _, is_new = shop.initiate(request(package_id="b1", course_id=None))
    assert is_new


def test_a_payment_keeps_whether_its_channel_is_prompt(shop: Shop) -> None:
    opened, _ = shop.initiate(method="SP")
    assert shop.store.payments[opened.id].prompt is shop.gateway(opened).channel("SP").prompt


@pytest.mark.parametrize(
    ("passed", "minutes"),
    [
        (timedelta(0), 60),
        (timedelta(seconds=1), 59),
        (timedelta(minutes=49, seconds=59), 10),
        (timedelta(minutes=50), 10),
    ],
)
def test_a_late_invoice_expires_with_the_payment(
    shop: Shop, passed: timedelta, minutes: int
) -> None:
    shop.store.hold_slot(payment(gateway=None))
    shop.clock.forward(passed)
    shop.initiate()
    assert (shop.invoices.asked, shop.invoices.minutes) == ([("pay1", None)], [minutes])


@pytest.mark.parametrize("passed", [timedelta(minutes=50, seconds=1), timedelta(minutes=59)])
def test_with_less_than_ten_minutes_left_no_invoice_is_opened_for_a_payment(
    shop: Shop, passed: timedelta
) -> None:
    shop.store.hold_slot(payment(gateway=None))
    shop.clock.forward(passed)
    opened, is_new = shop.initiate()
    assert (opened.id, is_new) == ("new1", True)
    assert shop.stored("pay1") is Status.EXPIRED
    assert (shop.invoices.asked, shop.invoices.minutes) == ([("new1", None)], [60])


def test_a_payment_that_becomes_overdue_during_the_check_is_replaced(shop: Shop) -> None:
    shop.store.hold_slot(lost_v2())
    shop.clock.forward(LIFETIME - timedelta(minutes=10))

    class Slow(FakeStatus):
        def __call__(self, payment: Payment) -> GatewayStatus:
            shop.clock.forward(timedelta(seconds=16))
            return super().__call__(payment)

    shop.status = Slow(OPEN)
    opened, is_new = shop.initiate(method="BC")
    assert (opened.id, is_new) == ("new1", True)
    assert shop.stored("pay1") is Status.EXPIRED
    assert shop.invoices.minutes == [60]


def test_an_existing_invoice_is_returned_to_its_last_minute(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.clock.forward(LIFETIME - timedelta(minutes=9))
    found, is_new = shop.initiate()
    assert (found.id, is_new) == ("pay1", False)
    assert shop.invoices.asked == []


def test_a_payment_that_was_not_checked_has_no_outcome(shop: Shop) -> None:
    shop.store.hold_slot(payment(asked_at=NOW))
    shop.initiate()
    assert shop.outcomes == []


def test_the_outcome_of_an_earlier_payment_is_reported(shop: Shop) -> None:
    shop.store.hold_slot(payment())
    shop.clock.forward(LIFETIME)
    shop.initiate()
    assert [(each.result, each.payment.id) for each in shop.outcomes] == [
        (Result.STILL_OPEN, "pay1")
    ]


def test_a_payment_keeps_the_mapping_under_which_its_courses_were_bought(shop: Shop) -> None:
    shop.store.add(course("c1", platform_course_id="4711"))
    opened, _ = shop.initiate()
    assert [each.platform_course_id for each in opened.courses] == ["4711"]
