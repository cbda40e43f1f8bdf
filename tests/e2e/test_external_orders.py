"""A stack that reports its sales: one order each, one refund, and no enrollment that waits.

The stack is one of its own, deployed with ``ExternalOrders=true``, with IAM evaluated.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from local import orders as command
from local.cloud import Options, Stack
from local.deployed import OrderParts, find_orders
from tests.conftest import FAST, STATE
from tests.support.leaks.check import watched_stack
from tests.support.providers import Thinkific
from tests.support.users import Person, Users, eventually

FOLDER = STATE.with_name(f"{STATE.name}-orders")
SOON = "3"
"""Seconds after which a message whose receiver died comes again in these tests."""


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run a stack with the setting on."""
    options = Options(parameters={**FAST.parameters, "ExternalOrders": "true"}, iam=True)
    with watched_stack(FOLDER, options, request.config) as running:
        parts = find_orders("local", FOLDER)
        parts.sqs.set_queue_attributes(QueueUrl=parts.queue, Attributes={"VisibilityTimeout": SOON})
        yield running


@pytest.fixture
def parts(stack: Stack) -> OrderParts:
    assert stack.thinkific_url
    return find_orders("local", FOLDER)


def orders_of(thinkific: Thinkific, payment_id: str) -> list[list[str]]:
    """Return the orders of a payment, each as what was done with it."""
    return [
        [each["action"] for each in order["transactions"]]
        for order in thinkific.see("external-orders")["items"]
        if order["transactions"][0]["reference"] == payment_id
    ]


def sold(users: Users) -> tuple[Person, str]:
    """Sell a course and wait until it is delivered; return the learner and the payment's id."""
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")
    assert users.admin().approve(payment["id"]).status_code == 200
    learner.wait_for(payment["id"], "COMPLETED")
    return learner, payment["id"]


def reported(thinkific: Thinkific, payment_id: str, *orders: list[str]) -> None:
    """Wait until Thinkific has just these orders of a payment."""
    eventually(lambda: orders_of(thinkific, payment_id), lambda found: found == list(orders))


def send(parts: OrderParts, payment_id: str, times: int) -> None:
    """Send a message several times over, with ids that SQS does not deduplicate."""
    for _ in range(times):
        parts.sqs.send_message(
            QueueUrl=parts.queue,
            MessageBody=json.dumps({"paymentId": payment_id}),
            MessageGroupId="orders",
            MessageDeduplicationId=uuid.uuid4().hex,
        )


def emptied(parts: OrderParts) -> None:
    """Wait until the sale report queue has nothing in it, also nothing hidden."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left() -> int:
        told = parts.sqs.get_queue_attributes(QueueUrl=parts.queue, AttributeNames=names)
        return sum(int(number) for number in told["Attributes"].values())

    eventually(left, lambda number: number == 0)


def decided(parts: OrderParts, **choice: str) -> list[str]:
    """Run ``make sale-reports``; return what it said."""
    said: list[str] = []
    command.run(parts, command.Choice(**choice), said.append)
    return said


def test_a_sale_and_its_refund_are_one_order_however_often_they_are_told(
    users: Users, thinkific: Thinkific, parts: OrderParts
) -> None:
    _, payment_id = sold(users)
    reported(thinkific, payment_id, ["purchase"])
    assert users.admin().refund(payment_id).status_code == 200
    reported(thinkific, payment_id, ["purchase", "refund"])
    send(parts, payment_id, 3)
    emptied(parts)
    assert orders_of(thinkific, payment_id) == [["purchase", "refund"]]


def test_a_time_out_after_the_write_is_left_to_a_person_who_can_leave_it(
    users: Users, thinkific: Thinkific, parts: OrderParts
) -> None:
    thinkific.fault("createExternalOrder", "drop_after")
    _, payment_id = sold(users)
    reported(thinkific, payment_id, ["purchase"])
    emptied(parts)
    said = eventually(
        lambda: decided(parts, dismiss=payment_id),
        lambda lines: any("forgotten" in line for line in lines),
    )
    assert any(payment_id in line for line in said)
    send(parts, payment_id, 1)
    emptied(parts)
    assert orders_of(thinkific, payment_id) == [["purchase"]]


def test_a_cut_before_the_write_is_sent_again_when_a_person_says_so(
    users: Users, thinkific: Thinkific, parts: OrderParts
) -> None:
    thinkific.fault("createExternalOrder", "drop")
    _, payment_id = sold(users)
    emptied(parts)
    assert orders_of(thinkific, payment_id) == []
    said = decided(parts, retry=payment_id)
    assert any("opened" in line for line in said)
    reported(thinkific, payment_id, ["purchase"])


def test_a_function_that_dies_in_the_middle_of_its_call_sends_nothing_again(
    stack: Stack, users: Users, thinkific: Thinkific, parts: OrderParts
) -> None:
    thinkific.fault("createExternalOrder", "slow", seconds=4)
    before = thinkific.calls("createExternalOrder")
    _, payment_id = sold(users)
    eventually(lambda: thinkific.calls("createExternalOrder"), lambda calls: calls > before)
    assert kill(stack, "ReportSalesFunction") > 0
    eventually(
        lambda: decided(parts, dismiss=payment_id),
        lambda lines: any("broke off" in line for line in lines),
    )
    emptied(parts)
    assert thinkific.calls("createExternalOrder") == before + 1


def test_a_plan_without_external_orders_hinders_no_sale(
    users: Users, thinkific: Thinkific, parts: OrderParts
) -> None:
    thinkific.set(appsPlan=False)
    try:
        learner, payment_id = sold(users)
        emptied(parts)
        assert learner.payment(payment_id)["status"] == "COMPLETED"
        assert orders_of(thinkific, payment_id) == []
        assert decided(parts) == ["sale reports: 0 wait for a person"]
    finally:
        thinkific.set(appsPlan=True)
    decided(parts, retry=payment_id)
    reported(thinkific, payment_id, ["purchase"])


def kill(stack: Stack, function: str) -> int:
    """Kill every process that runs a function on this stack; return how many there were."""
    state, killed = str(stack.logs.parent.parent), 0
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if function in line and state in line:
            process.kill()
            killed += 1
    return killed
