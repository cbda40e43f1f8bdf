"""The three ways to authenticate at Thinkific (docs/reference/thinkific.md, Authentication).

REST v1 accepts each of them in its own headers. The Webhooks API v2 accepts a bearer only, which
may be the site's API key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SECRET = "THINKIFIC_SECRET_ID"  # noqa: S105
"""Environment variable with the id of the secret."""


class Credentials(Protocol):
    """Authenticates calls to a site. Every method raises DeliveryError, StorageContention."""

    def headers(self) -> dict[str, str]:
        """Return the headers of a call to REST v1."""

    def bearer(self) -> str:
        """Return the bearer of a call to the Webhooks API v2."""

    def replaced(self) -> bool:
        """Look for other credentials than the refused ones; return whether there are any."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The API key of one site."""

    subdomain: str
    key: str

    def headers(self) -> dict[str, str]:
        """Return key and site."""
        return {"X-Auth-API-Key": self.key, "X-Auth-Subdomain": self.subdomain}

    def bearer(self) -> str:
        """Return the key."""
        return self.key

    def replaced(self) -> bool:
        """Return False: a person has to replace the key."""
        return False


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, which implies its site: an API access token, or one that an app got by OAuth.

    ``token`` is called before each call, so that a renewed token is used at once.
    ``replace`` is called when Thinkific refuses the token; it returns whether there is another.
    """

    token: Callable[[], str]
    replace: Callable[[], bool] = _never

    def headers(self) -> dict[str, str]:
        """Return the token."""
        return {"Authorization": f"Bearer {self.token()}"}

    def bearer(self) -> str:
        """Return the token."""
        return self.token()

    def replaced(self) -> bool:
        """Look for another token."""
        return self.replace()
