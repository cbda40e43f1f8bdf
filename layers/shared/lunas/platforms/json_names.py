"""The names that the API's contract gives to the course platform's ids, in JSON."""

from typing import NotRequired, TypedDict

COURSE_ID = "thinkificCourseId"
BUNDLE_ID = "thinkificBundleId"
USER_ID = "thinkificUserId"
ENROLLMENT_ID = "thinkificEnrollmentId"


class DeliveryIds(TypedDict):
    """The platform's ids of a delivery, in a view."""

    thinkificUserId: NotRequired[int]
    thinkificEnrollmentId: NotRequired[int]


class CourseId(TypedDict):
    """The platform's id of a course, in a view."""

    thinkificCourseId: int


class MappedCourseId(TypedDict):
    """The platform's id of a course that may not be mapped, in a view."""

    thinkificCourseId: NotRequired[int]


class MappedBundleId(TypedDict):
    """The platform's id of a bundle that may not be mapped, in a view."""

    thinkificBundleId: NotRequired[int]
