"""Creates clients of Thinkific from the settings: address, credentials, rate limit."""

from typing import TYPE_CHECKING

from lunas.aws.secrets import secret_text
from lunas.aws.settings import optional, setting
from lunas.domain.errors import ConfigurationError
from lunas.domain.sites import TOPICS, TOPICS_OF_AN_APP, Authentication, Connection, is_connected
from lunas.platforms.thinkific.credentials import SECRET, ApiKey, Bearer, Credentials
from lunas.platforms.thinkific.http import ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.rate_limiter import MAX_WAIT, SharedLimiter
from lunas.storage.table import Table

if TYPE_CHECKING:
    from lunas.platforms.thinkific.webhooks import ThinkificWebhooks


def authentication() -> Authentication:
    """Return the way of authentication, an API key unless the settings name another."""
    chosen = optional("THINKIFIC_AUTHENTICATION") or Authentication.API_KEY
    try:
        return Authentication(chosen)
    except ValueError:
        known = ", ".join(Authentication)
        raise ConfigurationError(f"THINKIFIC_AUTHENTICATION is none of {known}") from None


def site_of(table: Table, remaining: int) -> ThinkificSite:
    """Return the site for an invocation that has ``remaining`` milliseconds left."""
    url = setting("THINKIFIC_API_URL").rstrip("/")
    return ThinkificSite(url, credentials(table, remaining))


def credentials(table: Table, remaining: int) -> Credentials:
    """Return the site's credentials; raises ConfigurationError if they are not set."""
    match authentication():
        case Authentication.API_KEY:
            return ApiKey(setting("THINKIFIC_SUBDOMAIN"), secret_text(SECRET, "apiKey"))
        case Authentication.ACCESS_TOKEN:
            token = secret_text(SECRET, "accessToken")
            return Bearer(lambda: token)
        case Authentication.OAUTH:
            # It needs KMS, which is loaded only where it is used.
            from lunas.platforms.thinkific.connecting import oauth_bearer  # noqa: PLC0415

            return oauth_bearer(table, remaining)


def api(
    table: Table, remaining: int, correlation_id: str | None, max_wait: int | None = None
) -> ThinkificApi:
    """Return the API for an invocation; its calls wait at most ``max_wait`` milliseconds."""
    wait = MAX_WAIT if max_wait is None else max_wait
    limiter = SharedLimiter.from_environment(table, remaining, wait)
    return ThinkificApi(site_of(table, remaining), limiter, correlation_id)


def webhooks(table: Table, remaining: int, correlation_id: str) -> "ThinkificWebhooks":
    """Return the webhooks of the site for an invocation."""
    # Only one function uses them, so only that one pays for the import.
    from lunas.platforms.thinkific.webhooks import (  # noqa: PLC0415
        ThinkificWebhooks,
        WebhooksApi,
        bearing,
    )

    limiter = SharedLimiter.from_environment(table, remaining)
    return ThinkificWebhooks(
        WebhooksApi(bearing(site_of(table, remaining)), limiter, correlation_id)
    )


def topics() -> tuple[str, ...]:
    """Return the topics of the events that Lunas needs; an app's include its uninstallation."""
    return TOPICS_OF_AN_APP if authentication() is Authentication.OAUTH else TOPICS


def is_disconnected(connection: Connection | None) -> bool:
    """Return whether OAuth is in use and no usable site is connected."""
    needed = authentication() is Authentication.OAUTH
    return needed and not is_connected(connection, optional("THINKIFIC_SUBDOMAIN"))
