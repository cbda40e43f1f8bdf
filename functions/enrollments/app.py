"""/enrollments: lists and look-ups, progress, and requesting delivery again."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from lunas.api.app import LunasApi
from lunas.api.auth import (
    ADMINS,
    USERS,
    RouteAccess,
    check_owner,
    is_owner_or_staff,
    users_and_services,
)
from lunas.api.enrollment_responses import CourseStatusView, EnrollmentView, enrollment_view
from lunas.api.pagination import read_cursor, write_cursor
from lunas.api.parameters import AS_IS, BLANK, PAGE, Cursor, From, Identity, Limit, To
from lunas.api.requests import Id, ProgressBody
from lunas.api.responses import PageView, page_view
from lunas.aws import clients
from lunas.bootstrap import platform_services
from lunas.clock import now
from lunas.domain.enrollments import (
    DeliveryStatus,
    Enrollment,
    EnrollmentStatus,
    enrollment_id,
    has_access,
)
from lunas.domain.errors import InvalidInput, NotFound
from lunas.domain.lists import EnrollmentFilter, Span
from lunas.domain.users import Role
from lunas.observability import logger
from lunas.storage.enrollments import Enrollments
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager)

api = LunasApi()
READERS = users_and_services("enrollments:read")
WRITERS = users_and_services("enrollments:write")
STAFF = RouteAccess(ADMINS.roles, "enrollments:read")


def _enrollments() -> Enrollments:
    return Enrollments(Table.from_environment())


def _listed(wanted: EnrollmentFilter, limit: int, cursor: str | None) -> PageView[EnrollmentView]:
    asked = {"list": "enrollments", "filter": wanted}
    page = _enrollments().page(wanted, limit, read_cursor(cursor, asked))
    at = now()
    items = [enrollment_view(each, at, api.caller) for each in page.items]
    return page_view(items, write_cursor(page.after, asked))


@api.on("GET", "/enrollments/my-enrollments", USERS)
def list_my_enrollments(
    status: Annotated[EnrollmentStatus | None, BLANK, Query()] = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageView[EnrollmentView]:
    """List the caller's enrollments, newest first."""
    return _listed(EnrollmentFilter(user_id=api.caller.id, status=status), limit, cursor)


@api.on("GET", "/enrollments", STAFF)
def list_enrollments(
    delivery: Annotated[DeliveryStatus | None, BLANK, Query()] = None,
    course_id: Annotated[Id | None, BLANK, Query(alias="courseId")] = None,
    start: From = None,
    to: To = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageView[EnrollmentView]:
    """List the enrollments of all users, newest first."""
    wanted = EnrollmentFilter(delivery=delivery, course_id=course_id, span=Span(start, to))
    return _listed(wanted, limit, cursor)


@api.on("GET", "/enrollments/{id}", READERS)
def get_enrollment(enrollment: Annotated[Id, Path(alias="id")]) -> EnrollmentView:
    """Show an enrollment.

    Raises NotFound.
    """
    return enrollment_view(_accessible(enrollment), now(), api.caller)


@api.on("GET", "/enrollments/course/{courseId}/status", READERS)
def get_course_status(
    course_id: Annotated[Id, Path(alias="courseId")],
    user_id: Annotated[Identity | None, AS_IS, Query(alias="userId")] = None,
) -> CourseStatusView:
    """Show whether a user is enrolled in a course; only services and admins name another user.

    Raises Forbidden.
    """
    asked = user_id or api.caller.id
    if api.caller.role is Role.SERVICE and user_id is None:
        raise InvalidInput.of("userId", "is required from a service")
    check_owner(api.caller, asked)
    found = _enrollments().get(enrollment_id(asked, course_id))
    if found is None or not has_access(found, now()):
        return {"courseId": course_id, "status": EnrollmentStatus.NOT_ENROLLED}
    return {"courseId": course_id, "status": EnrollmentStatus.ENROLLED, "enrollmentId": found.id}


@api.on("PATCH", "/enrollments/{id}/progress", WRITERS, name="report_progress")
def patch_progress(
    enrollment: Annotated[Id, Path(alias="id")], body: ProgressBody
) -> EnrollmentView:
    """Record a progress in percent; one below the recorded progress changes nothing.

    Raises NotFound, WrongState and StorageContention.
    """
    _accessible(enrollment)
    noted = platform_services.enrollments().report_progress(enrollment, body.progress, now())
    logger.info("progress noted", enrollment_id=enrollment, progress=noted.progress)
    return enrollment_view(noted, now(), api.caller)


@api.on("POST", "/enrollments/{id}/redeliver", ADMINS)
def redeliver_enrollment(enrollment: Annotated[Id, Path(alias="id")]) -> EnrollmentView:
    """Send an enrollment to the platform again: to enroll, or to revoke.

    Raises NotFound, WrongState and StorageContention.
    """
    asked = platform_services.enrollments().redeliver(enrollment, now())
    logger.info("delivery requested again", enrollment_id=enrollment)
    return enrollment_view(asked, now(), api.caller)


def _accessible(enrollment: str) -> Enrollment:
    """Return an enrollment that the caller may see.

    Its id can be computed from user and course, so even its existence is hidden from others.
    """
    found = _enrollments().get(enrollment)
    if found is None or not is_owner_or_staff(api.caller, found.user_id):
        raise NotFound("there is no such enrollment")
    return found


handler = api.resolve
