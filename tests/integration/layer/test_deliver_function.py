"""The delivery queue: what is delivered, what is rescheduled, what is dead-lettered."""

import json
from typing import Any

import pytest
import requests

from lunas.aws.queues import DeliveryQueue, group_of
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment
from lunas.domain.payments import Status
from lunas.storage.catalog import Catalog
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.learners import Learners
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.integration.layer import providers
from tests.integration.layer.queues import Queues
from tests.support.api_requests import Context
from tests.support.builders import EMAIL, bought, course, enrollment, payment, request_of
from tests.support.functions import invoke
from tests.support.http_stub import Reply, StubProvider
from tests.support.logs import Logged

FUNCTION = "deliver_enrollment"
NEW = "attribute_not_exists(#pk)"
SECOND_ENROLLMENT = providers.active_enrollment(501, course=2_000_002)
LIMITED = Reply(429, None, {"RateLimit-Reset": "30"})


class Deliveries:
    """The queue with requests in it, and Thinkific's answers to their calls."""

    def __init__(self, queues: Queues, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queues = queues
        self.enrollments = Enrollments(table)
        self.payments = Payments(table)
        self.learners = Learners(table)
        self._table = table
        self._monkeypatch = monkeypatch
        names = ("c1", "c2")
        approved = payment(
            Status.APPROVED, courses=bought(*names), undelivered=frozenset(names), version=3
        )
        self._put(payment_item(approved))

    def waits(self, *names: str, **changes: Any) -> None:
        """Write enrollments of u1 and queue their requests."""
        queue = DeliveryQueue(self.queues.delivery_url)
        for name in names:
            made = enrollment(name, **changes)
            self._put(enrollment_item(made))
            assert queue.send([request_of(made)]) == []

    def thinkific(self, *replies: Reply | Exception) -> StubProvider:
        """Let Thinkific answer in turn."""
        return providers.answers(self._monkeypatch, FUNCTION, *replies)

    def deliver(self) -> list[str]:
        """Deliver what is queued; return the ids of the failed messages."""
        answer = invoke(FUNCTION, self.queues.batch())
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def stored(self, name: str = "c1") -> Enrollment:
        """Return the stored enrollment."""
        found = self.enrollments.get(enrollment(name).id)
        assert found
        return found

    def payment_status(self) -> Status:
        """Return the status of the stored payment."""
        found = self.payments.get("pay1")
        assert found
        return found.status

    def _put(self, item: dict[str, Any]) -> None:
        assert self._table.put(item, NEW)


@pytest.fixture
def deliveries(
    queues: Queues, table: Table, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> Deliveries:
    assert catalog.course("c1")
    return Deliveries(queues, table, monkeypatch)


def test_a_delivery_creates_and_records_account_and_enrollment(deliveries: Deliveries) -> None:
    deliveries.waits("c1")
    provider = deliveries.thinkific(
        providers.no_enrollments(),
        Reply(201, {"id": 7}),
        providers.no_enrollments(),
        Reply(201, providers.active_enrollment()),
    )
    assert deliveries.deliver() == []
    assert [call.split("/")[-1] for call in provider.calls] == [
        "users",
        "users",
        "enrollments",
        "enrollments",
    ]
    delivery = deliveries.stored().delivery
    assert (delivery.status, delivery.platform_user_id, delivery.platform_enrollment_id) == (
        DeliveryStatus.DELIVERED,
        "7",
        "500",
    )
    assert deliveries.learners.platform_user_id("u1") == "7"


def test_the_second_course_of_a_learner_needs_two_calls_and_completes_the_payment(
    deliveries: Deliveries,
) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1", "c2")
    provider = deliveries.thinkific(
        *(providers.no_enrollments(), Reply(201, providers.active_enrollment())),
        *(providers.no_enrollments(), Reply(201, SECOND_ENROLLMENT)),
    )
    assert deliveries.deliver() == []
    assert len(provider.asked) == 4
    assert deliveries.payment_status() is Status.COMPLETED


def test_a_transient_failure_delays_only_the_messages_of_its_own_group(
    deliveries: Deliveries,
) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.learners.link("u2", "8")
    deliveries.waits("c1", "c2")
    stranger = {"user_id": "u2", "id": "enr2"}
    deliveries.waits("c1", **stranger)
    deliveries.thinkific(
        Reply(502, "<html>"),
        providers.no_enrollments(),
        Reply(201, providers.active_enrollment(9, user=8)),
    )
    batch = deliveries.queues.batch()
    answer = invoke(FUNCTION, batch)
    failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    own = group_of("u1")
    expected = [
        each["messageId"]
        for each in batch["Records"]
        if each["attributes"]["MessageGroupId"] == own
    ]
    assert failed == expected
    assert len(failed) == 2
    assert deliveries.stored().delivery.last_error == "Thinkific answered 502"
    other = deliveries.enrollments.get("enr2")
    assert other
    assert other.delivery.status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    "reply",
    [LIMITED, Reply(401), Reply(503), requests.ReadTimeout(EMAIL)],
    ids=["429", "401", "503", "slow"],
)
def test_a_rescheduled_message_stays_in_the_queue_and_is_not_dead_lettered(
    deliveries: Deliveries, logged: Logged, reply: Reply | Exception
) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1")
    deliveries.thinkific(reply)
    assert len(deliveries.deliver()) == 1
    assert deliveries.queues.hidden() == 1
    assert deliveries.queues.dead_letters() == []
    assert deliveries.stored().delivery.status is DeliveryStatus.PENDING
    assert logged.messages("WARNING") == ["delivery rescheduled"]
    assert logged.metrics()[0] == "DeliveryDelayed"
    assert EMAIL not in logged.text


def test_a_reached_limit_stops_every_other_delivery_from_calling(
    deliveries: Deliveries, logged: Logged
) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.learners.link("u2", "8")
    deliveries.waits("c1")
    deliveries.waits("c2", user_id="u2", id="enr2")
    provider = deliveries.thinkific(LIMITED)
    assert len(deliveries.deliver()) == 2
    assert len(provider.asked) == 1
    assert deliveries.queues.hidden() == 2
    assert logged.messages() == ["delivery rescheduled", "delivery rate limited"]
    assert logged.metrics() == ["DeliveryDelayed", "PlatformLimited", "DeliveryWaiting"]
    assert all(25 <= each["seconds"] <= 32 for each in logged.lines)


def test_waiting_for_the_limit_does_not_change_the_enrollment(deliveries: Deliveries) -> None:
    deliveries.waits("c1")
    before = deliveries.stored()
    deliveries.thinkific(LIMITED)
    deliveries.deliver()
    assert deliveries.stored() == before


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 5), (1, 10), (30, 20)])
def test_the_wait_grows_with_failures_and_not_with_receipts_alone(
    deliveries: Deliveries, logged: Logged, attempts: int, seconds: int
) -> None:
    """The message was received three times: perhaps it waited, perhaps it failed, perhaps both."""
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1", delivery=Delivery(attempts=attempts))
    deliveries.thinkific(Reply(502))
    batch = deliveries.queues.batch()
    batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = "3"
    invoke(FUNCTION, batch)
    assert seconds / 2 <= logged.lines[-1]["seconds"] <= seconds


def test_no_call_starts_that_could_exceed_the_invocation(
    deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries.waits("c1")
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda: 9_000)
    provider = deliveries.thinkific(providers.no_enrollments())
    assert len(deliveries.deliver()) == 1
    assert provider.asked == []
    assert deliveries.queues.hidden() == 1


def test_one_correlation_id_leads_from_the_request_to_thinkific(deliveries: Deliveries) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1")
    provider = deliveries.thinkific(
        providers.no_enrollments(), Reply(201, providers.active_enrollment())
    )
    deliveries.deliver()
    assert [each.headers["X-Correlation-Id"] for each in provider.asked] == ["r0", "r0"]


def test_the_wait_is_what_thinkific_asks_for(deliveries: Deliveries, logged: Logged) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1")
    deliveries.thinkific(LIMITED)
    deliveries.deliver()
    assert 30 <= logged.lines[-1]["seconds"] <= 32


def test_a_permanent_failure_is_dead_lettered_with_its_reason_and_not_retried(
    deliveries: Deliveries, catalog: Catalog, logged: Logged
) -> None:
    catalog.put_course(course("c1", platform_course_id=None))
    deliveries.waits("c1")
    deliveries.thinkific()
    assert deliveries.deliver() == []
    (message,) = deliveries.queues.dead_letters()
    assert "c1" in message["MessageAttributes"]["reason"]["StringValue"]
    assert json.loads(message["Body"])["enrollmentId"] == enrollment("c1").id
    assert deliveries.stored().delivery.status is DeliveryStatus.FAILED
    assert logged.messages("ERROR") == ["delivery dead-lettered"]
    assert "DeliveryFailed" in logged.metrics()


def test_rejected_values_are_not_quoted_in_the_dead_letter_message(
    deliveries: Deliveries,
) -> None:
    deliveries.waits("c1")
    deliveries.thinkific(
        providers.no_enrollments(), Reply(422, {"errors": {"email": [f"{EMAIL} is invalid"]}})
    )
    assert deliveries.deliver() == []
    (message,) = deliveries.queues.dead_letters()
    reason = message["MessageAttributes"]["reason"]["StringValue"]
    assert "email" in reason
    assert EMAIL not in str(message)
    assert deliveries.stored().delivery.last_error == reason


@pytest.mark.parametrize("body", ["", "x", "{}", "[]", "null", '{"enrollmentId": "e"}'])
def test_an_unreadable_message_is_dead_lettered(deliveries: Deliveries, body: str) -> None:
    deliveries.waits()
    event = {"Records": [_record(body or " ")]}
    deliveries.thinkific()
    assert invoke(FUNCTION, event)["batchItemFailures"] == []
    (message,) = deliveries.queues.dead_letters()
    assert message["Body"] == (body or " ")
    assert "not a message of this queue" in message["MessageAttributes"]["reason"]["StringValue"]


def _record(body: str) -> dict[str, Any]:
    attributes = {"MessageGroupId": "g", "ApproximateReceiveCount": "1"}
    return {
        "messageId": "m1",
        "receiptHandle": "h",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:1:delivery.fifo",
    }


def test_an_outdated_request_is_finished_without_a_call(
    deliveries: Deliveries, logged: Logged
) -> None:
    deliveries.waits("c1")
    batch = deliveries.queues.batch()
    deliveries.learners.link("u1", "7")
    provider = deliveries.thinkific(
        providers.no_enrollments(), Reply(201, providers.active_enrollment())
    )
    assert invoke(FUNCTION, batch)["batchItemFailures"] == []
    assert logged.metrics() == ["Delivered"]
    assert invoke(FUNCTION, batch)["batchItemFailures"] == []
    assert len(provider.asked) == 2
    assert logged.metrics() == []


def test_an_unexpected_error_is_logged_without_its_message_and_retried(
    deliveries: Deliveries, logged: Logged
) -> None:
    deliveries.waits("c1")
    deliveries.thinkific(RuntimeError(f"choked on {EMAIL}"))
    assert len(deliveries.deliver()) == 1
    assert deliveries.queues.dead_letters() == []
    (line,) = [each for each in logged.lines if each["message"] == "unexpected error"]
    assert line["error"] == "RuntimeError"
    assert EMAIL not in logged.text
    assert logged.metrics() == ["UnexpectedError"]


def test_a_missing_setting_is_logged_and_loses_nothing(
    deliveries: Deliveries, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries.waits("c1")
    deliveries.thinkific()
    monkeypatch.delenv("THINKIFIC_SUBDOMAIN")
    assert len(deliveries.deliver()) == 1
    assert deliveries.queues.dead_letters() == []
    assert "THINKIFIC_SUBDOMAIN" in logged.text
    assert deliveries.stored().delivery.status is DeliveryStatus.PENDING


def test_every_line_of_a_delivery_carries_the_id_of_the_request_that_opened_the_payment(
    deliveries: Deliveries, logged: Logged
) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1")
    deliveries.thinkific(providers.no_enrollments(), Reply(201, providers.active_enrollment()))
    deliveries.deliver()
    assert {each["correlation_id"] for each in logged.lines} == {"r0"}


def test_a_link_to_a_deleted_account_is_replaced_within_one_delivery(
    deliveries: Deliveries,
) -> None:
    deliveries.learners.link("u1", "66")
    deliveries.waits("c1")
    rejected = Reply(422, {"errors": ["User could not be found."]})
    account = Reply(body={"items": [{"id": 7, "email": EMAIL}]})
    deliveries.thinkific(
        *(providers.no_enrollments(), rejected, providers.no_enrollments()),
        *(account, account),
        # The access that the former account might have is revoked first.
        providers.no_enrollments(),
        *(providers.no_enrollments(), Reply(201, providers.active_enrollment())),
    )
    assert deliveries.deliver() == []
    assert deliveries.learners.platform_user_id("u1") == "7"
    assert deliveries.stored().delivery.platform_user_id == "7"
    assert deliveries.queues.dead_letters() == []


def test_a_course_that_lost_its_mapping_is_delivered_as_it_was_bought(
    deliveries: Deliveries, catalog: Catalog
) -> None:
    catalog.put_course(course("c1", platform_course_id=None))
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1", platform_course_id="4711")
    provider = deliveries.thinkific(
        providers.no_enrollments(), Reply(201, providers.active_enrollment(course=4711))
    )
    assert deliveries.deliver() == []
    assert provider.asked[1].body["course_id"] == 4711


def test_the_completion_names_the_enrollment_at_thinkific(deliveries: Deliveries) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1", "c2")
    deliveries.thinkific(
        *(providers.no_enrollments(), Reply(201, providers.active_enrollment())),
        *(providers.no_enrollments(), Reply(201, SECOND_ENROLLMENT)),
    )
    deliveries.deliver()
    _, event = deliveries.payments.read("pay1")[1]
    assert event.evidence == {"platformEnrollmentId": "501"}


@pytest.mark.parametrize(("reply", "seconds"), [(Reply(429), 60), (Reply(404), 120)], ids=str)
def test_a_limit_and_a_wrong_address_have_waits_of_their_own(
    deliveries: Deliveries, logged: Logged, reply: Reply, seconds: int
) -> None:
    deliveries.learners.link("u1", "7")
    deliveries.waits("c1")
    deliveries.thinkific(reply)
    assert len(deliveries.deliver()) == 1
    assert logged.lines[-1]["seconds"] == seconds
