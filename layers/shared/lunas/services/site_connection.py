"""Connects a site: an admin begins, its owner agrees at the platform, which sends a code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.errors import (
    ConfigurationError,
    Conflict,
    DeliveryError,
    Forbidden,
    GrantRefused,
    PlatformUnavailable,
    StorageContention,
)
from lunas.domain.sites import (
    START_LIFETIME,
    Connection,
    Grant,
    Issue,
    Start,
    Tokens,
    challenge_of,
    check_subdomain,
)

if TYPE_CHECKING:
    from lunas.platforms.base import SiteAuthorization
    from lunas.services.repositories import Clock, SiteRepository

MAX_ATTEMPTS = 3
"""How many times disconnecting begins again after a concurrent renewal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConnectionService:
    """Connects the one site, and disconnects it.

    ``authorization`` is called only when needed, since disconnecting has to work without the
    settings that it reads. ``random_text`` returns a text for a URL that cannot be guessed.
    ``check_role`` makes a cheap call that requires an admin's token; it raises GrantRefused for any
    other token. ``on_unchecked`` is called with the reason when that call had no response,
    ``on_unrevoked`` with the reason when the tokens could not be revoked at the platform.
    """

    sites: SiteRepository
    authorization: Callable[[], SiteAuthorization]
    check_role: Callable[[str], None]
    on_unchecked: Callable[[str], None]
    on_unrevoked: Callable[[str], None]
    subdomain: str | None
    random_text: Callable[[], str]
    now: Clock

    def begin(self, subdomain: str | None, actor: str) -> str:
        """Begin to connect a site; return the address where its owner allows it.

        Raises InvalidInput for an invalid subdomain, or one other than the configured one.
        """
        authorization = self.authorization()
        site = check_subdomain(subdomain or self.subdomain or "", self.subdomain)
        start = Start(
            state=self.random_text(),
            verifier=self.random_text(),
            subdomain=site,
            actor=actor,
            expires_at=self.now() + START_LIFETIME,
        )
        self.sites.keep(start)
        return authorization.authorize_url(site, start.state, challenge_of(start.verifier))

    def finish(self, code: str, state: str, subdomain: str | None) -> Connection:
        """Exchange the code for tokens, once, and store them.

        Raises Forbidden for a state that is unknown, used, expired, or of another site; Conflict
        when the platform refuses the code or the new token; PlatformUnavailable when it does not
        respond.
        """
        authorization = self.authorization()
        start = self._taken(state)
        if subdomain is not None and subdomain != start.subdomain:
            raise Forbidden("another site answers than the one that was asked")
        issue, tokens = self._exchanged(authorization, start, code)
        now = self.now()
        connection = Connection(
            subdomain=start.subdomain,
            actor=start.actor,
            connected_at=now,
            renewed_at=now,
            expires_at=now + issue.lifetime,
            revision=1,
            site_gid=issue.site_gid,
        )
        return self.sites.replace(connection, tokens)

    def cancel(self, state: str | None) -> None:
        """Use up the state of an attempt that the owner refused, if there is one.

        It is optional: the platform does not document it, and a refusal changes nothing.
        """
        if state:
            self.sites.take(state)

    def disconnect(self) -> Connection | None:
        """Revoke the tokens at the platform and delete them; None if no site was connected.

        Raises PlatformUnavailable while the platform does not respond; then nothing has changed.
        Raises StorageContention when the tokens kept being renewed.
        """
        for _ in range(MAX_ATTEMPTS):
            connection = self._given_back()
            if connection is None or self.sites.forget(connection):
                return connection
        raise StorageContention("the connection keeps being renewed; try again")

    def _given_back(self) -> Connection | None:
        """Revoke the present tokens; a wrong setting, which waiting does not fix, is reported."""
        try:
            grant = self.sites.read()
            if grant is not None:
                self._revoke(grant)
        except ConfigurationError as wrong:
            self.on_unrevoked(str(wrong))
            return self.sites.connection()
        return grant.connection if grant else None

    def _revoke(self, grant: Grant) -> None:
        try:
            authorization = self.authorization()
            authorization.revoke(grant.connection.subdomain, grant.tokens.refresh_token)
        except DeliveryError as error:
            raise PlatformUnavailable(f"the platform cannot be reached: {error}") from None
        except GrantRefused:
            # The platform no longer accepts the token, which is the purpose.
            return

    def _taken(self, state: str) -> Start:
        """Delete the state, whatever follows: no state is valid for two tries."""
        start = self.sites.take(state)
        if start is None or self.now() >= start.expires_at:
            raise Forbidden("this attempt is unknown, was finished already, or took too long")
        return start

    def _exchanged(
        self, authorization: SiteAuthorization, start: Start, code: str
    ) -> tuple[Issue, Tokens]:
        try:
            issue = authorization.exchange(start.subdomain, code, start.verifier)
            self._check_role(issue.access_token)
        except DeliveryError as error:
            raise PlatformUnavailable(f"the platform cannot be reached: {error}") from None
        except GrantRefused as refused:
            raise Conflict(f"the platform refuses: {refused}") from None
        if issue.refresh_token is None:
            raise Conflict("the platform gave no refresh token: is the clientSecret set?")
        return issue, Tokens(access_token=issue.access_token, refresh_token=issue.refresh_token)

    def _check_role(self, token: str) -> None:
        """Refuse a token of a wrong role; without a response the grant is kept.

        Its code is used up, so a valid grant would be lost to a rate limit of a minute.
        """
        try:
            self.check_role(token)
        except (DeliveryError, StorageContention) as error:
            self.on_unchecked(str(error))
