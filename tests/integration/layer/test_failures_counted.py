"""Failures by our own fault are counted at every entrance, so that an alarm goes off."""

import sys
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from lunas.aws.queues import (
    Queue,
    SaleReportRequest,
    message_body,
    progress_body,
    sale_report_message,
)
from lunas.domain.errors import ConfigurationError
from lunas.domain.progress import ProgressEvent
from lunas.gateways.duitku import account
from lunas.services.delivery import DeliveryService
from lunas.services.progress import ProgressService
from lunas.services.sale_reports import SaleReportService
from lunas.storage.catalog import Catalog
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.table import Table
from tests.integration.layer import providers, purchases
from tests.integration.layer.queues import Queues
from tests.integration.layer.test_deliver_function import Deliveries
from tests.integration.layer.test_reconcile_function import payment_due, run
from tests.integration.layer.test_record_progress import send_event
from tests.support import callbacks
from tests.support.api_requests import user_token
from tests.support.builders import enrollment, request_of
from tests.support.functions import call, invoke, load
from tests.support.http_stub import Reply
from tests.support.logs import Logged
from tests.support.progress_fakes import delivered, report

__all__ = ["payment_due"]

NEW = "attribute_not_exists(#pk)"
WRONG_KEY = Reply(401, {"Message": "Wrong signature"})


@pytest.fixture
def order(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, logged: Logged) -> str:
    """Open a payment."""
    assert catalog.package("p1")
    opened = str(purchases.initiated(monkeypatch)["id"])
    logged.embedded()
    return opened


def unset(*_: object) -> object:
    """Stand in for a secret that has no value yet."""
    raise ConfigurationError("the secret names no apiKey")


@pytest.mark.usefixtures("catalog")
def test_a_wrong_duitku_key_is_counted_where_a_buyer_is_answered(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    providers.answers(monkeypatch, "initiate_payment", WRONG_KEY)
    body = {"packageId": "p1", "courseId": "c1"}
    status, _ = call("initiate_payment", "POST /payments/initiate", body=body, token=user_token())
    assert (status, logged.metrics()) == (502, ["ServerError"])


def test_a_callback_that_an_empty_secret_leaves_unverified_is_counted(
    order: str, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr(account, "duitku_account", unset)
    assert callbacks.post(order) == 500
    assert logged.metrics() == ["ServerError"]


@pytest.mark.parametrize(
    ("reply", "metric"),
    [(WRONG_KEY, "ServerError"), (Reply(500), "DependencyError")],
    ids=["wrong key", "Duitku is away"],
)
def test_a_callback_that_duitku_does_not_confirm_is_counted_by_whose_fault_it_is(
    order: str, monkeypatch: pytest.MonkeyPatch, logged: Logged, reply: Reply, metric: str
) -> None:
    providers.answers(monkeypatch, "duitku_webhook", reply)
    assert callbacks.post(order) == 503
    assert logged.metrics() == [metric]


def entrances(logged: Logged) -> list[str]:
    """Return by which entrance each failure of a dependency was counted."""
    return [each["entrance"] for each in logged.embedded() if "DependencyError" in each]


def test_a_failed_dependency_is_counted_by_the_entrance_that_answered(
    order: str, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    sent = callbacks.event(urlencode(callbacks.fields(order)).encode())
    for route in ("POST /webhooks/duitku", "$default"):
        providers.answers(monkeypatch, "duitku_webhook", Reply(500))
        assert invoke("duitku_webhook", sent | {"routeKey": route})["statusCode"] == 503
    assert entrances(logged) == ["api", "url"]
    providers.answers(monkeypatch, "initiate_payment", Reply(500))
    body = {"packageId": "p1", "courseId": "c1"}
    status, _ = call(
        "initiate_payment", "POST /payments/initiate", body=body, token=user_token("u2")
    )
    assert (status, entrances(logged)) == (503, ["api"])


@pytest.mark.usefixtures("account")
def test_an_event_of_thinkific_that_no_key_can_check_is_counted(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr(load("thinkific_webhook"), "secret", lambda _: {})
    event = {"headers": {}, "body": "{}", "requestContext": {"requestId": "rq1"}}
    assert invoke("thinkific_webhook", event)["statusCode"] == 500
    assert logged.metrics() == ["ServerError"]


@pytest.fixture
def fails_to_deliver(
    queues: Queues,
    table: Table,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Reply], object]:
    """Make a delivery, which Thinkific answers as given."""
    assert catalog.course("c1")
    reports = Deliveries(queues, table, monkeypatch)
    reports.waits("c1")

    def meet(reply: Reply) -> object:
        reports.thinkific(reply)
        return reports.deliver()

    return meet


@pytest.mark.parametrize(
    ("status", "metrics"),
    [(401, ["DeliveryDelayed", "ServerError"]), (503, ["DeliveryDelayed"])],
)
def test_a_delivery_that_thinkific_refuses_for_our_key_is_counted(
    fails_to_deliver: Callable[[Reply], object], logged: Logged, status: int, metrics: list[str]
) -> None:
    assert fails_to_deliver(Reply(status))
    assert sorted(logged.metrics()) == metrics


def test_a_progress_that_thinkific_refuses_for_our_key_is_counted(
    queues: Queues, table: Table, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    table.put(enrollment_item(delivered()), NEW)
    send_event(queues, monkeypatch, None, Reply(401))
    assert logged.metrics() == ["ServerError"]


def test_a_run_of_reconcile_that_duitku_refuses_for_our_key_is_counted(
    payment_due: object, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    assert payment_due
    providers.answers(monkeypatch, "reconcile", WRONG_KEY)
    run()
    assert "ServerError" in logged.metrics()
    (line,) = [each for each in logged.lines if each["message"] == "misconfigured"]
    assert "401" in line["reason"]


class Hidden:
    """Records for how many seconds a consumer hides the message that it fails on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        monkeypatch.setattr(Queue, "reschedule", self._reschedule)

    def _reschedule(self, _handle: str, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.mark.parametrize(
    ("function", "step", "body"),
    [
        ("deliver_enrollment", DeliveryService.deliver, message_body(request_of(enrollment()))),
        ("report_sales", SaleReportService.report, sale_report_message(SaleReportRequest("pay1"))),
        (
            "record_progress",
            ProgressService.record_event,
            progress_body(ProgressEvent(id="71", report=report(60))),
        ),
    ],
)
def test_a_message_with_an_unexpected_error_is_retried_as_soon_as_any_other(
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
    function: str,
    step: Callable[..., object],
    body: str,
) -> None:
    """Without this the queue would hide it for six times the function's time-out."""
    assert table.name

    def crash(*_: object) -> None:
        raise RuntimeError("never seen before")

    monkeypatch.setenv("SALE_REPORT_QUEUE_URL", "https://queue.test/orders")
    monkeypatch.setenv("DELIVERY_QUEUE_URL", "https://queue.test/delivery")
    monkeypatch.setenv("PROGRESS_QUEUE_URL", "https://queue.test/progress")
    owner = getattr(sys.modules[step.__module__], step.__qualname__.partition(".")[0])
    monkeypatch.setattr(owner, step.__name__, crash)
    hidden = Hidden(monkeypatch)
    attributes = {"ApproximateReceiveCount": "9", "MessageGroupId": "g"}
    record = {"messageId": "m1", "receiptHandle": "h", "body": body, "attributes": attributes}
    answer = invoke(function, {"Records": [record | {"eventSource": "aws:sqs"}]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    (seconds,) = hidden.seconds
    assert 60 <= seconds <= 120
    assert logged.metrics() == ["UnexpectedError"]
