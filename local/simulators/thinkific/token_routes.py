"""The token routes of a site's OAuth server: a code or refresh token in, an access token out."""

import base64
import hashlib
from hmac import compare_digest
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from local.simulators.thinkific.answers import ApiError, Json, json_body, refusal, text
from local.simulators.thinkific.apps import App
from local.simulators.thinkific.grants import Code, Grant
from local.simulators.thinkific.guard import refused_at_edge
from local.simulators.thinkific.hosts import SITE_PATH, named_subdomain
from local.simulators.thinkific.settings import RefreshRefusal
from local.simulators.thinkific.simulation import Simulation, simulation_of
from local.simulators.thinkific.tokens import ACCESS_TOKEN_SECONDS

FORM = "application/x-www-form-urlencoded"


class Client(NamedTuple):
    """The app that calls; without its secret it can only redeem a code that PKCE protects."""

    app: App
    has_secret: bool


async def token(request: Request) -> Response:
    """Exchange a code or a refresh token (JSON body, Basic authentication)."""
    simulation = simulation_of(request)
    edge = refused_at_edge(request.headers, simulation.settings)
    if edge is not None:
        return edge
    client = _client(simulation, request)
    body = await json_body(request)
    match body.get("grant_type"):
        case "authorization_code":
            return _exchange(simulation, request, client, body)
        case "refresh_token":
            return _refresh(simulation, request, client, body)
        case _:
            raise refusal(400, "unsupported_grant_type")


async def revoke(request: Request) -> Response:
    """End the grant that a token belongs to (form body) and answer 200, also to an unknown one."""
    simulation = simulation_of(request)
    app, has_secret = _client(simulation, request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    if kind != FORM or "token" not in form or not has_secret:
        raise refusal(400, "invalid_request")
    simulation.grants.revoke(app.client_id, form["token"][0])
    return JSONResponse({})


def _exchange(simulation: Simulation, request: Request, client: Client, body: Json) -> Response:
    app, has_secret = client
    code = simulation.grants.take_code(app.client_id, text(body, "code"), simulation.now())
    if code is None or not _fits(code, request, body):
        raise refusal(400, "invalid_grant")
    if code.challenge is None and not has_secret:
        raise _unknown_client()
    grant = simulation.grants.begin(code, simulation.now(), refreshable=has_secret)
    return _answer(simulation, grant)


def _fits(code: Code, request: Request, body: Json) -> bool:
    """Return whether the exchange belongs to the authorization that the code came from."""
    here = named_subdomain(request) in {None, code.subdomain}
    redirect = body.get("redirect_uri", code.redirect_uri) == code.redirect_uri
    return here and redirect and _challenge_of(body.get("code_verifier")) == code.challenge


def _challenge_of(verifier: object) -> str | None:
    if verifier is None:
        return None
    digest = hashlib.sha256(str(verifier).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refresh(simulation: Simulation, request: Request, client: Client, body: Json) -> Response:
    app, has_secret = client
    if not has_secret:
        raise _unknown_client()
    grant = simulation.grants.find(app.client_id, text(body, "refresh_token"))
    if grant is None or named_subdomain(request) not in {None, grant.subdomain}:
        return _refused_refresh(simulation.settings.refresh_refusal)
    voids = simulation.settings.refresh_voids_access
    simulation.grants.renew(grant, simulation.now(), void_access=voids)
    return _answer(simulation, grant)


def _refused_refresh(form: RefreshRefusal) -> Response:
    """Return the refusal in one of the forms that a client may meet; none is documented."""
    match form:
        case "invalid_grant":
            return JSONResponse({"error": "invalid_grant"}, 400)
        case "unauthorized":
            return JSONResponse({"error": "Authentication Error"}, 401)
        case "html":
            return HTMLResponse("<html><body><h1>Bad Request</h1></body></html>", 400)
        case "empty":
            return Response(status_code=400)


def _answer(simulation: Simulation, grant: Grant) -> Response:
    answer = {
        "access_token": grant.access.value,
        "token_type": "bearer",
        "expires_in": ACCESS_TOKEN_SECONDS,
        "gid": simulation.sites[grant.subdomain].gid,
    }
    if grant.refresh_token is not None:
        answer["refresh_token"] = grant.refresh_token
    return JSONResponse(answer)


def _client(simulation: Simulation, request: Request) -> Client:
    """Return who calls by Basic authentication; raise a 401 for all others."""
    client_id, secret = _basic(request.headers.get("authorization", ""))
    app = simulation.apps.get(client_id)
    if app is None:
        raise _unknown_client()
    if secret and not compare_digest(secret.encode(), app.client_secret.encode()):
        raise _unknown_client()
    return Client(app, bool(secret))


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise _unknown_client()
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError as error:
        raise _unknown_client() from error
    return user, password


def _unknown_client() -> ApiError:
    return refusal(401, "invalid_client")


routes = [
    Route(f"{prefix}/oauth2/{path}", endpoint, methods=["POST"], name=name)
    for prefix in ("", SITE_PATH)
    for path, endpoint, name in (
        ("token", token, "oauthToken"),
        ("revoke", revoke, "oauthRevoke"),
    )
]
