"""Every error that Lunas raises on purpose, in one tree.

::

    LunasError
    ├── InvalidInput, Unauthenticated, Forbidden, NotFound
    ├── MalformedInput ── BodyTooLarge, UnsupportedMediaType
    ├── Conflict ── WrongState, AlreadyEnrolled, NotOnSale, CourseFull, CourseUnmapped
    ├── ConcurrentUpdate, StorageContention, ConfigurationError, GrantRefused
    ├── ProviderUnavailable ── KeysUnavailable, CatalogUnavailable, PlatformUnavailable
    ├── GatewayError
    │   ├── GatewayRefused
    │   │   ├── PurchaseRefused ── ChannelRefused, AmountRefused
    │   │   └── GatewayKeyRefused
    │   └── GatewayUnavailable ── GatewayTimeout, GatewayBlocked
    └── DeliveryError
        ├── DeliveryDelayed
        │   ├── Malformed
        │   └── RateLimited ── NoPermit
        └── DeliveryImpossible

Callers decide by ``code``. The message is for people, without secrets and personal data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from lunas.domain.enrollments import Enrollment


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error in one field: its JSON name (dotted when nested) and a message."""

    field: str
    message: str


class LunasError(Exception):
    """Base of every error that Lunas raises on purpose."""

    code: ClassVar[str] = "error"
    misconfigured: bool = False
    """Whether an operator has to correct a setting or a secret."""

    def __init_subclass__(cls, *, code: str | None = None, misconfigured: bool = False) -> None:
        super().__init_subclass__()
        cls.code = code or cls.code
        cls.misconfigured = misconfigured or cls.misconfigured


class InvalidInput(LunasError, code="invalid-input"):
    """Values that break a rule; lists each field at fault."""

    def __init__(self, message: str, *errors: FieldError) -> None:
        super().__init__(message)
        self.errors = errors

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidInput":
        """Build the error for a single field."""
        return cls(f"{field}: {message}", FieldError(field, message))


class MalformedInput(LunasError, code="malformed"):
    """A message that cannot be parsed: not JSON, not UTF-8, a duplicate field."""


class BodyTooLarge(MalformedInput, code="body-too-large"):
    """A body longer than the route accepts."""


class UnsupportedMediaType(MalformedInput, code="unsupported-media-type"):
    """A body of a content type that the route does not accept."""


class Unauthenticated(LunasError, code="unauthenticated"):
    """No token, or one that does not verify."""


class Forbidden(LunasError, code="forbidden"):
    """The caller is known but lacks the right."""


class NotFound(LunasError, code="not-found"):
    """Missing, or not visible to the caller."""


class Conflict(LunasError, code="conflict"):
    """The current state does not allow the request."""


class WrongState(Conflict, code="wrong-state"):
    """The payment's status does not allow this step."""


class AlreadyEnrolled(Conflict, code="already-enrolled"):
    """The learner has every course of this purchase already."""


class NotOnSale(Conflict, code="not-on-sale"):
    """The package is not on sale; its buyers keep it."""


class CourseFull(Conflict, code="course-full"):
    """A course has reached its quota."""


class CourseUnmapped(Conflict, code="course-unmapped"):
    """A course is not mapped to one of the platform, so it cannot be sold."""


class ConcurrentUpdate(LunasError, code="concurrent-update"):
    """An item changed since it was read, so nothing was written.

    ``stale``: the payment changed. Courses whose state differs from what was expected: ``owned``
    ones the learner is enrolled in, each with its current enrollment; ``still_counted`` ones were
    refunded but not yet revoked by the platform; ``free`` ones are neither. ``full``: courses whose
    quota would be exceeded.
    """

    def __init__(
        self,
        *,
        stale: bool = False,
        owned: "Mapping[str, Enrollment] | None" = None,
        still_counted: frozenset[str] = frozenset(),
        free: frozenset[str] = frozenset(),
        full: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__("the item changed since it was read")
        self.stale = stale
        self.owned: Mapping[str, Enrollment] = owned or {}
        self.still_counted = still_counted
        self.free = free
        self.full = full


class StorageContention(LunasError, code="store-busy"):
    """Conflicting transactions did not end in time; nothing was written."""


class ConfigurationError(LunasError, code="configuration-error", misconfigured=True):
    """A setting or secret is missing; the message names it."""


class GrantRefused(LunasError, code="grant-refused"):
    """The platform's OAuth server refused a code or a token for good: connect the site again."""


class ProviderUnavailable(LunasError, code="provider-unavailable"):
    """A service that is needed first does not answer; nothing was done, so try again."""


class KeysUnavailable(ProviderUnavailable, code="keys-unavailable"):
    """The keys of user tokens cannot be fetched, so no token can be verified."""


class CatalogUnavailable(ProviderUnavailable, code="catalog-unavailable"):
    """The package service does not answer, so nothing can be sold."""


class PlatformUnavailable(ProviderUnavailable, code="platform-unavailable"):
    """The platform cannot be read, or only in part, so nothing is concluded."""


class GatewayError(LunasError, code="gateway-error"):
    """The payment gateway did not do what was asked."""


class GatewayRefused(GatewayError, code="gateway-refused"):
    """The gateway refused for good; the same call will not succeed."""


class PurchaseRefused(GatewayRefused, code="purchase-refused"):
    """The gateway refused the buyer's choice; ``errors`` is for the buyer."""

    def __init__(self, message: str, error: FieldError) -> None:
        super().__init__(message)
        self.errors = (error,)


class ChannelRefused(PurchaseRefused, code="channel-not-offered"):
    """The gateway does not offer the channel that the buyer named."""


class AmountRefused(PurchaseRefused, code="amount-not-taken"):
    """The amount is outside the limits of the channel or of the gateway."""


class GatewayKeyRefused(GatewayRefused, code="gateway-key-refused", misconfigured=True):
    """The gateway rejected our signature: its secret holds a wrong account or key."""


class GatewayUnavailable(GatewayError, code="gateway-unavailable"):
    """The gateway gave no usable response, so the outcome is unknown."""

    @classmethod
    def after(cls, cause: GatewayError, message: str) -> "GatewayUnavailable":
        """Return the error for a status query that failed with ``cause``."""
        error = cls(message)
        error.misconfigured = cause.misconfigured
        return error


class GatewayTimeout(GatewayUnavailable, code="gateway-timeout"):
    """The gateway did not respond in time, so the outcome is unknown."""


class GatewayBlocked(GatewayUnavailable, code="gateway-blocked"):
    """The gateway refuses all calls, as it does for an hour after too many of them."""


class DeliveryError(LunasError, code="delivery-error"):
    """The course platform did not do what was asked."""


class DeliveryDelayed(DeliveryError, code="delivery-delayed"):
    """Worth another try after ``retry_after`` seconds (None: the usual growing delay).

    ``failures``: the failed tries of this delivery, this one included, which set that delay.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.failures: int | None = None


class Malformed(DeliveryDelayed, code="platform-malformed"):
    """The platform's response does not match the request; nothing is concluded from it."""


class RateLimited(DeliveryDelayed, code="rate-limited"):
    """The platform's rate limit is used up. Nothing was done, and it is no failed try."""


class NoPermit(RateLimited, code="no-permit"):
    """The next permit is too far away to wait for, so the call was not made."""


class DeliveryImpossible(DeliveryError, code="delivery-impossible"):
    """No retry can help; a person has to fix something first.

    ``request``: the number of the latest request when the try began, None if none began.
    """

    request: int | None = None
