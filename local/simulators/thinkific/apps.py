"""The apps that may ask a site for access, as the Partner Portal keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.simulators.thinkific.scopes import ALL_SCOPES
from local.simulators.thinkific.settings import Account


@dataclass(frozen=True)
class App:
    """One app. Its scopes hold for tokens that were given out earlier as well.

    ``subdomain`` is the site that an authorization means where the address names none.
    """

    client_id: str
    client_secret: str
    name: str
    subdomain: str
    redirect_uris: tuple[str, ...] = ()
    scopes: frozenset[str] = ALL_SCOPES


type Apps = Mapping[str, App]
"""Apps by client id."""


def configured_app(account: Account) -> App:
    """Return the app that exists from the start; its redirect URIs are registered later."""
    return App(account.client_id, account.client_secret, "Lunas", account.subdomain)
