"""Sale reports, cut before and after each of their calls, are never doubled and delay nothing.

Thinkific keeps every double and shows none, so the tests count what the simulator has kept. A sale
is there once, or its report is UNCERTAIN and dead-lettered.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from lunas.domain.sale_reports import SaleReportKind
from tests.faults.world.before import paid_for_nothing_new, sold_as_bundle
from tests.faults.world.effects import Strike, Trap, When, crash, fail
from tests.faults.world.scenario import BUNDLE, PYTHON, Purchase, Scenario
from tests.faults.world.world import World

REPORT, PUBLISH = "report_sales", "publish_sale_reports"
KINDS = {"purchase": SaleReportKind.SALE, "refund": SaleReportKind.REFUND}
ROUTES = ("createExternalOrder", "refundExternalOrder")
NO_PERMIT = "the next permit comes too late"
HTML = "<html><h1>not now</h1></html>"


@dataclass
class SaleReports:
    """A learner's purchase, with the reports of it."""

    world: World

    def __post_init__(self) -> None:
        self.world.start()
        self.world.report_sales()
        self.scenario = Scenario(self.world)

    def sell(self, purchase: Purchase = PYTHON) -> None:
        """Sell something by a transfer."""
        self.scenario.submit(purchase)
        self.scenario.approve()

    def transactions(self) -> list[dict[str, Any]]:
        """Return the transactions that Thinkific has kept, oldest first."""
        orders = self.world.thinkific.site.external_orders.values()
        return [each for order in orders for each in order.transactions]

    def actions(self) -> list[str]:
        """Return the kinds of the transactions, e.g. ``purchase``."""
        return [each["action"] for each in self.transactions()]

    def statuses(self) -> dict[str, str]:
        """Return the status of each report, by its kind."""
        found = self.world.aws.table.of_type("order")
        return {each["kind"]["S"]: each["status"]["S"] for each in found}

    def dead_letters(self) -> list[Any]:
        """Return the payments of the dead-letter messages."""
        messages = self.world.aws.queues["SaleReportDeadLetterQueue"].messages
        return [json.loads(each.body)["paymentId"] for each in messages]

    def waiting(self) -> int:
        """Count the messages that are still on their way."""
        return len(self.world.aws.queues["SaleReportQueue"].messages)

    def logged(self, message: str) -> list[dict[str, Any]]:
        """Return the log lines with a message."""
        return [facts for line, facts in self.world.logged if line == message]

    def check(self) -> None:
        """Check that nothing is lost or doubled, and that each report's status is true."""
        assert self.scenario.watch.wrong() == []
        assert self.waiting() == 0
        statuses = self.statuses()
        for action, kind in KINDS.items():
            times = self.actions().count(action)
            assert times <= 1, f"{action} was reported {times} times"
            if times == 0 and kind is SaleReportKind.SALE:
                assert statuses.get(kind) in {"UNCERTAIN", "REFUSED"}, statuses
            if statuses.get(kind) == "REPORTED":
                assert times == 1
        uncertain = "UNCERTAIN" in statuses.values()
        assert (self.scenario.payment in self.dead_letters()) is uncertain


@pytest.fixture
def reports(world: World) -> SaleReports:
    return SaleReports(world)


def test_a_sale_is_one_order_with_its_amount_in_smallest_units(reports: SaleReports) -> None:
    reports.sell()
    reports.scenario.wait(1)
    (order,) = reports.world.thinkific.site.external_orders.values()
    course = next(iter(reports.world.thinkific.site.courses.values()))
    (user,) = reports.world.thinkific.users("budi@example.com")
    assert order.order == {
        "payment_provider": "manual",
        "user_id": user.id,
        "product_id": course.product_id,
        "order_type": "one-time",
    }
    assert order.transactions == [
        {
            "action": "purchase",
            "amount": 4_900_000,
            "currency": "IDR",
            "reference": reports.scenario.payment,
        }
    ]
    assert reports.scenario.status() == "COMPLETED"
    reports.check()


def test_a_refund_follows_its_sale_on_the_same_order(reports: SaleReports) -> None:
    reports.sell()
    reports.scenario.wait(1)
    reports.scenario.refund()
    reports.scenario.wait(1)
    assert reports.actions() == ["purchase", "refund"]
    assert reports.transactions()[1]["amount"] == 4_900_000
    assert len(reports.world.thinkific.site.external_orders) == 1
    reports.check()


def test_a_refund_before_the_sale_was_reported_is_reported_after_it(reports: SaleReports) -> None:
    reports.world.thinkific.fault("createExternalOrder", "answer", status=521)
    reports.sell()
    reports.scenario.rest()
    reports.scenario.refund()
    reports.scenario.wait(5)
    assert reports.actions() == ["purchase", "refund"]
    reports.check()


def test_a_purchase_that_is_refunded_before_its_delivery_is_not_reported(
    reports: SaleReports,
) -> None:
    reports.sell()
    reports.scenario.refund()
    reports.scenario.wait(20)
    assert reports.scenario.status() == "REFUNDED"
    assert reports.transactions() == []
    assert reports.statuses() == {}
    assert reports.waiting() == 0


def test_a_bundle_of_several_courses_is_one_order_of_the_whole_amount(reports: SaleReports) -> None:
    reports.sell(BUNDLE)
    reports.scenario.wait(1)
    assert [each["amount"] for each in reports.transactions()] == [13_000_000]
    reports.check()


def test_a_thinkific_bundle_is_reported_as_its_own_product(reports: SaleReports) -> None:
    sold_as_bundle(reports.scenario)
    reports.sell(BUNDLE)
    reports.scenario.wait(1)
    (order,) = reports.world.thinkific.site.external_orders.values()
    (bundle,) = reports.world.thinkific.site.bundles.values()
    assert order.order["product_id"] == bundle.product_id


def test_money_for_nothing_new_is_not_reported(reports: SaleReports) -> None:
    paid_for_nothing_new(reports.scenario)
    reports.scenario.wait(5)
    assert reports.scenario.status() == "COMPLETED"
    references = [each["reference"] for each in reports.transactions()]
    assert len(references) == 1
    assert reports.scenario.payment not in references


def test_repeated_stream_records_and_messages_make_one_order(reports: SaleReports) -> None:
    reports.sell()
    reports.scenario.wait(1)
    reports.scenario.refund()
    reports.scenario.wait(1)
    body = json.dumps({"paymentId": reports.scenario.payment})
    for number in range(3):
        message = {
            "MessageBody": body,
            "MessageGroupId": "orders",
            "MessageDeduplicationId": f"double-{number}",
        }
        reports.world.aws.queues["SaleReportQueue"].send(message)
    reports.scenario.wait(10)
    assert reports.actions() == ["purchase", "refund"]
    reports.check()


# ── Cuts ─────────────────────────────────────────────────────────────────────────────────────────


def sell_and_refund(world: World, *traps: Trap) -> SaleReports:
    """Report a sale and its refund, with faults at the calls."""
    reports = SaleReports(world)
    world.effects.traps = list(traps)
    reports.sell()
    reports.scenario.wait(60)
    reports.scenario.refund()
    reports.scenario.wait(60)
    return reports


def count_calls(world: World, function: str) -> int:
    """Count the calls of a function when nothing goes wrong."""
    sell_and_refund(world)
    return sum(each.function == function for each in world.effects.recorded)


@pytest.mark.parametrize("strike", [crash, fail], ids=["crash", "fail"])
@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("function", [PUBLISH, REPORT])
def test_a_report_that_is_cut_at_any_call_is_never_doubled_and_never_lost_silently(
    world: World, function: str, when: When, strike: Strike
) -> None:
    calls = count_calls(world, function)
    assert calls >= {PUBLISH: 2, REPORT: 12}[function]
    outcomes: list[str] = []
    for place in range(calls):
        reports = sell_and_refund(world, Trap(place, when, strike, function))
        assert reports.scenario.status() == "REFUNDED", place
        reports.check()
        outcomes.append("/".join(sorted(set(reports.statuses().values()))))
    assert "REPORTED" in outcomes
    if function == REPORT:
        # A cut between sending and recording is left to a person; any other heals.
        assert any("UNCERTAIN" in each for each in outcomes)
        assert outcomes.count("REPORTED") > calls // 2
    else:
        assert set(outcomes) == {"REPORTED"}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "drop_after"},
        {"kind": "slow", "seconds": 20},
        {"kind": "answer", "status": 500, "body": HTML},
        {"kind": "answer_after", "status": 500, "body": HTML},
        {"kind": "answer_after", "status": 502, "body": HTML},
        {"kind": "answer", "status": 503, "body": HTML},
        {"kind": "answer_after", "status": 503, "body": HTML},
        {"kind": "answer_after", "status": 504, "body": HTML},
        *({"kind": "answer_after", "status": status} for status in (520, 522, 524, 527)),
        {"kind": "answer_after", "status": 302, "body": ""},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}".strip(),
)
@pytest.mark.parametrize("route", ROUTES)
def test_a_report_with_an_unknown_outcome_is_dead_lettered_and_not_repeated(
    reports: SaleReports, route: str, fault: dict[str, Any]
) -> None:
    reports.world.thinkific.fault(route, **fault)
    reports.sell()
    reports.scenario.wait(30)
    assert reports.scenario.status() == "COMPLETED"
    reports.scenario.refund()
    reports.scenario.wait(30)
    reports.check()
    assert reports.dead_letters() == [reports.scenario.payment]
    assert len(reports.logged("sale report uncertain")) == 1
    sale_known = route == "refundExternalOrder"
    assert ("purchase" in reports.actions()) or not sale_known
    assert reports.statuses().get("SALE") == ("REPORTED" if sale_known else "UNCERTAIN")


def test_a_success_without_an_id_is_an_unknown_outcome(reports: SaleReports) -> None:
    reports.world.thinkific.fault("createExternalOrder", "answer_after", status=201, body="{}")
    reports.sell()
    reports.scenario.wait(30)
    reports.check()
    assert reports.statuses() == {"SALE": "UNCERTAIN"}


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "headers": {"RateLimit-Reset": "30"}},
        {"status": 429, "body": HTML},
        {"status": 401},
        *({"status": status, "body": HTML} for status in (521, 523, 525, 526, 530)),
    ],
    ids=lambda fault: str(fault["status"]),
)
@pytest.mark.parametrize("route", ROUTES)
def test_a_report_that_certainly_failed_is_sent_again_later(
    reports: SaleReports, route: str, fault: dict[str, Any]
) -> None:
    reports.world.thinkific.fault(route, "answer", **fault)
    reports.sell()
    reports.scenario.wait(15)
    reports.scenario.refund()
    reports.scenario.wait(15)
    assert reports.actions() == ["purchase", "refund"]
    assert reports.statuses() == {"SALE": "REPORTED", "REFUND": "REPORTED"}
    waits = [each["reason"] for each in reports.logged("sale report rescheduled")]
    assert len([reason for reason in waits if reason != NO_PERMIT]) == 1
    reports.check()


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"appsPlan": False}, None),
        ({}, {"status": 422, "body": '{"errors": {"product_id": ["is invalid"]}}'}),
        ({}, {"status": 404, "body": '{"error": "Record not found."}'}),
    ],
    ids=["plan without apps", "422", "404"],
)
def test_a_refusal_is_recorded_once_and_not_retried_and_delays_nothing(
    reports: SaleReports, settings: dict[str, Any], fault: dict[str, Any] | None
) -> None:
    reports.world.thinkific.set(**settings)
    if fault:
        reports.world.thinkific.fault("createExternalOrder", "answer", times=9, **fault)
    reports.sell()
    reports.scenario.wait(60)
    assert reports.scenario.status() == "COMPLETED"
    reports.scenario.refund()
    reports.scenario.wait(60)
    assert reports.statuses() == {"SALE": "REFUSED"}
    assert len(reports.logged("sale report refused")) == 1
    assert reports.dead_letters() == []
    reports.check()


def test_a_report_gives_way_to_deliveries_and_is_sent_later(reports: SaleReports) -> None:
    """A delivery waits a few seconds for a permit; a report is rescheduled instead."""
    busy = reports.world.clock.now() + timedelta(seconds=5)
    limit = {"pk": {"S": "LIMIT#THINKIFIC"}, "sk": {"S": "shop"}, "type": {"S": "limit"}}
    limit["busyUntil"] = {"N": str(int(busy.timestamp() * 1000))}
    reports.world.aws.table.items["LIMIT#THINKIFIC", "shop"] = limit
    reports.sell()
    reports.scenario.rest()
    assert reports.scenario.status() == "COMPLETED"
    assert reports.logged("delivery rate limited") == []
    (reschedule,) = reports.logged("sale report rescheduled")
    assert reschedule["reason"] == NO_PERMIT
    reports.scenario.wait(2)
    assert reports.actions() == ["purchase"]
    reports.check()
