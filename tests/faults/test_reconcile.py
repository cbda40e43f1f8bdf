"""Reconcile finds payments whose callback is missing, and requests lost deliveries again."""

import json

import pytest

from local.cloud import Stack
from lunas.storage import keys
from lunas.storage.expressions import Change
from tests.support.cloud import Cloud
from tests.support.providers import Duitku, Json, Thinkific
from tests.support.users import Users, eventually

PAST = "2026-01-01T00:00:00.000Z"


class Schedule:
    """Runs reconcile, and moves the due times of the table."""

    def __init__(self, stack: Stack) -> None:
        self._cloud = Cloud(stack)
        self._log = stack.logs / "ReconcileFunction.log"

    def age(self, enrollment: Json) -> None:
        """Move an enrollment's creation far into the past."""
        aged = Change({"enrolledAt": PAST})
        assert self._cloud.table.update(keys.enrollment(enrollment["id"]), aged)

    def payment_due(self, payment: Json, **more: str) -> None:
        """Make a payment due."""
        self._cloud.make_due(keys.payment(payment["id"]), **more)

    def delivery_due(self, enrollment: Json, **more: str) -> None:
        """Make a delivery due."""
        self._cloud.make_due(keys.enrollment(enrollment["id"]), **more)

    def run(self) -> None:
        """Run reconcile once."""
        self._cloud.invoke("ReconcileFunction")

    def run_until_idle(self, duitku: Duitku) -> int:
        """Run until nothing is due any more; return how many questions Duitku got by then.

        Other tests of this stack leave open payments behind, and a run asks about some of them.
        """

        def next_run() -> tuple[int, int]:
            asked = duitku.status_calls()
            self.run()
            return asked, duitku.status_calls()

        return eventually(next_run, lambda counts: counts[0] == counts[1])[1]

    def stuck(self) -> tuple[int, list[str]]:
        """Run, and return what it logged: the number of paid and not enrolled, and their ids."""
        seen = len(self._log.read_text()) if self._log.exists() else 0
        self.run()
        text = eventually(
            lambda: self._log.read_text()[seen:], lambda text: "GatewayPaused" in text
        )
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        counted = [line["PaidNotEnrolled"][0] for line in lines if "PaidNotEnrolled" in line]
        stuck = [line for line in lines if line.get("message") == "paid and not enrolled"]
        return int(counted[-1]), [each for line in stuck for each in line["enrollment_ids"]]

    def unpause(self) -> None:
        """Let Duitku be asked again."""
        self._cloud.delete(keys.pause())


@pytest.fixture
def schedule(stack: Stack) -> Schedule:
    return Schedule(stack)


def test_a_payment_whose_callback_never_came_is_found_and_completed(
    users: Users, duitku: Duitku, thinkific: Thinkific, schedule: Schedule
) -> None:
    learner = users.learner()
    order = learner.initiate("entry", "python-dasar")
    duitku.pay(order, callback=False)

    schedule.payment_due(order)
    schedule.run()

    learner.wait_for(order["id"], "COMPLETED")
    assert len(thinkific.enrollments(learner.email)) == 1


def test_a_payment_that_is_not_due_is_not_checked(
    users: Users, duitku: Duitku, schedule: Schedule
) -> None:
    users.learner().initiate("entry", "python-dasar")

    # It never ends if each run asks about a payment that is open and not due.
    assert schedule.run_until_idle(duitku)


def test_an_unpaid_payment_expires_only_after_asking_duitku(
    users: Users, duitku: Duitku, schedule: Schedule
) -> None:
    learner = users.learner()
    order = learner.initiate("entry", "python-dasar")
    asked = schedule.run_until_idle(duitku)

    schedule.payment_due(order, expiresAt=PAST)
    schedule.run()

    assert learner.payment(order["id"])["status"] == "EXPIRED"
    # Another payment of this stack may have become due meanwhile.
    assert duitku.status_calls() > asked


def test_a_success_after_the_expiry_settles_the_payment(
    users: Users, duitku: Duitku, schedule: Schedule
) -> None:
    learner = users.learner()
    order = learner.initiate("entry", "python-dasar")
    schedule.payment_due(order, expiresAt=PAST)
    schedule.run()

    duitku.pay(order, callback=False)
    schedule.payment_due(order)
    schedule.run()

    learner.wait_for(order["id"], "COMPLETED")
    states = ["PENDING", "EXPIRED", "PAID", "APPROVED", "COMPLETED"]
    assert learner.states(order["id"]) == states


def test_a_callback_that_duitku_does_not_confirm_yet_is_checked_again(
    users: Users, duitku: Duitku, schedule: Schedule
) -> None:
    learner = users.learner()
    order = learner.initiate("entry", "python-dasar")
    assert duitku.post(duitku.form(order)).status_code == 200
    duitku.pay(order, callback=False)

    schedule.payment_due(order)
    schedule.run()

    learner.wait_for(order["id"], "COMPLETED")


def test_when_duitku_blocks_checks_all_of_them_pause(
    users: Users, duitku: Duitku, schedule: Schedule
) -> None:
    orders = [users.learner().initiate("entry", "python-dasar") for _ in range(3)]
    duitku.fault("popTransactionStatus", "answer", status=429, times=9)
    for order in orders:
        schedule.payment_due(order)
    asked = duitku.status_calls()

    schedule.run()
    schedule.run()

    assert duitku.status_calls() == asked + 1
    schedule.unpause()


def test_a_lost_delivery_is_requested_again_and_done_once(
    users: Users, thinkific: Thinkific, schedule: Schedule
) -> None:
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")
    users.admin().approve(payment["id"])
    learner.wait_for(payment["id"], "COMPLETED")
    (enrollment,) = learner.enrollments()

    # As if the message had vanished: PENDING, with a request that was published long ago.
    schedule.delivery_due(enrollment, deliveryStatus="PENDING")
    assert learner.enrollments()[0]["delivery"]["status"] == "PENDING"
    schedule.run()

    eventually(learner.enrollments, lambda found: found[0]["delivery"]["status"] == "DELIVERED")
    assert len(thinkific.enrollments(learner.email)) == 1


@pytest.mark.parametrize(("status", "state"), [(503, "PENDING"), (422, "FAILED")])
def test_a_paid_learner_who_waits_too_long_is_logged_until_they_are_enrolled(
    status: int, state: str, users: Users, thinkific: Thinkific, schedule: Schedule
) -> None:
    learner, admin = users.learner(), users.admin()
    payment = learner.submit("entry", "python-dasar")
    thinkific.fault("createUser", "answer", status=status, times=99)
    admin.approve(payment["id"])
    (enrollment,) = eventually(
        learner.enrollments,
        lambda found: (
            found[0]["delivery"]["attempts"] > 0 and found[0]["delivery"]["status"] == state
        ),
    )

    assert enrollment["id"] not in schedule.stuck()[1]
    schedule.age(enrollment)
    waiting, named = schedule.stuck()
    assert waiting > 0
    assert enrollment["id"] in named

    thinkific.calm()
    if state == "FAILED":
        assert admin.call("POST", f"/enrollments/{enrollment['id']}/redeliver").ok
    learner.wait_for(payment["id"], "COMPLETED")
    assert enrollment["id"] not in schedule.stuck()[1]
