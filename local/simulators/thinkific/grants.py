"""What sites have granted to apps: approvals, codes, and the tokens that came of them.

A code is used up by the first attempt to exchange it. A refresh token is single-use: a refresh
gives a new one and voids the former. Source: ``docs/reference/thinkific.md``, OAuth.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.simulators.thinkific.tokens import AccessToken, TokenStore

CODE_LIFE = timedelta(seconds=60)


@dataclass(frozen=True)
class Code:
    """A one-time code: for which app and site it is, and what its exchange has to match.

    ``challenge`` is the PKCE challenge (S256) that the exchange's verifier meets, or None.
    """

    value: str
    client_id: str
    subdomain: str
    role: str
    redirect_uri: str
    challenge: str | None
    expires_at: datetime


@dataclass
class Grant:
    """One install: its newest tokens, every access token so far, and the count of refreshes."""

    client_id: str
    subdomain: str
    role: str
    access: AccessToken
    refresh_token: str | None
    issued: list[AccessToken] = field(default_factory=list)
    refreshes: int = 0


class Grants:
    """Every approval, code and grant since the last reset.

    Methods do not await: of many refreshes at once with one token, exactly one finds it.
    """

    def __init__(self, tokens: TokenStore) -> None:
        self._tokens = tokens
        self._approved: dict[tuple[str, str], str] = {}
        self._codes: dict[str, Code] = {}
        self._grants: list[Grant] = []

    def __iter__(self) -> Iterator[Grant]:
        return iter(self._grants)

    def approve(self, client_id: str, subdomain: str, role: str) -> None:
        """Remember that an admin in ``role`` let the app onto the site."""
        self._approved[client_id, subdomain] = role

    def role_of(self, client_id: str, subdomain: str) -> str | None:
        """Return in which role the app was approved, or None when it has to ask."""
        return self._approved.get((client_id, subdomain))

    def add_code(
        self,
        client_id: str,
        subdomain: str,
        redirect_uri: str,
        challenge: str | None,
        now: datetime,
    ) -> Code:
        """Make a code for an approved app."""
        role = self._approved[client_id, subdomain]
        value, ends = secrets.token_urlsafe(32), now + CODE_LIFE
        code = Code(value, client_id, subdomain, role, redirect_uri, challenge, ends)
        self._codes[value] = code
        return code

    def take_code(self, client_id: str, value: str, now: datetime) -> Code | None:
        """Use up a code of the app; None when it is another's, used, too old or never was."""
        code = self._codes.get(value)
        if code is None or code.client_id != client_id:
            return None
        del self._codes[value]
        return code if code.expires_at > now else None

    def begin(self, code: Code, now: datetime, *, refreshable: bool) -> Grant:
        """Turn a code into tokens; a grant without refresh token ends with its access token."""
        access = self._tokens.issue_to_app(code.client_id, code.subdomain, code.role, now)
        refresh = _refresh_token() if refreshable else None
        grant = Grant(code.client_id, code.subdomain, code.role, access, refresh, [access])
        self._grants.append(grant)
        return grant

    def find(self, client_id: str, refresh_token: str) -> Grant | None:
        """Return the app's grant that this refresh token renews now, or None."""
        found = (one for one in self._grants if one.refresh_token == refresh_token)
        return next((one for one in found if one.client_id == client_id), None)

    def renew(self, grant: Grant, now: datetime, *, void_access: bool) -> None:
        """Give a grant new tokens; ``void_access`` ends the former access token as well."""
        if void_access:
            self._tokens.drop(grant.access.value)
        grant.access = self._tokens.issue_to_app(grant.client_id, grant.subdomain, grant.role, now)
        grant.issued.append(grant.access)
        grant.refresh_token = _refresh_token()
        grant.refreshes += 1

    def revoke(self, client_id: str, value: str) -> None:
        """End the app's grant that the token, of either kind, belongs to, if there is one."""
        for grant in [one for one in self._grants if one.client_id == client_id]:
            if value == grant.refresh_token or value in {one.value for one in grant.issued}:
                self._end(grant)

    def uninstall(self, client_id: str, subdomain: str) -> None:
        """End everything that the site granted to the app, as its admin can."""
        self._approved.pop((client_id, subdomain), None)
        for grant in [one for one in self._grants if one.client_id == client_id]:
            if grant.subdomain == subdomain:
                self._end(grant)

    def _end(self, grant: Grant) -> None:
        self._grants.remove(grant)
        self._approved.pop((grant.client_id, grant.subdomain), None)
        for token in grant.issued:
            self._tokens.drop(token.value)


def _refresh_token() -> str:
    return secrets.token_hex(32)
