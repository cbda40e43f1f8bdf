"""Responses about enrollments."""

from datetime import datetime
from typing import Annotated, NotRequired, TypedDict

from pydantic import Field

from lunas.api.responses import Time, Url, is_personal_to, show
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus, has_access
from lunas.domain.users import Caller
from lunas.platforms.json_names import ENROLLMENT_ID, USER_ID, DeliveryIds, to_json


class DeliveryView(DeliveryIds):
    """The delivery of an enrollment to the platform."""

    status: DeliveryStatus
    attempts: Annotated[int, Field(ge=0)]
    lastError: NotRequired[str]


class EnrollmentView(TypedDict):
    """A learner's right to one course. `certificateUrl` is for its owner and for admins only."""

    id: str
    paymentId: str
    userId: str
    courseId: str
    courseName: str
    status: EnrollmentStatus
    progress: Annotated[int, Field(ge=0, le=100, description="Percent.")]
    delivery: DeliveryView
    certificateUrl: NotRequired[Url]
    expiresAt: NotRequired[Annotated[Time, Field(description="When access ends.")]]
    createdAt: Time
    updatedAt: Time


class CourseStatusView(TypedDict):
    """Whether a user is enrolled in a course."""

    courseId: str
    status: EnrollmentStatus
    enrollmentId: NotRequired[str]


def enrollment_view(enrollment: Enrollment, now: datetime, viewer: Caller) -> EnrollmentView:
    """Show an enrollment and its delivery; after the end of access its status is NOT_ENROLLED.

    The certificate names the learner, so only the owner and admins see its link.
    """
    delivery = enrollment.delivery
    personal = is_personal_to(viewer, enrollment.user_id)
    access = has_access(enrollment, now)
    return show(
        EnrollmentView,
        enrollment,
        status=EnrollmentStatus.ENROLLED if access else EnrollmentStatus.NOT_ENROLLED,
        delivery=show(
            DeliveryView,
            delivery,
            **{
                USER_ID: to_json(delivery.platform_user_id),
                ENROLLMENT_ID: to_json(delivery.platform_enrollment_id),
            },
        ),
        certificateUrl=enrollment.certificate_url if personal else None,
        expiresAt=enrollment.ends_at,
    )
