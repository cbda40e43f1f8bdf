"""The filters and pages of lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lunas.domain.enrollments import DeliveryStatus, EnrollmentStatus
from lunas.domain.errors import InvalidInput
from lunas.domain.payments import Method, Status
from lunas.domain.users import PaymentType

type Position = Mapping[str, str]
"""Where a page ends: the key of its last item."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of creation times in UTC: from ``start`` on, before ``end``."""

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start and self.end and self.start >= self.end:
            raise InvalidInput.of("from", "must lie before to")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which payments a list shows; None means any."""

    user_id: str | None = None
    status: Status | None = None
    payment_type: PaymentType | None = None
    method: Method | None = None
    span: Span = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentFilter:
    """Which enrollments a list shows; None means any."""

    user_id: str | None = None
    status: EnrollmentStatus | None = None
    delivery: DeliveryStatus | None = None
    course_id: str | None = None
    span: Span = Span()


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One page, newest first; ``after`` is where the next one starts, None at the end.

    A page may hold fewer items than requested, even none, and still have a next one: each page
    reads the same number of items and applies the filter to them. ``places`` are the positions of
    the items, for lists that can be cut short.
    """

    items: tuple[T, ...]
    after: Position | None
    places: tuple[Position, ...] = ()
