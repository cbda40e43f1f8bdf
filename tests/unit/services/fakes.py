"""Fakes of repositories and providers, which fail or let another step come first on request."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lunas.domain.access_claims import AccountLink, Claims, NamedLearner, Place
from lunas.domain.anomalies import Anomaly, AnomalyStatus
from lunas.domain.audit_feeds import Batch, Feed, Ref
from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.catalog import Course, Package
from lunas.domain.corrections import Correction
from lunas.domain.delivery import DeliveryRecord, asked_again
from lunas.domain.enrollments import Enrollment, EnrollmentStatus, enrollment_id, is_owed
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.gateway_status import GatewayStatus
from lunas.domain.lists import EnrollmentFilter, Page, Position
from lunas.domain.payments import (
    GatewayInvoice,
    Held,
    HistoryEvent,
    Payment,
    Slot,
    Status,
)
from lunas.domain.refunds import Refund
from lunas.domain.settlement import Settlement
from lunas.services.settlement import SettlementService
from tests.support.builders import NOW
from tests.support.interruptions import Interruption, interrupt

type Purchase = tuple[str, str, str | None]


class FakeClock:
    """A clock that moves only when a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


class FakeStore:
    """The content of the table, which all fakes of a test share."""

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        self.history: dict[str, list[HistoryEvent]] = {}
        self.slots: dict[Purchase, Slot] = {}
        self.transfers: dict[Purchase, str] = {}
        self.enrollments: dict[str, Enrollment] = {}
        self.anomalies: dict[str, Anomaly] = {}
        self.callbacks: dict[str, CallbackEvidence] = {}
        self.courses: dict[str, Course] = {}
        self.packages: dict[str, Package] = {}
        self.links: dict[str, str] = {}
        self.former: dict[str, frozenset[str]] = {}
        self.revisions: dict[str, int] = {}
        self.claims: dict[Place, Claims] = {}
        self.named: dict[str, NamedLearner] = {}

    def add(self, *things: Payment | Enrollment | Course | Package) -> None:
        for thing in things:
            match thing:
                case Payment():
                    self.payments[thing.id] = thing
                case Enrollment():
                    self.enrollments[thing.id] = thing
                case Course():
                    self.courses[thing.id] = thing
                case Package():
                    self.packages[thing.id] = thing

    def hold_slot(self, payment: Payment) -> None:
        """Add a payment that holds the slot of its purchase."""
        self.add(payment)
        purchase = (payment.user_id, payment.package_id, payment.course_id)
        held = self.slots.get(purchase, Slot())
        self.slots[purchase] = held.with_new(Held(payment.id, payment.channel), frozenset())

    def owns(self, enrollment: str) -> bool:
        return self.ownership(enrollment) == "owned"

    def ownership(self, enrollment: str, now: datetime = NOW) -> str:
        """Return whether a course is owned, held for a pending revocation, or free."""
        found = self.enrollments.get(enrollment)
        if found is not None and is_owed(found, now):
            return "owned"
        return "held" if found is not None and found.counted else "free"


class FakePayments:
    """Payments with the conditions of the real table; ``before_…`` interrupts a step."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.reads = 0
        self.commits = 0
        self.before_commit: list[Interruption] = []
        self.before_create: list[Interruption] = []
        self.before_read: list[Interruption] = []
        self.before_complete: list[Interruption] = []
        self.invoice_claims: dict[str, datetime] = {}

    def get(self, payment_id: str) -> Payment | None:
        self.reads += 1
        return self.store.payments.get(payment_id)

    def commit(self, settlement: Settlement, *, keep_quota: bool) -> None:
        self.commits += 1
        interrupt(self.before_commit)
        update = self._concurrent_update(settlement, keep_quota=keep_quota)
        if any(vars(update).values()):
            raise update
        self._write(settlement)

    def full_courses(self, course_ids: Iterable[str]) -> frozenset[str]:
        found = (self.store.courses.get(each) for each in course_ids)
        return frozenset(course.id for course in found if course and course.full)

    def record_refund(self, refund: Refund) -> None:
        self.commits += 1
        interrupt(self.before_commit)
        stored = [self.store.payments[refund.before.id]]
        kept = [self.store.enrollments[each.before.id] for each in refund.takings]
        if stored != [refund.before] or kept != [each.before for each in refund.takings]:
            raise ConcurrentUpdate(stale=True)
        self.store.add(refund.after, *(each.after for each in refund.takings))
        self.store.history.setdefault(refund.after.id, []).extend(refund.history)

    def record_correction(self, correction: Correction, link: AccountLink) -> None:
        self.commits += 1
        interrupt(self.before_commit)
        before, after = correction.before, correction.after
        read = [before, link, *(each.before for each in correction.redeliveries)]
        enrollments = [self.store.enrollments[each.after.id] for each in correction.redeliveries]
        linked = FakeLearners(self.store).link_of(before.user_id)
        if [self.store.payments[before.id], linked, *enrollments] != read:
            raise ConcurrentUpdate(stale=True)
        self.store.add(after, *(each.after for each in correction.redeliveries))
        self.store.history.setdefault(after.id, []).append(correction.event)
        self.store.revisions[after.user_id] = link.revision + 1
        if correction.moves:
            self.store.named[after.user_id] = NamedLearner(after.learner, after.id)

    def read(self, payment_id: str) -> tuple[Payment | None, list[HistoryEvent]]:
        self.reads += 1
        interrupt(self.before_read)
        return self.store.payments.get(payment_id), self.store.history.get(payment_id, [])

    def complete(self, before: Payment, after: Payment, history: Sequence[HistoryEvent]) -> None:
        interrupt(self.before_complete)
        if self.store.payments[before.id] != before:
            raise ConcurrentUpdate(stale=True)
        self.store.payments[after.id] = after
        self.store.history[after.id].extend(history)

    def slot(self, user_id: str, package_id: str, course_id: str | None) -> Slot:
        return self.store.slots.get((user_id, package_id, course_id), Slot())

    def waiting_transfer(
        self, user_id: str, package_id: str, course_id: str | None
    ) -> Payment | None:
        held = self.store.transfers.get((user_id, package_id, course_id))
        return self.store.payments[held] if held else None

    def create_transfer(
        self, payment: Payment, event: HistoryEvent, *, instead_of: str | None
    ) -> None:
        interrupt(self.before_create)
        slot = (payment.user_id, payment.package_id, payment.course_id)
        if self.store.transfers.get(slot) != instead_of:
            raise ConcurrentUpdate(stale=True)
        self._create(payment, event)
        self.store.transfers[slot] = payment.id

    def _create(self, payment: Payment, event: HistoryEvent) -> None:
        assert payment.id not in self.store.payments
        self.store.payments[payment.id] = payment
        self.store.history[payment.id] = [event]

    def create_open(
        self, payment: Payment, event: HistoryEvent, slot: Slot, *, instead_of: str | None
    ) -> None:
        interrupt(self.before_create)
        purchase = (payment.user_id, payment.package_id, payment.course_id)
        if self.slot(*purchase).newest != instead_of:
            raise ConcurrentUpdate(stale=True)
        self._create(payment, event)
        self.store.slots[purchase] = slot
        self.invoice_claims[payment.id] = payment.created_at

    def claim_invoice(self, payment: Payment, now: datetime, before: datetime) -> bool:
        stored = self.store.payments[payment.id]
        claimed = self.invoice_claims.get(payment.id, stored.created_at)
        if stored.status is not Status.PENDING or stored.gateway or claimed > before:
            return False
        self.invoice_claims[payment.id] = now
        calls = stored.invoice_calls + 1
        self.store.payments[payment.id] = replace(stored, invoice_calls=calls)
        return True

    def first_transaction(self, payment_id: str, transaction: str) -> str:
        stored = self.store.payments[payment_id]
        first = stored.transaction or transaction
        self.store.payments[payment_id] = replace(stored, transaction=first)
        return first

    def note_bundle(
        self, payment_id: str, asked_at: datetime, *, over: datetime | None = None
    ) -> bool:
        stored = self.store.payments[payment_id]
        if stored.bundle_asked_at != over:
            return False
        self.store.payments[payment_id] = replace(stored, bundle_asked_at=asked_at)
        return True

    def record_invoice(
        self, payment: Payment, invoice: GatewayInvoice, expires_at: datetime
    ) -> None:
        stored = self.store.payments[payment.id]
        self.store.payments[payment.id] = replace(
            stored,
            gateway=invoice,
            gateway_expires_at=expires_at,
            references=stored.references | {invoice.reference},
            invoice_answers=stored.invoice_answers + 1,
        )

    def _concurrent_update(self, plan: Settlement, *, keep_quota: bool) -> ConcurrentUpdate:
        stored = self.store.payments[plan.before.id]
        read = (plan.before.status, plan.before.version)
        unexpected = self._unexpected(plan)
        counted = [
            e.course_id
            for e in plan.enrollments
            if e.counted and e.course_id not in plan.still_counted | plan.full
        ]
        user, plans = plan.before.user_id, {each.before.id: each.before for each in plan.overlaps}
        mine = {course: enrollment_id(user, course) for course in unexpected}
        read_otherwise = {
            each.course_id: self.store.enrollments[each.id]
            for each in plans.values()
            if each.course_id not in unexpected and self.store.enrollments[each.id] != each
        }
        owned = {each: mine[each] for each, found in unexpected.items() if found == "owned"}
        return ConcurrentUpdate(
            stale=(stored.status, stored.version) != read,
            owned={
                **{course: self.store.enrollments[each] for course, each in owned.items()},
                **read_otherwise,
            },
            still_counted=frozenset(
                course for course, found in unexpected.items() if found == "held"
            ),
            free=frozenset(course for course, found in unexpected.items() if found == "free"),
            full=self.full_courses(counted) if keep_quota else frozenset(),
        )

    def _unexpected(self, plan: Settlement) -> dict[str, str]:
        """Return the state of each course that differs from what the plan expects."""
        user = plan.before.user_id
        expected = {each.course_id: "free" for each in plan.enrollments}
        expected |= dict.fromkeys(plan.still_counted, "held") | dict.fromkeys(
            plan.after.overlap, "owned"
        )
        at = plan.after.updated_at
        stored = {each: self.store.ownership(enrollment_id(user, each), at) for each in expected}
        return {course: found for course, found in stored.items() if found != expected[course]}

    def _write(self, plan: Settlement) -> None:
        self.store.payments[plan.after.id] = plan.after
        self.store.history.setdefault(plan.after.id, []).extend(plan.history)
        for each in plan.enrollments:
            self.store.enrollments[each.id] = each
        for overlap in plan.overlaps:
            self.store.enrollments[overlap.after.id] = overlap.after
        if plan.anomaly:
            self.store.anomalies[plan.anomaly.id] = plan.anomaly
        if plan.callback:
            self.store.callbacks.setdefault(plan.callback.digest, plan.callback)


class FakeSchedule:
    """What is due by the stored due times, and feeds as lists of batches.

    A checkpoint is the number of the next batch. ``before_question`` interrupts a claim to ask;
    ``lagging`` are deliveries that the index still shows; ``twice`` has it show payments twice.
    """

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.before_question: list[Interruption] = []
        self.until: datetime | None = None
        self.twice = False
        self.lagging: list[str] = []
        self.batches: dict[Feed, list[list[Ref]]] = {each: [] for each in Feed}
        self.checkpoints: dict[Feed, str] = {}
        self.batch_reads: list[tuple[Feed, str]] = []
        self.ends: set[datetime] = set()

    def payments(self, now: datetime, limit: int) -> list[str]:
        every = [each for each in self.store.payments.values() if each.check_at]
        due = [each.id for each in every if each.check_at and each.check_at <= now]
        return (due * 2 if self.twice else due)[:limit]

    def deliveries(self, now: datetime, limit: int) -> list[str]:
        every = self.store.enrollments.values()
        due = [each.id for each in every if each.delivery.due_at and each.delivery.due_at <= now]
        return [*self.lagging, *due][:limit]

    def paused_until(self) -> datetime | None:
        return self.until

    def pause(self, until: datetime) -> None:
        self.until = until

    def check_at(
        self,
        payment: Payment,
        moment: datetime | None,
        asked_at: datetime | None = None,
        denied_at: datetime | None = None,
    ) -> bool:
        stored = self.store.payments[payment.id]
        sooner = moment is not None and stored.check_at is not None and moment < stored.check_at
        as_read = stored.check_at == payment.check_at
        if stored.status is not payment.status or not (as_read or sooner):
            return False
        since = denied_at or stored.denied_at
        self.store.payments[payment.id] = replace(stored, check_at=moment, denied_at=since)
        if asked_at:
            self.note_answer(payment.id, asked_at)
        return True

    def claim_question(self, payment_id: str, now: datetime, before: datetime) -> bool:
        interrupt(self.before_question)
        stored = self.store.payments.get(payment_id)
        if stored is None or (stored.asked_at is not None and stored.asked_at > before):
            return False
        self.store.payments[payment_id] = replace(stored, asked_at=now, asking=True)
        return True

    def note_answer(self, payment_id: str, asked_at: datetime) -> None:
        stored = self.store.payments[payment_id]
        self.store.payments[payment_id] = replace(stored, asked_at=asked_at, asking=False)

    def checkpoint(self, feed: Feed, now: datetime) -> str:  # noqa: ARG002
        return self.checkpoints.get(feed, "0")

    def record_checkpoint(self, feed: Feed, checkpoint: str) -> None:
        self.checkpoints[feed] = checkpoint

    def batch(self, feed: Feed, checkpoint: str, until: datetime, limit: int) -> Batch:
        assert limit > 1
        self.ends.add(until)
        self.batch_reads.append((feed, checkpoint))
        number, all_of = int(checkpoint), self.batches[feed]
        if number >= len(all_of):
            return Batch((), checkpoint, is_last=True)
        return Batch(tuple(all_of[number]), str(number + 1), is_last=number + 1 == len(all_of))


class FakeAnomalies:
    """Stores anomalies."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store

    def get(self, anomaly_id: str) -> Anomaly | None:
        return self.store.anomalies.get(anomaly_id)

    def keep(self, anomaly: Anomaly) -> bool:
        is_new = anomaly.id not in self.store.anomalies
        self.store.anomalies.setdefault(anomaly.id, anomaly)
        return is_new

    def page(
        self, status: AnomalyStatus | None, limit: int, after: Position | None
    ) -> Page[Anomaly]:
        """Read a page by status, newest first."""
        assert after is None
        found = [each for each in self.store.anomalies.values() if status in {None, each.status}]
        found.sort(key=lambda each: each.at, reverse=True)
        return Page(tuple(found[:limit]), {"pk": "last"} if len(found) >= limit else None)


class FakeCatalog:
    """Reads packages and courses."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store

    def package(self, package_id: str) -> Package | None:
        return self.store.packages.get(package_id)

    def course(self, course_id: str) -> Course | None:
        return self.store.courses.get(course_id)

    def packages(self) -> list[Package]:
        return list(self.store.packages.values())

    def courses(self, course_ids: Iterable[str] | None = None) -> list[Course]:
        course_ids = self.store.courses if course_ids is None else course_ids
        return [self.store.courses[each] for each in course_ids if each in self.store.courses]

    def note_platform_name(self, course: Course, name: str) -> bool:
        self.store.add(replace(course, platform_name=name, gone_platform_id=None))
        return True

    def note_gone(self, course: Course) -> bool:
        self.store.add(replace(course, gone_platform_id=course.platform_course_id))
        return True


class FakeEnrollments:
    """Enrollments with the conditions of the real table; ``before_…`` interrupts a write."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.before_record: list[Interruption] = []
        self.before_change: list[Interruption] = []
        self.records = 0

    def get(self, enrollment_id: str) -> Enrollment | None:
        return self.store.enrollments.get(enrollment_id)

    def get_many(self, enrollment_ids: list[str]) -> list[Enrollment]:
        known = self.store.enrollments
        return [known[each] for each in enrollment_ids if each in known]

    def page(
        self,
        wanted: EnrollmentFilter,
        limit: int,
        after: Position | None,  # noqa: ARG002
    ) -> Page[Enrollment]:
        known = self.store.enrollments.values()
        found = [each for each in known if each.delivery.status == wanted.delivery]
        return Page(tuple(found[:limit]), None)

    def raise_progress(self, enrollment: Enrollment, progress: int, at: datetime) -> Enrollment:
        interrupt(self.before_change)
        if self.store.enrollments[enrollment.id] != enrollment:
            raise ConcurrentUpdate(stale=True)
        if progress > enrollment.progress:
            changed = replace(enrollment, progress=progress, updated_at=at)
            self.store.enrollments[enrollment.id] = changed
        return self.store.enrollments[enrollment.id]

    def request_again(self, enrollment: Enrollment, at: datetime) -> Enrollment:
        interrupt(self.before_change)
        if self.store.enrollments[enrollment.id] != enrollment:
            raise ConcurrentUpdate(stale=True)
        changed = asked_again(enrollment, at)
        self.store.enrollments[enrollment.id] = changed
        return changed

    def record_attempt(self, enrollment: Enrollment) -> bool:
        self.store.enrollments[enrollment.id] = enrollment
        return True

    def record_delivery(self, record: DeliveryRecord) -> None:
        self.records += 1
        interrupt(self.before_record)
        if any(self.store.payments[each.before.id] != each.before for each in record.payments):
            raise ConcurrentUpdate(stale=True)
        course = self.store.courses.get(record.enrollment.course_id)
        if record.count and record.keep_quota and course and course.full:
            raise ConcurrentUpdate(full=frozenset({course.id}))
        if record.anomaly:
            self.store.anomalies[record.anomaly.id] = record.anomaly
        self.store.enrollments[record.enrollment.id] = record.enrollment
        for each in record.payments:
            self.store.payments[each.after.id] = each.after
            self.store.history.setdefault(each.after.id, []).extend(each.history)

    def record_revocation(self, before: Enrollment, after: Enrollment) -> None:
        self.records += 1
        interrupt(self.before_record)
        if self.store.enrollments[before.id] != before:
            raise ConcurrentUpdate(stale=True)
        self.store.enrollments[after.id] = after


class FakeLearners:
    """Links to accounts, and claims on their courses; ``before_…`` interrupts a step."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.before_read: list[Interruption] = []
        self.before_note: list[Interruption] = []
        self.reads = 0
        self.writes = 0
        self.notes = 0

    def link_of(self, user_id: str) -> AccountLink:
        account, former = self.store.links.get(user_id), self.store.former.get(user_id, frozenset())
        revision, named = self.store.revisions.get(user_id, 0), self.store.named.get(user_id)
        return AccountLink(account, former, revision, named)

    def link(self, user_id: str, account_id: str, link: AccountLink) -> None:
        if link.revision != self.store.revisions.get(user_id, 0):
            raise ConcurrentUpdate(stale=True)
        self.store.links[user_id] = account_id
        self.store.former[user_id] = link.former - {account_id}
        self.store.revisions[user_id] = link.revision + 1

    def unlink(self, user_id: str, account_id: str) -> None:
        if self.store.links.get(user_id) == account_id:
            del self.store.links[user_id]
            former = self.store.former.get(user_id, frozenset())
            self.store.former[user_id] = former | {account_id}
            self.store.revisions[user_id] = self.store.revisions.get(user_id, 0) + 1

    def claim(self, place: Place, enrollment_id: str, until: datetime | None) -> Claims:
        self.writes += 1
        known = self.store.claims.get(place, Claims(place=place, version=0))
        return self._write(
            replace(
                known,
                version=known.version + 1,
                enrollment_ids=known.enrollment_ids | {enrollment_id},
                released=known.released - {enrollment_id},
                given=known.given | {until},
            )
        )

    def release(self, place: Place, enrollment_id: str) -> Claims:
        self.writes += 1
        known = self.store.claims.get(place, Claims(place=place, version=0))
        return self._write(
            replace(
                known,
                version=known.version + 1,
                enrollment_ids=known.enrollment_ids - {enrollment_id},
                released=known.released | {enrollment_id},
            )
        )

    def note_given(self, place: Place, until: datetime | None) -> None:
        self.writes += 1
        known = self.store.claims[place]
        self._write(replace(known, given=known.given | {until}))

    def note_shared(self, claims: Claims, enrollment: Enrollment, at: datetime) -> None:
        interrupt(self.before_note)
        self.notes += 1
        stored = self.store.enrollments[enrollment.id]
        unmoved = self.store.claims[claims.place].version == claims.version
        if unmoved and stored.status is EnrollmentStatus.ENROLLED:
            changed = replace(stored, shared=enrollment.shared, updated_at=at)
            self.store.enrollments[enrollment.id] = changed

    def forget(self, place: Place, enrollment_id: str) -> None:
        self.writes += 1
        known = self.store.claims[place]
        self._write(replace(known, released=known.released - {enrollment_id}))

    def of_account(self, account_id: str) -> dict[Place, Claims]:
        self.reads += 1
        interrupt(self.before_read)
        claims = self.store.claims.items()
        return {place: each for place, each in claims if place.account_id == account_id}

    def _write(self, claims: Claims) -> Claims:
        self.store.claims[claims.place] = claims
        return claims


class FakeInvoices:
    """Opens an invoice with a reference of its own, unless a failure is queued."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.minutes: list[int] = []
        self.failures: list[Interruption] = []

    def __call__(
        self, payment: Payment, payment_method: str | None, minutes: int
    ) -> GatewayInvoice:
        self.asked.append((payment.id, payment_method))
        self.minutes.append(minutes)
        interrupt(self.failures)
        return GatewayInvoice(reference=f"REF-{payment.id}", payment_method=payment_method)


class FakeStatus:
    """Answers with the status that was set, or raises it if it is an error."""

    def __init__(self, answer: GatewayStatus | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, payment: Payment) -> GatewayStatus:
        self.asked.append(payment.id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def settlements(payments: FakePayments) -> SettlementService:
    """Build the service that settles these payments."""
    return SettlementService(payments, FakeAnomalies(payments.store))
