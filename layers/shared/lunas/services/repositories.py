"""The interfaces of the storage that the services use; adapters implement them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from lunas.domain.access_claims import AccountLink, Claims, Place
from lunas.domain.anomalies import Anomaly, AnomalyStatus
from lunas.domain.audit_feeds import Batch, Feed
from lunas.domain.catalog import Course, Package
from lunas.domain.corrections import Correction
from lunas.domain.delivery import DeliveryRecord
from lunas.domain.enrollments import Enrollment
from lunas.domain.lists import EnrollmentFilter, Page, Position
from lunas.domain.payments import GatewayInvoice, HistoryEvent, Payment, Slot
from lunas.domain.progress import SyncPosition
from lunas.domain.refunds import Refund
from lunas.domain.sale_reports import SaleReport, SaleReportKind
from lunas.domain.settlement import Settlement
from lunas.domain.sites import Connection, Grant, Start, Tokens


class Clock(Protocol):
    """Returns the time, in UTC."""

    def __call__(self) -> datetime: ...


class PaymentRepository(Protocol):
    """Payments with their history.

    A method that writes several items writes all or none. It raises ConcurrentUpdate when one of
    them changed since it was read, and StorageContention.
    """

    def get(self, payment_id: str) -> Payment | None: ...

    def read(self, payment_id: str) -> tuple[Payment | None, list[HistoryEvent]]: ...

    def slot(self, user_id: str, package_id: str, course_id: str | None) -> Slot: ...

    def waiting_transfer(
        self, user_id: str, package_id: str, course_id: str | None
    ) -> Payment | None: ...

    def create_open(
        self, payment: Payment, event: HistoryEvent, slot: Slot, *, instead_of: str | None
    ) -> None: ...

    def create_transfer(
        self, payment: Payment, event: HistoryEvent, *, instead_of: str | None
    ) -> None: ...

    def claim_invoice(self, payment: Payment, now: datetime, before: datetime) -> bool: ...

    def record_invoice(
        self, payment: Payment, invoice: GatewayInvoice, expires_at: datetime
    ) -> None: ...

    def note_bundle(
        self, payment_id: str, asked_at: datetime, *, over: datetime | None = None
    ) -> bool: ...

    def first_transaction(self, payment_id: str, transaction: str) -> str: ...

    def full_courses(self, course_ids: Iterable[str]) -> frozenset[str]: ...

    def commit(self, settlement: Settlement, *, keep_quota: bool) -> None: ...

    def complete(
        self, before: Payment, after: Payment, history: Sequence[HistoryEvent]
    ) -> None: ...

    def record_refund(self, refund: Refund) -> None: ...

    def record_correction(self, correction: Correction, link: AccountLink) -> None: ...


class ScheduleRepository(Protocol):
    """The schedule of checks and deliveries, and the audit's feeds with their checkpoints.

    ``claim_question`` and ``check_at`` return False if another request was first.
    """

    def payments(self, now: datetime, limit: int) -> list[str]: ...

    def deliveries(self, now: datetime, limit: int) -> list[str]: ...

    def paused_until(self) -> datetime | None: ...

    def pause(self, until: datetime) -> None: ...

    def claim_question(self, payment_id: str, now: datetime, before: datetime) -> bool: ...

    def note_answer(self, payment_id: str, asked_at: datetime) -> None: ...

    def check_at(
        self,
        payment: Payment,
        moment: datetime | None,
        asked_at: datetime | None = None,
        denied_at: datetime | None = None,
    ) -> bool: ...

    def checkpoint(self, feed: Feed, now: datetime) -> str: ...

    def record_checkpoint(self, feed: Feed, checkpoint: str) -> None: ...

    def batch(self, feed: Feed, checkpoint: str, until: datetime, limit: int) -> Batch: ...


class AnomalyRepository(Protocol):
    """Anomalies; ``keep`` stores one and returns whether it is new."""

    def keep(self, anomaly: Anomaly) -> bool: ...

    def get(self, anomaly_id: str) -> Anomaly | None: ...

    def page(
        self, status: AnomalyStatus | None, limit: int, after: Position | None
    ) -> Page[Anomaly]: ...


class CatalogRepository(Protocol):
    """The catalog, which also records each course's name at the course platform."""

    def package(self, package_id: str) -> Package | None: ...

    def packages(self) -> list[Package]: ...

    def course(self, course_id: str) -> Course | None: ...

    def courses(self, course_ids: Iterable[str] | None = None) -> list[Course]: ...

    def note_platform_name(self, course: Course, name: str) -> bool: ...

    def note_gone(self, course: Course) -> bool: ...


class EnrollmentRepository(Protocol):
    """Enrollments with their delivery.

    A method that writes several items writes all or none. It raises ConcurrentUpdate when one of
    them changed since it was read, and StorageContention.
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

    ``link`` raises ConcurrentUpdate. ``claim`` and ``release`` return the place's new claims.
    """

    def link_of(self, user_id: str) -> AccountLink: ...

    def link(self, user_id: str, account_id: str, link: AccountLink) -> None: ...

    def unlink(self, user_id: str, account_id: str) -> None: ...

    def claim(self, place: Place, enrollment_id: str, until: datetime | None) -> Claims: ...

    def release(self, place: Place, enrollment_id: str) -> Claims: ...

    def note_given(self, place: Place, until: datetime | None) -> None: ...

    def note_shared(self, claims: Claims, enrollment: Enrollment, at: datetime) -> None: ...

    def forget(self, place: Place, enrollment_id: str) -> None: ...

    def of_account(self, account_id: str) -> dict[Place, Claims]: ...


class ProgressRepository(Protocol):
    """Learners' progress, the ids of processed events, and the position of the progress sync.

    ``raise_to`` returns whether the event is new, and raises ConcurrentUpdate.
    """

    def of_platform_enrollment(self, platform_enrollment_id: str) -> list[Enrollment]: ...

    def is_processed(self, event_id: str) -> bool: ...

    def note_processed(self, event_id: str, at: datetime) -> None: ...

    def raise_to(
        self, changed: Sequence[Enrollment], event_id: str | None, at: datetime
    ) -> bool: ...

    def position(self) -> SyncPosition | None: ...

    def note_position(self, position: SyncPosition) -> None: ...


class SaleReportRepository(Protocol):
    """Sale reports.

    A write returns whether its condition held: for a claim, that there is none; for the others,
    that the claim is still this attempt's.
    """

    def get(self, payment_id: str, kind: SaleReportKind) -> SaleReport | None: ...

    def claim(self, report: SaleReport) -> bool: ...

    def note(self, report: SaleReport) -> bool: ...


class SiteRepository(Protocol):
    """The one connected site of the platform with its tokens, and attempts to connect one.

    An attempt is taken once, by its state. Each write of the site has the revision that was read as
    its condition; a late one changes nothing. ``lock`` returns the name of the lock to the one
    caller that may renew, None to others. ``connection`` decrypts no tokens.
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
