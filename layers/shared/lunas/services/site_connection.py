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
    from lunas.services.repositories import Clock, GrantKeeper, OAuthSite, StartKeeper

ROUNDS = 3
"""How often disconnecting begins anew when somebody brings other tokens meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """Everything that connecting needs.

    ``random_text`` makes a text nobody can guess, for a URL. ``check_role`` makes a cheap call
    that only an admin's token is admitted to; it raises GrantRefused for any other token.
    ``unchecked`` hears why that call had no answer.
    """

    starts: StartKeeper
    grants: GrantKeeper
    site: OAuthSite
    check_role: Callable[[str], None]
    unchecked: Callable[[str], None]
    subdomain: str | None
    random_text: Callable[[], str]
    now: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnector:
    """Everything that disconnecting needs; whatever is not set shows only when it is used.

    ``revoke`` gives the token of a site back, as OAuthSite does. ``not_told`` hears why the
    platform cannot hear of it.
    """

    grants: GrantKeeper
    revoke: Callable[[str, str], None]
    not_told: Callable[[str], None]


def begin(connector: Connector, subdomain: str | None, actor: str) -> str:
    """Begin to connect a site; return the address where its owner allows it.

    Raises InvalidInput for a subdomain that is none, or not the one that is set up.
    """
    site = check_subdomain(subdomain or connector.subdomain or "", connector.subdomain)
    start = Start(
        state=connector.random_text(),
        verifier=connector.random_text(),
        subdomain=site,
        actor=actor,
        expires_at=connector.now() + START_LIFETIME,
    )
    connector.starts.keep(start)
    return connector.site.authorize_url(site, start.state, challenge_of(start.verifier))


def finish(connector: Connector, code: str, state: str, subdomain: str | None) -> Connection:
    """Exchange the code that came back, once, and keep what it opens.

    Raises Forbidden for a state that was never begun, was used, is over, or is of another site;
    Conflict when the platform refuses the code, or the token of whoever allowed it;
    PlatformUnavailable when it does not answer.
    """
    start = _taken(connector, state)
    if subdomain is not None and subdomain != start.subdomain:
        raise Forbidden("another site answers than the one that was asked")
    issue, tokens = _exchanged(connector, start, code)
    now = connector.now()
    connection = Connection(
        subdomain=start.subdomain,
        actor=start.actor,
        connected_at=now,
        renewed_at=now,
        expires_at=now + issue.lifetime,
        revision=1,
        site_gid=issue.site_gid,
    )
    return connector.grants.replace(connection, tokens)


def cancel(connector: Connector, state: str | None) -> None:
    """Use up the state of a try that the owner refused, should it come along.

    Nothing says that it does, and a refusal changes nothing, so none is asked for.
    """
    if state:
        connector.starts.take(state)


def disconnect(disconnector: Disconnector) -> Connection | None:
    """Give the tokens back to the platform and forget them; None if no site was connected.

    Raises PlatformUnavailable while the platform does not answer: then nothing has changed; and
    StorageContention when others kept bringing new tokens.
    """
    for _ in range(ROUNDS):
        connection = _given_back(disconnector)
        if connection is None or disconnector.grants.forget(connection):
            return connection
    raise StorageContention("the connection keeps being renewed; try again")


def _given_back(disconnector: Disconnector) -> Connection | None:
    """Give the tokens back that stand now; what waiting does not mend keeps nobody."""
    try:
        grant = disconnector.grants.read()
        if grant is not None:
            _revoke(disconnector, grant)
    except ConfigurationError as wrong:
        disconnector.not_told(str(wrong))
        return disconnector.grants.connection()
    return grant.connection if grant else None


def _revoke(disconnector: Disconnector, grant: Grant) -> None:
    try:
        disconnector.revoke(grant.connection.subdomain, grant.tokens.refresh_token)
    except DeliveryError as error:
        raise PlatformUnavailable(f"the platform cannot be told: {error}") from None
    except GrantRefused:
        # It does not know the token any more, which is what was wanted.
        return


def _taken(connector: Connector, state: str) -> Start:
    """Take the state out of the store, whatever comes of it: no state is good for two tries."""
    start = connector.starts.take(state)
    if start is None or connector.now() >= start.expires_at:
        raise Forbidden("this try was not begun here, is finished already, or took too long")
    return start


def _exchanged(connector: Connector, start: Start, code: str) -> tuple[Issue, Tokens]:
    try:
        issue = connector.site.exchange(start.subdomain, code, start.verifier)
        _check_role(connector, issue.access_token)
    except DeliveryError as error:
        raise PlatformUnavailable(f"the platform cannot be asked: {error}") from None
    except GrantRefused as refused:
        raise Conflict(f"the platform refuses: {refused}") from None
    if issue.refresh_token is None:
        raise Conflict("the platform gave no refresh token: is the clientSecret set?")
    return issue, Tokens(access_token=issue.access_token, refresh_token=issue.refresh_token)


def _check_role(connector: Connector, token: str) -> None:
    """Refuse whose token it should not be; without an answer the grant is kept.

    Its code is used up, so a good grant would be lost for a limit that ends in a minute.
    """
    try:
        connector.check_role(token)
    except (DeliveryError, StorageContention) as error:
        connector.unchecked(str(error))
