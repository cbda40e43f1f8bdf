"""The access tokens that a site accepts as a bearer's credentials."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

ACCESS_TOKEN_SECONDS = 86_399
NO_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class AccessToken:
    """A bearer token: it implies its site and carries the role of the user who authorized it.

    ``client_id`` is the app that it was given to, whose scopes then count; None for a token that
    a test asked for without an app, which has ``scopes`` of its own.
    """

    value: str
    subdomain: str
    role: str
    expires_at: datetime
    scopes: frozenset[str] = frozenset()
    client_id: str | None = None


class TokenStore:
    """The access tokens given out so far."""

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}

    def issue(
        self,
        subdomain: str,
        role: str,
        expires_at: datetime,
        scopes: frozenset[str] = frozenset(),
        client_id: str | None = None,
    ) -> AccessToken:
        """Make and keep a new token."""
        token = AccessToken(str(uuid4()), subdomain, role, expires_at, scopes, client_id)
        self.keep(token)
        return token

    def keep(self, token: AccessToken) -> None:
        """Keep a token that was made elsewhere."""
        self._tokens[token.value] = token

    def issue_to_app(self, client_id: str, subdomain: str, role: str, now: datetime) -> AccessToken:
        """Make and keep a token of the life that an app's tokens have."""
        expires_at = now + timedelta(seconds=ACCESS_TOKEN_SECONDS)
        return self.issue(subdomain, role, expires_at, client_id=client_id)

    def find(self, value: str, now: datetime) -> AccessToken | None:
        """Return the token with this value, or None when there is none or it has expired."""
        token = self._tokens.get(value)
        return token if token is not None and token.expires_at > now else None

    def drop(self, value: str) -> None:
        """Make a token unusable."""
        self._tokens.pop(value, None)

    def living(self, now: datetime) -> list[AccessToken]:
        """Return the tokens that can be used, oldest first."""
        return [token for token in self._tokens.values() if token.expires_at > now]
