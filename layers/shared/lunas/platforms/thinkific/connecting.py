"""Connects a site at Thinkific, as the settings describe it."""

import secrets
import time
from functools import partial

from lunas import observability
from lunas.aws.encryption import TokenEncryption
from lunas.aws.secrets import secret_text
from lunas.aws.settings import enabled, optional, setting
from lunas.clock import now
from lunas.domain.errors import GrantRefused
from lunas.observability import logger
from lunas.platforms.thinkific.credentials import SECRET, Bearer, Credentials
from lunas.platforms.thinkific.http import AccessRefused, ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.oauth import OAuthApp, ThinkificOAuth
from lunas.platforms.thinkific.rate_limiter import SharedLimiter
from lunas.services.oauth_tokens import OAuthTokenService
from lunas.services.site_connection import SiteConnectionService
from lunas.storage.sites import Sites
from lunas.storage.table import Table

TODO = (
    "connect the site again: GET /thinkific/oauth/install; see docs/runbooks/thinkific-refused.md"
)

LEFT = "at Thinkific, look under the site's apps, and uninstall Lunas' if it is still there"


def oauth_bearer(table: Table, remaining: int) -> Credentials:
    """Return the connected site's token, for an invocation with ``remaining`` milliseconds left."""
    return OAuthToken(_tokens(table, remaining)).credentials()


class OAuthToken:
    """The token of an invocation: read before its first call and kept until it is refused."""

    def __init__(self, tokens: OAuthTokenService) -> None:
        self._tokens = tokens
        self._token: str | None = None

    def credentials(self) -> Credentials:
        """Return the token as credentials."""
        return Bearer(self.value, self.replace)

    def value(self) -> str:
        """Return the token, renewed if it is due; raises DeliveryDelayed while there is none."""
        if self._token is None:
            self._token = self._tokens.current().tokens.access_token
        return self._token

    def replace(self) -> bool:
        """Drop a token that Thinkific refused; return whether there is another one."""
        refused, self._token = self.value(), None
        return self._tokens.after_refusal(refused)


def site_connection(
    table: Table, redirect: str, remaining: int, request_id: str
) -> SiteConnectionService:
    """Return the service that connects the site of this stack.

    ``redirect`` is the redirect URI; an invocation has ``remaining`` milliseconds left.
    """
    limiter = SharedLimiter.from_environment(table, remaining)
    return SiteConnectionService(
        sites=Sites(table, TokenEncryption.from_environment()),
        authorization=lambda: ThinkificOAuth(_app(redirect)),
        check_role=partial(_check_role, limiter, request_id),
        on_unchecked=_log_unchecked,
        on_unrevoked=_log_unrevoked,
        subdomain=optional("THINKIFIC_SUBDOMAIN"),
        random_text=partial(secrets.token_urlsafe, 32),
        now=now,
    )


def _tokens(table: Table, remaining: int) -> OAuthTokenService:
    ends = time.monotonic() + remaining / 1000
    return OAuthTokenService(
        sites=Sites(table, TokenEncryption.from_environment()),
        # Renewing sends no redirect URI.
        authorization=ThinkificOAuth(_app("")),
        subdomain=setting("THINKIFIC_SUBDOMAIN"),
        now=now,
        seconds_left=lambda: ends - time.monotonic(),
        sleep=time.sleep,
        on_lost=_log_lost,
        on_delay=_log_delay,
    )


def _app(redirect: str) -> OAuthApp:
    return OAuthApp(
        site_url=setting("THINKIFIC_OAUTH_URL").rstrip("/"),
        client_id=secret_text(SECRET, "clientId"),
        client_secret=secret_text(SECRET, "clientSecret"),
        redirect_uri=redirect,
        repeats_redirect=enabled("OAUTH_REPEATS_REDIRECT"),
    )


def _check_role(limiter: SharedLimiter, request_id: str, token: str) -> None:
    """Read one course with a new token: Thinkific refuses one of a student or without the scope."""
    url = setting("THINKIFIC_API_URL").rstrip("/")
    api = ThinkificApi(ThinkificSite(url, Bearer(lambda: token)), limiter, request_id)
    try:
        api.get("/courses", {"page": 1, "limit": 1})
    except AccessRefused:
        raise GrantRefused(
            "the token of the person who pressed Approve; only the owner or an admin of the site "
            "can connect it, and the app needs the scope to read courses"
        ) from None


def _log_lost(reason: str) -> None:
    logger.error("platform connection refused", reason=reason, todo=TODO)
    observability.count("PlatformRefused")


def _log_delay(reason: str) -> None:
    logger.warning("platform connection not renewed", reason=reason, todo="it is tried again")


def _log_unrevoked(reason: str) -> None:
    message = "disconnection not reported to the platform"
    logger.warning(message, reason=reason, todo=LEFT)


def _log_unchecked(reason: str) -> None:
    todo = "see that the owner or an admin of the site pressed Approve; else calls are refused"
    logger.warning("role at the platform not checked", reason=reason, todo=todo)
