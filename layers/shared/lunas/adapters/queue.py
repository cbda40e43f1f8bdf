"""The delivery queue: one group per learner, so that one learner is served in order."""

import hashlib
import json
from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

from lunas.adapters import aws
from lunas.rules.delivery import DeliveryRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LONGEST_DELAY = 43_200
"""Seconds: SQS keeps a message invisible for twelve hours at most."""


def message_body(wish: DeliveryRequest) -> str:
    """Write a request as JSON; it carries ids only, no personal data."""
    return json.dumps(
        {
            "enrollmentId": wish.enrollment_id,
            "paymentId": wish.payment_id,
            "userId": wish.user_id,
            "courseId": wish.course_id,
            "request": wish.request,
            "correlationId": wish.correlation_id,
        }
    )


def read_message(body: str) -> DeliveryRequest:
    """Read what :func:`message_body` wrote; raises ValueError, KeyError or TypeError on others."""
    given = json.loads(body)
    return DeliveryRequest(
        enrollment_id=given["enrollmentId"],
        payment_id=given["paymentId"],
        user_id=given["userId"],
        course_id=given["courseId"],
        request=int(given["request"]),
        correlation_id=given.get("correlationId"),
    )


def group_of(user_id: str) -> str:
    """Return the message group of a learner: a hash, since a user id may hold any character."""
    return hashlib.sha256(user_id.encode()).hexdigest()


class Queue:
    """A queue whose messages are put off, or given up."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client = client or aws.sqs()

    def put_off(self, receipt_handle: str, seconds: float) -> None:
        """Show a received message again after ``seconds``."""
        self._client.change_message_visibility(
            QueueUrl=self._url,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=min(ceil(seconds), LONGEST_DELAY),
        )

    def give_up(
        self,
        record: Mapping[str, Any],
        reason: str,
        *,
        request: int | None = None,
        group: str | None = None,
    ) -> None:
        """Copy a received message to this queue, as dead letter, with the reason.

        It keeps its group unless another one is given. ``request`` is what the enrollment waits
        for by now: SQS drops a second letter of the same message and request within five minutes,
        and nothing but that.
        """
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=record["body"],
            MessageGroupId=group or record["attributes"]["MessageGroupId"],
            MessageDeduplicationId=f"{record['messageId']}-{request}",
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:1000]}},
        )


class DeliveryQueue(Queue):
    """Sends delivery requests."""

    def send(self, wish: DeliveryRequest) -> None:
        """Queue a request; SQS drops a second one with the same id within five minutes."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=message_body(wish),
            MessageGroupId=group_of(wish.user_id),
            MessageDeduplicationId=f"{wish.enrollment_id}-{wish.payment_id}-{wish.request}",
        )
