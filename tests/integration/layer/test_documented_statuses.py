"""No invalid request makes a route answer 500 or a status that docs/openapi.json does not name.

tests/support/functions.py checks each answer against the document; here every route is called.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from tests.faults.world.functions import routes
from tests.support import template
from tests.support.api_requests import (
    Context,
    request,
    service_headers,
    service_token,
    user_token,
)
from tests.support.functions import DOCUMENT, load

pytestmark = pytest.mark.usefixtures("catalog")
MEDIA_TYPES = [
    None,
    "",
    "application/json",
    "Application/JSON; Charset=utf-8",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "nonsense",
    "application/json, application/json",
    "\u00e9",
]
BODIES = [None, "", " ", "{", "{}", "[]", "null", "7", '"text"', "a=b", "\ud83d", "x" * 70_000]
CALLERS = {
    "anonymous": {},
    "a user": {"authorization": f"Bearer {user_token()}"},
    "an admin": {"authorization": f"Bearer {user_token('a1', role='ADMIN')}"},
    "a service": service_headers(
        service_token(scope="payments:read enrollments:read enrollments:write")
    ),
}
PLACES = ["x1", "\ud83d", "a/b", "%", "..", "x" * 300]


BROKEN = ["\ud83d", "Budi \ud83d", "\x00", "a\x00b", "\x1f\x7f", "\ufeff", "x" * 3000, ""]
"""Half of an emoji, control characters, an invisible and a too long text."""
ROUTES = sorted(routes().items())


def operation(route: str) -> dict[str, Any]:
    method, _, path = route.partition(" ")
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def with_each_text_broken(sample: Any, broken: str) -> Iterator[Any]:
    """Yield the sample with one of its texts replaced, for each of them."""
    if isinstance(sample, str):
        yield broken
        yield f"{sample}{broken}"
    elif isinstance(sample, dict | list):
        for name, value in sample.items() if isinstance(sample, dict) else enumerate(sample):
            for changed in with_each_text_broken(value, broken):
                copied = sample.copy()
                copied[name] = changed
                yield copied


def broken_bodies(route: str) -> Iterator[str]:
    for content in operation(route).get("requestBody", {}).get("content", {}).values():
        for example in content["examples"].values():
            for broken in BROKEN:
                for changed in with_each_text_broken(example["value"], broken):
                    yield json.dumps(changed)


def broken_requests(route: str) -> Iterator[dict[str, Any]]:
    """Yield requests with one text of the body or one parameter broken, of every caller."""
    names = [
        each["name"] for each in operation(route).get("parameters", ()) if each["in"] == "query"
    ]
    for caller in CALLERS.values():
        for body in broken_bodies(route):
            yield filled(route, "x1", caller, "application/json", body)
        for name in names:
            for broken in BROKEN:
                event = filled(route, "x1", caller, None, None)
                yield event | {"queryStringParameters": {name: broken}}


def nonsense(route: str) -> Iterator[dict[str, Any]]:
    """Yield requests of every caller with every media type, body and place."""
    for caller in CALLERS.values():
        for media_type in MEDIA_TYPES:
            for body in BODIES:
                yield filled(route, "x1", caller, media_type, body)
        for place in PLACES:
            yield filled(route, place, caller, None, None)


def filled(
    route: str, place: str, caller: dict[str, str], media_type: str | None, body: str | None
) -> dict[str, Any]:
    path = route.partition(" ")[2]
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    for name in names:
        path = path.replace(f"{{{name}}}", place)
    event = request(route, path, body=body, headers=caller)
    event["pathParameters"] = dict.fromkeys(names, place) or None
    del event["headers"]["content-type"]
    if media_type is not None:
        event["headers"]["content-type"] = media_type
    return event


def test_every_route_is_tested() -> None:
    assert {route for route, _ in ROUTES} == template.routes()


@responses.activate  # Duitku and Thinkific cannot be reached.
@pytest.mark.parametrize(("route", "function"), ROUTES)
def test_nonsense_gets_a_documented_status(route: str, function: str) -> None:
    for event in nonsense(route):
        answer = load(function).handler(event, Context())
        assert answer["statusCode"] != 500, event


@responses.activate
@pytest.mark.parametrize(("route", "function"), ROUTES)
def test_a_broken_text_in_any_place_gets_a_documented_status(route: str, function: str) -> None:
    for event in broken_requests(route):
        answer = load(function).handler(event, Context())
        assert answer["statusCode"] != 500, event
