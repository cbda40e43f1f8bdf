"""Everything that connecting a site of the platform takes, put together from the settings."""

import secrets
import time
from functools import partial

from lunas import observability
from lunas.api.platform import SECRET
from lunas.aws.encryption import TokenEncryption
from lunas.aws.secrets import secret_text
from lunas.aws.settings import enabled, optional, setting
from lunas.clock import now
from lunas.domain.errors import GrantRefused
from lunas.observability import logger
from lunas.platforms.thinkific.credentials import Bearer, Credentials
from lunas.platforms.thinkific.http import AccessRefused, ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.oauth import OAuthApp, ThinkificOAuth
from lunas.platforms.thinkific.rate_limiter import SharedLimiter
from lunas.services.oauth_tokens import Access, after_refusal, current
from lunas.services.site_connection import Connector, Disconnector
from lunas.storage.connections import Starts
from lunas.storage.site_tokens import Grants
from lunas.storage.table import Table

TODO = (
    "connect the site again: GET /thinkific/oauth/install; see docs/runbooks/thinkific-refused.md"
)

LEFT = "at the platform, look under the site's apps, and uninstall Lunas' if it is still there"


def oauth_bearer(table: Table, remaining: int) -> Credentials:
    """Return the token of the connected site, for an invocation with so many milliseconds left."""
    return OAuthToken(_access(table, remaining)).credentials()


class OAuthToken:
    """The token that an invocation uses: read before its first call, kept until it is refused."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._token: str | None = None

    def credentials(self) -> Credentials:
        """Return it as what opens the site."""
        return Bearer(self.value, self.replace)

    def value(self) -> str:
        """Return the token, renewed if it was time; raises DeliveryDelayed while there is none."""
        if self._token is None:
            self._token = current(self._access).tokens.access_token
        return self._token

    def replace(self) -> bool:
        """Hear that the platform refused the token; tell whether there is another one."""
        refused, self._token = self.value(), None
        return after_refusal(self._access, refused)


def connector(table: Table, redirect: str, remaining: int, request_id: str) -> Connector:
    """Return what connecting the site of this stack needs."""
    limiter = SharedLimiter.from_environment(table, remaining)
    return Connector(
        starts=Starts(table),
        grants=Grants(table, TokenEncryption.from_environment()),
        site=ThinkificOAuth(_app(redirect)),
        check_role=partial(_check_role, limiter, request_id),
        unchecked=_unchecked,
        subdomain=optional("THINKIFIC_SUBDOMAIN"),
        random_text=partial(secrets.token_urlsafe, 32),
        now=now,
    )


def disconnector(table: Table) -> Disconnector:
    """Return what disconnecting needs; a missing secret keeps nobody from it."""
    return Disconnector(
        grants=Grants(table, TokenEncryption.from_environment()), revoke=_revoke, not_told=_not_told
    )


def _access(table: Table, remaining: int) -> Access:
    ends = time.monotonic() + remaining / 1000
    return Access(
        grants=Grants(table, TokenEncryption.from_environment()),
        # Renewing sends no redirect URI.
        site=ThinkificOAuth(_app("")),
        subdomain=setting("THINKIFIC_SUBDOMAIN"),
        now=now,
        seconds_left=lambda: ends - time.monotonic(),
        sleep=time.sleep,
        alarm=_alarm,
        on_outcome=_on_outcome,
    )


def _app(redirect: str) -> OAuthApp:
    return OAuthApp(
        site_url=setting("THINKIFIC_OAUTH_URL").rstrip("/"),
        client_id=secret_text(SECRET, "clientId"),
        client_secret=secret_text(SECRET, "clientSecret"),
        redirect_uri=redirect,
        repeats_redirect=enabled("OAUTH_REPEATS_REDIRECT"),
    )


def _revoke(subdomain: str, token: str) -> None:
    ThinkificOAuth(_app("")).revoke(subdomain, token)


def _check_role(limiter: SharedLimiter, request_id: str, token: str) -> None:
    """Read one course with a fresh token: that of a student, or without the scope, is refused."""
    url = setting("THINKIFIC_API_URL").rstrip("/")
    api = ThinkificApi(ThinkificSite(url, Bearer(lambda: token)), limiter, request_id)
    try:
        api.get("/courses", {"page": 1, "limit": 1})
    except AccessRefused:
        raise GrantRefused(
            "the token of whoever pressed Approve; only the owner or an admin of the site can "
            "connect it, and the app needs the scope to read courses"
        ) from None


def _alarm(reason: str) -> None:
    logger.error("platform connection refused", reason=reason, todo=TODO)
    observability.count("PlatformRefused")


def _on_outcome(reason: str) -> None:
    logger.warning("platform connection not renewed", reason=reason, todo="it is tried again")


def _not_told(reason: str) -> None:
    message = "the platform not told of the end of its connection"
    logger.warning(message, reason=reason, todo=LEFT)


def _unchecked(reason: str) -> None:
    todo = "see that the owner or an admin of the site pressed Approve; else calls are refused"
    logger.warning("role at the platform not checked", reason=reason, todo=todo)
