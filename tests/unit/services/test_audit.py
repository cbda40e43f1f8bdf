"""Following trails: nothing is skipped, nothing is looked at twice in a run, time is heeded."""

from collections.abc import Callable
from datetime import datetime

import pytest

from lunas.domain.audit_feeds import SETTLED_AFTER, Stretch, Trace, Trail
from lunas.domain.errors import StorageContention
from lunas.services.audit import WAITING, Auditor, AuditReport, audit
from tests.support.builders import LATER, enrollment
from tests.support.lifecycles import ordered
from tests.unit.services.test_payment_audit import BROKEN, HEALTHY, Bench, incomplete

UNTIL = LATER - SETTLED_AFTER


class FakeTrails:
    """Trails as lists of stretches; a mark is the number of the stretch that comes next."""

    def __init__(self) -> None:
        self.stretches: dict[Trail, list[list[Trace]]] = {each: [] for each in Trail}
        self.marks: dict[Trail, str] = {}
        self.followed: list[tuple[Trail, str]] = []
        self.until: set[datetime] = set()

    def mark(self, trail: Trail, now: datetime) -> str:
        assert now == LATER
        return self.marks.get(trail, "0")

    def note(self, trail: Trail, mark: str) -> None:
        self.marks[trail] = mark

    def follow(self, trail: Trail, mark: str, until: datetime, limit: int) -> Stretch:
        assert limit > 1
        self.until.add(until)
        self.followed.append((trail, mark))
        number, all_of = int(mark), self.stretches[trail]
        if number >= len(all_of):
            return Stretch((), mark, over=True)
        return Stretch(tuple(all_of[number]), str(number + 1), over=number + 1 == len(all_of))


class Yard:
    """A audit with everything around it; ``looks`` is how often there is time to look."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.trails = FakeTrails()
        self.looks = 1_000

    def lay(self, trail: Trail, *stretches: str) -> None:
        """Lay healthy payments on a trail: a word for each stretch, of a letter for each."""
        for word in stretches:
            for name in word:
                self.bench.put(ordered(id=f"pay{name}"))
            self.trails.stretches[trail].append([Trace(f"pay{name}") for name in word])

    def run(self) -> AuditReport:
        return audit(
            Auditor(
                trails=self.trails,
                examiner=self.bench.desk,
                deadline_is_near=self._hurry,
                now=self.bench.clock,
            )
        )

    def _hurry(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def seen_in(audited: AuditReport) -> set[str]:
    return {each for each in audited.seen if each.startswith("pay")}


@pytest.fixture
def yard() -> Yard:
    return Yard()


def test_a_run_looks_at_what_is_old_enough_to_be_settled(yard: Yard) -> None:
    yard.run()
    assert yard.trails.until == {UNTIL}


def test_every_stretch_is_followed_to_the_end_and_noted(yard: Yard) -> None:
    yard.lay(Trail.HISTORY, "ab", "", "c")
    audited = yard.run()
    assert seen_in(audited) == {"paya", "payb", "payc"}
    assert (audited.payments, audited.behind) == (3, {})
    assert yard.trails.marks == {Trail.HISTORY: "3"}


def test_a_payment_is_looked_at_once_a_run(yard: Yard) -> None:
    yard.lay(Trail.APPROVED, "a")
    yard.lay(Trail.HISTORY, "aab", "ba")
    assert yard.run().payments == 2
    assert yard.bench.payments.reads == 2


def test_the_enrollments_of_a_payment_are_looked_at_with_it(yard: Yard) -> None:
    yard.bench.put(HEALTHY)
    yard.trails.stretches[Trail.HISTORY] = [[Trace("pay1")]]
    yard.trails.stretches[Trail.ENROLLMENT] = [[Trace("pay1", enrollment("c1").id)]]
    assert yard.run().payments == 1
    assert yard.bench.payments.reads == 1


def test_an_enrollment_that_its_payment_did_not_lead_to_is_looked_at_too(yard: Yard) -> None:
    yard.bench.put(HEALTHY)
    stray = enrollment("c9")
    yard.bench.store.add(stray)
    yard.trails.stretches[Trail.HISTORY] = [[Trace("pay1")]]
    yard.trails.stretches[Trail.ENROLLMENT] = [[Trace("pay1", stray.id)]]
    audited = yard.run()
    assert (audited.payments, audited.differences) == (1, 3)
    assert yard.bench.codes() == {"ENROLLMENT_STRAY", "DELIVERY_LOST", "DELIVERY_UNAWAITED"}


def test_a_run_goes_on_where_the_one_before_came_to(yard: Yard) -> None:
    yard.lay(Trail.HISTORY, "a", "b")
    yard.run()
    yard.lay(Trail.HISTORY, "c")
    assert seen_in(yard.run()) == {"payc"}


def test_a_run_whose_time_is_over_notes_only_what_it_looked_at_wholly(yard: Yard) -> None:
    yard.lay(Trail.HISTORY, "ab", "cd")
    # Three questions for the empty trail before, the first stretch and its two, the next, and c.
    yard.looks = 6
    audited = yard.run()
    assert seen_in(audited) == {"paya", "payb", "payc"}
    assert yard.trails.marks == {Trail.HISTORY: "1"}
    assert audited.behind == {Trail.HISTORY: "1", Trail.ENROLLMENT: "0"}


def test_what_a_run_did_not_come_to_the_next_one_does(yard: Yard) -> None:
    yard.lay(Trail.HISTORY, "ab", "cd")
    yard.looks = 6
    yard.run()
    yard.looks = 1_000
    assert seen_in(yard.run()) == {"payc", "payd"}


def test_a_run_without_time_reads_and_notes_nothing(yard: Yard) -> None:
    yard.lay(Trail.HISTORY, "a")
    yard.looks = 0
    audited = yard.run()
    assert (audited.payments, audited.behind) == (0, {Trail.HISTORY: "0", Trail.ENROLLMENT: "0"})
    assert (yard.trails.followed, yard.trails.marks) == ([], {})


def test_a_crash_repeats_the_stretch_and_skips_none(yard: Yard) -> None:
    yard.lay(Trail.HISTORY, "a", "bc")
    yard.bench.payments.before_read = [lambda: None, lambda: None, StorageContention("busy")]
    with pytest.raises(StorageContention):
        yard.run()
    assert yard.trails.marks == {Trail.HISTORY: "1"}
    assert seen_in(yard.run()) == {"payb", "payc"}


def test_what_waits_leaves_time_for_what_changed(yard: Yard) -> None:
    names = "abcdefghijkl"[: WAITING + 2]
    yard.lay(Trail.APPROVED, *names)
    yard.lay(Trail.HISTORY, "z")
    first, second = yard.run(), yard.run()
    assert seen_in(first) == {f"pay{name}" for name in [*names[:WAITING], "z"]}
    assert seen_in(second) == {f"pay{name}" for name in names[WAITING:]}
    assert first.behind == {}


def test_two_runs_at_once_complete_once_and_report_once(yard: Yard) -> None:
    yard.bench.put(incomplete())
    yard.trails.stretches[Trail.APPROVED] = [[Trace("pay1")]]
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
    yard.trails.stretches[Trail.HISTORY] = [[Trace("pay1")]]
    assert look(yard.run()) == 1
