"""The stream: each enrollment that waits for a delivery is queued, and nothing else."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lunas.aws import clients
from lunas.domain.anomalies import AnomalyKind, anomaly
from lunas.domain.delivery import Placement, delivered, not_delivered
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment
from lunas.domain.payment_steps import opened
from lunas.domain.payments import AuditContext, Status
from lunas.storage.anomalies import anomaly_item
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.expressions import to_wire
from lunas.storage.history_items import history_items
from lunas.storage.payment_items import payment_item
from tests.integration.layer.queues import Queues
from tests.support.builders import GATEWAY_CONTEXT, LATER, NOW, enrollment, payment, request_of
from tests.support.functions import invoke
from tests.support.logs import Logged

ACT = AuditContext("lunas:deliver", LATER)
TRIED = not_delivered(enrollment(), "Thinkific answered 502", ACT, final=False)
FAILED = not_delivered(enrollment(), "no such course", ACT, final=True)
DELIVERED = delivered(
    enrollment(), [payment(Status.APPROVED)], Placement("7", "500", "2000001"), ACT
).enrollment
REQUESTED_AGAIN = enrollment(delivery=Delivery(request=2, attempts=1))


def change(new: Enrollment | None, old: Enrollment | None = None) -> dict[str, Any]:
    """Return the stream record of an enrollment that changed."""
    images = {}
    if new:
        images["NewImage"] = to_wire(enrollment_item(new))
    if old:
        images["OldImage"] = to_wire(enrollment_item(old))
    return {"eventSource": "aws:dynamodb", "dynamodb": images}


def insertion(item: dict[str, Any]) -> dict[str, Any]:
    return {"eventSource": "aws:dynamodb", "dynamodb": {"NewImage": to_wire(item)}}


def publish(*records: dict[str, Any]) -> None:
    assert published(*records) == []


def published(*records: dict[str, Any]) -> list[int]:
    """Publish a batch; return the places of the failed records."""
    for place, record in enumerate(records):
        record["dynamodb"]["SequenceNumber"] = f"{place + 1:021}"
    answer = invoke("publish_enrollments", {"Records": list(records)})
    return [int(each["itemIdentifier"]) - 1 for each in answer["batchItemFailures"]]


def test_a_new_enrollment_is_queued_with_everything_that_its_delivery_needs(queues: Queues) -> None:
    publish(change(enrollment()))
    (message,) = queues.waiting()
    assert json.loads(message["Body"]) == {
        "enrollmentId": enrollment().id,
        "paymentId": "pay1",
        "userId": "u1",
        "courseId": "c1",
        "request": 1,
        "correlationId": "r0",
    }


def test_a_message_holds_no_personal_data(queues: Queues) -> None:
    publish(change(enrollment()))
    (message,) = queues.waiting()
    assert "example.com" not in str(message)


def test_a_batch_is_queued_record_by_record(queues: Queues) -> None:
    publish(change(enrollment("c1")), change(enrollment("c2")))
    assert len(queues.waiting()) == 2


def test_a_repeated_record_is_queued_once(queues: Queues) -> None:
    publish(change(enrollment()))
    publish(change(enrollment()))
    assert len(queues.waiting()) == 1


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (TRIED, enrollment()),
        (FAILED, enrollment()),
        (DELIVERED, enrollment()),
        (enrollment(progress=40), enrollment()),
        (None, enrollment()),
        (enrollment(delivery=Delivery(status=DeliveryStatus.REVOKED)), DELIVERED),
    ],
    ids=["tried", "dead-lettered", "delivered", "progress", "removed", "revoked"],
)
def test_a_change_without_a_new_request_is_not_queued(
    queues: Queues, new: Enrollment | None, old: Enrollment
) -> None:
    publish(change(new, old))
    assert queues.waiting() == []


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (REQUESTED_AGAIN, FAILED),
        (REQUESTED_AGAIN, TRIED),
        (enrollment(payment_id="pay2"), enrollment(payment_id="pay1")),
    ],
    ids=["requested again after failing", "requested again while waiting", "bought again"],
)
def test_a_new_request_for_an_old_enrollment_is_queued(
    queues: Queues, new: Enrollment, old: Enrollment
) -> None:
    publish(change(new, old))
    (message,) = queues.waiting()
    queued = json.loads(message["Body"])
    assert (queued["paymentId"], queued["request"]) == (new.payment_id, new.delivery.request)


def test_a_new_request_is_no_duplicate_of_the_first(queues: Queues) -> None:
    publish(change(enrollment()))
    publish(change(REQUESTED_AGAIN, TRIED))
    assert [json.loads(each["Body"])["request"] for each in queues.waiting()] == [1, 2]


def test_changes_of_other_items_are_ignored(queues: Queues) -> None:
    publish(
        insertion(payment_item(payment())),
        insertion(history_items([opened(payment(), GATEWAY_CONTEXT)])[0]),
        insertion(anomaly_item(anomaly(AnomalyKind.UNKNOWN_ORDER, "o", {}, NOW))),
        insertion({"pk": "IDEMPOTENCY", "sk": "x"}),
    )
    assert queues.waiting() == []


def test_one_learners_messages_share_a_group_and_another_learners_do_not(queues: Queues) -> None:
    other = enrollment("c1", id="enr2", user_id="u2")
    publish(change(enrollment("c1")), change(enrollment("c2")), change(other))
    groups = {each["Body"]: each["Attributes"]["MessageGroupId"] for each in queues.waiting()}
    of = {json.loads(body)["userId"]: group for body, group in groups.items()}
    assert len(groups) == 3
    assert len(set(groups.values())) == 2
    assert of["u1"] != of["u2"]


def test_a_record_that_cannot_be_queued_is_retried(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = queues.delivery_url
    monkeypatch.setenv("DELIVERY_QUEUE_URL", f"{right}-gone")
    with pytest.raises(ClientError):
        publish(change(enrollment("c1")), change(enrollment("c2")))
    monkeypatch.setenv("DELIVERY_QUEUE_URL", right)
    publish(change(enrollment("c1")), change(enrollment("c2")))
    assert len(queues.waiting()) == 2


def test_the_message_holds_the_request_that_the_enrollment_waits_for(queues: Queues) -> None:
    publish(change(REQUESTED_AGAIN, FAILED))
    (message,) = queues.waiting()
    assert json.loads(message["Body"])["request"] == request_of(REQUESTED_AGAIN).request


class Refusing:
    """A client of SQS that refuses the messages at some places of each call."""

    def __init__(self, client: Any, *places: int) -> None:
        self._client = client
        self._places = places

    def send_message_batch(self, **request: Any) -> Any:
        """Send what is not refused."""
        entries = request["Entries"]
        taken = [each for place, each in enumerate(entries) if place not in self._places]
        refused = [each for place, each in enumerate(entries) if place in self._places]
        answer = self._client.send_message_batch(**request | {"Entries": taken}) if taken else {}
        failed = [{"Id": each["Id"], "Code": "InternalError"} for each in refused]
        return {**answer, "Failed": failed}


def test_only_messages_that_sqs_refuses_are_retried(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    client = Refusing(clients.sqs(), 1)
    monkeypatch.setattr(clients, "sqs", lambda: client)
    batch = [change(enrollment(name)) for name in ("c1", "c2", "c3")]
    assert published(*batch) == [1]
    assert len(queues.waiting()) == 2
    assert logged.messages("WARNING") == ["message refused by SQS"]
    assert logged.messages().count("delivery queued") == 2


def test_an_unreadable_record_does_not_stop_the_others(queues: Queues, logged: Logged) -> None:
    broken = change(enrollment("c2"))
    del broken["dynamodb"]["NewImage"]["deliveryRequest"]
    assert published(change(enrollment("c1")), broken, change(enrollment("c3"))) == [1]
    assert len(queues.waiting()) == 2
    assert logged.messages("ERROR") == ["unexpected error"]
