"""The delivery queue: what is done, what comes again, what goes to the dead-letter queue."""

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
from tests.integration.layer import peers
from tests.integration.layer.queues import Queues
from tests.support.api_requests import Context
from tests.support.builders import EMAIL, bought, course, enrollment, payment, request_of
from tests.support.functions import invoke
from tests.support.http_stub import StubPeer, Told
from tests.support.logs import Logged

FUNCTION = "deliver_enrollment"
NEW = "attribute_not_exists(#pk)"
SECOND_ROW = peers.active_row(501, course=2_000_002)
LIMITED = Told(429, None, {"RateLimit-Reset": "30"})


class Post:
    """The queue with requests in it, and Thinkific's answers to what they lead to."""

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

    def thinkific(self, *told: Told | Exception) -> StubPeer:
        """Let Thinkific answer in turn."""
        return peers.answers(self._monkeypatch, FUNCTION, *told)

    def deliver(self) -> list[str]:
        """Deliver what waits; return the ids that are named as failed."""
        answer = invoke(FUNCTION, self.queues.batch())
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def stands(self, name: str = "c1") -> Enrollment:
        """Return an enrollment as it stands."""
        found = self.enrollments.get(enrollment(name).id)
        assert found
        return found

    def payment_status(self) -> Status:
        """Return where the payment stands."""
        found = self.payments.get("pay1")
        assert found
        return found.status

    def _put(self, item: dict[str, Any]) -> None:
        assert self._table.put(item, NEW)


@pytest.fixture
def office(queues: Queues, table: Table, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Post:
    assert catalog.course("c1")
    return Post(queues, table, monkeypatch)


def test_a_delivery_makes_account_and_enrollment_and_notes_both(office: Post) -> None:
    office.waits("c1")
    peer = office.thinkific(
        peers.no_rows(), Told(201, {"id": 7}), peers.no_rows(), Told(201, peers.active_row())
    )
    assert office.deliver() == []
    assert [call.split("/")[-1] for call in peer.calls] == [
        "users",
        "users",
        "enrollments",
        "enrollments",
    ]
    delivery = office.stands().delivery
    assert (delivery.status, delivery.platform_user_id, delivery.platform_enrollment_id) == (
        DeliveryStatus.DELIVERED,
        7,
        500,
    )
    assert office.learners.platform_user_id("u1") == 7


def test_the_second_course_of_a_learner_needs_two_calls_and_completes_the_payment(
    office: Post,
) -> None:
    office.learners.link("u1", 7)
    office.waits("c1", "c2")
    peer = office.thinkific(
        *(peers.no_rows(), Told(201, peers.active_row())),
        *(peers.no_rows(), Told(201, SECOND_ROW)),
    )
    assert office.deliver() == []
    assert len(peer.asked) == 4
    assert office.payment_status() is Status.COMPLETED


def test_a_passing_failure_is_named_put_off_and_holds_back_its_own_group_only(
    office: Post,
) -> None:
    office.learners.link("u1", 7)
    office.learners.link("u2", 8)
    office.waits("c1", "c2")
    stranger = {"user_id": "u2", "id": "enr2"}
    office.waits("c1", **stranger)
    office.thinkific(Told(502, "<html>"), peers.no_rows(), Told(201, peers.active_row(9, user=8)))
    batch = office.queues.batch()
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
    assert office.stands().delivery.last_error == "Thinkific answered 502"
    other = office.enrollments.get("enr2")
    assert other
    assert other.delivery.status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    "told",
    [LIMITED, Told(401), Told(503), requests.ReadTimeout(EMAIL)],
    ids=["429", "401", "503", "slow"],
)
def test_what_is_put_off_stays_in_the_queue_and_out_of_the_dead_letters(
    office: Post, logged: Logged, told: Told | Exception
) -> None:
    office.learners.link("u1", 7)
    office.waits("c1")
    office.thinkific(told)
    assert len(office.deliver()) == 1
    assert office.queues.hidden() == 1
    assert office.queues.dead_letters() == []
    assert office.stands().delivery.status is DeliveryStatus.PENDING
    assert logged.messages("WARNING") == ["delivery rescheduled"]
    assert logged.metrics()[0] == "DeliveryDelayed"
    assert EMAIL not in logged.text


def test_a_limit_that_is_reached_keeps_every_other_delivery_from_calling(
    office: Post, logged: Logged
) -> None:
    office.learners.link("u1", 7)
    office.learners.link("u2", 8)
    office.waits("c1")
    office.waits("c2", user_id="u2", id="enr2")
    peer = office.thinkific(LIMITED)
    assert len(office.deliver()) == 2
    assert len(peer.asked) == 1
    assert office.queues.hidden() == 2
    assert logged.messages() == ["delivery rescheduled", "delivery rate limited"]
    assert logged.metrics() == ["DeliveryDelayed", "PlatformLimited", "DeliveryWaiting"]
    assert all(25 <= each["seconds"] <= 32 for each in logged.lines)


def test_waiting_for_the_limit_leaves_no_mark_on_the_enrollment(office: Post) -> None:
    office.waits("c1")
    before = office.stands()
    office.thinkific(LIMITED)
    office.deliver()
    assert office.stands() == before


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 5), (1, 10), (30, 20)])
def test_the_growing_wait_goes_by_failures_and_not_by_receipts_alone(
    office: Post, logged: Logged, attempts: int, seconds: int
) -> None:
    """The message was received three times: perhaps it waited, perhaps it failed, perhaps both."""
    office.learners.link("u1", 7)
    office.waits("c1", delivery=Delivery(attempts=attempts))
    office.thinkific(Told(502))
    batch = office.queues.batch()
    batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = "3"
    invoke(FUNCTION, batch)
    assert seconds / 2 <= logged.lines[-1]["seconds"] <= seconds


def test_no_call_begins_that_could_outlast_the_invocation(
    office: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.waits("c1")
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda: 9_000)
    peer = office.thinkific(peers.no_rows())
    assert len(office.deliver()) == 1
    assert peer.asked == []
    assert office.queues.hidden() == 1


def test_the_way_from_request_to_thinkific_has_one_id(office: Post) -> None:
    office.learners.link("u1", 7)
    office.waits("c1")
    peer = office.thinkific(peers.no_rows(), Told(201, peers.active_row()))
    office.deliver()
    assert [each.headers["X-Correlation-Id"] for each in peer.asked] == ["r0", "r0"]


def test_the_wait_is_the_one_that_thinkific_asks_for(office: Post, logged: Logged) -> None:
    office.learners.link("u1", 7)
    office.waits("c1")
    office.thinkific(LIMITED)
    office.deliver()
    assert 30 <= logged.lines[-1]["seconds"] <= 32


def test_what_no_retry_can_help_is_a_dead_letter_with_its_reason_and_not_named(
    office: Post, catalog: Catalog, logged: Logged
) -> None:
    catalog.put_course(course("c1", platform_course_id=None))
    office.waits("c1")
    office.thinkific()
    assert office.deliver() == []
    (letter,) = office.queues.dead_letters()
    assert "c1" in letter["MessageAttributes"]["reason"]["StringValue"]
    assert json.loads(letter["Body"])["enrollmentId"] == enrollment("c1").id
    assert office.stands().delivery.status is DeliveryStatus.FAILED
    assert logged.messages("ERROR") == ["delivery dead-lettered"]
    assert "DeliveryFailed" in logged.metrics()


def test_values_that_thinkific_rejects_go_to_the_dead_letters_without_quoting_them(
    office: Post,
) -> None:
    office.waits("c1")
    office.thinkific(peers.no_rows(), Told(422, {"errors": {"email": [f"{EMAIL} is invalid"]}}))
    assert office.deliver() == []
    (letter,) = office.queues.dead_letters()
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert "email" in reason
    assert EMAIL not in str(letter)
    assert office.stands().delivery.last_error == reason


@pytest.mark.parametrize("body", ["", "x", "{}", "[]", "null", '{"enrollmentId": "e"}'])
def test_a_message_that_cannot_be_read_is_a_dead_letter(office: Post, body: str) -> None:
    office.waits()
    event = {"Records": [_record(body or " ")]}
    office.thinkific()
    assert invoke(FUNCTION, event)["batchItemFailures"] == []
    (letter,) = office.queues.dead_letters()
    assert letter["Body"] == (body or " ")
    assert "not a message of this queue" in letter["MessageAttributes"]["reason"]["StringValue"]


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


def test_a_request_that_was_overtaken_is_done_without_a_call(office: Post, logged: Logged) -> None:
    office.waits("c1")
    batch = office.queues.batch()
    office.learners.link("u1", 7)
    peer = office.thinkific(peers.no_rows(), Told(201, peers.active_row()))
    assert invoke(FUNCTION, batch)["batchItemFailures"] == []
    assert logged.metrics() == ["Delivered"]
    assert invoke(FUNCTION, batch)["batchItemFailures"] == []
    assert len(peer.asked) == 2
    assert logged.metrics() == []


def test_an_unexpected_error_is_logged_without_its_message_and_comes_again(
    office: Post, logged: Logged
) -> None:
    office.waits("c1")
    office.thinkific(RuntimeError(f"choked on {EMAIL}"))
    assert len(office.deliver()) == 1
    assert office.queues.dead_letters() == []
    (line,) = [each for each in logged.lines if each["message"] == "unexpected error"]
    assert line["error"] == "RuntimeError"
    assert EMAIL not in logged.text
    assert logged.metrics() == ["UnexpectedError"]


def test_a_missing_setting_is_told_to_the_operator_and_loses_nothing(
    office: Post, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.waits("c1")
    office.thinkific()
    monkeypatch.delenv("THINKIFIC_SUBDOMAIN")
    assert len(office.deliver()) == 1
    assert office.queues.dead_letters() == []
    assert "THINKIFIC_SUBDOMAIN" in logged.text
    assert office.stands().delivery.status is DeliveryStatus.PENDING


def test_every_line_of_a_delivery_carries_the_id_of_the_request_that_opened_the_payment(
    office: Post, logged: Logged
) -> None:
    office.learners.link("u1", 7)
    office.waits("c1")
    office.thinkific(peers.no_rows(), Told(201, peers.active_row()))
    office.deliver()
    assert {each["correlation_id"] for each in logged.lines} == {"r0"}


def test_a_link_to_an_account_that_is_gone_is_replaced_within_one_delivery(office: Post) -> None:
    office.learners.link("u1", 66)
    office.waits("c1")
    rejected = Told(422, {"errors": ["User could not be found."]})
    account = Told(body={"items": [{"id": 7, "email": EMAIL}]})
    office.thinkific(
        *(peers.no_rows(), rejected, peers.no_rows()),
        *(account, account),
        # What the account that is gone might have is taken away first.
        peers.no_rows(),
        *(peers.no_rows(), Told(201, peers.active_row())),
    )
    assert office.deliver() == []
    assert office.learners.platform_user_id("u1") == 7
    assert office.stands().delivery.platform_user_id == 7
    assert office.queues.dead_letters() == []


def test_a_course_that_lost_its_mapping_is_delivered_as_it_was_bought(
    office: Post, catalog: Catalog
) -> None:
    catalog.put_course(course("c1", platform_course_id=None))
    office.learners.link("u1", 7)
    office.waits("c1", platform_course_id=4711)
    peer = office.thinkific(peers.no_rows(), Told(201, peers.active_row(course=4711)))
    assert office.deliver() == []
    assert peer.asked[1].body["course_id"] == 4711


def test_the_completion_names_the_enrollment_at_thinkific(office: Post) -> None:
    office.learners.link("u1", 7)
    office.waits("c1", "c2")
    office.thinkific(
        *(peers.no_rows(), Told(201, peers.active_row())),
        *(peers.no_rows(), Told(201, SECOND_ROW)),
    )
    office.deliver()
    (event,) = office.payments.history("pay1")
    assert event.evidence == {"platformEnrollmentId": "501"}


@pytest.mark.parametrize(("told", "seconds"), [(Told(429), 60), (Told(404), 120)], ids=str)
def test_a_limit_and_a_wrong_address_have_waits_of_their_own(
    office: Post, logged: Logged, told: Told, seconds: int
) -> None:
    office.learners.link("u1", 7)
    office.waits("c1")
    office.thinkific(told)
    assert len(office.deliver()) == 1
    assert logged.lines[-1]["seconds"] == seconds
