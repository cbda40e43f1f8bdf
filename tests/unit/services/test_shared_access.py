"""A place, one course of one account at the platform, serves all enrollments that lead there."""

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
from lunas.services.shared_access import MAX_ATTEMPTS, SharedAccess
from tests.support.builders import EMAIL, NOW, enrollment
from tests.support.platforms.site import ObservedPlatform, PlatformSite
from tests.unit.services.fakes import (
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakeStore,
)

SECOND = NOW.replace(microsecond=0)
SOON, LATE = SECOND + timedelta(days=30), SECOND + timedelta(days=90)


def of(user: str, until: datetime | None = None) -> Enrollment:
    """Build the enrollment of a user of the shared account."""
    return enrollment(id=enrollment_id(user, "c1"), user_id=user, expires_at=until)


def refunded(made: Enrollment) -> Enrollment:
    return replace(made, status=EnrollmentStatus.NOT_ENROLLED)


OWN, OTHER = of("u1"), of("u2")


class Setup:
    """A shared-access service over fakes, and an account that users share."""

    def __init__(self, site: PlatformSite, clock: FakeClock) -> None:
        self.site, self.clock = site, clock
        account = site.add_account(EMAIL)
        self.place, self.elsewhere = (Place(account, site.course(number)) for number in (1, 2))
        self.store = FakeStore()
        self.claims, self.platform = FakeLearners(self.store), ObservedPlatform(site)
        self.service = SharedAccess(
            FakeEnrollments(self.store), self.claims, self.platform, self.clock
        )

    def give(self, made: Enrollment, place: Place | None = None) -> str | None:
        self.store.add(made)
        return self.service.give(made, place or self.place, create=lambda: True)

    def claim(self, made: Enrollment) -> None:
        """Store an enrollment whose delivery has written its claim."""
        self.store.add(made)
        self.claims.claim(self.place, made.id, made.expires_at)

    def refund(self, made: Enrollment) -> None:
        self.store.add(refunded(made))
        self.service.remove_access(made.id, {self.place.account_id})

    def end(self, place: Place | None = None) -> datetime | None:
        """Return when the access at the platform ends; it must exist."""
        where = place or self.place
        return self.site.access()[where.account_id, where.course_id]

    def give_by_hand(self) -> None:
        """Give access without an end as a person would, at the platform."""
        self.site.add_access(self.place.account_id, self.place.course_id)

    def stored(self, user: str) -> Enrollment:
        """Return the stored enrollment of a user."""
        return self.store.enrollments[enrollment_id(user, "c1")]

    def shown(self, user: str) -> datetime | None:
        """Return until when a user's enrollment shows access."""
        return self.stored(user).ends_at

    @property
    def gone(self) -> bool:
        return self.site.access() == {}


@pytest.fixture
def setup(site: PlatformSite, clock: FakeClock) -> Setup:
    return Setup(site, clock)


def test_an_ordinary_delivery_costs_one_write_and_one_read(setup: Setup) -> None:
    setup.give(OWN)
    assert (setup.claims.writes, setup.claims.reads) == (1, 1)
    assert setup.platform.calls == ["enroll"]


def test_an_ordinary_delivery_reads_no_enrollment_again(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[str]] = []
    monkeypatch.setattr(setup.service.enrollments, "get_many", read.append)
    setup.give(OWN)
    assert read == []


def test_an_ordinary_refund_records_no_shared_access(setup: Setup) -> None:
    setup.give(OWN)
    setup.refund(OWN)
    assert (setup.gone, setup.claims.notes) == (True, 0)


def test_the_place_of_a_missing_enrollment_is_revoked(setup: Setup) -> None:
    setup.give(OWN)
    del setup.store.enrollments[OWN.id]
    setup.service.remove_access(OWN.id, {setup.place.account_id})
    assert setup.gone


def test_a_delivery_uses_its_enrollment_as_read_at_the_start(setup: Setup) -> None:
    """What changed it since has requested a delivery of its own."""
    setup.store.add(refunded(OWN))
    setup.service.give(OWN, setup.place, create=lambda: True)
    assert setup.end() is None


@pytest.mark.parametrize(
    ("own", "other", "longest"),
    [(SOON, LATE, LATE), (LATE, SOON, LATE), (SOON, None, None), (None, SOON, None)],
)
def test_the_longest_access_is_given(
    setup: Setup, own: datetime, other: datetime, longest: datetime
) -> None:
    setup.give(of("u2", other))
    setup.give(of("u1", own))
    assert setup.end() == longest


def test_after_a_refund_the_remaining_access_counts(setup: Setup) -> None:
    short, long = of("u1", SOON), of("u2", LATE)
    setup.give(short)
    setup.give(long)
    setup.refund(long)
    assert setup.end() == SOON
    setup.refund(short)
    assert setup.gone


# ── What the enrollments show ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("own", "other"), [(SOON, LATE), (LATE, SOON), (SOON, None), (None, SOON)], ids=str
)
def test_the_shorter_enrollment_records_until_when_access_is_shared(
    setup: Setup, own: datetime | None, other: datetime | None
) -> None:
    setup.give(of("u2", other))
    setup.give(of("u1", own))
    longest = latest([own, other])
    assert setup.shown("u1") == setup.shown("u2") == longest
    shared = [setup.stored(each).shared for each in ("u1", "u2")]
    assert shared == [Access(longest) if each != longest else None for each in (own, other)]


def test_shared_access_is_recorded_once_and_requests_nothing(setup: Setup) -> None:
    short = of("u1", SOON)
    setup.give(short)
    setup.give(OTHER)
    setup.give(OTHER)
    assert setup.claims.notes == 1
    assert setup.stored("u1") == replace(short, shared=Access(None), updated_at=setup.clock())


def test_enrollments_of_equal_length_record_no_shared_access(setup: Setup) -> None:
    setup.give(of("u1", SOON))
    setup.give(of("u2", SOON))
    assert setup.claims.notes == 0


@pytest.mark.parametrize("refund", ["u2", "u3"])
def test_after_a_refund_the_longest_remaining_access_is_shown(setup: Setup, refund: str) -> None:
    for each in (of("u1", SOON), of("u2", None), of("u3", LATE)):
        setup.give(each)
    setup.refund(setup.stored(refund))
    assert setup.shown("u1") == setup.end() == (LATE if refund == "u2" else None)


def test_a_refunded_enrollment_records_no_shared_access(setup: Setup) -> None:
    short = of("u1", SOON)
    setup.give(short)
    setup.store.add(refunded(short))
    setup.give(OTHER)
    assert setup.stored("u1") == refunded(short)


def test_shared_access_ends_with_the_refund_of_the_payment_behind_it(setup: Setup) -> None:
    setup.give(of("u1", SOON))
    setup.give(OTHER)
    setup.refund(OTHER)
    setup.give(setup.stored("u1"))
    assert setup.shown("u1") == setup.end() == SOON


def test_shared_access_is_not_owed_once_the_own_access_ended(setup: Setup) -> None:
    setup.give(of("u1", SOON))
    setup.give(OTHER)
    setup.clock.now = SOON
    setup.refund(OTHER)
    assert setup.gone
    assert setup.shown("u1") == SOON


def test_shared_access_that_ended_stays_recorded(setup: Setup) -> None:
    setup.give(of("u1", SOON))
    setup.give(of("u2", LATE))
    setup.clock.now = LATE
    assert setup.give(setup.stored("u1")) is None
    assert setup.shown("u1") == LATE


def test_shared_access_that_others_recorded_since_the_start_is_updated(setup: Setup) -> None:
    short = of("u1", SOON)
    setup.give(short)
    setup.give(OTHER)
    setup.store.add(refunded(OTHER), of("u3", SOON))
    setup.claims.claim(setup.place, of("u3").id, SOON)
    setup.service.give(short, setup.place, create=lambda: True)
    assert setup.shown("u1") == SOON


def test_a_run_with_outdated_claims_records_no_shared_access(setup: Setup) -> None:
    """A refund completes between the read and the write of another run, which then crashes."""
    setup.give(of("u1", SOON))
    setup.give(OTHER)
    setup.store.add(replace(setup.stored("u1"), shared=None))

    def refund_meanwhile() -> None:
        setup.refund(OTHER)
        setup.claims.before_read = [RuntimeError("killed")]

    setup.claims.before_note = [refund_meanwhile]
    with pytest.raises(RuntimeError):
        setup.give(of("u3", LATE))
    assert setup.shown("u1") == LATE


def test_an_enrollment_that_moves_loses_its_shared_access(setup: Setup) -> None:
    setup.give(OTHER)
    setup.give(of("u1", SOON))
    setup.give(setup.stored("u1"), setup.elsewhere)
    assert setup.shown("u1") == setup.end(setup.elsewhere) == SOON


def test_others_at_the_former_place_record_nothing_on_an_enrollment_that_moves(
    setup: Setup,
) -> None:
    setup.give(OTHER)
    setup.give(of("u1", SOON))

    def other_acts() -> None:
        setup.give(OTHER)

    setup.claims.before_read = [other_acts]
    setup.give(setup.stored("u1"), setup.elsewhere)
    assert setup.shown("u1") == SOON


def test_an_enrollment_that_moves_shares_the_access_at_its_new_place(setup: Setup) -> None:
    setup.give(of("u3", LATE), setup.elsewhere)
    setup.give(OTHER)
    setup.give(of("u1", SOON))
    setup.give(setup.stored("u1"), setup.elsewhere)
    assert setup.shown("u1") == setup.end(setup.elsewhere) == LATE


def test_an_enrollment_that_leaves_an_account_loses_its_shared_access(setup: Setup) -> None:
    setup.give(OTHER)
    setup.give(of("u1", SOON))
    setup.service.remove_access(OWN.id, {setup.place.account_id})
    assert setup.shown("u1") == SOON


# ── Access that ended, and access not given by Lunas ─────────────────────────────────────────────


def test_access_that_ended_does_not_count(setup: Setup) -> None:
    setup.give(of("u2", SOON))
    setup.clock.now = SOON
    assert setup.give(of("u1", SOON)) is None
    assert setup.gone


def test_longer_access_not_given_by_lunas_is_kept(setup: Setup) -> None:
    setup.give_by_hand()
    setup.give(of("u1", SOON))
    assert setup.end() is None


def test_the_end_of_a_purchase_keeps_access_not_given_by_lunas(setup: Setup) -> None:
    setup.give_by_hand()
    setup.clock.now = SOON
    assert setup.give(of("u1", SOON)) is None
    assert setup.end() is None


def test_the_end_of_a_purchase_ends_access_left_by_a_refund(setup: Setup) -> None:
    """The longer purchase, which Lunas gave without an end, is refunded but not yet revoked."""
    setup.give(OTHER)
    setup.store.add(refunded(OTHER))
    setup.clock.now = SOON
    assert setup.give(of("u1", SOON)) is None
    assert setup.gone


def test_a_refund_ends_access_not_given_by_lunas_too(setup: Setup) -> None:
    setup.give_by_hand()
    short = of("u1", SOON)
    setup.give(short)
    setup.refund(short)
    assert setup.gone


def test_an_enrollment_that_moves_to_another_course_ends_the_former_one(setup: Setup) -> None:
    setup.give(OWN, setup.place)
    setup.give(OWN, setup.elsewhere)
    assert [place for _, place in setup.site.access()] == [setup.elsewhere.course_id]
    assert setup.store.claims[setup.place].enrollment_ids == frozenset()
    assert setup.store.claims[setup.place].released == frozenset()


def test_an_enrollment_that_moves_keeps_the_former_course_for_others(setup: Setup) -> None:
    setup.give(OTHER, setup.place)
    setup.give(OWN, setup.place)
    setup.give(OWN, setup.elsewhere)
    assert len(setup.site.access()) == 2


def test_a_missing_platform_enrollment_of_others_is_left_to_their_delivery(setup: Setup) -> None:
    setup.store.add(OTHER)
    setup.claims.claim(setup.place, OTHER.id, None)
    setup.claims.claim(setup.place, OWN.id, None)
    setup.refund(OWN)
    assert setup.gone


def test_a_crash_between_release_and_revocation_is_recovered(
    setup: Setup,
) -> None:
    setup.give(OWN)
    setup.claims.release(setup.place, OWN.id)
    setup.refund(OWN)
    assert setup.gone


# ── Concurrent runs of two users ─────────────────────────────────────────────────────────────────


def test_a_delivery_during_a_revocation_is_not_lost(setup: Setup) -> None:
    """The first has read that no other user has the course; the other finishes before it acts."""
    setup.give(OWN)
    setup.platform.failures = [lambda: setup.claim(OTHER)]
    setup.refund(OWN)
    assert setup.end() is None
    assert setup.platform.calls == ["enroll", "revoke", "adjust"]


def test_a_platform_enrollment_ended_by_mistake_is_restored(setup: Setup) -> None:
    """The other finds active access and finishes; then the first one ends it."""
    setup.give(OWN)

    def other_finishes() -> None:
        setup.give(OTHER)

    setup.platform.failures = [other_finishes]
    setup.refund(OWN)
    assert setup.end() is None


def test_access_extended_by_a_claim_that_is_refunded_meanwhile_is_shortened(
    setup: Setup,
) -> None:
    setup.give(OTHER)
    short = of("u1", SOON)
    setup.platform.failures = [lambda: setup.refund(OTHER)]
    setup.give(short)
    assert setup.end() == SOON


def test_longer_access_without_a_claim_is_recorded_before_it_is_given(
    setup: Setup,
) -> None:
    setup.give(of("u2", SOON))
    setup.store.add(OTHER)
    setup.give(of("u1", SOON))
    assert setup.end() is None
    assert setup.store.claims[setup.place].given == {SOON, None}
    setup.refund(OTHER)
    assert setup.end() == SOON


def test_endless_concurrent_deliveries_reschedule(setup: Setup) -> None:
    setup.claims.before_read.extend([lambda: setup.claim(OTHER)] * 3 * MAX_ATTEMPTS)
    with pytest.raises(DeliveryDelayed):
        setup.give(OWN)
