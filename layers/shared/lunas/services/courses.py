"""What bringing an enrollment to the platform and taking it back have in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lunas.domain.enrollments import Enrollment
from lunas.domain.errors import DeliveryImpossible
from lunas.domain.payments import Payment

if TYPE_CHECKING:
    from lunas.services.repositories import (
        AccessClaims,
        BundleNotes,
        CatalogReader,
        Clock,
        DeliveryKeeper,
        LearnerLinks,
        LearningPlatform,
    )

ACTOR = "lunas:deliver"
ROUNDS = 6
"""How often an outcome is written down anew after a collision."""


class DeliveryResult(StrEnum):
    """What became of a request."""

    DELIVERED = "DELIVERED"
    REVOKED = "REVOKED"
    NOTHING_TO_DO = "NOTHING_TO_DO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Everything that a delivery needs."""

    enrollments: DeliveryKeeper
    payments: BundleNotes
    learners: LearnerLinks
    claims: AccessClaims
    catalog: CatalogReader
    platform: LearningPlatform
    now: Clock

    def payments_of(self, enrollment: Enrollment) -> list[Payment]:
        """Return the payments that pay for an enrollment, the one that it belongs to first.

        Raises DeliveryImpossible if one is gone.
        """
        others = sorted(enrollment.paid_by.keys() - {enrollment.payment_id})
        return [self.payment(each) for each in (enrollment.payment_id, *others)]

    def payment(self, payment_id: str) -> Payment:
        """Return a payment that pays for an enrollment; DeliveryImpossible if it is gone."""
        payment = self.payments.get(payment_id)
        if payment is None:
            raise DeliveryImpossible("the payment of the enrollment is gone")
        return payment

    def mapped_course(self, enrollment: Enrollment) -> int | None:
        """Return the course's id at the platform as it is mapped now."""
        course = self.catalog.course(enrollment.course_id)
        return course.platform_course_id if course else None
