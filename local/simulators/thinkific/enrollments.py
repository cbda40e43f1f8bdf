"""The routes of Thinkific Admin API, Enrollments. There is no DELETE: access ends by its date."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.thinkific.answers import (
    Json,
    found,
    json_body,
    no_content,
    unprocessable,
    whole_number,
)
from local.simulators.thinkific.dates import from_text, to_text
from local.simulators.thinkific.enrollment_filters import matching
from local.simulators.thinkific.paging import page_of
from local.simulators.thinkific.records import Course, Enrollment, Terms, User
from local.simulators.thinkific.simulation import Simulation, simulation_of, site_of
from local.simulators.thinkific.site import Site

DATES = ("activated_at", "expiry_date")


async def list_enrollments(request: Request) -> Response:
    """Answer with the enrollments that pass the request's filters."""
    return enrollment_page(request, site_of(request).enrollments.values())


async def create_enrollment(request: Request) -> Response:
    """Enroll a user in a course and answer 201.

    An unknown course or user is 422 with a list of texts. What a second POST for the same user
    and course does is the setting ``duplicateEnrollment``, since Thinkific documents no answer.
    """
    body = await json_body(request)
    simulation, site = simulation_of(request), site_of(request)
    user, course = _pair(site, body, simulation)
    row = _enroll(simulation, site, user.id, course.id, terms_of(body))
    return JSONResponse(show_enrollment(simulation, site, row), 201)


async def get_enrollment(request: Request) -> Response:
    """Answer with one enrollment."""
    site = site_of(request)
    return JSONResponse(show_enrollment(simulation_of(request), site, _find(request, site)))


async def update_enrollment(request: Request) -> Response:
    """Set the dates that the body names and answer 204."""
    body = await json_body(request)
    simulation, site = simulation_of(request), site_of(request)
    terms = changed_terms(simulation, terms_of(body))
    site.amend(_find(request, site), terms, simulation.now())
    return no_content()


def enrollment_page(request: Request, rows: Iterable[Enrollment]) -> Response:
    """Answer with the page of those rows that are visible already and pass the filters."""
    simulation, site = simulation_of(request), site_of(request)
    now = simulation.now()
    newest = now - timedelta(seconds=simulation.settings.enrollment_read_delay)
    visible = [row for row in rows if row.created_at <= newest]
    found = matching(request, visible, site, now)
    return page_of(request, found, lambda row: show_enrollment(simulation, site, row))


def terms_of(body: Json) -> Terms:
    """Return the dates that a body names, null included; raise a 422 for an unusable one."""
    terms: Terms = {}
    for name in (name for name in DATES if name in body):
        try:
            terms[name] = None if body[name] is None else from_text(body[name])
        except ValueError as error:
            raise unprocessable([f"{name.replace('_', ' ').capitalize()} is invalid."]) from error
    return terms


def changed_terms(simulation: Simulation, terms: Terms) -> Terms:
    """Return the terms of a PUT; without ``activated_at`` the setting may turn it into a trial."""
    if simulation.settings.put_without_activated_at == "trial":
        return {"activated_at": None, **terms}
    return terms


def show_enrollment(simulation: Simulation, site: Site, row: Enrollment) -> Json:
    """Return an enrollment as the API shows one (EnrollmentResponse)."""
    user, course = site.users[row.user_id], site.courses[row.course_id]
    return {
        "id": row.id,
        "created_at": to_text(row.created_at),
        "user_email": user.email,
        "user_name": user.full_name,
        "user_id": row.user_id,
        "course_name": course.name,
        "course_id": row.course_id,
        "percentage_completed": _percentage(row.progress, simulation.settings.percentage_form),
        "expired": row.expired(simulation.now()),
        "is_free_trial": row.is_free_trial,
        "completed": row.completed_at is not None,
        "started_at": to_text(row.started_at),
        "activated_at": to_text(row.activated_at),
        "completed_at": to_text(row.completed_at),
        "updated_at": to_text(row.updated_at),
        "expiry_date": to_text(row.expiry_date),
    }


def _percentage(progress: Decimal, form: str) -> str | float:
    """Return the part from 0 to 1, as the text that readers see or the number of the schema."""
    return float(progress) if form == "number" else str(float(progress))


def _pair(site: Site, body: Json, simulation: Simulation) -> tuple[User, Course]:
    """Return whom and in what to enroll; raise a 422 that names everything that is missing."""
    user = site.users.get(whole_number(body.get("user_id")) or 0)
    course = site.courses.get(whole_number(body.get("course_id")) or 0)
    if course and course.new_builder and simulation.settings.new_builder_enrollment == "refuse":
        course = None
    errors = [] if course else ["Course could not be found."]
    errors += [] if user else ["User could not be found."]
    if user is None or course is None:
        raise unprocessable(errors)
    return user, course


def _enroll(
    simulation: Simulation, site: Site, user_id: int, course_id: int, terms: Terms
) -> Enrollment:
    existing = site.enrollments_of(user_id, [course_id])
    duplicate, now = simulation.settings.duplicate_enrollment, simulation.now()
    if existing and duplicate == "refuse":
        raise unprocessable(["User is already enrolled in this course."])
    if existing and duplicate == "same_row":
        site.amend(existing[-1], terms, now)
        return existing[-1]
    return site.enroll(user_id, course_id, terms, now)


def _find(request: Request, site: Site) -> Enrollment:
    return found(site.enrollments.get(request.path_params["id"]))


routes = [
    Route("/enrollments", list_enrollments, methods=["GET"], name="listEnrollments"),
    Route("/enrollments", create_enrollment, methods=["POST"], name="createEnrollment"),
    Route("/enrollments/{id:int}", get_enrollment, methods=["GET"], name="getEnrollment"),
    Route("/enrollments/{id:int}", update_enrollment, methods=["PUT"], name="updateEnrollment"),
]
