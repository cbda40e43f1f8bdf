"""What happens to an enrollment after it was made: progress, and another delivery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate, NotFound, StorageContention, WrongState

if TYPE_CHECKING:
    from lunas.services.repositories import EnrollmentKeeper

ROUNDS = 5
"""How often a change is tried anew after a collision."""


def report_progress(
    enrollments: EnrollmentKeeper, enrollment_id: str, progress: int, at: datetime
) -> Enrollment:
    """Raise the progress of an enrollment, which never goes down; return what is known then.

    ``progress`` is 0 to 100 percent. Raises NotFound, WrongState for a revoked one,
    StorageContention.
    """

    def change(found: Enrollment) -> Enrollment:
        if found.status is not EnrollmentStatus.ENROLLED:
            raise WrongState("the enrollment is revoked")
        return enrollments.raise_progress(found, progress, at)

    return _persist(enrollments, enrollment_id, change)


def redeliver(enrollments: EnrollmentKeeper, enrollment_id: str, at: datetime) -> Enrollment:
    """Ask once more that the platform is brought in line: enrolled, or revoked after a refund.

    Raises NotFound, WrongState for one that the platform has revoked already, StorageContention.
    """

    def change(found: Enrollment) -> Enrollment:
        if found.delivery.status is DeliveryStatus.REVOKED:
            raise WrongState("the enrollment is revoked")
        return enrollments.request_again(found, at)

    return _persist(enrollments, enrollment_id, change)


def _persist(
    enrollments: EnrollmentKeeper, enrollment_id: str, change: Callable[[Enrollment], Enrollment]
) -> Enrollment:
    for _ in range(ROUNDS):
        found = enrollments.get(enrollment_id)
        if found is None:
            raise NotFound("there is no such enrollment")
        try:
            return change(found)
        except ConcurrentUpdate:
            continue
    raise StorageContention("others kept changing the same enrollment; try again")
