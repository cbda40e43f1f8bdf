"""The routes of Thinkific Admin API, Bundle Enrollments: all courses of a bundle at once."""

from collections import defaultdict
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.simulators.thinkific.answers import (
    Json,
    json_body,
    no_content,
    not_found,
    text,
    unprocessable,
    whole_number,
)
from local.simulators.thinkific.courses import bundle_of
from local.simulators.thinkific.enrollments import changed_terms, enrollment_page, terms_of
from local.simulators.thinkific.new_users import BLANK
from local.simulators.thinkific.records import Bundle, Enrollment, PendingBundle, Terms, User
from local.simulators.thinkific.simulation import Simulation, simulation_of, site_of
from local.simulators.thinkific.site import Site


async def list_bundle_enrollments(request: Request) -> Response:
    """Answer with the enrollments in the bundle's courses of users who have all of them."""
    site, bundle = site_of(request), bundle_of(request)
    return enrollment_page(request, _member_rows(site, bundle))


async def create_bundle_enrollment(request: Request) -> Response:
    """Enroll a user in every course: 201 when done, or by setting 202 when it comes later."""
    body = await json_body(request)
    simulation, site = simulation_of(request), site_of(request)
    bundle, user = bundle_of(request), _user(site, body)
    return _enroll(simulation, site, bundle, user, terms_of(body))


async def update_bundle_enrollment(request: Request) -> Response:
    """Set the dates that the body names in every course of the bundle and answer 204."""
    body = await json_body(request)
    simulation, site = simulation_of(request), site_of(request)
    bundle, user = bundle_of(request), _user(site, body)
    rows = _rows(site, bundle, user.id)
    if not rows:
        raise not_found()
    terms = changed_terms(simulation, terms_of(body))
    for row in rows:
        site.amend(row, terms, simulation.now())
    return no_content()


def _member_rows(site: Site, bundle: Bundle) -> list[Enrollment]:
    """Return the rows of those who are in all courses, by whatever way they came in."""
    courses = set(bundle.course_ids)
    rows = [row for row in site.enrollments.values() if row.course_id in courses]
    held: defaultdict[int, set[int]] = defaultdict(set)
    for row in rows:
        held[row.user_id].add(row.course_id)
    return [row for row in rows if held[row.user_id] == courses]


def _rows(site: Site, bundle: Bundle, user_id: int) -> list[Enrollment]:
    return site.enrollments_of(user_id, bundle.course_ids)


def _user(site: Site, body: Json) -> User:
    if not text(body, "user_id"):
        raise unprocessable({"user_id": [BLANK]})
    user = site.users.get(whole_number(body["user_id"]) or 0)
    if user is None:
        raise unprocessable(["User could not be found."])
    return user


def _enroll(
    simulation: Simulation, site: Site, bundle: Bundle, user: User, terms: Terms
) -> Response:
    now, settings = simulation.now(), simulation.settings
    if settings.bundle_answer == "later":
        due = now + timedelta(seconds=settings.bundle_delay)
        simulation.postpone(site, PendingBundle(due, bundle, user.id, terms))
        return Response(status_code=202)
    site.enroll_in_bundle(bundle, user.id, terms, now)
    return Response(status_code=201)


PATH = "/bundles/{id:int}/enrollments"

routes = [
    Route(PATH, list_bundle_enrollments, methods=["GET"], name="listBundleEnrollments"),
    Route(PATH, create_bundle_enrollment, methods=["POST"], name="createBundleEnrollment"),
    Route(PATH, update_bundle_enrollment, methods=["PUT"], name="updateBundleEnrollment"),
]
