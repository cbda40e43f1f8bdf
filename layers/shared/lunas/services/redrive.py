"""Putting a dead letter back: an operator has mended what kept an enrollment from the platform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from lunas.domain.delivery import waits_for_person
from lunas.domain.enrollments import DeliveryStatus
from lunas.domain.errors import NotFound, WrongState
from lunas.services.enrollments import redeliver

if TYPE_CHECKING:
    from lunas.services.repositories import EnrollmentKeeper


class Fate(StrEnum):
    """What becomes of a dead letter."""

    ASKED = "asked anew"
    OUT_OF_DATE = "out of date"
    STAYS = "stays"


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a dead letter, and why."""

    fate: Fate
    finding: str


def redrive(enrollments: EnrollmentKeeper, enrollment_id: str, at: datetime) -> Redriven:
    """Ask anew for a delivery that was given up, if the enrollment still waits for a person.

    The letter itself is not put back: its request is FAILED or about to be outdated, so that a
    delivery of it would do nothing. A crash before it is deleted repeats this, which does no
    harm. While the delivery is on its way the letter stays: whoever wrote it notes FAILED only
    afterwards, and may have died in between. Raises StorageContention.
    """
    found = enrollments.get(enrollment_id)
    if found is None:
        return Redriven(Fate.OUT_OF_DATE, "there is no such enrollment")
    if not waits_for_person(found, at):
        on_its_way = found.delivery.status is DeliveryStatus.PENDING
        fate = Fate.STAYS if on_its_way else Fate.OUT_OF_DATE
        return Redriven(fate, f"its delivery is {found.delivery.status}")
    try:
        asked = redeliver(enrollments, enrollment_id, at)
    except (NotFound, WrongState) as error:
        return Redriven(Fate.OUT_OF_DATE, str(error))
    return Redriven(Fate.ASKED, f"request {asked.delivery.request}")
