"""A token of the connected site that is good now, renewed by one caller at a time.

Thinkific's refresh tokens are used once: each renewal makes the former one void. So of all
workers one renews, the new tokens are kept before anybody uses them, and the others go on with
the old token while it lasts, or wait a moment for the new one. Nobody gives the lock back: after
a call without an answer nobody knows which token is good, and its end spaces out the next try.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lunas.rules.errors import DeliveryDelayed, GrantRefused, Misconfigured
from lunas.rules.oauth import Grant, Tokens

if TYPE_CHECKING:
    from lunas.usecases.ports import Clock, GrantKeeper, OAuthSite

LOOKS = 32
"""How often a caller without a good token looks whether another one has renewed it."""
LOOK_EVERY = 0.25
"""Seconds between two looks."""
SHORTEST = 20.0
"""Seconds that an invocation needs to have left to renew: no new token may be lost with it."""
NEXT_TRY = 30.0
"""Seconds until another delivery is tried while there is no good token."""
NOT_CONNECTED = 300.0
"""Seconds until another delivery is tried while a person has to connect the site."""
YOUNG = timedelta(minutes=5)
"""A token that is refused within this time of its making is not the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Everything that getting a token needs.

    ``seconds_left`` tells how long this invocation may still take, ``sleep`` takes seconds.
    ``alarm`` hears why the connection is lost, ``heed`` why renewing has to wait.
    """

    grants: GrantKeeper
    site: OAuthSite
    subdomain: str
    now: Clock
    seconds_left: Callable[[], float]
    sleep: Callable[[float], None]
    alarm: Callable[[str], None]
    heed: Callable[[str], None]


def current(access: Access) -> Grant:
    """Return the grant with a token that is good now.

    Raises DeliveryDelayed while there is none: not connected, refused, or being renewed.
    """
    grant = _connected(access)
    if not grant.connection.is_due(access.now()):
        return grant
    return _newer(access, grant, good=grant.connection.is_usable(access.now()))


def after_refusal(access: Access, refused: str) -> bool:
    """Tell whether there is another token than the one that Thinkific refused with 401.

    Another worker may have renewed it, or be doing so. Otherwise renewing shows what the refusal
    means: an app that was uninstalled is refused there as well. Raises like :func:`current`.
    """
    grant = _connected(access)
    if grant.tokens.access_token != refused:
        return True
    if access.now() - grant.connection.renewed_at < YOUNG:
        return False
    return _newer(access, grant, good=False).tokens.access_token != refused


def _connected(access: Access) -> Grant:
    grant = access.grants.read()
    if grant is None or grant.connection.refused:
        raise DeliveryDelayed("the Thinkific site is not connected", NOT_CONNECTED)
    if grant.connection.subdomain != access.subdomain:
        raise DeliveryDelayed("another Thinkific site is connected", NOT_CONNECTED)
    return grant


def _newer(access: Access, grant: Grant, *, good: bool) -> Grant:
    """Renew, unless somebody else does or there is no time: then ``good`` tokens serve on."""
    if access.seconds_left() >= SHORTEST:
        lock = access.grants.lock(grant.connection, access.now())
        if lock is not None:
            return _renewed(access, grant, lock, good=good)
    return grant if good else _awaited(access, grant)


def _renewed(access: Access, grant: Grant, lock: str, *, good: bool) -> Grant:
    """Renew as the one who holds the lock; the new tokens are kept before they are used."""
    was = grant.connection
    try:
        issue = access.site.refresh(was.subdomain, grant.tokens.refresh_token)
    except GrantRefused as refused:
        return _refused(access, grant, lock, str(refused))
    except (DeliveryDelayed, Misconfigured) as error:
        access.heed(str(error))
        if good:
            return grant
        raise DeliveryDelayed(str(error), NEXT_TRY) from None
    now = access.now()
    is_now = replace(was, renewed_at=now, expires_at=now + issue.lifetime, refused=False)
    # A server that gives no new one leaves the former one valid (RFC 6749, section 6).
    tokens = Tokens(
        access_token=issue.access_token,
        refresh_token=issue.refresh_token or grant.tokens.refresh_token,
    )
    kept = access.grants.renew(is_now, tokens)
    # Somebody connected the site anew meanwhile: what they brought stands.
    return kept or _connected(access)


def _refused(access: Access, grant: Grant, lock: str, reason: str) -> Grant:
    """Read once more before the connection counts as lost: somebody may have renewed it."""
    stands = _connected(access)
    if stands.connection.revision != grant.connection.revision:
        return stands
    if access.grants.refuse(lock):
        access.alarm(reason)
    raise DeliveryDelayed("Thinkific refused to renew the connection", NOT_CONNECTED)


def _awaited(access: Access, grant: Grant) -> Grant:
    for _ in range(LOOKS):
        access.sleep(LOOK_EVERY)
        stands = _connected(access)
        if stands.connection.revision != grant.connection.revision:
            return stands
    raise DeliveryDelayed("the connection to Thinkific is being renewed", NEXT_TRY)
