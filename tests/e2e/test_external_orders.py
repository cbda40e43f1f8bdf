"""A stack that reports its sales: one order each, one refund, and no delayed enrollment.

The stack is one of its own, deployed with ``ExternalOrders=true``, with IAM evaluated.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from local.cloud import Options, Stack
from lunas.cli import sale_reports as command
from lunas.cli.sale_reports import Queues
from lunas.cli.stacks import find
from lunas.storage.sale_reports import SaleReports
from lunas.storage.table import Table
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
        queues = command.queues_of(find("local", FOLDER))
        queues.sqs.set_queue_attributes(
            QueueUrl=queues.reports, Attributes={"VisibilityTimeout": SOON}
        )
        yield running


@pytest.fixture
def queues(stack: Stack) -> Queues:
    assert stack.thinkific_url
    return command.queues_of(find("local", FOLDER))


def orders_of(thinkific: Thinkific, payment_id: str) -> list[list[str]]:
    """Return the orders of a payment, each as the actions of its transactions."""
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
    """Wait until Thinkific has exactly these orders of a payment."""
    eventually(lambda: orders_of(thinkific, payment_id), lambda found: found == list(orders))


def send(queues: Queues, payment_id: str, times: int) -> None:
    """Send a message several times, with ids that SQS does not deduplicate."""
    for _ in range(times):
        queues.sqs.send_message(
            QueueUrl=queues.reports,
            MessageBody=json.dumps({"paymentId": payment_id}),
            MessageGroupId="orders",
            MessageDeduplicationId=uuid.uuid4().hex,
        )


def emptied(queues: Queues) -> None:
    """Wait until the sale report queue is empty, without hidden messages either."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left() -> int:
        answer = queues.sqs.get_queue_attributes(QueueUrl=queues.reports, AttributeNames=names)
        return sum(int(number) for number in answer["Attributes"].values())

    eventually(left, lambda number: number == 0)


def decided(queues: Queues, **choice: str) -> list[str]:
    """Run ``make sale-reports``; return its lines."""
    stack, lines = find("local", FOLDER), list[str]()
    reports = SaleReports(Table(stack.client("dynamodb"), stack.outputs["TableName"]))
    command.decide(reports, queues, command.Choice(**choice), lines.append)
    return lines


def test_a_sale_and_its_refund_are_one_order_however_often_they_are_reported(
    users: Users, thinkific: Thinkific, queues: Queues
) -> None:
    _, payment_id = sold(users)
    reported(thinkific, payment_id, ["purchase"])
    assert users.admin().refund(payment_id).status_code == 200
    reported(thinkific, payment_id, ["purchase", "refund"])
    send(queues, payment_id, 3)
    emptied(queues)
    assert orders_of(thinkific, payment_id) == [["purchase", "refund"]]


def test_a_time_out_after_the_write_is_left_to_a_person_who_can_dismiss_it(
    users: Users, thinkific: Thinkific, queues: Queues
) -> None:
    thinkific.fault("createExternalOrder", "drop_after")
    _, payment_id = sold(users)
    reported(thinkific, payment_id, ["purchase"])
    emptied(queues)
    lines = eventually(
        lambda: decided(queues, dismiss=payment_id),
        lambda found: any("deleted" in line for line in found),
    )
    assert any(payment_id in line for line in lines)
    send(queues, payment_id, 1)
    emptied(queues)
    assert orders_of(thinkific, payment_id) == [["purchase"]]


def test_a_cut_before_the_write_is_sent_again_when_a_person_retries_it(
    users: Users, thinkific: Thinkific, queues: Queues
) -> None:
    thinkific.fault("createExternalOrder", "drop")
    _, payment_id = sold(users)
    emptied(queues)
    assert orders_of(thinkific, payment_id) == []
    lines = decided(queues, retry=payment_id)
    assert any("reopened" in line for line in lines)
    reported(thinkific, payment_id, ["purchase"])


def test_a_function_that_dies_during_its_call_sends_nothing_again(
    stack: Stack, users: Users, thinkific: Thinkific, queues: Queues
) -> None:
    thinkific.fault("createExternalOrder", "slow", seconds=4)
    before = thinkific.calls("createExternalOrder")
    _, payment_id = sold(users)
    eventually(lambda: thinkific.calls("createExternalOrder"), lambda calls: calls > before)
    assert kill(stack, "ReportSalesFunction") > 0
    eventually(
        lambda: decided(queues, dismiss=payment_id),
        lambda lines: any("ended after it had claimed" in line for line in lines),
    )
    emptied(queues)
    assert thinkific.calls("createExternalOrder") == before + 1


def test_a_plan_without_external_orders_delays_no_sale(
    users: Users, thinkific: Thinkific, queues: Queues
) -> None:
    thinkific.set(appsPlan=False)
    try:
        learner, payment_id = sold(users)
        emptied(queues)
        assert learner.payment(payment_id)["status"] == "COMPLETED"
        assert orders_of(thinkific, payment_id) == []
        assert decided(queues) == ["sale reports: 0 wait for a person"]
    finally:
        thinkific.set(appsPlan=True)
    decided(queues, retry=payment_id)
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
