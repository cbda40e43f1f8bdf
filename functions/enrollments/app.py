"""GET /enrollments/...: who is enrolled in what."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.adapters.store.enrollments import Enrollments
from lunas.adapters.store.table import Table
from lunas.edges.api import LunasApi
from lunas.edges.auth import USERS, check_owner, users_and_services
from lunas.edges.bodies import Id
from lunas.edges.views import enrollment_view
from lunas.rules.enrollments import EnrollmentStatus, enrollment_id
from lunas.rules.errors import InvalidInput, NotFound
from lunas.rules.people import Role

api = LunasApi()
READERS = users_and_services("enrollments:read")
PAGE = 100
"""Enrollments of one answer."""


def _enrollments() -> Enrollments:
    return Enrollments(Table.from_environment())


@api.on("GET", "/enrollments/my-enrollments", USERS)
def my_enrollments() -> dict[str, Any]:
    """List the caller's enrollments, newest first."""
    items, _ = _enrollments().of_user(api.caller.id, PAGE)
    return {"items": [enrollment_view(each) for each in items]}


@api.on("GET", "/enrollments/{id}", READERS)
def get_enrollment(enrollment: Annotated[Id, Path(alias="id")]) -> dict[str, Any]:
    """Show an enrollment to its owner, an admin or a service."""
    found = _enrollments().get(enrollment)
    if found is None:
        raise NotFound("there is no such enrollment")
    check_owner(api.caller, found.user_id)
    return enrollment_view(found)


@api.on("GET", "/enrollments/course/{courseId}/status", READERS)
def course_status(
    course_id: Annotated[Id, Path(alias="courseId")],
    user_id: Annotated[str | None, Query(alias="userId", min_length=1, max_length=128)] = None,
) -> dict[str, Any]:
    """Tell whether a user is enrolled in a course; others than oneself: services and admins."""
    asked = user_id or api.caller.id
    if api.caller.role is Role.SERVICE and user_id is None:
        raise InvalidInput.of("userId", "is required: a service asks for somebody")
    check_owner(api.caller, asked)
    found = _enrollments().get(enrollment_id(asked, course_id))
    if found is None or found.status is not EnrollmentStatus.ENROLLED:
        return {"courseId": course_id, "status": EnrollmentStatus.NOT_ENROLLED}
    return {"courseId": course_id, "status": found.status, "enrollmentId": found.id}


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return api.resolve(event, context)
