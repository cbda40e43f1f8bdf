"""``make redrive-deliveries`` on a table and queues of moto."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import deployed
from local import redrive as command
from local.deployed import Deployed, NotDeployed
from local.redrive import empty
from lunas.aws import dead_letters
from lunas.aws.dead_letters import DeadLetters
from lunas.aws.queues import group_of, message_body
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment
from lunas.domain.errors import StorageContention
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.table import Table
from tests.integration.layer.queues import Queues
from tests.support.builders import enrollment, request_of

REASON = "course c1 is not mapped to the platform"


class Office:
    """An operator before a table and a dead-letter queue."""

    def __init__(self, table: Table, queues: Queues) -> None:
        self.table, self.queues = table, queues
        self.lines: list[str] = []

    def has(self, course: str, status: DeliveryStatus) -> Enrollment:
        """Write an enrollment whose delivery has a status."""
        made = enrollment(course, delivery=Delivery(status=status, request=2))
        assert self.table.put(enrollment_item(made), "attribute_not_exists(#pk)")
        return made

    def dead(self, body: str, number: int = 1, group: str = "u1") -> None:
        """Put a letter into the dead-letter queue."""
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
        names = (self.table.name, self.queues.dead_letter_url)
        return empty(Deployed(*names, self.table.client, self.queues.sqs), self.lines.append)

    def delivery(self, made: Enrollment) -> tuple[str, int]:
        """Return status and request of a delivery as they stand."""
        found = Enrollments(self.table).get(made.id)
        assert found
        return found.delivery.status, found.delivery.request


@pytest.fixture
def office(table: Table, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> Office:
    # moto's queues are empty as soon as they say so.
    monkeypatch.setattr(dead_letters, "MAX_WAIT", 0)
    return Office(table, queues)


def test_a_failed_delivery_is_asked_for_anew_and_its_letter_is_gone(office: Office) -> None:
    failed = office.has("c1", DeliveryStatus.FAILED)
    office.dead(message_body(request_of(failed)))
    assert office.redrive() == 0
    assert office.delivery(failed) == ("PENDING", 3)
    assert office.queues.dead_letters() == []
    assert office.lines == [
        f"asked anew   {failed.id} of pay1, given up since {REASON}: request 3",
        "redrive: 1 asked anew, 0 out of date, 0 stays",
    ]


def test_a_letter_whose_enrollment_was_delivered_meanwhile_is_deleted(office: Office) -> None:
    done = office.has("c1", DeliveryStatus.DELIVERED)
    office.dead(message_body(request_of(done)))
    assert office.redrive() == 0
    assert office.delivery(done) == ("DELIVERED", 2)
    assert office.queues.dead_letters() == []
    assert "out of date" in office.lines[0]
    assert "DELIVERED" in office.lines[0]


def test_what_is_no_delivery_request_stays_and_holds_up_no_other_learner(office: Office) -> None:
    failed = office.has("c1", DeliveryStatus.FAILED)
    office.dead("{}", group="u2")
    office.dead("not JSON", group="u3")
    office.dead(message_body(request_of(failed)))
    assert office.redrive() == 1
    assert office.delivery(failed) == ("PENDING", 3)
    assert office.lines[-1] == "redrive: 1 asked anew, 0 out of date, 2 stays"
    assert sorted(each["Body"] for each in office.queues.dead_letters()) == ["not JSON", "{}"]


def test_a_letter_whose_worker_has_not_noted_the_failure_yet_stays_until_it_has(
    office: Office,
) -> None:
    due = datetime.now(UTC) + timedelta(minutes=5)
    waiting = enrollment("c1", delivery=Delivery(status=DeliveryStatus.PENDING, due_at=due))
    assert office.table.put(enrollment_item(waiting), "attribute_not_exists(#pk)")
    office.dead(message_body(request_of(waiting)))
    assert office.redrive() == 1
    assert office.lines[-1] == "redrive: 0 asked anew, 0 out of date, 1 stays"

    failed = replace(waiting, delivery=Delivery(status=DeliveryStatus.FAILED))
    assert office.table.put(enrollment_item(failed), "attribute_exists(#pk)")
    assert office.redrive() == 0
    assert office.delivery(failed) == ("PENDING", 2)
    assert office.queues.dead_letters() == []


def test_what_failed_is_asked_for_anew_without_a_letter_too(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PAGE", 2)
    failed = [office.has(f"c{number}", DeliveryStatus.FAILED) for number in range(5)]
    office.has("c9", DeliveryStatus.DELIVERED)
    assert office.redrive() == 0
    assert {office.delivery(each) for each in failed} == {("PENDING", 3)}
    assert f"{failed[0].id} of pay1, without a letter: request 3" in "".join(office.lines)
    assert office.lines[-1] == "redrive: 5 asked anew, 0 out of date, 0 stays"


def test_a_second_letter_of_one_enrollment_is_deleted_with_the_first(office: Office) -> None:
    failed = office.has("c1", DeliveryStatus.FAILED)
    for number in (1, 2):
        office.dead(message_body(request_of(failed)), number)
    assert office.redrive() == 0
    assert office.delivery(failed) == ("PENDING", 3)
    assert office.queues.dead_letters() == []
    assert office.lines[-1] == "redrive: 1 asked anew, 1 out of date, 0 stays"


def test_more_letters_than_one_receive_gives_are_all_dealt_with(office: Office) -> None:
    made = [office.has(f"c{number}", DeliveryStatus.FAILED) for number in range(23)]
    for number, each in enumerate(made):
        office.dead(message_body(request_of(each)), number)
    assert office.redrive() == 0
    assert {office.delivery(each) for each in made} == {("PENDING", 3)}
    assert office.lines[-1] == "redrive: 23 asked anew, 0 out of date, 0 stays"


def test_a_break_before_the_letter_is_deleted_repeats_and_loses_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = office.has("c1", DeliveryStatus.FAILED)
    office.dead(message_body(request_of(failed)))

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DeadLetters, "delete", broken)
        # As if the time had passed for which a received letter is hidden.
        patch.setattr(dead_letters, "HIDDEN", 0)
        with pytest.raises(KeyboardInterrupt):
            office.redrive()
    assert office.delivery(failed) == ("PENDING", 3)

    assert office.redrive() == 1
    assert office.delivery(failed) == ("PENDING", 3)
    done = replace(failed, delivery=Delivery(status=DeliveryStatus.DELIVERED, request=3))
    assert office.table.put(enrollment_item(done), "attribute_exists(#pk)")
    assert office.redrive() == 0
    assert office.queues.dead_letters() == []


def test_an_enrollment_that_others_keep_changing_keeps_its_letter(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = office.has("c1", DeliveryStatus.FAILED)
    office.dead(message_body(request_of(failed)))

    def busy(*_: Any) -> None:
        raise StorageContention("others kept changing it")

    monkeypatch.setattr(Enrollments, "request_again", busy)
    assert office.redrive() == 1
    assert office.lines[0].startswith("stays")
    assert len(office.queues.dead_letters()) == 1


@pytest.mark.parametrize("environment", ["staging", "default"])
def test_an_environment_that_is_never_deployed_to_is_told_so(
    environment: str, tmp_path: Path
) -> None:
    with pytest.raises(NotDeployed, match=r"there are local, dev, prod"):
        deployed.find(environment, tmp_path)
