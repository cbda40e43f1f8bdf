"""Everything that a callback could have moved."""

from typing import Any

from lunas.domain.lists import EnrollmentFilter
from lunas.storage import keys
from lunas.storage.anomalies import Anomalies
from lunas.storage.enrollments import Enrollments
from lunas.storage.expressions import placeholders
from tests.faults.forgeries.requests import Target
from tests.support.cloud import Cloud
from tests.support.providers import Thinkific

PAGE = 100
SCHEDULE = ("dueAt", "askedAt", "asking", "deniedAt")
"""When Duitku was asked last, and is asked next: a callback may bring that forward."""


def traces(target: Target, cloud: Cloud, thinkific: Thinkific) -> dict[str, Any]:
    """Read payments, histories and enrollments of a target, the anomalies, and Thinkific's side."""
    email = target.learner.email
    enrollments = Enrollments(cloud.table)
    # A list's index holds only what lists show.
    listed = enrollments.page(EnrollmentFilter(user_id=target.learner.id), PAGE, None).items
    return {
        "payments": [_payment(each["id"], cloud) for each in target.orders],
        "enrollments": enrollments.get_many([each.id for each in listed]),
        "anomalies": [each.id for each in Anomalies(cloud.table).page(None, PAGE, None).items],
        "accounts": thinkific.users(email),
        "platform_enrollments": thinkific.enrollments(email),
    }


def _payment(payment_id: str, cloud: Cloud) -> list[dict[str, Any]]:
    """Read a payment with its history, save when Duitku is asked next."""
    items, _ = cloud.table.query(
        {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": placeholders({"pk": keys.payment(payment_id)["pk"]}),
            "ConsistentRead": True,
        }
    )
    return [{name: item[name] for name in item if name not in SCHEDULE} for item in items]
