"""Payments in the table: round trips, slots, and every condition of a settlement."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lunas.domain.anomalies import Resolution
from lunas.domain.catalog import MAX_COURSES
from lunas.domain.corrections import Wanted, correct
from lunas.domain.enrollments import (
    Delivery,
    DeliveryStatus,
    Enrollment,
    EnrollmentStatus,
    enrollment_id,
)
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payment_steps import opened, take
from lunas.domain.payments import (
    AuditContext,
    BoughtCourse,
    GatewayInvoice,
    Held,
    Payment,
    Slot,
    Status,
    Step,
)
from lunas.domain.schedule import ASKED_LATELY
from lunas.domain.settlement import ROOM, Settlement, close, settle
from lunas.storage import keys
from lunas.storage.anomalies import Anomalies
from lunas.storage.catalog import Catalog
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.history_items import history_items
from lunas.storage.learners import Learners
from lunas.storage.payments import Payments
from lunas.storage.schedule import Schedule
from lunas.storage.table import Table
from tests.support.builders import (
    ADMIN_CONTEXT,
    GATEWAY_CONTEXT,
    LATER,
    NOW,
    REFERENCE,
    USER,
    bought,
    course,
    enrollment,
    evidence,
    manual,
    owning,
    paid_by,
    payment,
)

NONE: frozenset[str] = frozenset()
TRANSFER = {"resultCode": "00", "publisherOrderId": "MG1"}
DELIVERED = Delivery(
    status=DeliveryStatus.DELIVERED, platform_user_id="7", platform_enrollment_id="500"
)
MONTH, QUARTER = LATER + timedelta(days=30), LATER + timedelta(days=90)
C1, C2 = frozenset({"c1"}), frozenset({"c2"})
FULL_INVOICE = GatewayInvoice(
    reference="R2",
    payment_url="https://pay.example/2",
    payment_method="BC",
    va_number="7001",
    qr_string="0002" * 200,
)
EVERYTHING = payment(
    Status.COMPLETED,
    courses=bought("c1", "c2"),
    gateway_name="duitku",
    proof_link="https://proof.example/1",
    approved_at=NOW,
    approved_by="duitku",
    completed_at=LATER,
    reason="because",
    undelivered=frozenset({"c1", "c2"}),
    overlap=("c2",),
    overbook=True,
)
MINIMAL = replace(
    manual(course_id=None, correlation_id=None, proof_link=None),
    customer=replace(payment().customer, phone=None),
)


@pytest.fixture
def schedule(table: Table) -> Schedule:
    return Schedule(table)


def create(payments: Payments, made: Payment) -> Payment:
    """Write a payment, whatever holds the slot of its purchase; return it as stored."""
    open_slot(payments, replace(made, gateway=None))
    if not made.gateway:
        return made
    payments.record_invoice(made, made.gateway, made.gateway_expires_at or NOW)
    return replace(
        made,
        gateway_expires_at=made.gateway_expires_at or NOW,
        references=frozenset({made.gateway.reference}),
        invoice_calls=1,
        invoice_answers=1,
    )


def open_slot(payments: Payments, made: Payment, *, instead_of: str | None = "") -> None:
    """Write a payment as the newest of its purchase, by default in place of the current one."""
    slot = payments.slot(made.user_id, made.package_id, made.course_id)
    payments.create_open(
        made,
        opened(made, AuditContext("user:u1", NOW)),
        slot.with_new(Held(made.id, made.channel), frozenset()),
        instead_of=slot.newest if instead_of == "" else instead_of,
    )


def named(payment_id: str, **changes: Any) -> Payment:
    return payment(id=payment_id, gateway=None, **changes)


def held_by(payments: Payments) -> str | None:
    return payments.slot(USER, "p1", "c1").newest


def refusal(payments: Payments, plan: Settlement, *, keep_quota: bool = False) -> ConcurrentUpdate:
    """Return the concurrent update of a commit that must fail and write nothing."""
    before = payments.get(plan.before.id), len(payments.read(plan.before.id)[1])
    with pytest.raises(ConcurrentUpdate) as raised:
        payments.commit(plan, keep_quota=keep_quota)
    assert (payments.get(plan.before.id), len(payments.read(plan.before.id)[1])) == before
    return raised.value


def test_the_first_event_names_who_opened_the_payment(payments: Payments) -> None:
    for made, actor in ((payment(id="one"), "user:u1"), (payment(id="two"), "admin:u1")):
        event = opened(made, AuditContext(actor, NOW))
        slot = payments.slot(USER, "p1", "c1")
        payments.create_open(
            made, event, slot.with_new(Held(made.id), frozenset()), instead_of=slot.newest
        )
        assert payments.read(made.id)[1] == [event]


def test_events_that_happened_as_one_are_one_item(table: Table, payments: Payments) -> None:
    made = create(payments, payment())
    owned = owning("c1")
    assert table.put(enrollment_item(owned["c1"]), "attribute_not_exists(#pk)")
    plan = settle(made, Step.CONFIRM, GATEWAY_CONTEXT, owned)
    payments.commit(plan, keep_quota=False)
    assert [each.target for each in plan.history] == ["PAID", "APPROVED", "COMPLETED"]
    assert payments.read("pay1")[1][1:] == list(plan.history)
    assert table.get(keys.history("pay1", 3)) is None


@pytest.mark.parametrize("made", [EVERYTHING, MINIMAL, payment()], ids=["all", "least", "usual"])
def test_a_payment_is_read_as_it_was_written(payments: Payments, made: Payment) -> None:
    stored = create(payments, made)
    assert payments.get(made.id) == stored


def test_an_invoice_is_kept_beside_the_payment(payments: Payments) -> None:
    create(payments, payment(gateway=None))
    payments.record_invoice(payment(), FULL_INVOICE, LATER)
    assert payments.get("pay1") == payment(
        gateway=FULL_INVOICE,
        gateway_expires_at=LATER,
        references=frozenset({FULL_INVOICE.reference}),
        invoice_calls=1,
        invoice_answers=1,
    )


def test_every_reference_of_an_invoice_is_kept(payments: Payments) -> None:
    """Whichever answers, the buyer may have seen it; until both have, one may be unknown."""
    made = payment(gateway=None, invoice_calls=1)
    open_slot(payments, made)
    assert payments.claim_invoice(made, LATER, NOW)
    first = GatewayInvoice(reference=REFERENCE)
    for answer, known in ((first, None), (FULL_INVOICE, {REFERENCE, FULL_INVOICE.reference})):
        payments.record_invoice(made, answer, LATER)
        stored = payments.get("pay1")
        assert stored
        assert (stored.gateway, stored.known_references) == (answer, known)


def test_a_late_invoice_does_not_change_a_settled_payment(payments: Payments) -> None:
    made = create(payments, payment(gateway=None))
    payments.commit(settle(made, Step.CONFIRM, GATEWAY_CONTEXT, {}), keep_quota=False)
    payments.record_invoice(payment(), FULL_INVOICE, LATER)
    stored = payments.get("pay1")
    assert stored
    shown = replace(FULL_INVOICE, qr_string=None)
    assert (stored.status, stored.gateway) == (Status.APPROVED, shown)


def test_a_settled_payment_has_no_code_to_pay_by(payments: Payments) -> None:
    made = create(payments, payment(gateway=FULL_INVOICE))
    plan = settle(made, Step.CONFIRM, GATEWAY_CONTEXT, {})
    payments.commit(plan, keep_quota=False)
    stored = payments.get("pay1")
    assert stored == plan.after
    assert stored.gateway == replace(FULL_INVOICE, qr_string=None)


def test_an_invoice_of_an_unknown_payment_creates_none(payments: Payments) -> None:
    payments.record_invoice(payment(id="pay9"), FULL_INVOICE, LATER)
    assert payments.get("pay9") is None


def test_the_next_check_is_scheduled_only_in_the_state_that_was_read(
    payments: Payments, schedule: Schedule
) -> None:
    made = create(payments, payment())
    assert schedule.check_at(made, LATER)
    assert not schedule.check_at(replace(made, status=Status.FAILED), NOW)
    assert payments.get("pay1") == replace(made, check_at=LATER)


@pytest.mark.parametrize("due", [None, LATER])
@pytest.mark.parametrize("moment", [LATER + timedelta(hours=1), None])
def test_a_later_check_does_not_replace_one_scheduled_meanwhile(
    payments: Payments, due: datetime | None, moment: datetime | None, schedule: Schedule
) -> None:
    read = create(payments, payment(check_at=due))
    assert schedule.check_at(read, NOW)
    assert not schedule.check_at(read, moment)
    stored = payments.get("pay1")
    assert stored
    assert stored.check_at == NOW
    assert schedule.check_at(stored, moment)


def test_an_earlier_check_is_scheduled_whatever_was_scheduled_meanwhile(
    payments: Payments, schedule: Schedule
) -> None:
    read = create(payments, payment(check_at=LATER + timedelta(hours=1)))
    assert schedule.check_at(read, LATER)
    assert schedule.check_at(read, NOW)
    stored = payments.get("pay1")
    assert stored
    assert stored.check_at == NOW


def correct_learner(table: Table, read: Payment) -> None:
    """Write the correction of a learner, planned from a payment as read."""
    plan = correct(read, Wanted(email="right@example.com"), ADMIN_CONTEXT, [])
    Payments(table).record_correction(plan, Learners(table).link_of(read.user_id))


def test_a_concurrent_correction_does_not_stop_the_next_check_from_being_scheduled(
    payments: Payments, table: Table, schedule: Schedule
) -> None:
    read = create(payments, payment(check_at=LATER))
    correct_learner(table, read)
    assert schedule.check_at(read, NOW, NOW, NOW)
    stored = payments.get("pay1")
    assert stored
    assert (stored.check_at, stored.denied_at, stored.version) == (NOW, NOW, read.version + 1)


def test_a_correction_keeps_what_was_recorded_about_checks_meanwhile(
    payments: Payments, table: Table, schedule: Schedule
) -> None:
    read = create(payments, payment(check_at=LATER))
    assert schedule.claim_question("pay1", NOW, NOW)
    assert schedule.check_at(read, NOW)
    correct_learner(table, read)
    stored = payments.get("pay1")
    assert stored
    assert stored.learner.email == "right@example.com"
    assert (stored.check_at, stored.asked_at, stored.asking) == (NOW, NOW, True)


def test_an_unknown_payment_is_none(payments: Payments) -> None:
    assert payments.get("pay9") is None
    assert payments.read("pay9")[1] == []
    assert payments.slot(USER, "p1", "c1") == Slot()


def test_the_history_is_read_oldest_first_beyond_nine_events(payments: Payments) -> None:
    made = create(payments, payment())
    for version in range(2, 13):
        event = replace(opened(made, GATEWAY_CONTEXT), version=version, source=Status.PENDING)
        payments.commit(Settlement(before=made, after=made, history=(event,)), keep_quota=False)
    assert [event.version for event in payments.read("pay1")[1]] == list(range(1, 13))


def test_a_history_event_is_read_as_it_was_written(payments: Payments) -> None:
    made = create(payments, manual())
    plan = close(
        made, Step.REJECT, AuditContext("admin:a1", LATER, {"requestId": "r1"}, "no transfer")
    )
    payments.commit(plan, keep_quota=False)
    assert payments.read("pay1")[1] == [opened(made, AuditContext("user:u1", NOW)), *plan.history]


def test_a_free_slot_is_taken(payments: Payments) -> None:
    open_slot(payments, named("one"))
    assert held_by(payments) == "one"


def test_a_taken_slot_is_not_taken_again_and_nothing_is_written(payments: Payments) -> None:
    open_slot(payments, named("one"))
    with pytest.raises(ConcurrentUpdate):
        open_slot(payments, named("two"), instead_of=None)
    assert (held_by(payments), payments.get("two")) == ("one", None)


def test_a_slot_holds_a_payment_of_each_channel_the_newest_first(payments: Payments) -> None:
    open_slot(payments, named("one", channel="SP"))
    open_slot(payments, named("two"))
    open_slot(payments, named("three", channel="BC"))
    slot = payments.slot(USER, "p1", "c1")
    assert slot == Slot((Held("three", "BC"), Held("two"), Held("one", "SP")))


def test_of_two_concurrent_purchases_by_different_channels_one_has_to_read_again(
    payments: Payments,
) -> None:
    open_slot(payments, named("one", channel="SP"), instead_of=None)
    with pytest.raises(ConcurrentUpdate):
        open_slot(payments, named("two", channel="BC"), instead_of=None)
    assert payments.get("two") is None


def test_one_status_call_is_claimed_in_fifteen_seconds(
    payments: Payments, schedule: Schedule
) -> None:
    create(payments, payment())
    later = [NOW + timedelta(seconds=each) for each in (0, 1, 14, 15, 16, 30)]
    claims = [schedule.claim_question("pay1", at, at - ASKED_LATELY) for at in later]
    assert claims == [True, False, False, True, False, True]
    stored = payments.get("pay1")
    assert stored
    assert (stored.asked_at, stored.asking) == (later[-1], True)


def test_a_recorded_answer_ends_the_wait_and_counts_as_a_status_call(
    payments: Payments, schedule: Schedule
) -> None:
    create(payments, payment())
    schedule.claim_question("pay1", NOW, NOW)
    schedule.note_answer("pay1", LATER)
    stored = payments.get("pay1")
    assert stored
    assert (stored.asked_at, stored.asking) == (LATER, False)
    assert not schedule.claim_question("pay1", LATER, LATER - ASKED_LATELY)


def test_scheduling_the_next_check_records_the_previous_one(
    payments: Payments, schedule: Schedule
) -> None:
    made = create(payments, payment())
    schedule.claim_question("pay1", NOW, NOW)
    assert schedule.check_at(made, LATER, NOW + ASKED_LATELY)
    stored = payments.get("pay1")
    assert stored
    assert (stored.check_at, stored.asked_at) == (LATER, NOW + ASKED_LATELY)
    assert not stored.asking


def test_a_step_records_the_status_call_that_caused_it(
    payments: Payments, schedule: Schedule
) -> None:
    made = create(payments, payment())
    schedule.claim_question("pay1", NOW, NOW)
    plan = close(replace(made, asked_at=LATER), Step.FAIL, GATEWAY_CONTEXT)
    payments.commit(plan, keep_quota=False)
    stored = payments.get("pay1")
    assert stored
    assert (stored.status, stored.asked_at, stored.asking) == (Status.FAILED, LATER, False)


def test_a_step_that_read_no_denial_keeps_the_recorded_one(
    payments: Payments, schedule: Schedule
) -> None:
    read = create(payments, payment())
    assert schedule.check_at(read, LATER, NOW, NOW)
    payments.commit(close(read, Step.FAIL, GATEWAY_CONTEXT), keep_quota=False)
    stored = payments.get("pay1")
    assert stored
    assert (stored.status, stored.denied_at) == (Status.FAILED, NOW)


def test_nothing_is_claimed_or_recorded_for_an_unknown_payment(
    payments: Payments, schedule: Schedule
) -> None:
    assert not schedule.claim_question("pay9", NOW, NOW)
    assert not payments.claim_invoice(payment(id="pay9"), NOW, NOW)
    schedule.note_answer("pay9", NOW)
    assert payments.get("pay9") is None


def test_an_invoice_is_claimed_again_only_after_a_while(payments: Payments) -> None:
    minute = timedelta(minutes=1)
    made = payment(gateway=None, invoice_calls=1)
    open_slot(payments, made)
    moments = [NOW + each * minute for each in (0.9, 1, 1.5, 2)]
    claims = [payments.claim_invoice(made, at, at - minute) for at in moments]
    assert claims == [False, True, False, True]
    stored = payments.get("pay1")
    assert stored
    assert stored.invoice_calls == 3


def test_the_invoice_of_a_payment_without_a_recorded_call_is_claimed(payments: Payments) -> None:
    made = payment(gateway=None, invoice_calls=0)
    create(payments, made)
    assert payments.claim_invoice(made, NOW, NOW)
    assert not payments.claim_invoice(made, NOW, NOW - timedelta(seconds=1))


def test_an_invoice_that_is_known_is_not_claimed_again(payments: Payments) -> None:
    made = create(payments, payment(invoice_calls=1))
    assert not payments.claim_invoice(made, LATER, LATER)


def test_no_invoice_is_claimed_for_an_ended_payment(payments: Payments) -> None:
    made = payment(gateway=None, invoice_calls=1)
    open_slot(payments, made)
    payments.commit(close(made, Step.FAIL, GATEWAY_CONTEXT), keep_quota=False)
    assert not payments.claim_invoice(made, LATER, LATER)


def test_the_slot_of_an_ended_payment_is_handed_over(payments: Payments) -> None:
    open_slot(payments, named("one"))
    open_slot(payments, named("two"), instead_of="one")
    assert held_by(payments) == "two"


def test_of_two_purchases_after_the_same_ended_payment_one_gets_the_slot(
    payments: Payments,
) -> None:
    open_slot(payments, named("one"))
    open_slot(payments, named("two"), instead_of="one")
    with pytest.raises(ConcurrentUpdate):
        open_slot(payments, named("three"), instead_of="one")
    assert held_by(payments) == "two"


@pytest.mark.parametrize(
    "other", [{"user_id": "u2"}, {"package_id": "p2"}, {"course_id": "c2"}, {"course_id": None}]
)
def test_every_purchase_has_a_slot_of_its_own(
    payments: Payments, other: dict[str, str | None]
) -> None:
    open_slot(payments, named("one"))
    made = replace(payment(id="two", gateway=None), **other)  # type: ignore[arg-type]
    open_slot(payments, made, instead_of=None)
    assert held_by(payments) == "one"


def test_slots_of_users_with_ambiguous_ids_are_separate(payments: Payments) -> None:
    one = payment(id="one", user_id="u", package_id="1#p", gateway=None)
    two = payment(id="two", user_id="u1#", package_id="p", gateway=None)
    for made in (one, two):
        open_slot(payments, made, instead_of=None)
    assert payments.slot("u", "1#p", "c1").newest == "one"


def test_a_settlement_writes_payment_history_enrollments_and_counters_together(
    payments: Payments, enrollments: Enrollments, catalog: Catalog
) -> None:
    made = create(payments, payment(courses=bought("c1", "c2")))
    plan = settle(made, Step.CONFIRM, GATEWAY_CONTEXT, {})
    payments.commit(plan, keep_quota=True)
    assert payments.get("pay1") == replace(plan.after, gateway=made.gateway)
    assert payments.read("pay1")[1][1:] == list(plan.history)
    assert [enrollments.get(each.id) for each in plan.enrollments] == list(plan.enrollments)
    assert [each.enrolled for each in catalog.courses()] == [1, 1]


def test_an_outdated_settlement_is_stale(payments: Payments) -> None:
    made = create(payments, payment())
    plan = settle(made, Step.CONFIRM, GATEWAY_CONTEXT, {})
    payments.commit(plan, keep_quota=False)
    concurrent_update = refusal(payments, plan)
    assert concurrent_update.stale


def test_a_payment_of_another_version_is_stale(payments: Payments) -> None:
    made = create(payments, payment())
    ahead = replace(made, version=2)
    assert refusal(payments, settle(ahead, Step.CONFIRM, GATEWAY_CONTEXT, {})).stale


def test_a_payment_of_another_status_is_stale(payments: Payments) -> None:
    made = create(payments, payment())
    failed = replace(made, status=Status.FAILED)
    assert refusal(payments, settle(failed, Step.CONFIRM, GATEWAY_CONTEXT, {})).stale


def test_a_missing_payment_is_stale(payments: Payments) -> None:
    concurrent_update = refusal(payments, settle(payment(), Step.CONFIRM, GATEWAY_CONTEXT, {}))
    assert (
        concurrent_update.stale,
        frozenset(concurrent_update.owned),
        concurrent_update.full,
    ) == (True, NONE, NONE)


def test_a_course_that_the_learner_has_is_named_as_owned(
    payments: Payments, enrollments: Enrollments
) -> None:
    first = create(payments, payment(id="pay0"))
    payments.commit(settle(first, Step.CONFIRM, GATEWAY_CONTEXT, {}), keep_quota=False)
    second = create(payments, payment(courses=bought("c1", "c2")))
    concurrent_update = refusal(payments, settle(second, Step.CONFIRM, GATEWAY_CONTEXT, {}))
    assert (frozenset(concurrent_update.owned), concurrent_update.stale) == (C1, False)
    kept = enrollments.get(enrollment_id(USER, "c1"))
    assert kept
    assert kept.payment_id == "pay0"
    assert enrollments.get(enrollment_id(USER, "c2")) is None


@pytest.fixture
def held(payments: Payments, table: Table) -> Enrollment:
    """Write a refunded course that Thinkific has not revoked yet; open a payment for it."""
    made = enrollment("c1", payment_id="pay0", status=EnrollmentStatus.NOT_ENROLLED)
    assert table.put(enrollment_item(made), "attribute_not_exists(#pk)")
    create(payments, payment())
    return made


def settled_with(payments: Payments, *owned: Enrollment, held: frozenset[str] = NONE) -> Settlement:
    made = payments.get("pay1")
    assert made
    has = {each.course_id: each for each in owned}
    return settle(made, Step.CONFIRM, GATEWAY_CONTEXT, has, still_counted=held)


def test_a_course_whose_place_is_held_is_named_and_then_taken_without_counting(
    payments: Payments, enrollments: Enrollments, catalog: Catalog, held: Enrollment
) -> None:
    concurrent_update = refusal(payments, settled_with(payments))
    assert (
        concurrent_update.still_counted,
        frozenset(concurrent_update.owned),
        concurrent_update.free,
    ) == (
        C1,
        NONE,
        NONE,
    )
    payments.commit(settled_with(payments, held=C1), keep_quota=True)
    stored, counter = enrollments.get(held.id), catalog.course("c1")
    assert stored
    assert counter
    assert (stored.payment_id, stored.status) == ("pay1", EnrollmentStatus.ENROLLED)
    assert counter.enrolled == 0


def test_a_course_that_was_revoked_meanwhile_is_named_as_free_and_counted(
    payments: Payments, enrollments: Enrollments, catalog: Catalog, held: Enrollment
) -> None:
    revoked = replace(held, counted=False, delivery=Delivery(status=DeliveryStatus.REVOKED))
    enrollments.record_revocation(held, revoked)
    assert refusal(payments, settled_with(payments, held=C1)).free == C1
    payments.commit(settled_with(payments), keep_quota=True)
    stored, counter = enrollments.get(held.id), catalog.course("c1")
    assert stored
    assert counter
    assert (stored.payment_id, stored.status) == ("pay1", EnrollmentStatus.ENROLLED)
    assert counter.enrolled == 0, "one place was freed, one was taken"


@pytest.mark.parametrize(("planned_as", "counted"), [(C1, True), (NONE, False)])
def test_a_course_bought_again_meanwhile_is_never_taken(
    payments: Payments,
    enrollments: Enrollments,
    table: Table,
    planned_as: frozenset[str],
    *,
    counted: bool,
) -> None:
    create(payments, payment())
    theirs = enrollment("c1", payment_id="pay9", counted=counted)
    assert table.put(enrollment_item(theirs), "attribute_not_exists(#pk)")
    assert frozenset(refusal(payments, settled_with(payments, held=planned_as)).owned) == C1
    assert enrollments.get(theirs.id) == theirs


@pytest.mark.parametrize(("held", "enrolled"), [(C1, 0), (NONE, 1)], ids=["counted", "uncounted"])
def test_an_expired_course_is_taken_again(
    payments: Payments,
    enrollments: Enrollments,
    catalog: Catalog,
    table: Table,
    held: frozenset[str],
    enrolled: int,
) -> None:
    over = enrollment("c1", payment_id="pay0", counted=bool(held), expires_at=GATEWAY_CONTEXT.at)
    assert table.put(enrollment_item(over), "attribute_not_exists(#pk)")
    create(payments, payment())
    payments.commit(settled_with(payments, held=held), keep_quota=True)
    stored, counter = enrollments.get(over.id), catalog.course("c1")
    assert stored
    assert counter
    assert (stored.payment_id, counter.enrolled) == ("pay1", enrolled)


def test_a_claim_on_a_revoked_course_is_refused(payments: Payments, held: Enrollment) -> None:
    had = replace(held, status=EnrollmentStatus.ENROLLED)
    assert refusal(payments, settled_with(payments, had)).still_counted == C1


def shared(until: datetime | None, *payers: str) -> Enrollment:
    """Build a course that the learner has until a time; several payments may pay for it."""
    claims = dict.fromkeys(payers, until) if len(payers) > 1 else {}
    return enrollment(
        "c1", payment_id=payers[0], expires_at=until, delivery=DELIVERED, claims=claims
    )


PAYERS = pytest.mark.parametrize("payers", [("pay0",), ("pay0", "pay8")], ids=["one", "two"])


@PAYERS
def test_a_claim_on_an_expired_course_is_refused(
    payments: Payments, table: Table, payers: tuple[str, ...]
) -> None:
    over = shared(GATEWAY_CONTEXT.at, *payers)
    assert table.put(enrollment_item(over), "attribute_not_exists(#pk)")
    create(payments, payment())
    assert frozenset(refusal(payments, settled_with(payments, over)).owned) == NONE


@PAYERS
@pytest.mark.parametrize(
    "ends", [GATEWAY_CONTEXT.at + timedelta(days=1), None], ids=["ends", "never"]
)
def test_a_claim_on_an_unexpired_course_is_recorded(
    payments: Payments,
    enrollments: Enrollments,
    table: Table,
    ends: datetime | None,
    payers: tuple[str, ...],
) -> None:
    lasting = shared(ends, *payers)
    assert table.put(enrollment_item(lasting), "attribute_not_exists(#pk)")
    create(payments, payment())
    payments.commit(settled_with(payments, lasting), keep_quota=False)
    stored = enrollments.get(lasting.id)
    assert stored
    assert stored.claims == {**dict.fromkeys(payers, ends), "pay1": None}
    assert stored.expires_at is None


def overlapping(payments: Payments, table: Table, days: int | None, *payers: str) -> Settlement:
    """Plan a payment for a course that the learner has for a month."""
    had = shared(MONTH, *payers or ("pay0",))
    assert table.put(enrollment_item(had), "attribute_not_exists(#pk)")
    create(payments, payment(access_days=days))
    return settled_with(payments, had)


@pytest.mark.parametrize(
    ("days", "end", "asked"), [(None, None, 2), (90, QUARTER, 2), (10, MONTH, 1)]
)
def test_the_longer_access_is_written_and_requested(
    payments: Payments,
    enrollments: Enrollments,
    table: Table,
    days: int | None,
    end: datetime | None,
    asked: int,
) -> None:
    plan = overlapping(payments, table, days)
    payments.commit(plan, keep_quota=False)
    (overlap,) = plan.overlaps
    stored = enrollments.get(overlap.after.id)
    assert stored == overlap.after
    assert (stored.expires_at, stored.delivery.request) == (end, asked)
    assert stored.delivery.platform_enrollment_id == "500"


@PAYERS
@pytest.mark.parametrize("days", [None, 10], ids=["longer", "shorter"])
@pytest.mark.parametrize(
    "came_first",
    [
        {"payment_id": "pay9"},
        {"claims": {"pay0": MONTH, "pay9": None}, "expires_at": None},
        {"delivery": Delivery(status=DeliveryStatus.DELIVERED, request=2)},
        {"status": EnrollmentStatus.NOT_ENROLLED},
    ],
    ids=["another payer", "another claim", "another request", "a refund"],
)
def test_a_concurrent_change_stops_an_overlap(
    payments: Payments,
    enrollments: Enrollments,
    table: Table,
    days: int | None,
    came_first: dict[str, Any],
    payers: tuple[str, ...],
) -> None:
    plan = overlapping(payments, table, days, *payers)
    there = replace(plan.overlaps[0].before, **came_first)
    assert table.put(enrollment_item(there), "attribute_exists(#pk)")
    concurrent_update = refusal(payments, plan)
    stored = {"c1": there} if there.status is EnrollmentStatus.ENROLLED else {}
    assert (concurrent_update.owned, concurrent_update.stale) == (stored, False)
    assert enrollments.get(there.id) == there


def test_a_course_that_is_taken_again_continues_its_request_numbers(
    payments: Payments, enrollments: Enrollments, held: Enrollment
) -> None:
    payments.commit(settled_with(payments, held=C1), keep_quota=True)
    stored = enrollments.get(held.id)
    assert stored
    assert stored.delivery.request == held.delivery.request + 1


def test_a_claim_is_recorded_on_the_enrollment(
    payments: Payments, enrollments: Enrollments
) -> None:
    first = create(payments, payment(id="pay0"))
    payments.commit(settle(first, Step.CONFIRM, GATEWAY_CONTEXT, {}), keep_quota=False)
    create(payments, payment())
    brought = enrollments.get(enrollment_id(USER, "c1"))
    assert brought
    payments.commit(settled_with(payments, brought), keep_quota=False)
    stored = enrollments.get(enrollment_id(USER, "c1"))
    assert stored
    assert (stored.payment_id, stored.claims) == ("pay0", paid_by("pay0", "pay1"))


def test_full_courses_are_named(payments: Payments, catalog: Catalog) -> None:
    catalog.put_course(course("c2", quota=0))
    assert payments.full_courses(["c1", "c2", "c404"]) == C2
    assert payments.full_courses([]) == NONE


def test_a_full_course_is_named_and_nothing_is_written(
    payments: Payments, enrollments: Enrollments, catalog: Catalog
) -> None:
    catalog.put_course(course("c2", quota=0))
    made = create(payments, manual(courses=bought("c1", "c2")))
    concurrent_update = refusal(
        payments, settle(made, Step.APPROVE, ADMIN_CONTEXT, {}), keep_quota=True
    )
    assert (
        concurrent_update.full,
        frozenset(concurrent_update.owned),
        concurrent_update.stale,
    ) == (C2, NONE, False)
    assert enrollments.get(enrollment_id(USER, "c1")) is None
    assert [each.enrolled for each in catalog.courses()] == [0, 0]


def test_the_last_place_is_given_once(payments: Payments, catalog: Catalog) -> None:
    catalog.put_course(course("c1", quota=1))
    first = create(payments, manual(id="one", user_id="u1"))
    second = create(payments, manual(id="two", user_id="u2"))
    payments.commit(settle(first, Step.APPROVE, ADMIN_CONTEXT, {}), keep_quota=True)
    plan = settle(second, Step.APPROVE, ADMIN_CONTEXT, {})
    assert refusal(payments, plan, keep_quota=True).full == {"c1"}


def test_an_overbooked_course_is_still_counted(payments: Payments, catalog: Catalog) -> None:
    catalog.put_course(course("c1", quota=0))
    made = create(payments, manual())
    payments.commit(settle(made, Step.APPROVE, ADMIN_CONTEXT, {}), keep_quota=False)
    counted = catalog.course("c1")
    assert counted
    assert (counted.enrolled, counted.quota) == (1, 0)


def test_a_concurrent_update_names_every_reason_at_once(
    payments: Payments, catalog: Catalog
) -> None:
    first = create(payments, payment(id="pay0"))
    payments.commit(settle(first, Step.CONFIRM, GATEWAY_CONTEXT, {}), keep_quota=False)
    catalog.put_course(course("c2", quota=0))
    stale = replace(create(payments, payment(courses=bought("c1", "c2"))), version=5)
    plan = settle(stale, Step.CONFIRM, GATEWAY_CONTEXT, {})
    concurrent_update = refusal(payments, plan, keep_quota=True)
    assert (
        concurrent_update.stale,
        frozenset(concurrent_update.owned),
        concurrent_update.full,
    ) == (True, C1, C2)


def test_a_payment_without_new_courses_is_written_with_its_anomaly(
    payments: Payments, enrollments: Enrollments
) -> None:
    first = create(payments, payment(id="pay0"))
    payments.commit(settle(first, Step.CONFIRM, GATEWAY_CONTEXT, {}), keep_quota=False)
    create(payments, payment())
    brought = enrollments.get(enrollment_id(USER, "c1"))
    assert brought
    plan = settled_with(payments, brought)
    payments.commit(plan, keep_quota=False)
    stored = payments.get("pay1")
    assert stored
    assert (stored.status, stored.overlap) == (Status.COMPLETED, ("c1",))
    assert plan.anomaly
    assert not Anomalies(payments.table).keep(plan.anomaly)


def test_a_known_anomaly_is_not_reopened(payments: Payments, table: Table) -> None:
    made = create(payments, payment())
    plan = settle(made, Step.CONFIRM, GATEWAY_CONTEXT, {}, C1)
    assert plan.anomaly
    anomalies = Anomalies(table)
    anomalies.keep(plan.anomaly)
    seen = Resolution(resolution="IGNORED", reason="seen", at=LATER, actor="admin:a1")
    closed = anomalies.resolve(plan.anomaly, seen)
    assert refusal(payments, plan).stale
    assert anomalies.get(plan.anomaly.id) == closed


@pytest.mark.parametrize("size", [ROOM // 2, ROOM // 2 + 1, MAX_COURSES])
def test_the_largest_bundle_is_settled_in_one_transaction(
    payments: Payments, enrollments: Enrollments, size: int
) -> None:
    names = [f"c{number:02d}" for number in range(size)]
    made = create(payments, payment(courses=bought(*names)))
    payments.commit(settle(made, Step.CONFIRM, GATEWAY_CONTEXT, {}), keep_quota=True)
    ids = [enrollment_id(USER, name) for name in names]
    assert len(enrollments.get_many(ids)) == size
    stored = payments.get("pay1")
    assert stored
    assert stored.undelivered == set(names)


def test_a_reason_is_removed_when_the_payment_is_approved_after_all(payments: Payments) -> None:
    made = create(payments, payment())
    payments.commit(
        close(made, Step.FAIL, AuditContext("x", NOW, reason="ended")), keep_quota=False
    )
    failed = payments.get("pay1")
    assert failed
    assert failed.reason == "ended"
    payments.commit(settle(failed, Step.CONFIRM, GATEWAY_CONTEXT, {}), keep_quota=False)
    approved = payments.get("pay1")
    assert approved
    assert approved.reason is None


def test_a_payment_id_cannot_be_used_twice(payments: Payments) -> None:
    made = create(payments, payment())
    completed, _ = take(replace(made, status=Status.APPROVED), Step.COMPLETE, GATEWAY_CONTEXT)
    with pytest.raises(ConcurrentUpdate):
        open_slot(payments, completed, instead_of="pay1")
    assert payments.get("pay1") == made


def test_an_existing_history_item_stops_the_commit(
    table: Table, payments: Payments, enrollments: Enrollments
) -> None:
    made = create(payments, payment())
    foreign = replace(
        opened(made, GATEWAY_CONTEXT), version=2, source=Status.PENDING, actor="admin:a9"
    )
    assert table.put(history_items([foreign])[0], "attribute_not_exists(#pk)")
    concurrent_update = refusal(payments, settle(made, Step.CONFIRM, GATEWAY_CONTEXT, {}))
    assert (
        concurrent_update.stale,
        frozenset(concurrent_update.owned),
        concurrent_update.full,
    ) == (True, NONE, NONE)
    assert payments.read("pay1")[1][-1] == foreign
    assert enrollments.get(enrollment_id(USER, "c1")) is None


def take_transfer(
    payments: Payments, made: Payment, instead_of: str | None = None
) -> Payment | None:
    """Write a manual payment; return the payment that holds the slot of its purchase."""
    event = opened(made, AuditContext("user:u1", NOW))
    payments.create_transfer(made, event, instead_of=instead_of)
    return payments.waiting_transfer(made.user_id, made.package_id, made.course_id)


def test_one_transfer_waits_for_each_purchase(payments: Payments) -> None:
    first = manual(id="one")
    assert payments.waiting_transfer(USER, "p1", "c1") is None
    assert take_transfer(payments, first) == first
    with pytest.raises(ConcurrentUpdate):
        take_transfer(payments, manual(id="two"))
    assert payments.get("two") is None
    assert payments.read("two")[1] == []


def test_the_slot_of_a_decided_transfer_is_handed_over_to_one(payments: Payments) -> None:
    take_transfer(payments, manual(id="one"))
    assert take_transfer(payments, manual(id="two"), instead_of="one") == manual(id="two")
    for instead_of in ("one", None):
        with pytest.raises(ConcurrentUpdate):
            take_transfer(payments, manual(id="three"), instead_of=instead_of)


def test_transfers_and_orders_have_slots_of_their_own(payments: Payments) -> None:
    open_slot(payments, named("order"), instead_of=None)
    take_transfer(payments, manual(id="transfer"))
    assert held_by(payments) == "order"


def test_the_mapping_under_which_courses_were_bought_is_kept(payments: Payments) -> None:
    courses = (BoughtCourse("c1", "One", "4711"), BoughtCourse("c2", "Two"))
    made = create(payments, payment(courses=courses))
    assert payments.get("pay1") == made


def test_a_settlement_counts_a_course_that_only_the_package_service_knows(
    payments: Payments, catalog: Catalog
) -> None:
    made = create(payments, payment(courses=bought("c8")))
    payments.commit(settle(made, Step.CONFIRM, GATEWAY_CONTEXT, {}), keep_quota=True)
    counted = catalog.course("c8")
    assert counted
    assert counted.enrolled == 1


def test_the_transfer_that_paid_is_recorded_once_and_survives_every_later_step(
    payments: Payments,
) -> None:
    stored = create(payments, payment())
    audit_context = replace(GATEWAY_CONTEXT, callback=evidence(fields=TRANSFER, transaction="MG1"))
    plan = settle(stored, Step.CONFIRM, audit_context, {}, NONE)

    payments.commit(plan, keep_quota=True)

    settled = payments.get("pay1")
    assert settled
    assert settled.transaction == TRANSFER["publisherOrderId"]
    assert payments.first_transaction("pay1", "MG2") == TRANSFER["publisherOrderId"]


def test_a_transfer_learned_later_is_recorded_without_a_step(payments: Payments) -> None:
    stored = create(payments, payment())
    plan = settle(stored, Step.CONFIRM, GATEWAY_CONTEXT, {}, NONE)
    payments.commit(plan, keep_quota=True)

    assert [payments.first_transaction("pay1", each) for each in ("MG1", "MG2")] == ["MG1"] * 2
    assert payments.get("pay1") == replace(plan.after, transaction="MG1")


def test_of_two_deliveries_one_records_that_it_requests_the_bundle(payments: Payments) -> None:
    create(payments, payment())
    assert payments.note_bundle("pay1", NOW)
    assert not payments.note_bundle("pay1", LATER)
    stored = payments.get("pay1")
    assert stored
    assert stored.bundle_asked_at == NOW


def test_a_bundle_is_requested_again_only_over_the_record_that_was_read(payments: Payments) -> None:
    create(payments, payment())
    assert not payments.note_bundle("pay1", LATER, over=NOW)
    payments.note_bundle("pay1", NOW)
    assert not payments.note_bundle("pay1", LATER, over=LATER)
    assert payments.note_bundle("pay1", LATER, over=NOW)
    assert not payments.note_bundle("pay1", LATER, over=NOW)


def test_a_bundle_is_not_recorded_on_an_unknown_payment(payments: Payments) -> None:
    assert not payments.note_bundle("pay9", NOW)
    assert payments.get("pay9") is None
