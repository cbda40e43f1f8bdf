"""One course of one account at Thinkific serves all enrollments that lead to it."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lunas.domain.access_claims import Place
from lunas.domain.enrollments import (
    Access,
    Enrollment,
    EnrollmentStatus,
    enrollment_id,
    latest,
)
from lunas.domain.errors import DeliveryDelayed
from lunas.services.shared_access import ROUNDS, SharedAccess
from tests.support.builders import NOW, enrollment
from tests.unit.services.fakes import (
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePlatform,
    FakeStore,
)

PLACE, ELSEWHERE = Place(42, 2_000_001), Place(42, 2_000_002)
SOON, LATE = NOW + timedelta(days=30), NOW + timedelta(days=90)


def of(user: str, until: datetime | None = None) -> Enrollment:
    """Build the enrollment of a user who has the account as well."""
    return enrollment(id=enrollment_id(user, "c1"), user_id=user, expires_at=until)


def refunded(made: Enrollment) -> Enrollment:
    return replace(made, status=EnrollmentStatus.NOT_ENROLLED)


OWN, OTHER = of("u1"), of("u2")


class Round:
    """A service over fakes, and an account that users share."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.claims, self.platform = FakeLearners(self.store), FakePlatform()
        self.clock = FakeClock()
        self.service = SharedAccess(
            FakeEnrollments(self.store), self.claims, self.platform, self.clock
        )

    def give(self, made: Enrollment, place: Place = PLACE) -> int | None:
        self.store.add(made)
        return self.service.give(made, place, create=lambda: True)

    def comes(self, made: Enrollment) -> None:
        """Let a delivery be on its way whose claim is written."""
        self.store.add(made)
        self.claims.claim(PLACE, made.id, made.expires_at)

    def refund(self, made: Enrollment) -> None:
        self.store.add(refunded(made))
        self.service.leave(made.id, {PLACE.account_id})

    def end(self, place: Place = PLACE) -> datetime | None:
        """Return when the row ends; an error if there is none."""
        assert (place.account_id, place.course_id) in self.platform.rows
        return self.platform.ends[place.account_id, place.course_id]

    def stored(self, user: str) -> Enrollment:
        """Return a user's enrollment as it is in the table."""
        return self.store.enrollments[enrollment_id(user, "c1")]

    def shown(self, user: str) -> datetime | None:
        """Return until when a user's enrollment says that there is access."""
        return self.stored(user).ends_at

    @property
    def gone(self) -> bool:
        return self.platform.rows == {}


@pytest.fixture
def at_work() -> Round:
    return Round()


def test_an_ordinary_delivery_costs_one_write_and_one_read(at_work: Round) -> None:
    at_work.give(OWN)
    assert (at_work.claims.writes, at_work.claims.reads) == (1, 1)
    assert at_work.platform.calls == ["enroll"]


def test_an_ordinary_delivery_reads_no_enrollment_again(
    at_work: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[str]] = []
    monkeypatch.setattr(at_work.service.enrollments, "get_many", read.append)
    at_work.give(OWN)
    assert read == []


def test_an_ordinary_refund_notes_nothing_of_what_is_shared(at_work: Round) -> None:
    at_work.give(OWN)
    at_work.refund(OWN)
    assert (at_work.gone, at_work.claims.notes) == (True, 0)


def test_a_place_is_left_for_an_enrollment_that_is_gone(at_work: Round) -> None:
    at_work.give(OWN)
    del at_work.store.enrollments[OWN.id]
    at_work.service.leave(OWN.id, {PLACE.account_id})
    assert at_work.gone


def test_ones_own_enrollment_is_known_from_when_the_run_began(at_work: Round) -> None:
    """What has changed it since has asked for a run of its own."""
    at_work.store.add(refunded(OWN))
    at_work.service.give(OWN, PLACE, create=lambda: True)
    assert at_work.end() is None


@pytest.mark.parametrize(
    ("own", "other", "longest"),
    [(SOON, LATE, LATE), (LATE, SOON, LATE), (SOON, None, None), (None, SOON, None)],
)
def test_the_longest_access_is_given(
    at_work: Round, own: datetime, other: datetime, longest: datetime
) -> None:
    at_work.give(of("u2", other))
    at_work.give(of("u1", own))
    assert at_work.end() == longest


def test_what_is_left_counts_after_a_refund(at_work: Round) -> None:
    short, long = of("u1", SOON), of("u2", LATE)
    at_work.give(short)
    at_work.give(long)
    at_work.refund(long)
    assert at_work.end() == SOON
    at_work.refund(short)
    assert at_work.gone


# ── What the enrollments say of it ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("own", "other"), [(SOON, LATE), (LATE, SOON), (SOON, None), (None, SOON)], ids=str
)
def test_the_shorter_one_notes_until_when_access_is_shared(
    at_work: Round, own: datetime | None, other: datetime | None
) -> None:
    at_work.give(of("u2", other))
    at_work.give(of("u1", own))
    longest = latest([own, other])
    assert at_work.shown("u1") == at_work.shown("u2") == longest
    shared = [at_work.stored(each).shared for each in ("u1", "u2")]
    assert shared == [Access(longest) if each != longest else None for each in (own, other)]


def test_what_is_shared_asks_for_nothing_and_is_noted_once(at_work: Round) -> None:
    short = of("u1", SOON)
    at_work.give(short)
    at_work.give(OTHER)
    at_work.give(OTHER)
    assert at_work.claims.notes == 1
    assert at_work.stored("u1") == replace(short, shared=Access(None), updated_at=at_work.clock())


def test_one_alone_and_equals_share_nothing(at_work: Round) -> None:
    at_work.give(of("u1", SOON))
    at_work.give(of("u2", SOON))
    assert at_work.claims.notes == 0


@pytest.mark.parametrize("refund", ["u2", "u3"])
def test_a_refund_leaves_the_longest_of_the_others_here_as_well(
    at_work: Round, refund: str
) -> None:
    for each in (of("u1", SOON), of("u2", None), of("u3", LATE)):
        at_work.give(each)
    at_work.refund(at_work.stored(refund))
    assert at_work.shown("u1") == at_work.end() == (LATE if refund == "u2" else None)


def test_one_that_was_refunded_notes_nothing_and_shares_nothing(at_work: Round) -> None:
    short = of("u1", SOON)
    at_work.give(short)
    at_work.store.add(refunded(short))
    at_work.give(OTHER)
    assert at_work.stored("u1") == refunded(short)


def test_what_is_shared_outlives_no_refund_of_what_has_paid_for_it(at_work: Round) -> None:
    at_work.give(of("u1", SOON))
    at_work.give(OTHER)
    at_work.refund(OTHER)
    at_work.give(at_work.stored("u1"))
    assert at_work.shown("u1") == at_work.end() == SOON


def test_what_is_shared_is_not_owed_once_ones_own_time_is_over(at_work: Round) -> None:
    at_work.give(of("u1", SOON))
    at_work.give(OTHER)
    at_work.clock.now = SOON
    at_work.refund(OTHER)
    assert at_work.gone
    assert at_work.shown("u1") == SOON


def test_what_is_shared_and_over_stays_noted(at_work: Round) -> None:
    at_work.give(of("u1", SOON))
    at_work.give(of("u2", LATE))
    at_work.clock.now = LATE
    assert at_work.give(at_work.stored("u1")) is None
    assert at_work.shown("u1") == LATE


def test_ones_own_note_that_others_wrote_since_the_run_began_is_known(at_work: Round) -> None:
    short = of("u1", SOON)
    at_work.give(short)
    at_work.give(OTHER)
    at_work.store.add(refunded(OTHER), of("u3", SOON))
    at_work.claims.claim(PLACE, of("u3").id, SOON)
    at_work.service.give(short, PLACE, create=lambda: True)
    assert at_work.shown("u1") == SOON


def test_whoever_knows_less_notes_nothing_even_if_it_dies_then(at_work: Round) -> None:
    """A refund is done between what another run has read and what it notes."""
    at_work.give(of("u1", SOON))
    at_work.give(OTHER)
    at_work.store.add(replace(at_work.stored("u1"), shared=None))

    def refunded_meanwhile() -> None:
        at_work.refund(OTHER)
        at_work.claims.before_read = [RuntimeError("killed")]

    at_work.claims.before_note = [refunded_meanwhile]
    with pytest.raises(RuntimeError):
        at_work.give(of("u3", LATE))
    assert at_work.shown("u1") == LATE


def test_one_that_moves_takes_nothing_along_that_it_shared(at_work: Round) -> None:
    at_work.give(OTHER)
    at_work.give(of("u1", SOON))
    at_work.give(at_work.stored("u1"), ELSEWHERE)
    assert at_work.shown("u1") == at_work.end(ELSEWHERE) == SOON


def test_others_at_the_former_place_note_nothing_on_one_that_moves(at_work: Round) -> None:
    at_work.give(OTHER)
    at_work.give(of("u1", SOON))

    def other_acts() -> None:
        at_work.give(OTHER)

    at_work.claims.before_read = [other_acts]
    at_work.give(at_work.stored("u1"), ELSEWHERE)
    assert at_work.shown("u1") == SOON


def test_one_that_moves_shares_what_is_paid_for_where_it_comes_to(at_work: Round) -> None:
    at_work.give(of("u3", LATE), ELSEWHERE)
    at_work.give(OTHER)
    at_work.give(of("u1", SOON))
    at_work.give(at_work.stored("u1"), ELSEWHERE)
    assert at_work.shown("u1") == at_work.end(ELSEWHERE) == LATE


def test_one_that_leaves_a_former_account_takes_nothing_along(at_work: Round) -> None:
    at_work.give(OTHER)
    at_work.give(of("u1", SOON))
    at_work.service.leave(OWN.id, {PLACE.account_id})
    assert at_work.shown("u1") == SOON


# ── What is over, and what came by other means ───────────────────────────────────────────────────


def test_what_is_over_counts_no_more(at_work: Round) -> None:
    at_work.give(of("u2", SOON))
    at_work.clock.now = SOON
    assert at_work.give(of("u1", SOON)) is None
    assert at_work.gone


def test_access_that_lasts_by_other_means_is_left(at_work: Round) -> None:
    at_work.platform.rows[42, 2_000_001] = 500
    at_work.platform.ends[42, 2_000_001] = None
    at_work.give(of("u1", SOON))
    assert at_work.end() is None


def test_what_is_over_ends_no_access_that_came_by_other_means(at_work: Round) -> None:
    at_work.platform.rows[42, 2_000_001] = 500
    at_work.platform.ends[42, 2_000_001] = None
    at_work.clock.now = SOON
    assert at_work.give(of("u1", SOON)) is None
    assert at_work.end() is None


def test_what_is_over_ends_what_a_refund_has_left(at_work: Round) -> None:
    """The refund of the longer purchase is on its way, and Lunas gave the row for good."""
    at_work.give(OTHER)
    at_work.store.add(refunded(OTHER))
    at_work.clock.now = SOON
    assert at_work.give(of("u1", SOON)) is None
    assert at_work.gone


def test_a_refund_ends_whatever_gives_access(at_work: Round) -> None:
    at_work.platform.rows[42, 2_000_001] = 500
    at_work.platform.ends[42, 2_000_001] = None
    short = of("u1", SOON)
    at_work.give(short)
    at_work.refund(short)
    assert at_work.gone


def test_an_enrollment_that_moves_to_another_course_leaves_the_former_one(at_work: Round) -> None:
    at_work.give(OWN, PLACE)
    at_work.give(OWN, ELSEWHERE)
    assert set(at_work.platform.rows) == {(42, 2_000_002)}
    assert at_work.store.claims[PLACE].enrollment_ids == frozenset()
    assert at_work.store.claims[PLACE].released == frozenset()


def test_one_that_moves_leaves_the_former_course_to_others(at_work: Round) -> None:
    at_work.give(OTHER, PLACE)
    at_work.give(OWN, PLACE)
    at_work.give(OWN, ELSEWHERE)
    assert set(at_work.platform.rows) == {(42, 2_000_001), (42, 2_000_002)}


def test_a_row_of_others_that_is_not_there_yet_is_left_to_their_delivery(at_work: Round) -> None:
    at_work.store.add(OTHER)
    at_work.claims.claim(PLACE, OTHER.id, None)
    at_work.claims.claim(PLACE, OWN.id, None)
    at_work.refund(OWN)
    assert at_work.gone


def test_a_crash_between_release_and_revocation_leaves_the_place_to_be_taken_back(
    at_work: Round,
) -> None:
    at_work.give(OWN)
    at_work.claims.release(PLACE, OWN.id)
    at_work.refund(OWN)
    assert at_work.gone


# ── Runs of two users side by side ───────────────────────────────────────────────────────────────


def test_a_delivery_that_comes_while_another_revokes_is_not_lost(at_work: Round) -> None:
    """The first has read that nobody else has the course; the other is done before it acts."""
    at_work.give(OWN)
    at_work.platform.failures = [lambda: at_work.comes(OTHER)]
    at_work.refund(OWN)
    assert at_work.end() is None
    assert at_work.platform.calls == ["enroll", "revoke", "adjust"]


def test_a_row_that_was_ended_by_mistake_is_given_again(at_work: Round) -> None:
    """The other finds an active row and is done; then the first one ends it."""
    at_work.give(OWN)
    ended = at_work.platform.revoke

    def too_late(
        user_id: int,
        course_id: int,
        now: datetime,
        given: AbstractSet[datetime | None] | None = None,
    ) -> None:
        at_work.give(OTHER)
        ended(user_id, course_id, now, given)

    at_work.platform.revoke = too_late  # type: ignore[method-assign]
    at_work.refund(OWN)
    assert at_work.end() is None


def test_a_delivery_that_goes_by_a_claim_which_is_refunded_meanwhile_shortens_again(
    at_work: Round,
) -> None:
    at_work.give(OTHER)
    short = of("u1", SOON)
    at_work.platform.failures = [lambda: at_work.refund(OTHER)]
    at_work.give(short)
    assert at_work.end() == SOON


def test_access_that_was_lengthened_and_not_claimed_yet_is_noted_before_it_is_given(
    at_work: Round,
) -> None:
    at_work.give(of("u2", SOON))
    at_work.store.add(OTHER)
    at_work.give(of("u1", SOON))
    assert at_work.end() is None
    assert at_work.store.claims[PLACE].given == {SOON, None}
    at_work.refund(OTHER)
    assert at_work.end() == SOON


def test_others_who_keep_coming_put_it_off(at_work: Round) -> None:
    at_work.claims.before_read.extend([lambda: at_work.comes(OTHER)] * 3 * ROUNDS)
    with pytest.raises(DeliveryDelayed):
        at_work.give(OWN)
