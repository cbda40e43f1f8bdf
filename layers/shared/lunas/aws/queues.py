"""The queues, and the messages in them.

Deliveries have one group per learner, so that a learner's stay in order. Sale reports share one
group, so that they are sent one at a time and in order.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from lunas.aws import clients
from lunas.domain.delivery import DeliveryRequest
from lunas.domain.progress import ProgressEvent, ProgressReport

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef


AT_ONCE = 10
"""Messages in one call of SQS, at most."""
LONGEST_DELAY = 43_200
"""Seconds for which SQS hides a message, at most."""


def message_body(request: DeliveryRequest) -> str:
    """Return a request as JSON, with ids only and no personal data."""
    return json.dumps(
        {
            "enrollmentId": request.enrollment_id,
            "paymentId": request.payment_id,
            "userId": request.user_id,
            "courseId": request.course_id,
            "request": request.request,
            "correlationId": request.correlation_id,
        }
    )


def read_message(body: str) -> DeliveryRequest:
    """Read a :func:`message_body`; raises ValueError, KeyError or TypeError on any other text."""
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
    """Return the message group of a learner: a hash, since a user id may have any character."""
    return hashlib.sha256(user_id.encode()).hexdigest()


class Refusal(NamedTuple):
    """A message that SQS refused: its place among those sent, and SQS's error code."""

    place: int
    code: str


class Queue:
    """A queue whose messages can be rescheduled and dead-lettered."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._client = client or clients.sqs()

    def reschedule(self, receipt_handle: str, seconds: float) -> None:
        """Show a received message again after ``seconds``."""
        self._client.change_message_visibility(
            QueueUrl=self._url,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=min(ceil(seconds), LONGEST_DELAY),
        )

    def _send_all(self, messages: "Sequence[SendMessageBatchRequestEntryTypeDef]") -> list[Refusal]:
        """Send messages, ten with each call; return those that SQS refused."""
        refused: list[Refusal] = []
        for start in range(0, len(messages), AT_ONCE):
            answer = self._client.send_message_batch(
                QueueUrl=self._url, Entries=messages[start : start + AT_ONCE]
            )
            refused += [Refusal(int(each["Id"]), each["Code"]) for each in answer.get("Failed", [])]
        return refused

    def dead_letter(
        self,
        record: Mapping[str, Any],
        reason: str,
        *,
        request: int | None = None,
        group: str | None = None,
    ) -> None:
        """Copy a received message to this dead-letter queue, with the reason.

        It keeps its group unless another one is given. ``request`` is the enrollment's current
        delivery request: SQS drops a second copy of the same message and request within five
        minutes, and no other.
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

    def send(self, requests: Sequence[DeliveryRequest]) -> list[Refusal]:
        """Queue requests; SQS drops a second one with the same id within five minutes."""
        return self._send_all([_entry(place, each) for place, each in enumerate(requests)])


def _entry(place: int, request: DeliveryRequest) -> "SendMessageBatchRequestEntryTypeDef":
    named = f"{request.enrollment_id}-{request.payment_id}-{request.request}"
    return {
        "Id": str(place),
        "MessageBody": message_body(request),
        "MessageGroupId": group_of(request.user_id),
        "MessageDeduplicationId": named,
    }


GROUP = "orders"


@dataclass(frozen=True, slots=True)
class SaleReportRequest:
    """A request to report a payment in the status that it has when the request is handled.

    ``status`` is the status at the time of the request. It distinguishes messages and is not sent.
    """

    payment_id: str
    correlation_id: str | None = None
    status: str = ""


def sale_report_message(request: SaleReportRequest) -> str:
    """Return a request as JSON."""
    return json.dumps({"paymentId": request.payment_id, "correlationId": request.correlation_id})


def read_sale_report_message(body: str) -> SaleReportRequest:
    """Read a :func:`sale_report_message`; raises ValueError, KeyError or TypeError on others."""
    given = json.loads(body)
    return SaleReportRequest(str(given["paymentId"]), given.get("correlationId"))


class SaleReportQueue(Queue):
    """Sends requests to report a sale or refund."""

    def send(self, requests: Sequence[SaleReportRequest]) -> list[Refusal]:
        """Queue requests; SQS drops a second one for the same status within five minutes."""
        return self._send_all(
            [
                {
                    "Id": str(place),
                    "MessageBody": sale_report_message(each),
                    "MessageGroupId": GROUP,
                    "MessageDeduplicationId": f"{each.payment_id}-{each.status}",
                }
                for place, each in enumerate(requests)
            ]
        )


ASKING = "asking"
"""The group of all events about which the platform is asked, so that one caller at a time asks."""


def progress_body(event: ProgressEvent) -> str:
    """Return an event as JSON: ids, a percentage, and the link to a certificate."""
    report = event.report
    return json.dumps(
        {
            "eventId": event.id,
            "platformEnrollmentId": report.platform_enrollment_id,
            "userId": report.user_id,
            "courseId": report.course_id,
            "percent": report.percent,
            "certificateUrl": report.certificate_url,
            "correlationId": event.correlation_id,
        }
    )


def read_progress(body: str) -> ProgressEvent:
    """Read a :func:`progress_body`; raises ValueError, KeyError or TypeError on any other text."""
    given = json.loads(body)
    report = ProgressReport(
        platform_enrollment_id=str(given["platformEnrollmentId"]),
        user_id=str(given["userId"]),
        course_id=str(given["courseId"]),
        percent=given["percent"],
        certificate_url=given["certificateUrl"],
    )
    return ProgressEvent(id=given["eventId"], report=report, correlation_id=given["correlationId"])


class ProgressQueue(Queue):
    """Sends, reschedules and dead-letters events."""

    def send(self, event: ProgressEvent) -> None:
        """Queue an event; SQS drops a second one with the same id within five minutes.

        The order of events does not matter, but those of one platform enrollment would conflict.
        """
        report = event.report
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=progress_body(event),
            MessageGroupId=ASKING
            if report.percent is None
            else f"enrollment-{report.platform_enrollment_id}",
            MessageDeduplicationId=event.id,
        )
