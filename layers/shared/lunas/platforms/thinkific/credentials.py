"""The three ways to authenticate at Thinkific (docs/reference/thinkific.md, Authentication).

REST v1 takes each of them by its headers; the Webhooks API v2 takes a bearer only, where the API
key of a site counts as one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Credentials(Protocol):
    """What opens a site. Reading it may take a while; raises DeliveryError, StorageContention."""

    def headers(self) -> dict[str, str]:
        """Return the headers that a call of REST v1 carries."""

    def bearer(self) -> str:
        """Return the bearer that a call of the Webhooks API v2 carries."""

    def replaced(self) -> bool:
        """Look for other credentials than Thinkific just refused; tell whether there are any."""


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
        """Tell that a person has to replace a key."""
        return False


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, which implies its site: an API access token, or one that an app got by OAuth.

    ``token`` is asked before each call, so that one that was refreshed meanwhile is picked up.
    ``replace`` hears that Thinkific refused the token, and tells whether there is another now.
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
        """Ask for another token."""
        return self.replace()
