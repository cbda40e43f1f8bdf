"""Connecting a site: an admin begins, the platform asks its owner, the code comes back."""

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
from lunas.domain.oauth import (
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

ROUNDS = 3
"""How often disconnecting begins again when other tokens were brought meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConnectionService:
    """Connects the one site, and disconnects it.

    ``authorization`` is called when it is needed, since disconnecting has to work without the
    settings that it reads. ``random_text`` returns a text for a URL that cannot be guessed.
    ``check_role`` makes a cheap call that only an admin's token is admitted to; it raises
    GrantRefused for any other token. ``on_unchecked`` gets the reason why that call had no answer,
    ``on_unrevoked`` the reason why the platform does not learn of the end of the connection.
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

        Raises InvalidInput for a subdomain that is none, or not the one that is set up.
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
        """Exchange the code that came back, once, and keep what it opens.

        Raises Forbidden for a state that was never begun, was used, is over, or is of another
        site; Conflict when the platform refuses the code, or the token that it gave;
        PlatformUnavailable when it does not answer.
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
        """Use up the state of an attempt that the owner refused, should it come along.

        Nothing says that it does, and a refusal changes nothing, so none is asked for.
        """
        if state:
            self.sites.take(state)

    def disconnect(self) -> Connection | None:
        """Give the tokens back to the platform and forget them; None if no site was connected.

        Raises PlatformUnavailable while the platform does not answer: then nothing has changed;
        and StorageContention when others kept bringing new tokens.
        """
        for _ in range(ROUNDS):
            connection = self._given_back()
            if connection is None or self.sites.forget(connection):
                return connection
        raise StorageContention("the connection keeps being renewed; try again")

    def _given_back(self) -> Connection | None:
        """Give the present tokens back; a wrong setting, which waiting does not fix, is passed."""
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
            raise PlatformUnavailable(f"the platform cannot be told: {error}") from None
        except GrantRefused:
            # It does not know the token any more, which is what was wanted.
            return

    def _taken(self, state: str) -> Start:
        """Take the state out of the store, whatever comes of it: no state is good for two tries."""
        start = self.sites.take(state)
        if start is None or self.now() >= start.expires_at:
            raise Forbidden("this try was not begun here, is finished already, or took too long")
        return start

    def _exchanged(
        self, authorization: SiteAuthorization, start: Start, code: str
    ) -> tuple[Issue, Tokens]:
        try:
            issue = authorization.exchange(start.subdomain, code, start.verifier)
            self._check_role(issue.access_token)
        except DeliveryError as error:
            raise PlatformUnavailable(f"the platform cannot be asked: {error}") from None
        except GrantRefused as refused:
            raise Conflict(f"the platform refuses: {refused}") from None
        if issue.refresh_token is None:
            raise Conflict("the platform gave no refresh token: is the clientSecret set?")
        return issue, Tokens(access_token=issue.access_token, refresh_token=issue.refresh_token)

    def _check_role(self, token: str) -> None:
        """Refuse a token of a wrong role; without an answer the grant is kept.

        Its code is used up, so a good grant would be lost for a limit that ends in a minute.
        """
        try:
            self.check_role(token)
        except (DeliveryError, StorageContention) as error:
            self.on_unchecked(str(error))
