"""Following feeds: nothing is skipped, nothing is audited twice in a run, time is kept."""

from collections.abc import Callable

import pytest

from lunas.domain.audit_feeds import SETTLED_AFTER, Feed, Ref
from lunas.domain.errors import StorageContention
from lunas.services.audit import WAITING, AuditReport
from tests.support.builders import LATER, enrollment
from tests.support.lifecycles import ordered
from tests.unit.services.test_payment_audit import BROKEN, HEALTHY, Bench, incomplete

UNTIL = LATER - SETTLED_AFTER


class Yard:
    """A audit with everything around it; ``looks`` is how often there is time to look."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.feeds = self.bench.schedule
        self.looks = 1_000

    def lay(self, feed: Feed, *batches: str) -> None:
        """Put healthy payments on a feed: a word for each batch, of a letter for each."""
        for word in batches:
            for name in word:
                self.bench.put(ordered(id=f"pay{name}"))
            self.feeds.batches[feed].append([Ref(f"pay{name}") for name in word])

    def run(self) -> AuditReport:
        return self.bench.service(self._deadline_is_near).run()

    def _deadline_is_near(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def seen_in(audited: AuditReport) -> set[str]:
    return {each for each in audited.seen if each.startswith("pay")}


@pytest.fixture
def yard() -> Yard:
    return Yard()


def test_a_run_looks_at_what_is_old_enough_to_be_settled(yard: Yard) -> None:
    yard.run()
    assert yard.feeds.ends == {UNTIL}


def test_every_stretch_is_followed_to_the_end_and_noted(yard: Yard) -> None:
    yard.lay(Feed.HISTORY, "ab", "", "c")
    audited = yard.run()
    assert seen_in(audited) == {"paya", "payb", "payc"}
    assert (audited.payments, audited.behind) == (3, {})
    assert yard.feeds.checkpoints == {Feed.HISTORY: "3"}


def test_a_payment_is_looked_at_once_a_run(yard: Yard) -> None:
    yard.lay(Feed.APPROVED, "a")
    yard.lay(Feed.HISTORY, "aab", "ba")
    assert yard.run().payments == 2
    assert yard.bench.payments.reads == 2


def test_the_enrollments_of_a_payment_are_looked_at_with_it(yard: Yard) -> None:
    yard.bench.put(HEALTHY)
    yard.feeds.batches[Feed.HISTORY] = [[Ref("pay1")]]
    yard.feeds.batches[Feed.ENROLLMENT] = [[Ref("pay1", enrollment("c1").id)]]
    assert yard.run().payments == 1
    assert yard.bench.payments.reads == 1


def test_an_enrollment_that_its_payment_did_not_lead_to_is_looked_at_too(yard: Yard) -> None:
    yard.bench.put(HEALTHY)
    stray = enrollment("c9")
    yard.bench.store.add(stray)
    yard.feeds.batches[Feed.HISTORY] = [[Ref("pay1")]]
    yard.feeds.batches[Feed.ENROLLMENT] = [[Ref("pay1", stray.id)]]
    audited = yard.run()
    assert (audited.payments, audited.differences) == (1, 3)
    assert yard.bench.codes() == {"ENROLLMENT_STRAY", "DELIVERY_LOST", "DELIVERY_UNAWAITED"}


def test_a_run_goes_on_where_the_one_before_came_to(yard: Yard) -> None:
    yard.lay(Feed.HISTORY, "a", "b")
    yard.run()
    yard.lay(Feed.HISTORY, "c")
    assert seen_in(yard.run()) == {"payc"}


def test_a_run_whose_time_is_over_notes_only_what_it_looked_at_wholly(yard: Yard) -> None:
    yard.lay(Feed.HISTORY, "ab", "cd")
    # Three questions for the empty feed before, the first batch and its two, the next, and c.
    yard.looks = 6
    audited = yard.run()
    assert seen_in(audited) == {"paya", "payb", "payc"}
    assert yard.feeds.checkpoints == {Feed.HISTORY: "1"}
    assert audited.behind == {Feed.HISTORY: "1", Feed.ENROLLMENT: "0"}


def test_what_a_run_did_not_come_to_the_next_one_does(yard: Yard) -> None:
    yard.lay(Feed.HISTORY, "ab", "cd")
    yard.looks = 6
    yard.run()
    yard.looks = 1_000
    assert seen_in(yard.run()) == {"payc", "payd"}


def test_a_run_without_time_reads_and_notes_nothing(yard: Yard) -> None:
    yard.lay(Feed.HISTORY, "a")
    yard.looks = 0
    audited = yard.run()
    assert (audited.payments, audited.behind) == (0, {Feed.HISTORY: "0", Feed.ENROLLMENT: "0"})
    assert (yard.feeds.followed, yard.feeds.checkpoints) == ([], {})


def test_a_crash_repeats_the_stretch_and_skips_none(yard: Yard) -> None:
    yard.lay(Feed.HISTORY, "a", "bc")
    yard.bench.payments.before_read = [lambda: None, lambda: None, StorageContention("busy")]
    with pytest.raises(StorageContention):
        yard.run()
    assert yard.feeds.checkpoints == {Feed.HISTORY: "1"}
    assert seen_in(yard.run()) == {"payb", "payc"}


def test_what_waits_leaves_time_for_what_changed(yard: Yard) -> None:
    names = "abcdefghijkl"[: WAITING + 2]
    yard.lay(Feed.APPROVED, *names)
    yard.lay(Feed.HISTORY, "z")
    first, second = yard.run(), yard.run()
    assert seen_in(first) == {f"pay{name}" for name in [*names[:WAITING], "z"]}
    assert seen_in(second) == {f"pay{name}" for name in names[WAITING:]}
    assert first.behind == {}


def test_two_runs_at_once_complete_once_and_report_once(yard: Yard) -> None:
    yard.bench.put(incomplete())
    yard.feeds.batches[Feed.APPROVED] = [[Ref("pay1")]]
    inner: list[AuditReport] = []

    def another() -> None:
        inner.append(yard.run())

    yard.bench.payments.before_complete = [another]
    outer = yard.run()
    assert (outer.completed, inner[0].completed) == (0, 1)
    assert len(yard.bench.store.history["pay1"]) == 4


@pytest.mark.parametrize(
    "look", [lambda audited: audited.differences, lambda audited: audited.payments]
)
def test_a_run_tells_what_it_found(yard: Yard, look: Callable[[AuditReport], int]) -> None:
    yard.bench.put(BROKEN)
    yard.feeds.batches[Feed.HISTORY] = [[Ref("pay1")]]
    assert look(yard.run()) == 1
