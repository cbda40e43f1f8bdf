"""The audit finds what is broken in the table, shows it to admins, and changes nothing else."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Stack
from lunas.domain.audit_feeds import SETTLED_AFTER
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, enrollment_id
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.expressions import Change, Item, Key, placeholders
from tests.support.cloud import Cloud
from tests.support.providers import Duitku, Json
from tests.support.users import Person, Users, eventually

COURSE, BUNDLE = "python-dasar", "bundle-data"
AGED = SETTLED_AFTER + timedelta(minutes=5)
TIMES = ("createdAt", "enrolledAt", "updatedAt", "approvedAt", "completedAt")


type Damage = Callable[["Auditing", Json], None]


class Auditing:
    """Runs the audit, and moves items into the past or breaks them."""

    def __init__(self, stack: Stack) -> None:
        self._cloud = Cloud(stack)
        self._touched: dict[str, Json] = {}
        self.table = self._cloud.table

    def age(self, payment: Json) -> None:
        """Move everything that happened to a payment into the past, unless it is there already."""
        self._touched[payment["id"]] = payment
        stored = self.table.get(keys.payment(payment["id"]))
        belonging = [*self.history(payment["id"]), *self.enrollments(payment)]
        for item in [stored, *belonging] if stored else belonging:
            if moved := _moved(item):
                self.change(item, **moved)

    def run(self) -> None:
        """Run the audit once, from an hour ago on, whatever the schedule has read since."""
        hour_ago = to_iso(datetime.now(UTC) - AGED - timedelta(hours=1))
        for feed in ("PAYMENT", "HISTORY", "ENROLLMENT"):
            self.table.update(keys.audit(feed), Change({"checkpoint": hour_ago}))
        self._cloud.invoke("AuditFunction")

    def checkpoint(self) -> str:
        """Return how far the audit has read what changed."""
        item = self.table.get(keys.audit("HISTORY"))
        assert item
        return str(item["checkpoint"])

    def history(self, payment_id: str) -> list[Item]:
        """Return the items of a payment's history: of every change, not of its opening."""
        request = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": placeholders(
                {"pk": keys.payment(payment_id)["pk"], "sk": "HISTORY#"}
            ),
        }
        return self.table.query(request)[0]

    def enrollments(self, payment: Json) -> list[Item]:
        """Return the items of the learner's enrollments in the courses of a payment."""
        ids = [enrollment_id(payment["userId"], each) for each in payment["courseIds"]]
        return self.table.get_many(map(keys.enrollment, ids))

    def change(self, key: Item, **changes: Any) -> None:
        """Change an item without Lunas; None removes an attribute."""
        assert self.table.update(_key(key), Change(changes))

    def enroll(self, payment: Json) -> None:
        """Enroll a learner without Lunas, as if it were delivered."""
        course, at = payment["courseIds"][0], datetime.now(UTC)
        made = Enrollment(
            id=enrollment_id(payment["userId"], course),
            payment_id=payment["id"],
            user_id=payment["userId"],
            course_id=course,
            course_name=course,
            created_at=at,
            updated_at=at,
            delivery=Delivery(status=DeliveryStatus.DELIVERED, platform_enrollment_id="1"),
        )
        assert self.table.put(enrollment_item(made), "attribute_not_exists(#pk)")

    def delete(self, key: Item) -> None:
        """Delete an item without Lunas."""
        self._cloud.delete(_key(key))

    def forget(self) -> None:
        """Delete what was broken, so that no other test finds it."""
        for payment in self._touched.values():
            for item in [*self.history(payment["id"]), *self.enrollments(payment)]:
                self.delete(item)
            self.delete(dict(keys.payment(payment["id"])))


def _key(item: Item) -> Key:
    return {"pk": item["pk"], "sk": item["sk"]}


def _moved(item: Item) -> dict[str, str]:
    """Return the times of an item that are not in the past yet, moved there."""
    times = {name: from_iso(item[name]) for name in TIMES if name in item}
    past = datetime.now(UTC) - SETTLED_AFTER
    return {name: to_iso(time - AGED) for name, time in times.items() if time > past}


@pytest.fixture
def auditing(stack: Stack) -> Iterator[Auditing]:
    made = Auditing(stack)
    yield made
    made.forget()


@pytest.fixture
def learner(users: Users) -> Person:
    return users.learner()


@pytest.fixture
def admin(users: Users) -> Person:
    return users.admin()


def found(admin: Person, *payments: Json) -> set[str]:
    """Return the codes of the broken invariants that GET /anomalies shows for payments."""
    ids = {each["id"] for each in payments}
    shown = admin.all("/anomalies?status=OPEN&limit=100")
    return {
        each["evidence"]["code"]
        for each in shown
        if each["kind"] == "INVARIANT_BROKEN" and each["paymentId"] in ids
    }


def bought(learner: Person, admin: Person, package: str = "entry") -> Json:
    """Buy by transfer, and wait until it is COMPLETED."""
    payment = learner.submit(package, None if package == BUNDLE else COURSE)
    assert admin.approve(payment["id"]).status_code == 200
    return learner.wait_for(payment["id"], "COMPLETED")


def paid_at_duitku(learner: Person, duitku: Duitku) -> Json:
    """Buy at Duitku, and wait until it is COMPLETED."""
    order = learner.initiate("entry", COURSE)
    duitku.pay(order)
    return learner.wait_for(order["id"], "COMPLETED")


def failed_at_duitku(learner: Person, admin: Person, duitku: Duitku) -> Json:
    """Fail to pay at Duitku."""
    order = learner.initiate("entry", COURSE)
    duitku.end(order, "fail")
    assert admin.recheck(order["id"]).status_code == 200
    return learner.wait_for(order["id"], "FAILED")


def rejected(learner: Person, admin: Person) -> Json:
    """Submit a payment that an admin rejects."""
    payment = learner.submit("entry", COURSE)
    assert admin.reject(payment["id"]).status_code == 200
    return payment


def refunded(learner: Person, admin: Person, payment: Json) -> Json:
    """Refund a payment, and wait until Thinkific has revoked what it alone paid for."""
    assert admin.refund(payment["id"]).status_code == 200
    eventually(
        learner.enrollments,
        lambda found: all(each["delivery"]["status"] != "PENDING" for each in found),
    )
    return payment


def test_purchases_of_every_kind_show_no_anomaly(
    users: Users, admin: Person, duitku: Duitku, auditing: Auditing
) -> None:
    one, two = users.learner(), users.learner()
    first, overlapping = bought(one, admin), bought(one, admin, BUNDLE)
    payments = [
        paid_at_duitku(users.learner(), duitku),
        failed_at_duitku(users.learner(), admin, duitku),
        rejected(users.learner(), admin),
        refunded(two, admin, bought(two, admin)),
        # The course that both paid for belongs to the bundle from now on.
        refunded(one, admin, first),
        overlapping,
        users.learner().submit("entry", COURSE),
        users.learner().initiate("entry", COURSE),
    ]
    for payment in payments:
        auditing.age(payment)

    auditing.run()

    assert auditing.checkpoint() > to_iso(datetime.now(UTC) - AGED)
    assert found(admin, *payments) == set()


# ── Broken by hand ───────────────────────────────────────────────────────────────────────────────


def enrollment_deleted(auditing: Auditing, payment: Json) -> None:
    (enrollment,) = auditing.enrollments(payment)
    auditing.delete(enrollment)


def enrollment_of_another(auditing: Auditing, payment: Json) -> None:
    (enrollment,) = auditing.enrollments(payment)
    auditing.change(enrollment, paymentId="pay404")


def history_gap(auditing: Auditing, payment: Json) -> None:
    auditing.delete(auditing.history(payment["id"])[0])


def history_rewritten(auditing: Auditing, payment: Json) -> None:
    auditing.change(auditing.history(payment["id"])[0], actor="user:u1")


def status_flipped(auditing: Auditing, payment: Json) -> None:
    auditing.change(dict(keys.payment(payment["id"])), status="REJECTED")


def amount_taken_away(auditing: Auditing, payment: Json) -> None:
    key = keys.payment(payment["id"])
    stored = auditing.table.get(key)
    assert stored
    auditing.change(dict(key), purchase={**stored["purchase"], "amount": 0})


def payment_deleted(auditing: Auditing, payment: Json) -> None:
    auditing.delete(dict(keys.payment(payment["id"])))


def unreadable(auditing: Auditing, payment: Json) -> None:
    auditing.change(dict(keys.payment(payment["id"])), status="PAYED")


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (enrollment_deleted, {"ENROLLMENT_MISSING"}),
        (enrollment_of_another, {"ENROLLMENT_FOREIGN"}),
        (history_gap, {"HISTORY_GAP", "HISTORY_CHAIN", "APPROVAL_DIFFERS"}),
        (history_rewritten, {"HISTORY_ACTOR", "APPROVAL_DIFFERS"}),
        (status_flipped, {"HISTORY_STATE", "ENROLLED_UNPAID"}),
        (amount_taken_away, {"AMOUNT_WRONG"}),
        (payment_deleted, {"PAYMENT_MISSING"}),
        (unreadable, {"UNREADABLE"}),
    ],
)
def test_damage_to_a_completed_payment_is_shown_to_admins(
    learner: Person, admin: Person, auditing: Auditing, damage: Damage, codes: set[str]
) -> None:
    payment = bought(learner, admin)
    auditing.age(payment)
    damage(auditing, payment)

    auditing.run()
    auditing.run()

    assert found(admin, payment) == codes


def test_an_enrollment_without_an_approval_is_shown_to_admins(
    learner: Person, admin: Person, auditing: Auditing
) -> None:
    payment = learner.submit("entry", COURSE)
    auditing.enroll(payment)
    auditing.age(payment)

    auditing.run()

    assert found(admin, payment) == {"ENROLLED_UNPAID"}


def test_an_enrollment_without_a_payment_is_shown_to_admins(
    learner: Person, admin: Person, auditing: Auditing
) -> None:
    none = {"id": f"pay-none-{learner.id}", "userId": learner.id, "courseIds": [COURSE]}
    auditing.enroll(none)
    auditing.age(none)

    auditing.run()

    assert found(admin, none) == {"PAYMENT_MISSING"}


def lose_completion(auditing: Auditing, payment: Json) -> None:
    """Take a payment back to where its last delivery is recorded, but not its completion."""
    *_, approved, last = auditing.history(payment["id"])
    auditing.delete(last)
    auditing.change(
        dict(keys.payment(payment["id"])),
        status="APPROVED",
        version=approved["version"],
        updatedAt=approved["createdAt"],
        completedAt=None,
    )


def test_a_lost_completion_is_recorded(learner: Person, admin: Person, auditing: Auditing) -> None:
    payment = bought(learner, admin)
    auditing.age(payment)
    lose_completion(auditing, payment)
    assert learner.payment(payment["id"])["status"] == "APPROVED"

    auditing.run()

    stored = learner.payment(payment["id"])
    assert (stored["status"], stored["version"]) == ("COMPLETED", payment["version"])
    assert learner.states(payment["id"]) == ["PAID", "APPROVED", "COMPLETED"]
    auditing.age(payment)
    auditing.run()
    assert found(admin, payment) == set()


def test_two_runs_at_once_complete_once_and_report_once(
    users: Users, admin: Person, auditing: Auditing
) -> None:
    buyers = [users.learner() for _ in range(6)]
    payments = [bought(each, admin) for each in buyers]
    for number, payment in enumerate(payments):
        auditing.age(payment)
        (lose_completion if number % 2 else enrollment_deleted)(auditing, payment)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: auditing.run(), range(2)))

    assert found(admin, *payments[::2]) == {"ENROLLMENT_MISSING"}
    assert found(admin, *payments[1::2]) == set()
    for buyer, payment in list(zip(buyers, payments, strict=True))[1::2]:
        assert buyer.states(payment["id"]) == ["PAID", "APPROVED", "COMPLETED"]
