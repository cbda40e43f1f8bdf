"""A token of the connected site that is good now, renewed by one caller at a time.

The platform's refresh tokens are used once: each renewal makes the former one void. So of all
workers one renews, the new tokens are kept before they are used, and the others go on with the
old token while it lasts, or wait a moment for the new one. The lock is not given back: after a
call without an answer no one knows which token is good, and its end spaces out the next try. Once
the platform refuses to renew, no one tries again, and the token serves on until its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lunas.domain.delivery import LONGEST_RETRY
from lunas.domain.errors import ConfigurationError, DeliveryDelayed, GrantRefused
from lunas.domain.oauth import Grant, Tokens

if TYPE_CHECKING:
    from lunas.platforms.base import SiteAuthorization
    from lunas.services.repositories import Clock, SiteRepository

LOOKS = 32
"""How often a caller without a good token looks whether another one has renewed it."""
LOOK_EVERY = 0.25
"""Seconds between two looks."""
SHORTEST = 20.0
"""Seconds that an invocation needs to have left to renew: no new token may be lost with it."""
NEXT_TRY = 30.0
"""Seconds until another delivery is tried while there is no good token."""
NOT_CONNECTED = LONGEST_RETRY
"""Seconds until another delivery is tried while a person has to connect the site."""
YOUNG = timedelta(minutes=5)
"""A token that is refused within this time of its making is not the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthTokenService:
    """Gives the token of the connected site, renewed when it is time.

    ``seconds_left`` returns how long this invocation may still take, ``sleep`` takes seconds.
    ``on_lost`` gets the reason why the connection is lost, ``on_delay`` why renewing has to wait.
    """

    sites: SiteRepository
    authorization: SiteAuthorization
    subdomain: str
    now: Clock
    seconds_left: Callable[[], float]
    sleep: Callable[[float], None]
    on_lost: Callable[[str], None]
    on_delay: Callable[[str], None]

    def current(self) -> Grant:
        """Return the grant with a token that is good now.

        Raises DeliveryDelayed while there is none: not connected, refused and over, or being
        renewed.
        """
        grant = self._serving()
        if grant.connection.refused or not grant.connection.is_due(self.now()):
            return grant
        return self._newer(grant, good=grant.connection.is_usable(self.now()))

    def after_refusal(self, refused: str) -> bool:
        """Return whether there is another token than the one that the platform refused with 401.

        Another worker may have renewed it, or be doing so. Otherwise renewing shows what the
        refusal means: an app that was uninstalled is refused there as well. Raises like
        :meth:`current`, and for a token that is not renewed any more: its 401 ends it.
        """
        grant = self._connected()
        if grant.tokens.access_token != refused:
            return True
        if grant.connection.refused:
            raise _lost()
        if self.now() - grant.connection.renewed_at < YOUNG:
            return False
        return self._newer(grant, good=False).tokens.access_token != refused

    def _connected(self) -> Grant:
        """Read the grant of the site that is set up, be it refused or not."""
        grant = self.sites.read()
        if grant is None:
            raise DeliveryDelayed("the platform's site is not connected", NOT_CONNECTED)
        if grant.connection.subdomain != self.subdomain:
            raise DeliveryDelayed("another site is connected", NOT_CONNECTED)
        return grant

    def _serving(self) -> Grant:
        """Read a grant that may be used: one that was refused serves until its token ends."""
        grant = self._connected()
        if grant.connection.refused and not grant.connection.is_usable(self.now()):
            raise _lost()
        return grant

    def _newer(self, grant: Grant, *, good: bool) -> Grant:
        """Renew, unless another worker does or there is no time: then ``good`` tokens serve on."""
        if self.seconds_left() >= SHORTEST:
            lock = self.sites.lock(grant.connection, self.now())
            if lock is not None:
                return self._renewed(grant, lock, good=good)
        return grant if good else self._awaited(grant)

    def _renewed(self, grant: Grant, lock: str, *, good: bool) -> Grant:
        """Renew as the one who holds the lock; the new tokens are kept before they are used."""
        was = grant.connection
        try:
            issue = self.authorization.refresh(was.subdomain, grant.tokens.refresh_token)
        except GrantRefused as refused:
            return self._refused(grant, lock, str(refused), good=good)
        except (DeliveryDelayed, ConfigurationError) as error:
            self.on_delay(str(error))
            if good:
                return grant
            raise DeliveryDelayed(str(error), NEXT_TRY) from None
        now = self.now()
        is_now = replace(was, renewed_at=now, expires_at=now + issue.lifetime, refused=False)
        # A server that gives no new one leaves the former one valid (RFC 6749, section 6).
        tokens = Tokens(
            access_token=issue.access_token,
            refresh_token=issue.refresh_token or grant.tokens.refresh_token,
        )
        kept = self.sites.renew(is_now, tokens)
        # If the site was connected again meanwhile, its new tokens count.
        return kept or self._serving()

    def _refused(self, grant: Grant, lock: str, reason: str, *, good: bool) -> Grant:
        """Read once more before the connection counts as lost: another may have renewed it.

        A person has to connect the site again; ``good`` tokens give them time until they end.
        """
        current = self._connected()
        if current.connection.revision != grant.connection.revision:
            return current
        if self.sites.refuse(lock):
            self.on_lost(reason)
        if good:
            return grant
        raise _lost()

    def _awaited(self, grant: Grant) -> Grant:
        for _ in range(LOOKS):
            self.sleep(LOOK_EVERY)
            current = self._connected()
            if current.connection.revision != grant.connection.revision:
                return current
            if current.connection.refused:
                raise _lost()
        raise DeliveryDelayed("the connection to the platform is being renewed", NEXT_TRY)


def _lost() -> DeliveryDelayed:
    return DeliveryDelayed("the platform refused to renew the connection", NOT_CONNECTED)
