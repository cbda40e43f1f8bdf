"""Claims on courses of accounts in the table."""

from datetime import timedelta

import pytest

from lunas.adapters.store.claims import AccessClaims
from lunas.adapters.store.table import Table
from lunas.rules.claims import Claims, Place
from tests.unit.builders import LATER

PLACE, OTHER, STRANGER = Place(7, 2_000_001), Place(7, 2_000_002), Place(71, 2_000_001)
SOON = LATER + timedelta(days=30)


@pytest.fixture
def claims(table: Table) -> AccessClaims:
    return AccessClaims(table)


def test_each_claim_and_release_counts_up_and_shows_all(claims: AccessClaims) -> None:
    first = claims.claim(PLACE, "enr1", SOON)
    assert first == Claims(
        place=PLACE, version=1, enrollment_ids=frozenset({"enr1"}), given=frozenset({SOON})
    )
    second = claims.claim(PLACE, "enr2", None)
    assert (second.version, sorted(second.enrollment_ids)) == (2, ["enr1", "enr2"])
    assert second.given == {SOON, None}
    third = claims.release(PLACE, "enr1")
    assert (third.version, *third.enrollment_ids, *third.released) == (3, "enr2", "enr1")
    assert third.names("enr1")


def test_who_claims_again_is_released_no_more(claims: AccessClaims) -> None:
    claims.release(PLACE, "enr1")
    again = claims.claim(PLACE, "enr1", None)
    assert [*again.enrollment_ids, *again.released] == ["enr1"]


def test_what_is_forgotten_or_given_counts_nothing_up(claims: AccessClaims) -> None:
    claims.claim(PLACE, "enr1", SOON)
    claims.release(PLACE, "enr1")
    claims.forget(PLACE, "enr1")
    claims.note_given(PLACE, None)
    (stands,) = claims.of_account(7).values()
    assert stands == Claims(place=PLACE, version=2, given=frozenset({SOON, None}))
    assert not stands.names("enr1")


def test_an_account_shows_its_own_claims_only(claims: AccessClaims) -> None:
    made = {each: claims.claim(each, "enr1", None) for each in (PLACE, OTHER, STRANGER)}
    assert claims.of_account(7) == {PLACE: made[PLACE], OTHER: made[OTHER]}
    assert claims.of_account(8) == {}


def test_more_claims_than_fit_into_a_page_are_all_read(claims: AccessClaims) -> None:
    long = "e" * 300_000
    for course in range(5):
        claims.claim(Place(7, course), f"{course}{long}", None)
    assert len(claims.of_account(7)) == 5
