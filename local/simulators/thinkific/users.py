"""The routes of Thinkific Admin API, Users."""

from collections.abc import Callable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.thinkific.answers import (
    Json,
    found,
    json_body,
    no_content,
    text,
    whole_number,
)
from local.simulators.thinkific.dates import to_text
from local.simulators.thinkific.new_users import check_change, check_new, custom_values
from local.simulators.thinkific.paging import asked, page_of
from local.simulators.thinkific.records import User
from local.simulators.thinkific.settings import EmailMatch
from local.simulators.thinkific.simulation import Simulation, simulation_of, site_of
from local.simulators.thinkific.site import Site

PROFILE_ON_CREATE = ("company", "headline", "bio")
PROFILE_ON_UPDATE = (*PROFILE_ON_CREATE, "external_source")
DEFAULT_PROVIDER = "SSO"

type Test = Callable[[User], bool]


async def list_users(request: Request) -> Response:
    """Answer with the users that match ``query[email]``, ``[role]`` and ``[external_source]``."""
    simulation, site = simulation_of(request), site_of(request)
    tests = _tests(request, simulation.settings.email_match)
    rows = [user for user in _visible(simulation, site) if all(test(user) for test in tests)]
    return page_of(request, rows, lambda user: show_user(site, user))


async def create_user(request: Request) -> Response:
    """Add a user and answer 201, or 422 with the reasons by field."""
    body = await json_body(request)
    site = site_of(request)
    check_new(site, body)
    user = _new_user(site, body, simulation_of(request))
    site.users[user.id] = user
    return JSONResponse(show_user(site, user), 201)


async def get_user(request: Request) -> Response:
    """Answer with one user, by own id or by the id of a single sign-on ``provider``."""
    site = site_of(request)
    return JSONResponse(show_user(site, _find(request, site)))


async def update_user(request: Request) -> Response:
    """Change the fields that the body names and answer 204."""
    body = await json_body(request)
    site = site_of(request)
    user = _find(request, site)
    check_change(site, user, body)
    _change(user, body)
    return no_content()


async def delete_user(request: Request) -> Response:
    """Remove a user, with all enrollments, and answer 204."""
    site = site_of(request)
    site.delete_user(_find(request, site))
    return no_content()


def show_user(site: Site, user: User) -> Json:
    """Return a user as the API shows one (UserResponse)."""
    return {
        "id": user.id,
        "created_at": to_text(user.created_at),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "full_name": user.full_name,
        "company": user.profile.get("company") or None,
        "email": user.email,
        "roles": user.roles,
        "avatar_url": None,
        "bio": user.profile.get("bio") or None,
        "headline": user.profile.get("headline") or None,
        "affiliate_code": None,
        "affiliate_commission": None,
        "affiliate_commission_type": "%",
        "affiliate_payout_email": None,
        "external_source": user.profile.get("external_source") or None,
        "administered_course_ids": None,
        "custom_profile_fields": _show_custom_fields(site, user),
    }


def _show_custom_fields(site: Site, user: User) -> list[Json]:
    return [
        {
            "id": 10 * user.id + place,
            "value": user.custom_values.get(field.id),
            "label": field.label,
            "custom_profile_field_definition_id": field.id,
        }
        for place, field in enumerate(site.required_fields)
    ]


def _visible(simulation: Simulation, site: Site) -> list[User]:
    newest = simulation.now() - timedelta(seconds=simulation.settings.user_read_delay)
    return [user for user in site.users.values() if user.created_at <= newest]


def _tests(request: Request, match: EmailMatch) -> list[Test]:
    email, role = asked(request, "email"), asked(request, "role")
    source = asked(request, "external_source")
    tests = [] if email is None else [_email_test(email, match)]
    if role is not None:
        tests.append(lambda user: role in user.roles)
    if source is not None:
        tests.append(lambda user: user.profile.get("external_source") == source)
    return tests


def _email_test(email: str, match: EmailMatch) -> Test:
    wanted = email.lower()
    tests: dict[EmailMatch, Test] = {
        "exact": lambda user: user.email == email,
        "any_case": lambda user: user.email.lower() == wanted,
        "partial": lambda user: wanted in user.email.lower(),
    }
    return tests[match]


def _find(request: Request, site: Site) -> User:
    given = request.path_params["id"]
    provider = request.query_params.get("provider")
    if provider:
        return found(site.user_by_external_id(provider, given))
    return found(site.users.get(whole_number(given) or 0))


def _new_user(site: Site, body: Json, simulation: Simulation) -> User:
    user = User(
        id=site.next_id(User),
        email=text(body, "email"),
        first_name=text(body, "first_name"),
        last_name=text(body, "last_name"),
        created_at=simulation.now(),
        roles=list(body.get("roles") or []),
        profile={name: text(body, name) for name in PROFILE_ON_CREATE if text(body, name)},
        custom_values=custom_values(body),
        has_password=bool(body.get("password")),
        welcome_mails=int(bool(body.get("send_welcome_email"))),
    )
    if text(body, "external_id"):
        provider = text(body, "provider") or DEFAULT_PROVIDER
        user.external_ids[provider.upper()] = text(body, "external_id")
    return user


def _change(user: User, body: Json) -> None:
    user.email = text(body, "email") or user.email
    user.first_name = text(body, "first_name") or user.first_name
    user.last_name = text(body, "last_name") or user.last_name
    user.profile.update({name: text(body, name) for name in PROFILE_ON_UPDATE if name in body})
    user.custom_values.update(custom_values(body))
    user.roles = list(body.get("roles", user.roles) or [])
    user.has_password = user.has_password or bool(body.get("password"))


routes = [
    Route("/users", list_users, methods=["GET"], name="listUsers"),
    Route("/users", create_user, methods=["POST"], name="createUser"),
    Route("/users/{id}", get_user, methods=["GET"], name="getUser"),
    Route("/users/{id}", update_user, methods=["PUT"], name="updateUser"),
    Route("/users/{id}", delete_user, methods=["DELETE"], name="deleteUser"),
]
