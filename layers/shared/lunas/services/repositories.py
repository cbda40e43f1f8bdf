"""What the use cases need from the outside; the adapters have these shapes."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from lunas.domain.access_claims import AccountLink, Claims, Place
from lunas.domain.anomalies import Anomaly, AnomalyStatus
from lunas.domain.audit_feeds import Stretch, Trail
from lunas.domain.catalog import Course, Package
from lunas.domain.corrections import Correction
from lunas.domain.delivery import DeliveryRecord
from lunas.domain.enrollments import Enrollment
from lunas.domain.gateway_status import GatewayStatus
from lunas.domain.lists import EnrollmentFilter, Page, Position
from lunas.domain.oauth import Connection, Grant, Start, Tokens
from lunas.domain.payments import GatewayInvoice, HistoryEvent, Payment, Slot
from lunas.domain.progress import SyncPosition
from lunas.domain.refunds import Refund
from lunas.domain.sale_reports import SaleReport, SaleReportKind
from lunas.domain.settlement import Settlement


class Clock(Protocol):
    """Tells the time, in UTC."""

    def __call__(self) -> datetime: ...


class CatalogReader(Protocol):
    """Reads what is sold."""

    def package(self, package_id: str) -> Package | None: ...

    def course(self, course_id: str) -> Course | None: ...

    def courses(self, course_ids: Iterable[str]) -> list[Course]: ...


class CatalogShelf(CatalogReader, Protocol):
    """Shows all that is sold."""

    def packages(self) -> list[Package]: ...

    def courses(self, course_ids: Iterable[str] | None = None) -> list[Course]: ...


class CatalogMapper(CatalogShelf, Protocol):
    """Shows all that is sold, and notes what it is called at the learning platform."""

    def note_platform_name(self, course: Course, name: str) -> bool: ...

    def note_gone(self, course: Course) -> bool: ...


class PaymentReader(Protocol):
    """Reads a payment."""

    def get(self, payment_id: str) -> Payment | None: ...


class PaymentSettler(PaymentReader, Protocol):
    """Writes the step of a payment, with all that belongs to it, or raises ConcurrentUpdate."""

    def commit(self, settlement: Settlement, *, keep_quota: bool) -> None: ...

    def full_courses(self, course_ids: Iterable[str]) -> frozenset[str]: ...


class PaymentAsker(PaymentSettler, Protocol):
    """Settles payments, and knows when Duitku was asked about them.

    ``claim_question`` tells whether Duitku may be asked: not if it was after ``before``.
    """

    def claim_question(self, payment_id: str, now: datetime, before: datetime) -> bool: ...

    def note_answer(self, payment_id: str, asked_at: datetime) -> None: ...

    def check_at(
        self,
        payment: Payment,
        moment: datetime | None,
        asked_at: datetime | None = None,
        denied_at: datetime | None = None,
    ) -> bool: ...


class PaymentOpener(PaymentAsker, Protocol):
    """Opens payments."""

    def slot(self, user_id: str, package_id: str, course_id: str | None) -> Slot: ...

    def create_open(
        self, payment: Payment, event: HistoryEvent, slot: Slot, *, instead_of: str | None
    ) -> None: ...

    def claim_invoice(self, payment: Payment, now: datetime, before: datetime) -> bool: ...

    def record_invoice(
        self, payment_id: str, invoice: GatewayInvoice, expires_at: datetime
    ) -> None: ...


class TransferTaker(Protocol):
    """Takes manual payments; of one purchase one at a time waits."""

    def waiting_transfer(
        self, user_id: str, package_id: str, course_id: str | None
    ) -> Payment | None: ...

    def create_transfer(
        self, payment: Payment, event: HistoryEvent, *, instead_of: str | None
    ) -> None: ...


class RefundKeeper(PaymentReader, Protocol):
    """Writes refunds, or raises ConcurrentUpdate."""

    def record_refund(self, refund: Refund) -> None: ...


class CorrectionKeeper(PaymentReader, Protocol):
    """Writes corrections of learners, or raises ConcurrentUpdate."""

    def link_of(self, user_id: str) -> AccountLink: ...

    def claiming(self, account_id: int) -> set[str]: ...

    def record_correction(self, correction: Correction, link: AccountLink) -> None: ...


class BundleNotes(PaymentReader, Protocol):
    """Notes when the bundle of a payment was asked for; tells whether nobody had before.

    With ``over``, the time that was noted, the note is replaced.
    """

    def note_bundle(
        self, payment_id: str, asked_at: datetime, *, over: datetime | None = None
    ) -> bool: ...


class PaymentScheduler(PaymentAsker, Protocol):
    """Settles payments, and notes when Duitku is asked about them next."""

    def first_transaction(self, payment_id: str, transaction: str) -> str: ...


class DueReader(Protocol):
    """Knows what is due, and whether Duitku may be asked."""

    def payments(self, now: datetime, limit: int) -> list[str]: ...

    def deliveries(self, now: datetime, limit: int) -> list[str]: ...

    def paused_until(self) -> datetime | None: ...

    def pause(self, until: datetime) -> None: ...


class AnomalyKeeper(Protocol):
    """Keeps what does not fit; tells whether it is new."""

    def keep(self, anomaly: Anomaly) -> bool: ...


class AnomalyLister(Protocol):
    """Lists anomalies, newest first."""

    def page(
        self, status: AnomalyStatus | None, limit: int, after: Position | None
    ) -> Page[Anomaly]: ...


class AnomalyBook(AnomalyKeeper, Protocol):
    """Also knows what was kept before."""

    def get(self, anomaly_id: str) -> Anomaly | None: ...


class TrailKeeper(Protocol):
    """Leads the audit to payments, and knows how far it has come."""

    def mark(self, trail: Trail, now: datetime) -> str: ...

    def note(self, trail: Trail, mark: str) -> None: ...

    def follow(self, trail: Trail, mark: str, until: datetime, limit: int) -> Stretch: ...


class PaymentExaminer(Protocol):
    """Reads payments with their history, and completes them, or raises ConcurrentUpdate."""

    def read(self, payment_id: str) -> tuple[Payment | None, list[HistoryEvent]]: ...

    def complete(
        self, before: Payment, after: Payment, history: Sequence[HistoryEvent]
    ) -> None: ...


class InvoiceGateway(Protocol):
    """Opens invoices that can be paid for ``minutes``.

    ``payment_method`` is a channel code, or None for the buyer's choice.
    """

    def __call__(
        self, payment: Payment, payment_method: str | None, minutes: int
    ) -> GatewayInvoice: ...


class StatusGateway(Protocol):
    """Tells the gateway's own word on a payment."""

    def __call__(self, payment: Payment) -> GatewayStatus: ...


class EnrollmentReader(Protocol):
    """Reads enrollments."""

    def get(self, enrollment_id: str) -> Enrollment | None: ...

    def get_many(self, enrollment_ids: list[str]) -> list[Enrollment]: ...


class EnrollmentLister(Protocol):
    """Lists enrollments, newest first."""

    def page(
        self, wanted: EnrollmentFilter, limit: int, after: Position | None
    ) -> Page[Enrollment]: ...


class EnrollmentRepository(Protocol):
    """Enrollments and how their delivery stands.

    What writes several items writes all or nothing. It raises ConcurrentUpdate when one of them
    has changed since it was read, StorageContention when the table is too busy.
    """

    def get(self, enrollment_id: str) -> Enrollment | None: ...

    def get_many(self, enrollment_ids: list[str]) -> list[Enrollment]: ...

    def page(
        self, wanted: EnrollmentFilter, limit: int, after: Position | None
    ) -> Page[Enrollment]: ...

    def raise_progress(self, enrollment: Enrollment, progress: int, at: datetime) -> Enrollment: ...

    def request_again(self, enrollment: Enrollment, at: datetime) -> Enrollment: ...

    def record_attempt(self, enrollment: Enrollment) -> bool: ...

    def record_delivery(self, record: DeliveryRecord) -> None: ...

    def record_revocation(self, before: Enrollment, after: Enrollment) -> None: ...


class LearnerRepository(Protocol):
    """The account of each user at the course platform, and the enrollments that claim its courses.

    ``link`` raises ConcurrentUpdate. ``claim`` and ``release`` write, and return all claims of the
    same moment.
    """

    def link_of(self, user_id: str) -> AccountLink: ...

    def link(self, user_id: str, account_id: int, link: AccountLink) -> None: ...

    def unlink(self, user_id: str, account_id: int) -> None: ...

    def claim(self, place: Place, enrollment_id: str, until: datetime | None) -> Claims: ...

    def release(self, place: Place, enrollment_id: str) -> Claims: ...

    def note_given(self, place: Place, until: datetime | None) -> None: ...

    def note_shared(self, claims: Claims, enrollment: Enrollment, at: datetime) -> None: ...

    def forget(self, place: Place, enrollment_id: str) -> None: ...

    def of_account(self, account_id: int) -> dict[Place, Claims]: ...


class ProgressRepository(Protocol):
    """Learners' progress, the events that were processed, and how far the progress sync is.

    ``raise_to`` returns whether the event is new, and raises ConcurrentUpdate.
    """

    def of_row(self, row_id: int) -> list[Enrollment]: ...

    def is_processed(self, event_id: str) -> bool: ...

    def note_processed(self, event_id: str, at: datetime) -> None: ...

    def raise_to(
        self, changed: Sequence[Enrollment], event_id: str | None, at: datetime
    ) -> bool: ...

    def position(self) -> SyncPosition | None: ...

    def note_position(self, position: SyncPosition) -> None: ...


class SaleReportRepository(Protocol):
    """How reports of sales stand.

    A write returns whether its condition held: a claim if no one has one, the others if the claim
    is still this attempt's.
    """

    def get(self, payment_id: str, kind: SaleReportKind) -> SaleReport | None: ...

    def claim(self, report: SaleReport) -> bool: ...

    def note(self, report: SaleReport) -> bool: ...


class SiteRepository(Protocol):
    """The one connected site of the platform with its tokens, and attempts to connect one.

    An attempt is taken once, by its state. Each write of the site names the revision that it was
    decided on; one that comes too late changes nothing. ``lock`` returns the name of the lock to
    the one caller that may renew, None to others. ``connection`` opens no tokens.
    """

    def keep(self, start: Start) -> None: ...

    def take(self, state: str) -> Start | None: ...

    def read(self) -> Grant | None: ...

    def connection(self) -> Connection | None: ...

    def replace(self, connection: Connection, tokens: Tokens) -> Connection: ...

    def lock(self, connection: Connection, now: datetime) -> str | None: ...

    def renew(self, connection: Connection, tokens: Tokens) -> Grant | None: ...

    def refuse(self, lock: str) -> bool: ...

    def forget(self, connection: Connection) -> bool: ...
