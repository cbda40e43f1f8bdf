"""The names of the course platform's ids in the API's JSON."""

from typing import NotRequired, TypedDict

COURSE_ID = "thinkificCourseId"
BUNDLE_ID = "thinkificBundleId"
USER_ID = "thinkificUserId"
ENROLLMENT_ID = "thinkificEnrollmentId"


class DeliveryIds(TypedDict):
    """The platform's ids of a delivery, in a response."""

    thinkificUserId: NotRequired[int]
    thinkificEnrollmentId: NotRequired[int]


class CourseId(TypedDict):
    """The platform's id of a course, in a response."""

    thinkificCourseId: int


class MappedCourseId(TypedDict):
    """The platform's id of a course that may be unmapped, in a response."""

    thinkificCourseId: NotRequired[int]


class MappedBundleId(TypedDict):
    """The platform's id of a bundle that may be unmapped, in a response."""

    thinkificBundleId: NotRequired[int]
