"""/thinkific/oauth: connect a Thinkific site, disconnect it, and show the connection.

An admin begins with a token. The browser returns from Thinkific without one; the ``state`` that it
returns with identifies the admin.
"""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Query

from lunas import observability
from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS, PUBLIC
from lunas.api.connection_responses import (
    AuthorizeUrlView,
    ConnectionStatusView,
    RedirectCheckView,
    connection_view,
)
from lunas.api.content_negotiation import preferred
from lunas.api.http_events import JSON
from lunas.api.problems import status_of
from lunas.aws import clients
from lunas.aws.settings import optional, setting
from lunas.clock import now
from lunas.domain.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    LunasError,
    ProviderUnavailable,
)
from lunas.observability import logger
from lunas.platforms.thinkific import oauth_pages
from lunas.platforms.thinkific.connecting import site_connection
from lunas.platforms.thinkific.redirect_uri import redirect_checks, redirect_uri
from lunas.platforms.thinkific.settings import authentication, is_disconnected
from lunas.services.site_connection import SiteConnectionService
from lunas.storage.sites import connected_site
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager)

INSTALL = "open GET /thinkific/oauth/install as an admin, and let the site's owner press Approve"
CANCELLED = "access denied"
"""The error that Thinkific's Cancel button sends; the plus of ``access+denied`` is a blank."""

LONGEST_TEXT = 2_000
"""Characters of a parameter from Thinkific; the limit also rejects invalid Unicode."""

type Text = Annotated[str | None, Query(max_length=LONGEST_TEXT)]

api = LunasApi()


@api.on(
    "GET",
    "/thinkific/oauth/install",
    ADMINS,
    responses={
        200: {"description": "To `Accept: application/json`"},
        302: {
            "description": "To the page of the site",
            "content": {},
            "headers": {
                "Location": {
                    "description": "The page of the site.",
                    "schema": {"type": "string", "format": "uri"},
                    "required": True,
                }
            },
        },
    },
)
def install_thinkific(subdomain: Text = None) -> Response[AuthorizeUrlView | str]:
    """Begin to connect a Thinkific site: its page asks the owner, and leads back.

    Raises InvalidInput and StorageContention.
    """
    url = _service().begin(subdomain, api.caller.actor)
    logger.info("connecting a Thinkific site has begun")
    accept = api.current_event.headers.get("accept", "")
    if preferred(accept, ("text/html", JSON)) == JSON:
        return _never_kept(HTTPStatus.OK, {"authorizeUrl": url})
    return _never_kept(HTTPStatus.FOUND, "", {"Location": url})


@api.on(
    "GET",
    "/thinkific/oauth/callback",
    PUBLIC,
    responses={
        200: oauth_pages.documented("Connected, or cancelled"),
        403: oauth_pages.documented("An unknown or expired attempt, or one of another site"),
        409: oauth_pages.documented("Thinkific refuses the code, or the user who allowed it"),
        503: oauth_pages.documented("Thinkific does not answer, or a setting is missing"),
    },
)
def finish_thinkific_install(
    code: Text = None, state: Text = None, subdomain: Text = None, error: Text = None
) -> Response[str]:
    """Take the code that the browser brings from Thinkific; the state names who began."""
    try:
        if error or not code:
            _service().cancel(state)
            return _not_allowed(error)
        connection = _service().finish(code, state or "", subdomain)
    except Forbidden as refused:
        _note("connecting refused", str(refused))
        return oauth_pages.stale_page(str(refused), api.request_id)
    except (Conflict, ProviderUnavailable) as failed:
        _note("connecting failed", str(failed))
        observability.count_failure(failed, status_of(failed))
        return _failed(failed, str(failed))
    except ConfigurationError as wrong:
        logger.error("connecting not possible", reason=str(wrong), todo="see docs/deploy.md")
        observability.count("ServerError")
        return _failed(
            ProviderUnavailable(), "A setting of this stack is missing; its log names it"
        )
    logger.info("Thinkific site connected", site=connection.subdomain)
    return oauth_pages.connected_page(connection.subdomain, api.request_id)


@api.on("GET", "/thinkific/oauth/status", ADMINS)
def get_thinkific_connection() -> ConnectionStatusView:
    """Show which site is connected, how Lunas authenticates, and the exact redirect URI."""
    return _status()


@api.on("POST", "/thinkific/oauth/revoke", ADMINS)
def revoke_thinkific() -> ConnectionStatusView:
    """Revoke the tokens at Thinkific and delete them; repeating it changes nothing.

    Raises PlatformUnavailable and StorageContention.
    """
    gone = _service().disconnect()
    if gone is not None:
        logger.info("Thinkific site disconnected", site=gone.subdomain)
    return _status()


handler = api.resolve


def _service() -> SiteConnectionService:
    remaining = api.lambda_context.get_remaining_time_in_millis()
    redirect = redirect_uri(_base_url())
    return site_connection(Table.from_environment(), redirect, remaining, api.request_id)


def _status() -> ConnectionStatusView:
    connection, way = connected_site(Table.from_environment()), authentication()
    base, site = _base_url(), optional("THINKIFIC_SUBDOMAIN")
    checks: list[RedirectCheckView] = [
        {"name": each.name, "ok": each.ok, "message": each.message}
        for each in redirect_checks(base, _own_url())
    ]
    view = connection_view(connection, way, (redirect_uri(base), checks), site, now())
    if is_disconnected(connection):
        view["todo"] = INSTALL
    return view


def _base_url() -> str:
    """Return the setting that the redirect URI is built from, by default the API's own address."""
    return optional("OAUTH_BASE_URL") or _own_url()


def _own_url() -> str:
    """Return the API's own address, built from its id in the event.

    The Host header is not used, since the caller sets it. The function's environment cannot name
    the API, which is created after the functions.
    """
    return setting("API_URL").replace("{apiId}", api.current_event.request_context.api_id)


def _not_allowed(error: str | None) -> Response[Any]:
    if error in {CANCELLED, "access_denied"}:
        _note("connecting cancelled", "Cancel was pressed")
        return oauth_pages.cancelled_page(api.request_id)
    _note("connecting failed", "Thinkific sent an error instead of a code")
    cause = "Thinkific sent an error instead of its permission"
    return _failed(Conflict(cause), cause)


def _failed(error: LunasError, reason: str) -> Response[Any]:
    uri = redirect_uri(_base_url())
    return oauth_pages.failed_page(status_of(error), reason, uri, api.request_id)


def _note(decision: str, reason: str) -> None:
    logger.warning(decision, reason=reason, todo="see docs/guides/thinkific-oauth.md")


def _never_kept[B](
    status_code: HTTPStatus, body: B, headers: dict[str, str] | None = None
) -> Response[B]:
    """Return a response that no cache stores, because it is valid once."""
    return Response(
        status_code=status_code,
        content_type=content_types.APPLICATION_JSON,
        headers={"Cache-Control": "no-store", **(headers or {})},
        body=body,
    )
