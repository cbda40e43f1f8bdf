"""``make redrive-deliveries`` on a table and queues of moto."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lunas.aws import dead_letters
from lunas.aws.dead_letters import DeadLetters
from lunas.aws.queues import group_of, message_body
from lunas.cli import redrive_deliveries as command
from lunas.cli import stacks
from lunas.cli.errors import NotDeployed
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment
from lunas.domain.errors import StorageContention
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.table import Table
from tests.integration.layer.queues import Queues
from tests.support.builders import enrollment, request_of

REASON = "course c1 is not mapped to the platform"


class Operator:
    """An operator with a table and a dead-message queue."""

    def __init__(self, table: Table, queues: Queues) -> None:
        self.table, self.queues = table, queues
        self.lines: list[str] = []

    def has(self, course: str, status: DeliveryStatus) -> Enrollment:
        """Write an enrollment whose delivery has a status."""
        made = enrollment(course, delivery=Delivery(status=status, request=2))
        assert self.table.put(enrollment_item(made), "attribute_not_exists(#pk)")
        return made

    def dead_letter(self, body: str, number: int = 1, group: str = "u1") -> None:
        """Put a message into the dead-message queue."""
        self.queues.sqs.send_message(
            QueueUrl=self.queues.dead_letter_url,
            MessageBody=body,
            MessageGroupId=group_of(group),
            MessageDeduplicationId=f"{group}-{number}",
            MessageAttributes={"reason": {"DataType": "String", "StringValue": REASON}},
        )

    def redrive(self) -> int:
        """Run the command."""
        self.lines.clear()
        messages = DeadLetters(self.queues.dead_letter_url, self.queues.sqs)
        return command.redrive_all(messages, Enrollments(self.table), self.lines.append)

    def delivery(self, made: Enrollment) -> tuple[str, int]:
        """Return status and request of the stored delivery."""
        found = Enrollments(self.table).get(made.id)
        assert found
        return found.delivery.status, found.delivery.request


@pytest.fixture
def operator(table: Table, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> Operator:
    # An empty answer of moto means an empty queue: no wait is needed.
    monkeypatch.setattr(dead_letters, "MAX_WAIT", 0)
    return Operator(table, queues)


def test_a_failed_delivery_is_requested_again_and_its_message_is_deleted(
    operator: Operator,
) -> None:
    failed = operator.has("c1", DeliveryStatus.FAILED)
    operator.dead_letter(message_body(request_of(failed)))
    assert operator.redrive() == 0
    assert operator.delivery(failed) == ("PENDING", 3)
    assert operator.queues.dead_letters() == []
    assert operator.lines == [
        f"requested    {failed.id} of pay1, dead-lettered: {REASON}: request 3",
        "redrive: 1 requested, 0 out of date, 0 stays",
    ]


def test_a_message_whose_enrollment_was_delivered_meanwhile_is_deleted(operator: Operator) -> None:
    done = operator.has("c1", DeliveryStatus.DELIVERED)
    operator.dead_letter(message_body(request_of(done)))
    assert operator.redrive() == 0
    assert operator.delivery(done) == ("DELIVERED", 2)
    assert operator.queues.dead_letters() == []
    assert "out of date" in operator.lines[0]
    assert "DELIVERED" in operator.lines[0]


def test_a_message_that_is_no_delivery_request_stays_and_blocks_no_other_learner(
    operator: Operator,
) -> None:
    failed = operator.has("c1", DeliveryStatus.FAILED)
    operator.dead_letter("{}", group="u2")
    operator.dead_letter("not JSON", group="u3")
    operator.dead_letter(message_body(request_of(failed)))
    assert operator.redrive() == 1
    assert operator.delivery(failed) == ("PENDING", 3)
    assert operator.lines[-1] == "redrive: 1 requested, 0 out of date, 2 stays"
    assert sorted(each["Body"] for each in operator.queues.dead_letters()) == ["not JSON", "{}"]


def test_a_message_stays_until_its_failure_is_recorded(
    operator: Operator,
) -> None:
    due = datetime.now(UTC) + timedelta(minutes=5)
    waiting = enrollment("c1", delivery=Delivery(status=DeliveryStatus.PENDING, due_at=due))
    assert operator.table.put(enrollment_item(waiting), "attribute_not_exists(#pk)")
    operator.dead_letter(message_body(request_of(waiting)))
    assert operator.redrive() == 1
    assert operator.lines[-1] == "redrive: 0 requested, 0 out of date, 1 stays"

    failed = replace(waiting, delivery=Delivery(status=DeliveryStatus.FAILED))
    assert operator.table.put(enrollment_item(failed), "attribute_exists(#pk)")
    assert operator.redrive() == 0
    assert operator.delivery(failed) == ("PENDING", 2)
    assert operator.queues.dead_letters() == []


def test_a_failed_delivery_without_a_message_is_requested_again_too(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PAGE", 2)
    failed = [operator.has(f"c{number}", DeliveryStatus.FAILED) for number in range(5)]
    operator.has("c9", DeliveryStatus.DELIVERED)
    assert operator.redrive() == 0
    assert {operator.delivery(each) for each in failed} == {("PENDING", 3)}
    assert f"{failed[0].id} of pay1, without a message: request 3" in "".join(operator.lines)
    assert operator.lines[-1] == "redrive: 5 requested, 0 out of date, 0 stays"


def test_a_second_message_of_one_enrollment_is_deleted_with_the_first(operator: Operator) -> None:
    failed = operator.has("c1", DeliveryStatus.FAILED)
    for number in (1, 2):
        operator.dead_letter(message_body(request_of(failed)), number)
    assert operator.redrive() == 0
    assert operator.delivery(failed) == ("PENDING", 3)
    assert operator.queues.dead_letters() == []
    assert operator.lines[-1] == "redrive: 1 requested, 1 out of date, 0 stays"


def test_more_messages_than_one_receive_returns_are_all_redriven(operator: Operator) -> None:
    made = [operator.has(f"c{number}", DeliveryStatus.FAILED) for number in range(23)]
    for number, each in enumerate(made):
        operator.dead_letter(message_body(request_of(each)), number)
    assert operator.redrive() == 0
    assert {operator.delivery(each) for each in made} == {("PENDING", 3)}
    assert operator.lines[-1] == "redrive: 23 requested, 0 out of date, 0 stays"


def test_an_interruption_before_the_message_is_deleted_loses_nothing(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = operator.has("c1", DeliveryStatus.FAILED)
    operator.dead_letter(message_body(request_of(failed)))

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DeadLetters, "delete", broken)
        # As if the time had passed for which a received message is hidden.
        patch.setattr(dead_letters, "HIDDEN", 0)
        with pytest.raises(KeyboardInterrupt):
            operator.redrive()
    assert operator.delivery(failed) == ("PENDING", 3)

    assert operator.redrive() == 1
    assert operator.delivery(failed) == ("PENDING", 3)
    done = replace(failed, delivery=Delivery(status=DeliveryStatus.DELIVERED, request=3))
    assert operator.table.put(enrollment_item(done), "attribute_exists(#pk)")
    assert operator.redrive() == 0
    assert operator.queues.dead_letters() == []


def test_an_enrollment_that_keeps_changing_keeps_its_message(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = operator.has("c1", DeliveryStatus.FAILED)
    operator.dead_letter(message_body(request_of(failed)))

    def busy(*_: Any) -> None:
        raise StorageContention("others kept changing it")

    monkeypatch.setattr(Enrollments, "request_again", busy)
    assert operator.redrive() == 1
    assert operator.lines[0].startswith("stays")
    assert len(operator.queues.dead_letters()) == 1


@pytest.mark.parametrize("environment", ["staging", "default"])
def test_an_unknown_environment_is_an_error_that_lists_the_known_ones(
    environment: str, tmp_path: Path
) -> None:
    with pytest.raises(NotDeployed, match=r"there are local, dev, prod"):
        stacks.find(environment, tmp_path)
