"""Gives a valid token of the connected site, renewed by one worker at a time.

A refresh token works once: each renewal invalidates the one before. So one worker renews and stores
the new tokens before it uses them, while the others use the old access token until its end or wait
for the new one. The lock is not released: after a call without a response it is unknown which token
is valid, and the end of the lock delays the next try. Once the platform refuses to renew, there are
no further tries, and the access token is used until its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lunas.domain.delivery import LONGEST_RETRY
from lunas.domain.errors import ConfigurationError, DeliveryDelayed, GrantRefused
from lunas.domain.sites import Grant, Tokens

if TYPE_CHECKING:
    from lunas.platforms.base import SiteAuthorization
    from lunas.services.repositories import Clock, SiteRepository

LOOKS = 32
"""How many times a worker without a valid token reads whether another one has renewed it."""
LOOK_EVERY = 0.25
"""Seconds between two of these reads."""
SHORTEST = 20.0
"""Seconds that an invocation must have left to renew, so that it can store the new token."""
NEXT_TRY = 30.0
"""Seconds until another delivery is tried while there is no valid token."""
NOT_CONNECTED = LONGEST_RETRY
"""Seconds until another delivery is tried while the site is not connected."""
YOUNG = timedelta(minutes=5)
"""A 401 within this time of a renewal has another cause than an expired token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthTokenService:
    """Gives the token of the connected site, and renews it in time.

    ``seconds_left`` returns how long this invocation may still take, ``sleep`` takes seconds.
    ``on_lost`` is called with the reason when the connection is lost, ``on_delay`` with the reason
    when renewing has to wait.
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
        """Return the grant with a valid token.

        Raises DeliveryDelayed while there is none: the site is not connected, the token was refused
        and has ended, or it is being renewed.
        """
        grant = self._serving()
        if grant.connection.refused or not grant.connection.is_due(self.now()):
            return grant
        return self._newer(grant, good=grant.connection.is_usable(self.now()))

    def after_refusal(self, refused: str) -> bool:
        """Return whether there is another token than the one that the platform refused with 401.

        Another worker may have renewed it, or be doing so. Otherwise it is renewed, which also
        fails if the app was uninstalled. Raises like :meth:`current`, and for a token that can no
        longer be renewed.
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
        """Read the grant of the configured site, refused or not."""
        grant = self.sites.read()
        if grant is None:
            raise DeliveryDelayed("the platform's site is not connected", NOT_CONNECTED)
        if grant.connection.subdomain != self.subdomain:
            raise DeliveryDelayed("another site is connected", NOT_CONNECTED)
        return grant

    def _serving(self) -> Grant:
        """Read a usable grant: a refused one can be used until its access token ends."""
        grant = self._connected()
        if grant.connection.refused and not grant.connection.is_usable(self.now()):
            raise _lost()
        return grant

    def _newer(self, grant: Grant, *, good: bool) -> Grant:
        """Renew the tokens, unless another worker does or there is no time left.

        ``good``: the present tokens can still be used.
        """
        if self.seconds_left() >= SHORTEST:
            lock = self.sites.lock(grant.connection, self.now())
            if lock is not None:
                return self._renewed(grant, lock, good=good)
        return grant if good else self._awaited(grant)

    def _renewed(self, grant: Grant, lock: str, *, good: bool) -> Grant:
        """Renew with the lock held; the new tokens are stored before they are used."""
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
        # Without a new refresh token the old one stays valid (RFC 6749, section 6).
        tokens = Tokens(
            access_token=issue.access_token,
            refresh_token=issue.refresh_token or grant.tokens.refresh_token,
        )
        kept = self.sites.renew(is_now, tokens)
        # If the site was connected again meanwhile, those tokens are used.
        return kept or self._serving()

    def _refused(self, grant: Grant, lock: str, reason: str, *, good: bool) -> Grant:
        """Read again before the connection counts as lost: another worker may have renewed it.

        An admin has to connect the site again; ``good`` tokens are used until they end.
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
