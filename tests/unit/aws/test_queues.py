"""Messages of the delivery queue."""

import json
from dataclasses import fields
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from lunas.aws.queues import (
    DeliveryQueue,
    Refusal,
    group_of,
    message_body,
    read_message,
)
from lunas.domain.delivery import DeliveryRequest
from tests.support.builders import enrollment, request_of

URL = "https://sqs.test/q.fifo"
REQUESTS = st.builds(
    DeliveryRequest,
    enrollment_id=st.text(),
    payment_id=st.text(),
    user_id=st.text(),
    course_id=st.text(),
    request=st.integers(1, 10**9),
    correlation_id=st.none() | st.text(),
)


@given(REQUESTS)
def test_a_message_is_read_as_the_request_that_was_written(request: DeliveryRequest) -> None:
    assert read_message(message_body(request)) == request


def test_a_message_carries_ids_only() -> None:
    body = json.loads(message_body(request_of(enrollment())))
    assert len(body) == len(fields(DeliveryRequest))
    assert set(body) == {
        "enrollmentId", "paymentId", "userId", "courseId", "request", "correlationId",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body", ["", "x", "{}", "[]", "null", "7", '"text"', '{"enrollmentId": "e"}', "{" * 50]
)
def test_any_other_body_raises_an_expected_error(body: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_message(body)


@given(st.text(), st.text())
def test_each_user_has_a_message_group_of_their_own(one: str, other: str) -> None:
    assert (group_of(one) == group_of(other)) is (one == other)


@given(st.text())
def test_a_message_group_is_valid_for_every_user_id(user: str) -> None:
    group = group_of(user)
    assert group.isascii()
    assert group.isalnum()
    assert len(group) <= 128


class Sqs:
    """A queue over a client that checks its requests."""

    def __init__(self) -> None:
        client = boto3.client(
            "sqs", region_name="ap-southeast-3", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stub = Stubber(client)
        self.queue = DeliveryQueue(URL, client)

    def expect_batch(self, entries: list[dict[str, Any]], *refused: str) -> None:
        """Expect a call with these entries, of which some are refused."""
        failed = [{"Id": each, "Code": "InternalError", "SenderFault": False} for each in refused]
        expected = {"QueueUrl": URL, "Entries": entries}
        self.stub.add_response("send_message_batch", {"Successful": [], "Failed": failed}, expected)


def entry(request: DeliveryRequest, place: int) -> dict[str, Any]:
    return {
        "Id": str(place),
        "MessageBody": message_body(request),
        "MessageGroupId": group_of(request.user_id),
        "MessageDeduplicationId": f"{request.enrollment_id}-{request.payment_id}-{request.request}",
    }


def test_a_request_has_its_users_group_and_a_deduplication_id_of_its_own() -> None:
    sqs, request = Sqs(), request_of(enrollment())
    sqs.expect_batch([entry(request, 0)])
    with sqs.stub:
        assert sqs.queue.send([request]) == []


def test_ten_requests_are_sent_with_one_call_and_refused_ones_are_returned() -> None:
    sqs, request = Sqs(), request_of(enrollment())
    sqs.expect_batch([entry(request, place) for place in range(10)], "3")
    sqs.expect_batch([entry(request, place) for place in (10, 11)], "11")
    with sqs.stub:
        refused = sqs.queue.send([request] * 12)
    assert refused == [Refusal(3, "InternalError"), Refusal(11, "InternalError")]
    sqs.stub.assert_no_pending_responses()


def test_without_requests_no_call_is_made() -> None:
    sqs = Sqs()
    with sqs.stub:
        assert sqs.queue.send([]) == []


@pytest.mark.parametrize(
    ("seconds", "hidden"), [(0.2, 1), (5.0, 5), (65.1, 66), (120.0, 120), (1e9, 43_200)]
)
def test_a_message_is_rescheduled_by_whole_seconds_within_the_limit_of_sqs(
    seconds: float, hidden: int
) -> None:
    sqs = Sqs()
    expected = {"QueueUrl": URL, "ReceiptHandle": "h", "VisibilityTimeout": hidden}
    sqs.stub.add_response("change_message_visibility", {}, expected)
    with sqs.stub:
        sqs.queue.reschedule("h", seconds)


def test_a_dead_letter_message_keeps_body_and_group_and_names_the_reason() -> None:
    sqs = Sqs()
    record = {"body": "b", "messageId": "m1", "attributes": {"MessageGroupId": "g"}}
    expected = {
        "QueueUrl": URL,
        "MessageBody": "b",
        "MessageGroupId": "g",
        "MessageDeduplicationId": "m1-3",
        "MessageAttributes": {"reason": {"DataType": "String", "StringValue": "r" * 1000}},
    }
    sqs.stub.add_response("send_message", {"MessageId": "m"}, expected)
    with sqs.stub:
        sqs.queue.dead_letter(record, "r" * 5000, request=3)
