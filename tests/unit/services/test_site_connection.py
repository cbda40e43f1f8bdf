"""Connecting a site: an admin begins it, and its state finishes it once."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from lunas.domain.errors import (
    ConfigurationError,
    Conflict,
    DeliveryDelayed,
    DeliveryImpossible,
    Forbidden,
    GrantRefused,
    InvalidInput,
    NoPermit,
    PlatformUnavailable,
    StorageContention,
)
from lunas.domain.sites import START_LIFETIME, Connection, Start, Tokens, challenge_of
from lunas.services.site_connection import MAX_ATTEMPTS, SiteConnectionService
from tests.support.interruptions import Interruption, interrupt
from tests.unit.services.fakes import FakeClock
from tests.unit.services.oauth_fakes import DAY, FakeOAuth, FakeSites


class Service:
    """A connection service over fakes."""

    def __init__(self, subdomain: str | None = "shop") -> None:
        self.sites, self.oauth = FakeSites(), FakeOAuth()
        self.clock = FakeClock()
        self.before_check: list[Interruption] = []
        self.checked: list[str] = []
        self.unchecked: list[str] = []
        self.texts = iter(f"text{number}" for number in range(100))
        self.unrevoked: list[str] = []
        self.service = SiteConnectionService(
            sites=self.sites,
            authorization=lambda: self.oauth,
            check_role=self.check_role,
            on_unchecked=self.unchecked.append,
            on_unrevoked=self.unrevoked.append,
            subdomain=subdomain,
            random_text=lambda: next(self.texts),
            now=self.clock,
        )

    def check_role(self, token: str) -> None:
        interrupt(self.before_check)
        self.checked.append(token)

    def begun(self, subdomain: str | None = "shop") -> Start:
        """Begin, and return the stored start."""
        url = self.service.begin(subdomain, "admin:a1")
        (state,) = parse_qs(urlsplit(url).query)["state"]
        return self.sites.kept[state]

    def finish(self, code: str, state: str, subdomain: str | None = "shop") -> Connection:
        return self.service.finish(code, state, subdomain)

    def renew(self) -> None:
        """Store new tokens, as a worker does."""
        assert self.sites.grant
        connection = self.sites.grant.connection
        number = connection.revision + 10
        tokens = Tokens(access_token=f"at-{number}", refresh_token=f"rt-{number}")
        self.sites.write(replace(connection, revision=connection.revision + 1), tokens)

    def connected(self) -> Connection:
        start = self.begun()
        return self.finish(self.oauth.allow(start), start.state)


@pytest.fixture
def service() -> Service:
    return Service()


def test_the_url_has_the_state_and_the_challenge_but_not_the_verifier(
    service: Service,
) -> None:
    url = service.service.begin("shop", "admin:a1")
    (start,) = service.sites.kept.values()
    assert start.state in url
    assert challenge_of(start.verifier) in url
    assert start.verifier not in url
    assert start.expires_at == service.clock.now + START_LIFETIME


def test_every_attempt_has_its_own_state_and_verifier(service: Service) -> None:
    one, two = service.begun(), service.begun()
    assert len({one.state, two.state, one.verifier, two.verifier}) == 4


def test_without_a_subdomain_the_configured_site_is_used(service: Service) -> None:
    assert service.begun(None).subdomain == "shop"


@pytest.mark.parametrize("subdomain", ["other", "shop.evil.com", "evil.com/", ""])
def test_no_other_site_can_be_connected(service: Service, subdomain: str) -> None:
    if not subdomain:
        service = Service(None)
    with pytest.raises(InvalidInput):
        service.service.begin(subdomain, "admin:a1")
    assert service.sites.kept == {}


def test_a_returned_code_connects_the_site(service: Service) -> None:
    connection = service.connected()
    assert service.sites.grant
    assert service.sites.grant.connection == connection
    assert (connection.subdomain, connection.actor, connection.site_gid) == (
        "shop",
        "admin:a1",
        "gid-1",
    )
    assert connection.expires_at == service.clock.now + DAY
    assert service.checked == [service.sites.grant.tokens.access_token]
    assert service.unchecked == []


def test_an_unknown_state_is_refused(service: Service) -> None:
    code = service.oauth.allow(service.begun())
    with pytest.raises(Forbidden):
        service.finish(code, "made-up")
    assert service.sites.grant is None
    assert service.oauth.issued == 1


def test_a_state_is_valid_once(service: Service) -> None:
    start = service.begun()
    code = service.oauth.allow(start)
    first = service.finish(code, start.state)
    service.oauth.allow(start)
    with pytest.raises(Forbidden):
        service.finish(code, start.state)
    assert service.sites.grant
    assert service.sites.grant.connection == first


def test_a_state_is_valid_for_ten_minutes(service: Service) -> None:
    start = service.begun()
    code = service.oauth.allow(start)
    service.clock.forward(START_LIFETIME)
    with pytest.raises(Forbidden):
        service.finish(code, start.state)
    last = service.begun()
    service.clock.forward(START_LIFETIME - timedelta(milliseconds=1))
    assert service.finish(service.oauth.allow(last), last.state).subdomain == "shop"


def test_another_site_cannot_answer(service: Service) -> None:
    start = service.begun()
    with pytest.raises(Forbidden, match="another site"):
        service.finish(service.oauth.allow(start), start.state, "evil")
    with pytest.raises(Forbidden):
        service.finish(service.oauth.allow(start), start.state)


def test_an_answer_without_a_subdomain_is_of_the_site_that_was_asked(service: Service) -> None:
    start = service.begun()
    assert service.finish(service.oauth.allow(start), start.state, None).subdomain == "shop"


def test_the_code_of_another_attempt_is_refused(service: Service) -> None:
    mine, other = service.begun(), service.begun()
    with pytest.raises(Conflict, match="400"):
        service.finish(service.oauth.allow(other), mine.state)
    assert service.sites.grant is None


def test_a_students_token_is_refused_and_not_stored(service: Service) -> None:
    service.before_check.append(GrantRefused("the token of a student"))
    with pytest.raises(Conflict, match="student"):
        service.connected()
    assert service.sites.grant is None


def test_while_thinkific_does_not_answer_nothing_is_connected(service: Service) -> None:
    service.oauth.before.append(DeliveryDelayed("no answer"))
    with pytest.raises(PlatformUnavailable):
        service.connected()
    assert service.sites.grant is None


@pytest.mark.parametrize(
    "trouble",
    [
        DeliveryDelayed("no answer"),
        NoPermit("no permit"),
        DeliveryImpossible("400"),
        StorageContention("-"),
    ],
)
def test_a_grant_is_stored_when_the_role_cannot_be_checked(
    service: Service, trouble: Exception
) -> None:
    """The code is used up, so the same attempt could not be repeated."""
    service.before_check.append(trouble)
    connection = service.connected()
    assert service.sites.grant
    assert service.sites.grant.connection == connection
    assert service.unchecked == [str(trouble)]


def test_tokens_that_cannot_be_renewed_are_not_stored(service: Service) -> None:
    service.oauth.gives_refresh_token = False
    with pytest.raises(Conflict, match="clientSecret"):
        service.connected()
    assert service.sites.grant is None


def test_a_new_install_replaces_the_former_one(service: Service) -> None:
    first, second = service.connected(), service.connected()
    assert second.revision == first.revision + 1


def test_cancelling_invalidates_the_state(service: Service) -> None:
    start = service.begun()
    service.service.cancel(start.state)
    with pytest.raises(Forbidden):
        service.finish(service.oauth.allow(start), start.state)


def test_cancelling_needs_no_state(service: Service) -> None:
    start = service.begun()
    service.service.cancel(None)
    assert service.finish(service.oauth.allow(start), start.state).subdomain == "shop"


def test_disconnecting_revokes_and_deletes_the_token(service: Service) -> None:
    service.connected()
    gone = service.service.disconnect()
    assert gone
    assert service.oauth.revoked == [("shop", "rt-2")]
    assert service.sites.grant is None
    assert service.service.disconnect() is None


def test_while_thinkific_cannot_revoke_the_token_the_connection_stays(service: Service) -> None:
    service.connected()
    service.oauth.before.append(DeliveryDelayed("no answer"))
    with pytest.raises(PlatformUnavailable):
        service.service.disconnect()
    assert service.sites.grant


def test_a_token_that_thinkific_does_not_know_is_deleted(service: Service) -> None:
    service.connected()
    service.oauth.before.append(GrantRefused("unknown"))
    assert service.service.disconnect()
    assert service.sites.grant is None
    assert service.unrevoked == []


@pytest.mark.parametrize("place", ["before_read", "revoke"])
def test_a_missing_setting_does_not_prevent_disconnecting(service: Service, place: str) -> None:
    connection = service.connected()
    broken = service.oauth.before if place == "revoke" else service.sites.before_read
    broken.append(ConfigurationError("a setting"))
    assert service.service.disconnect() == connection
    assert (service.sites.grant, service.oauth.revoked) == (None, [])
    assert service.unrevoked == ["a setting"]


def test_tokens_of_a_concurrent_renewal_are_revoked_too(service: Service) -> None:
    service.connected()
    service.sites.before_forget.append(service.renew)
    gone = service.service.disconnect()
    assert gone
    assert gone.revision == 2
    assert service.oauth.revoked == [("shop", "rt-2"), ("shop", "rt-11")]
    assert service.sites.grant is None


def test_a_site_that_was_disconnected_meanwhile_returns_nothing(service: Service) -> None:
    service.connected()

    def other() -> None:
        service.sites.grant = None

    service.sites.before_forget.append(other)
    assert service.service.disconnect() is None
    assert len(service.oauth.revoked) == 1


def test_disconnecting_fails_while_renewals_keep_storing_tokens(service: Service) -> None:
    service.connected()
    service.sites.before_forget += [service.renew] * MAX_ATTEMPTS
    with pytest.raises(StorageContention):
        service.service.disconnect()
    assert service.sites.grant
    assert len(service.oauth.revoked) == MAX_ATTEMPTS
