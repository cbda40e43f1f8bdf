"""A message of the delivery queue, as Lambda hands it to deliver_enrollment."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from lunas.domain.enrollments import enrollment_id


def delivery_body(payment: Mapping[str, Any], course: str, request: int = 1) -> str:
    """Write what publish_enrollments queues for a course of a payment."""
    return json.dumps(
        {
            "enrollmentId": enrollment_id(payment["userId"], course),
            "paymentId": payment["id"],
            "userId": payment["userId"],
            "courseId": course,
            "request": request,
            "correlationId": f"test-{uuid.uuid4()}",
        }
    )


def delivery_event(payment: Mapping[str, Any], course: str, request: int = 1) -> dict[str, Any]:
    """Write the event with a delivery request for a course of a payment."""
    record = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none",
        "body": delivery_body(payment, course, request),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "0",
            "SenderId": "0",
            "ApproximateFirstReceiveTimestamp": "0",
            "MessageGroupId": payment["userId"],
            "MessageDeduplicationId": str(uuid.uuid4()),
            "SequenceNumber": "1",
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:000000000000:delivery.fifo",
        "awsRegion": "ap-southeast-3",
    }
    return {"Records": [record]}
