"""The course platform's ids in the API's JSON, where they are numbers; inside they are text."""

from typing import NotRequired, TypedDict

COURSE_ID = "thinkificCourseId"
BUNDLE_ID = "thinkificBundleId"
USER_ID = "thinkificUserId"
ENROLLMENT_ID = "thinkificEnrollmentId"


def from_json(number: int | None) -> str | None:
    """Return an id of a request."""
    return None if number is None else str(number)


def to_json(platform_id: str | None) -> int | None:
    """Return an id for a response."""
    return None if platform_id is None else int(platform_id)


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
