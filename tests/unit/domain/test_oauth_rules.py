"""Rules of the OAuth connection: subdomains, challenges, and when a token is renewed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.errors import InvalidInput
from lunas.domain.sites import EARLY, Connection, Issue, Tokens, challenge_of, check_subdomain
from tests.support.builders import NOW

DAY = timedelta(days=1)
CONNECTION = Connection(
    subdomain="shop",
    actor="admin:a1",
    connected_at=NOW,
    renewed_at=NOW,
    expires_at=NOW + DAY,
    revision=1,
)


@pytest.mark.parametrize("given", ["shop", "s", "my-shop-2", "a" * 63])
def test_a_subdomain_is_accepted(given: str) -> None:
    assert check_subdomain(given, None) == given


@pytest.mark.parametrize(
    "given",
    ["", "Shop", "shop.evil.com", "shop/", "shop@evil.com", "shop#", "-shop", "shop-", "a" * 64,
     "shop\n", "sh op", "shöp", "shop:80", "{subdomain}"],
)  # fmt: skip
def test_an_invalid_subdomain_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_subdomain(given, None)
    assert [each.field for each in raised.value.errors] == ["subdomain"]


def test_another_site_than_the_configured_one_is_refused() -> None:
    assert check_subdomain("shop", "shop") == "shop"
    with pytest.raises(InvalidInput, match="not the site"):
        check_subdomain("other", "shop")


def test_the_challenge_is_that_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_token_is_renewed_an_hour_before_its_end() -> None:
    due = CONNECTION.expires_at - EARLY
    assert not CONNECTION.is_due(due - timedelta(seconds=1))
    assert CONNECTION.is_due(due)


def test_a_short_token_is_renewed_at_half_its_lifetime() -> None:
    short = replace(CONNECTION, expires_at=NOW + timedelta(minutes=10))
    assert not short.is_due(NOW + timedelta(minutes=4))
    assert short.is_due(NOW + timedelta(minutes=5))


def test_a_token_is_usable_until_its_end_even_if_its_renewal_is_refused() -> None:
    last = CONNECTION.expires_at - timedelta(milliseconds=1)
    assert CONNECTION.is_usable(last)
    assert not CONNECTION.is_usable(CONNECTION.expires_at)
    assert replace(CONNECTION, refused=True).is_usable(last)


def test_a_printed_grant_shows_no_token() -> None:
    tokens = Tokens(access_token="at-secret", refresh_token="rt-secret")
    issue = Issue(access_token="at-secret", refresh_token="rt-secret", lifetime=DAY)
    assert "secret" not in f"{tokens!r}{issue!r}"
