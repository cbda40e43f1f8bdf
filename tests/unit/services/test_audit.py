"""Reading feeds: no change is skipped, none is audited twice in a run, the deadline is kept."""

from collections.abc import Callable

import pytest

from lunas.domain.audit_feeds import SETTLED_AFTER, Feed, Ref
from lunas.domain.errors import StorageContention
from lunas.services.audit import WAITING, AuditReport
from tests.support.builders import LATER, enrollment
from tests.support.lifecycles import ordered
from tests.unit.services.test_payment_audit import BROKEN, HEALTHY, Bench, incomplete

UNTIL = LATER - SETTLED_AFTER


class Setup:
    """An audit over fakes; after ``steps`` checks of the time the deadline is near."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.feeds = self.bench.schedule
        self.steps = 1_000

    def add_batches(self, feed: Feed, *batches: str) -> None:
        """Add healthy payments to a feed: each string is a batch, each character a payment."""
        for batch in batches:
            for name in batch:
                self.bench.put(ordered(id=f"pay{name}"))
            self.feeds.batches[feed].append([Ref(f"pay{name}") for name in batch])

    def run(self) -> AuditReport:
        return self.bench.service(self._deadline_is_near).run()

    def _deadline_is_near(self) -> bool:
        self.steps -= 1
        return self.steps < 0


def seen_in(audited: AuditReport) -> set[str]:
    return {each for each in audited.seen if each.startswith("pay")}


@pytest.fixture
def setup() -> Setup:
    return Setup()


def test_a_run_audits_changes_that_are_old_enough(setup: Setup) -> None:
    setup.run()
    assert setup.feeds.ends == {UNTIL}


def test_every_batch_is_read_and_its_checkpoint_recorded(setup: Setup) -> None:
    setup.add_batches(Feed.HISTORY, "ab", "", "c")
    audited = setup.run()
    assert seen_in(audited) == {"paya", "payb", "payc"}
    assert (audited.payments, audited.behind) == (3, {})
    assert setup.feeds.checkpoints == {Feed.HISTORY: "3"}


def test_a_payment_is_audited_once_a_run(setup: Setup) -> None:
    setup.add_batches(Feed.APPROVED, "a")
    setup.add_batches(Feed.HISTORY, "aab", "ba")
    assert setup.run().payments == 2
    assert setup.bench.payments.reads == 2


def test_the_enrollments_of_a_payment_are_audited_with_it(setup: Setup) -> None:
    setup.bench.put(HEALTHY)
    setup.feeds.batches[Feed.HISTORY] = [[Ref("pay1")]]
    setup.feeds.batches[Feed.ENROLLMENT] = [[Ref("pay1", enrollment("c1").id)]]
    assert setup.run().payments == 1
    assert setup.bench.payments.reads == 1


def test_an_enrollment_that_its_payment_did_not_buy_is_audited_too(setup: Setup) -> None:
    setup.bench.put(HEALTHY)
    stray = enrollment("c9")
    setup.bench.store.add(stray)
    setup.feeds.batches[Feed.HISTORY] = [[Ref("pay1")]]
    setup.feeds.batches[Feed.ENROLLMENT] = [[Ref("pay1", stray.id)]]
    audited = setup.run()
    assert (audited.payments, audited.differences) == (1, 3)
    assert setup.bench.codes() == {"ENROLLMENT_STRAY", "DELIVERY_LOST", "DELIVERY_UNAWAITED"}


def test_a_run_continues_from_the_last_checkpoint(setup: Setup) -> None:
    setup.add_batches(Feed.HISTORY, "a", "b")
    setup.run()
    setup.add_batches(Feed.HISTORY, "c")
    assert seen_in(setup.run()) == {"payc"}


def test_a_run_out_of_time_records_only_whole_batches(setup: Setup) -> None:
    setup.add_batches(Feed.HISTORY, "ab", "cd")
    # Checks of the time: two for the empty feeds, three for the first batch, two for the next.
    setup.steps = 7
    audited = setup.run()
    assert seen_in(audited) == {"paya", "payb", "payc"}
    assert setup.feeds.checkpoints == {Feed.HISTORY: "1"}
    assert audited.behind == {Feed.HISTORY: "1", Feed.ENROLLMENT: "0"}


def test_the_next_run_audits_what_the_last_one_left(setup: Setup) -> None:
    setup.add_batches(Feed.HISTORY, "ab", "cd")
    setup.steps = 7
    setup.run()
    setup.steps = 1_000
    assert seen_in(setup.run()) == {"payc", "payd"}


def test_a_run_without_time_reads_and_records_nothing(setup: Setup) -> None:
    setup.add_batches(Feed.HISTORY, "a")
    setup.steps = 0
    audited = setup.run()
    behind = {Feed.PAYMENT: "0", Feed.HISTORY: "0", Feed.ENROLLMENT: "0"}
    assert (audited.payments, audited.behind) == (0, behind)
    assert (setup.feeds.batch_reads, setup.feeds.checkpoints) == ([], {})


def test_a_crash_repeats_the_batch_and_skips_none(setup: Setup) -> None:
    setup.add_batches(Feed.HISTORY, "a", "bc")
    setup.bench.payments.before_read = [lambda: None, lambda: None, StorageContention("busy")]
    with pytest.raises(StorageContention):
        setup.run()
    assert setup.feeds.checkpoints == {Feed.HISTORY: "1"}
    assert seen_in(setup.run()) == {"payb", "payc"}


def test_waiting_payments_leave_time_for_changed_ones(setup: Setup) -> None:
    names = "abcdefghijkl"[: WAITING + 2]
    setup.add_batches(Feed.APPROVED, *names)
    setup.add_batches(Feed.HISTORY, "z")
    first, second = setup.run(), setup.run()
    assert seen_in(first) == {f"pay{name}" for name in [*names[:WAITING], "z"]}
    assert seen_in(second) == {f"pay{name}" for name in names[WAITING:]}
    assert first.behind == {}


def test_two_runs_at_once_complete_once_and_report_once(setup: Setup) -> None:
    setup.bench.put(incomplete())
    setup.feeds.batches[Feed.APPROVED] = [[Ref("pay1")]]
    inner: list[AuditReport] = []

    def another() -> None:
        inner.append(setup.run())

    setup.bench.payments.before_complete = [another]
    outer = setup.run()
    assert (outer.completed, inner[0].completed) == (0, 1)
    assert len(setup.bench.store.history["pay1"]) == 4


@pytest.mark.parametrize(
    "count", [lambda audited: audited.differences, lambda audited: audited.payments]
)
def test_a_run_reports_what_it_found(setup: Setup, count: Callable[[AuditReport], int]) -> None:
    setup.bench.put(BROKEN)
    setup.feeds.batches[Feed.HISTORY] = [[Ref("pay1")]]
    assert count(setup.run()) == 1
