"""Sale reports, function by function: what is queued, sent, recorded, rescheduled and refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from lunas.aws import clients
from lunas.domain.errors import ConfigurationError, LunasError, StorageContention
from lunas.domain.payments import Payment, Status
from lunas.domain.sale_reports import SaleReport, SaleReportKind, SaleReportStatus
from lunas.platforms.thinkific.rate_limiter import SharedLimiter
from lunas.storage.catalog import Catalog
from lunas.storage.expressions import to_wire
from lunas.storage.learners import Learners
from lunas.storage.payment_items import payment_item
from lunas.storage.sale_reports import SaleReports
from lunas.storage.table import Table
from tests.integration.layer.sale_reporting import COURSE, FUNCTION, SaleReporting
from tests.support.builders import EMAIL, LATER, bought, payment
from tests.support.functions import invoke
from tests.support.http_stub import Reply
from tests.support.logs import Logged

YES = Reply(201, {"id": 6_000_001})


@pytest.fixture
def reports(
    table: Table,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[SaleReporting]:
    assert catalog.course("c1")
    made = SaleReporting.opened(table, monkeypatch)
    yield made
    made.close()


def publish(new: Payment, old: Payment | None) -> None:
    """Hand the change of a payment to publish_sale_reports."""
    images = {"NewImage": to_wire(payment_item(new))}
    if old:
        images["OldImage"] = to_wire(payment_item(old))
    change = {"SequenceNumber": "1", **images}
    record = {"eventSource": "aws:dynamodb", "dynamodb": change}
    assert invoke("publish_sale_reports", {"Records": [record]}) == {"batchItemFailures": []}


def queued(reports: SaleReporting) -> list[Any]:
    found = clients.sqs().receive_message(QueueUrl=reports.url, MaxNumberOfMessages=10)
    return [json.loads(each["Body"]) for each in found.get("Messages", [])]


@pytest.mark.parametrize(
    ("new", "old", "messages"),
    [
        (Status.COMPLETED, Status.APPROVED, 1),
        (Status.REFUNDED, Status.COMPLETED, 1),
        (Status.COMPLETED, None, 1),
        (Status.COMPLETED, Status.COMPLETED, 0),
        (Status.APPROVED, Status.PENDING, 0),
    ],
)
def test_a_payment_is_queued_when_it_reaches_a_reported_status(
    reports: SaleReporting, new: Status, old: Status | None, messages: int
) -> None:
    publish(payment(new), payment(old) if old else None)
    assert queued(reports) == [{"paymentId": "pay1", "correlationId": "r0"}] * messages


def test_messages_and_logs_hold_no_personal_data(reports: SaleReporting, logged: Logged) -> None:
    publish(payment(Status.COMPLETED), payment(Status.APPROVED))
    assert "example.com" not in str(queued(reports)) + logged.text


def test_a_sale_is_sent_once_with_the_payment_as_reference_and_its_id_is_kept(
    reports: SaleReporting, logged: Logged
) -> None:
    reports.sold()
    provider = reports.thinkific(COURSE, YES)
    assert reports.report()
    assert provider.calls == [
        "GET /api/public/v1/courses/2000001",
        "POST /api/public/v1/external_orders",
    ]
    assert provider.asked[1].body == {
        "payment_provider": "duitku",
        "user_id": 7,
        "product_id": 3_000_009,
        "order_type": "one-time",
        "transaction": {
            "amount": 4_900_000,
            "currency": "IDR",
            "reference": "pay1",
            "action": "purchase",
        },
    }
    stored = reports.stored()
    assert stored
    assert (stored.status, stored.order_id) == (SaleReportStatus.REPORTED, "6000001")
    assert logged.messages() == ["sale reported"]
    assert logged.metrics() == ["SaleReportReported"]
    assert EMAIL not in logged.text
    reports.queue("pay1")
    assert reports.report()
    assert len(provider.asked) == 2


def test_the_factor_is_a_setting(reports: SaleReporting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTERNAL_ORDER_FACTOR", "1")
    reports.sold()
    provider = reports.thinkific(COURSE, YES)
    assert reports.report()
    assert provider.asked[1].body["transaction"]["amount"] == 49_000


def test_a_refund_is_sent_to_the_order_of_its_sale(reports: SaleReporting) -> None:
    reports.sold(Status.REFUNDED)
    provider = reports.thinkific(COURSE, YES, Reply(200, {}))
    assert reports.report()
    assert provider.calls[2] == "POST /api/public/v1/external_orders/6000001/transactions/refund"
    assert provider.asked[2].body["action"] == "refund"
    stored = reports.stored(SaleReportKind.REFUND)
    assert stored
    assert stored.status is SaleReportStatus.REPORTED


def test_an_unknown_outcome_is_dead_lettered_before_it_is_recorded(
    reports: SaleReporting, logged: Logged
) -> None:
    reports.sold()
    provider = reports.thinkific(COURSE, requests.ReadTimeout(EMAIL))
    assert reports.report()
    assert reports.dead_letters() == ["SALE: Thinkific did not answer in time"]
    stored = reports.stored()
    assert stored
    assert stored.status is SaleReportStatus.UNCERTAIN
    assert logged.messages("ERROR") == ["sale report uncertain"]
    assert logged.metrics() == ["SaleReportUncertain"]
    assert EMAIL not in logged.text
    reports.queue("pay1")
    assert reports.report()
    assert len(provider.asked) == 2


def test_a_503_after_sending_is_an_unknown_outcome(reports: SaleReporting) -> None:
    reports.sold()
    provider = reports.thinkific(COURSE, Reply(503, "<html>"))
    assert reports.report()
    assert reports.dead_letters() == ["SALE: Thinkific answered 503"]
    reports.queue("pay1")
    assert reports.report()
    assert len(provider.asked) == 2


def test_a_report_is_rescheduled_when_its_course_cannot_be_read(
    reports: SaleReporting,
) -> None:
    reports.sold()
    reports.thinkific(Reply(503, "<html>"))
    assert not reports.report()
    assert reports.stored() is None
    assert reports.dead_letters() == []


@pytest.mark.parametrize("more", [{}, {"product_id": None}], ids=["absent", "null"])
def test_a_report_of_a_course_without_a_product_is_refused(
    reports: SaleReporting, logged: Logged, more: dict[str, Any]
) -> None:
    reports.sold()
    provider = reports.thinkific(Reply(body={"id": 2_000_001, **more}))
    assert reports.report()
    assert len(provider.asked) == 1
    assert logged.lines[-1]["reason"] == "Thinkific shows no product of course 2000001"
    stored = reports.stored()
    assert stored
    assert stored.status is SaleReportStatus.REFUSED


def test_a_report_is_rescheduled_when_its_product_cannot_be_read(reports: SaleReporting) -> None:
    reports.sold()
    reports.thinkific(Reply(body={"id": 2_000_001, "product_id": "x"}))
    assert not reports.report()


@pytest.mark.parametrize(
    "error", [StorageContention("busy"), ConfigurationError("no key")], ids=repr
)
def test_a_report_that_was_never_sent_releases_its_claim(
    reports: SaleReporting, monkeypatch: pytest.MonkeyPatch, error: LunasError
) -> None:
    """The course is read, the sale is claimed, and then no permit is given."""
    reports.sold()
    provider = reports.thinkific(COURSE, YES)
    failures: list[Exception | None] = [None, error]
    real = SharedLimiter.acquire

    def acquire(limiter: SharedLimiter) -> None:
        if failures and (failure := failures.pop(0)):
            raise failure
        real(limiter)

    monkeypatch.setattr(SharedLimiter, "acquire", acquire)
    assert not reports.report()
    stored = reports.stored()
    assert stored
    assert stored.status is SaleReportStatus.FREE
    assert len(provider.asked) == 1
    assert reports.dead_letters() == []


def test_a_rate_limit_that_cannot_be_stored_releases_the_claim(
    reports: SaleReporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports.sold()
    provider = reports.thinkific(COURSE, Reply(429))

    def rest(_limiter: SharedLimiter, _seconds: float) -> None:
        raise StorageContention("busy")

    monkeypatch.setattr(SharedLimiter, "rest", rest)
    assert not reports.report()
    stored = reports.stored()
    assert stored
    assert stored.status is SaleReportStatus.FREE
    assert len(provider.asked) == 2


def test_an_abandoned_claim_is_dead_lettered_for_a_person(reports: SaleReporting) -> None:
    reports.sold()
    claim = SaleReport(
        payment_id="pay1",
        kind=SaleReportKind.SALE,
        status=SaleReportStatus.CLAIMED,
        attempt="m-1",
        at=LATER,
    )
    assert SaleReports(reports.table).claim(claim)
    provider = reports.thinkific()
    assert reports.report(received=2)
    assert provider.asked == []
    (reason,) = reports.dead_letters()
    assert "ended after it had claimed" in reason


def test_a_report_without_a_connection_is_rescheduled_and_releases_its_claim(
    reports: SaleReporting, logged: Logged
) -> None:
    reports.sold()
    reports.thinkific(COURSE, requests.ConnectTimeout(EMAIL))
    assert not reports.report()
    stored = reports.stored()
    assert stored
    assert stored.status is SaleReportStatus.FREE
    assert reports.dead_letters() == []
    assert logged.metrics() == ["SaleReportDelayed"]


def test_the_wait_grows_with_each_receipt(reports: SaleReporting, logged: Logged) -> None:
    reports.sold()
    reports.thinkific(COURSE, Reply(521))
    assert not reports.report(received=5)
    assert 40 <= logged.lines[-1]["seconds"] <= 80


@pytest.mark.parametrize(
    "reply", [Reply(403, {"error": "plan"}), Reply(422, {"errors": {"x": "y"}})]
)
def test_a_refusal_is_recorded_and_not_retried(
    reports: SaleReporting, logged: Logged, reply: Reply
) -> None:
    reports.sold()
    provider = reports.thinkific(COURSE, reply)
    assert reports.report()
    reports.queue("pay1")
    assert reports.report()
    assert len(provider.asked) == 2
    assert logged.messages() == ["sale report refused"]
    assert reports.dead_letters() == []


def test_a_report_of_a_course_unknown_to_thinkific_is_refused(
    reports: SaleReporting, logged: Logged
) -> None:
    reports.sold()
    reports.thinkific(Reply(404))
    assert reports.report()
    assert logged.lines[-1]["reason"] == "Thinkific shows no course 2000001"


def test_a_learner_without_an_account_is_refused_without_a_call(reports: SaleReporting) -> None:
    reports.sold()
    Learners(reports.table).unlink("u1", "7")
    provider = reports.thinkific()
    assert reports.report()
    assert provider.asked == []


def test_a_bundles_product_is_looked_up_by_what_it_sells(reports: SaleReporting) -> None:
    reports.sold(courses=bought("c1", "c2"), platform_bundle_id="44")
    rows = [
        {"id": 1, "productable_type": "Course", "productable_id": 44},
        {"id": 2, "productable_type": "Bundle", "productable_id": 45},
        {"id": 3, "productable_type": "Bundle", "productable_id": 44},
    ]
    products = Reply(body={"items": rows, "meta": {"pagination": {"next_page": None}}})
    provider = reports.thinkific(products, YES)
    assert reports.report()
    assert provider.asked[1].body["product_id"] == 3


@pytest.mark.parametrize("body", ["", "x", "{}", "[]", "null"])
def test_an_unreadable_message_is_dead_lettered(reports: SaleReporting, body: str) -> None:
    record = {
        "messageId": "m1",
        "receiptHandle": "h",
        "body": body,
        "attributes": {"MessageGroupId": "orders", "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:1:orders.fifo",
    }
    reports.thinkific()
    record["body"] = body or " "
    assert invoke(FUNCTION, {"Records": [record]})["batchItemFailures"] == []
    (reason,) = reports.dead_letters()
    assert reason.startswith("not a message of this queue")


def test_a_missing_setting_is_logged_and_loses_nothing(
    reports: SaleReporting, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports.sold()
    reports.thinkific()
    monkeypatch.delenv("EXTERNAL_ORDER_FACTOR")
    assert not reports.report()
    assert logged.messages("ERROR") == ["sale report not possible"]


def test_an_unexpected_error_is_counted_and_its_message_is_not_logged(
    reports: SaleReporting, logged: Logged
) -> None:
    reports.sold()
    reports.thinkific(COURSE, RuntimeError(EMAIL))
    assert not reports.report()
    assert logged.metrics() == ["UnexpectedError"]
    assert EMAIL not in logged.text


def test_of_two_claims_one_succeeds_and_only_its_attempt_records_the_outcome(table: Table) -> None:
    orders = SaleReports(table)

    def by(attempt: str, status: SaleReportStatus = SaleReportStatus.CLAIMED) -> SaleReport:
        return SaleReport(
            payment_id="pay1", kind=SaleReportKind.SALE, status=status, attempt=attempt, at=LATER
        )

    assert orders.claim(by("a"))
    assert not orders.claim(by("b"))
    assert not orders.note(by("b", SaleReportStatus.REPORTED))
    assert not orders.reopen(by("b", SaleReportStatus.CLAIMED))
    assert not orders.reopen(by("a", SaleReportStatus.REPORTED))
    assert orders.note(by("a", SaleReportStatus.FREE))
    assert orders.claim(by("b"))
