"""The platform's API as the settings describe it: where it is, what opens it, and how fast."""

from lunas.aws.secrets import secret_text
from lunas.aws.settings import optional, setting
from lunas.domain.errors import ConfigurationError
from lunas.platforms.thinkific.credentials import ApiKey, Authentication, Bearer, Credentials
from lunas.platforms.thinkific.http import ThinkificSite
from lunas.storage.table import Table

SECRET = "THINKIFIC_SECRET_ID"  # noqa: S105
"""Environment variable with the id of the secret."""


def authentication() -> Authentication:
    """Return the way that the settings choose, an API key unless they name another."""
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
    """Return what opens the site; raises ConfigurationError when it is not set."""
    match authentication():
        case Authentication.API_KEY:
            return ApiKey(setting("THINKIFIC_SUBDOMAIN"), secret_text(SECRET, "apiKey"))
        case Authentication.ACCESS_TOKEN:
            token = secret_text(SECRET, "accessToken")
            return Bearer(lambda: token)
        case Authentication.OAUTH:
            # It needs KMS as well, which nobody loads who does not use it.
            from lunas.api.site_connection import oauth_bearer  # noqa: PLC0415

            return oauth_bearer(table, remaining)
