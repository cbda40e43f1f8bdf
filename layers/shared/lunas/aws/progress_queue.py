"""The progress queue, with the platform's events about learners' progress."""

import json

from lunas.aws.queues import Queue
from lunas.domain.progress import ProgressEvent, ProgressReport

ASKING = "asking"
"""The group of all events about which the platform is asked, so that one caller at a time asks."""


def message_body(event: ProgressEvent) -> str:
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


def read_message(body: str) -> ProgressEvent:
    """Read a :func:`message_body`; raises ValueError, KeyError or TypeError on any other text."""
    given = json.loads(body)
    report = ProgressReport(
        platform_enrollment_id=int(given["platformEnrollmentId"]),
        user_id=int(given["userId"]),
        course_id=int(given["courseId"]),
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
            MessageBody=message_body(event),
            MessageGroupId=ASKING
            if report.percent is None
            else f"row-{report.platform_enrollment_id}",
            MessageDeduplicationId=event.id,
        )
