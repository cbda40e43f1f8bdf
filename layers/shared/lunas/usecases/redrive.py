"""Putting a dead letter back: an operator has mended what kept an enrollment from Thinkific."""

from dataclasses import dataclass
from datetime import datetime

from lunas.rules.delivery import DeliveryRequest, waits_for_person
from lunas.rules.errors import NotFound, WrongState
from lunas.usecases.ports import EnrollmentKeeper
from lunas.usecases.progress import redeliver


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a dead letter: asked for anew, or out of date; ``finding`` says why."""

    asked_anew: bool
    finding: str


def redrive(enrollments: EnrollmentKeeper, wish: DeliveryRequest, at: datetime) -> Redriven:
    """Ask anew for what a dead letter asked for, if the enrollment still waits for a person.

    The letter itself is not put back: its request is FAILED or about to be outdated, so that a
    delivery of it would do nothing. Whatever the answer, the letter has no use afterwards; a
    crash before it is deleted repeats this, which does no harm. Raises StoreBusy.
    """
    found = enrollments.get(wish.enrollment_id)
    if found is None:
        return Redriven(asked_anew=False, finding="there is no such enrollment")
    if not waits_for_person(found, at):
        return Redriven(asked_anew=False, finding=f"its delivery is {found.delivery.status}")
    try:
        asked = redeliver(enrollments, wish.enrollment_id, at)
    except (NotFound, WrongState) as error:
        return Redriven(asked_anew=False, finding=str(error))
    return Redriven(asked_anew=True, finding=f"request {asked.delivery.request}")
