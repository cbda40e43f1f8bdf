"""Changes an enrollment after its creation: its progress, or another delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from lunas.domain.delivery import waits_for_person
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate, NotFound, StorageContention, WrongState

if TYPE_CHECKING:
    from lunas.services.repositories import EnrollmentRepository

MAX_ATTEMPTS = 5
"""How many times a change is tried again after a concurrent update."""


class RedriveOutcome(StrEnum):
    """The outcome for a dead-letter message."""

    REQUESTED = "requested"
    OUT_OF_DATE = "out of date"
    STAYS = "stays"


@dataclass(frozen=True, slots=True)
class RedriveResult:
    """The outcome for a dead-letter message, and why."""

    outcome: RedriveOutcome
    reason: str


@dataclass(frozen=True, slots=True)
class EnrollmentService:
    """Changes enrollments. Every method raises StorageContention."""

    enrollments: EnrollmentRepository

    def report_progress(self, enrollment_id: str, progress: int, at: datetime) -> Enrollment:
        """Raise the progress of an enrollment, which never goes down; return the enrollment.

        ``progress`` is 0 to 100 percent. Raises NotFound, and WrongState for a revoked one.
        """

        def change(found: Enrollment) -> Enrollment:
            if found.status is not EnrollmentStatus.ENROLLED:
                raise WrongState("the enrollment is revoked")
            return self.enrollments.raise_progress(found, progress, at)

        return self._persist(enrollment_id, change)

    def redeliver(self, enrollment_id: str, at: datetime) -> Enrollment:
        """Request delivery again. Raises NotFound, and WrongState for a revoked enrollment."""

        def change(found: Enrollment) -> Enrollment:
            if found.delivery.status is DeliveryStatus.REVOKED:
                raise WrongState("the enrollment is revoked")
            return self.enrollments.request_again(found, at)

        return self._persist(enrollment_id, change)

    def redrive(self, enrollment_id: str, at: datetime) -> RedriveResult:
        """Request a delivery again whose message is in the dead-letter queue, if it still waits.

        The message itself is not sent again: its request has FAILED or is out of date, so it would
        do nothing. Repeating this after a crash is harmless. While the delivery is PENDING the
        message stays: FAILED is recorded only after the message was sent, and the worker may have
        crashed in between.
        """
        found = self.enrollments.get(enrollment_id)
        if found is None:
            return RedriveResult(RedriveOutcome.OUT_OF_DATE, "there is no such enrollment")
        if not waits_for_person(found, at):
            on_its_way = found.delivery.status is DeliveryStatus.PENDING
            outcome = RedriveOutcome.STAYS if on_its_way else RedriveOutcome.OUT_OF_DATE
            return RedriveResult(outcome, f"its delivery is {found.delivery.status}")
        try:
            requested = self.redeliver(enrollment_id, at)
        except (NotFound, WrongState) as error:
            return RedriveResult(RedriveOutcome.OUT_OF_DATE, str(error))
        return RedriveResult(RedriveOutcome.REQUESTED, f"request {requested.delivery.request}")

    def _persist(
        self, enrollment_id: str, change: Callable[[Enrollment], Enrollment]
    ) -> Enrollment:
        for _ in range(MAX_ATTEMPTS):
            found = self.enrollments.get(enrollment_id)
            if found is None:
                raise NotFound("there is no such enrollment")
            try:
                return change(found)
            except ConcurrentUpdate:
                continue
        raise StorageContention("other requests kept changing this enrollment; try again")
