"""Every error that Lunas raises on purpose, in one tree.

::

    LunasError
    ├── InvalidInput               values that break a rule, by field
    ├── MalformedInput             a message that cannot be parsed
    │   ├── BodyTooLarge
    │   └── UnsupportedMediaType
    ├── Unauthenticated            no valid token
    ├── Forbidden                  the caller lacks the right
    ├── NotFound                   missing, or not visible to the caller
    ├── Conflict                   the state does not allow it
    │   ├── WrongState
    │   ├── AlreadyEnrolled
    │   ├── NotOnSale
    │   ├── CourseFull
    │   └── CourseUnmapped
    ├── ConcurrentUpdate           an item changed since it was read; read and decide again
    ├── StorageContention          conflicting transactions; safe to repeat
    ├── ConfigurationError         a setting or secret is missing
    ├── GrantRefused               the platform's OAuth server refused a code or token for good
    ├── ProviderUnavailable        a service that is needed first does not answer
    │   ├── KeysUnavailable        the keys of user tokens
    │   ├── CatalogUnavailable     the package service
    │   └── PlatformUnavailable    the course platform
    ├── GatewayError               a payment gateway
    │   ├── GatewayRefused         refused for good
    │   │   ├── PurchaseRefused    because of the buyer's choice, by field
    │   │   │   ├── ChannelRefused the channel is not offered
    │   │   │   └── AmountRefused  the amount is too low or too high
    │   │   └── GatewayKeyRefused  our signature was rejected
    │   └── GatewayUnavailable     no usable response; the outcome is unknown
    │       ├── GatewayTimeout     no response in time
    │       └── GatewayBlocked     too many requests; no calls for a while
    └── DeliveryError              the course platform
        ├── DeliveryDelayed        worth another try, later
        │   ├── Malformed          a response that does not match the request
        │   └── RateLimited        the platform's limit is used up; nothing was done
        │       └── NoPermit       known in advance, so the call was not made
        └── DeliveryImpossible     no retry can help

``code`` is the stable name that callers may decide by. The message is for people and never
holds a secret or personal data.
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


class InvalidInput(LunasError):
    """Values that break a rule; lists each field at fault."""

    code = "invalid-input"

    def __init__(self, message: str, *errors: FieldError) -> None:
        super().__init__(message)
        self.errors = errors

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidInput":
        """Build the error for a single field."""
        return cls(f"{field}: {message}", FieldError(field, message))


class MalformedInput(LunasError):
    """A message that cannot be parsed: not JSON, not UTF-8, a duplicate field."""

    code = "malformed"


class BodyTooLarge(MalformedInput):
    """A body longer than the route accepts."""

    code = "body-too-large"


class UnsupportedMediaType(MalformedInput):
    """A body of a content type that the route does not accept."""

    code = "unsupported-media-type"


class Unauthenticated(LunasError):
    """No token, or one that does not verify."""

    code = "unauthenticated"


class Forbidden(LunasError):
    """The caller is known but lacks the right."""

    code = "forbidden"


class NotFound(LunasError):
    """Missing, or not visible to the caller."""

    code = "not-found"


class Conflict(LunasError):
    """The current state does not allow the request."""

    code = "conflict"


class WrongState(Conflict):
    """The payment's status does not allow this step."""

    code = "wrong-state"


class AlreadyEnrolled(Conflict):
    """The learner has every course of this purchase already."""

    code = "already-enrolled"


class NotOnSale(Conflict):
    """The package is not on sale; its buyers keep it."""

    code = "not-on-sale"


class CourseFull(Conflict):
    """A course has reached its quota."""

    code = "course-full"


class CourseUnmapped(Conflict):
    """A course is not mapped to one of the platform, so it cannot be sold."""

    code = "course-unmapped"


class ConcurrentUpdate(LunasError):
    """An item changed since it was read, so nothing was written.

    ``stale``: the payment changed. Courses whose state differs from what was expected: ``owned``
    ones the learner is enrolled in, each with its current enrollment; ``still_counted`` ones were
    refunded but not yet revoked by the platform; ``free`` ones are neither. ``full``: courses whose
    quota would be exceeded.
    """

    code = "concurrent-update"

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


class StorageContention(LunasError):
    """Conflicting transactions did not end in time; nothing was written."""

    code = "store-busy"


class ConfigurationError(LunasError):
    """A setting or secret is missing; the message names it."""

    code = "configuration-error"
    misconfigured = True


class GrantRefused(LunasError):
    """The platform's OAuth server refused a code or a token for good: connect the site again."""

    code = "grant-refused"


class ProviderUnavailable(LunasError):
    """A service that is needed first does not answer; nothing was done, so try again."""

    code = "provider-unavailable"


class KeysUnavailable(ProviderUnavailable):
    """The keys of user tokens cannot be fetched, so no token can be verified."""

    code = "keys-unavailable"


class CatalogUnavailable(ProviderUnavailable):
    """The package service does not answer, so nothing can be sold."""

    code = "catalogue-unavailable"


class PlatformUnavailable(ProviderUnavailable):
    """The platform cannot be read, or only in part, so nothing is concluded."""

    code = "platform-unavailable"


class GatewayError(LunasError):
    """The gateway did not do what was asked."""

    code = "gateway-error"


class GatewayRefused(GatewayError):
    """The gateway refused for good; the same call will not succeed."""

    code = "gateway-refused"


class PurchaseRefused(GatewayRefused):
    """The gateway refused the buyer's choice; another one may succeed.

    ``errors`` is for the buyer, the message for the operator.
    """

    code = "purchase-refused"

    def __init__(self, message: str, error: FieldError) -> None:
        super().__init__(message)
        self.errors = (error,)


class ChannelRefused(PurchaseRefused):
    """The gateway does not offer the channel that the buyer named."""

    code = "channel-not-offered"


class AmountRefused(PurchaseRefused):
    """The amount is outside the limits of the channel or of the gateway."""

    code = "amount-not-taken"


class GatewayKeyRefused(GatewayRefused):
    """The gateway rejected our signature: its secret holds a wrong account or key."""

    code = "gateway-key-refused"
    misconfigured = True


class GatewayUnavailable(GatewayError):
    """The gateway gave no usable response, so the outcome is unknown."""

    code = "gateway-unavailable"

    @classmethod
    def after(cls, cause: GatewayError, message: str) -> "GatewayUnavailable":
        """Return the error for a status query that failed with ``cause``."""
        error = cls(message)
        error.misconfigured = cause.misconfigured
        return error


class GatewayTimeout(GatewayUnavailable):
    """The gateway did not respond in time, so the outcome is unknown."""

    code = "gateway-timeout"


class GatewayBlocked(GatewayUnavailable):
    """The gateway refuses all calls, as it does for an hour after too many of them."""

    code = "gateway-blocked"


class DeliveryError(LunasError):
    """An enrollment did not reach the platform."""

    code = "delivery-error"


class DeliveryDelayed(DeliveryError):
    """Worth another try after ``retry_after`` seconds (None: the usual growing delay).

    ``failures`` counts the failed tries of this delivery, this one included, once recorded. It
    determines the growing delay.
    """

    code = "delivery-delayed"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.failures: int | None = None


class Malformed(DeliveryDelayed):
    """The platform's response does not match the request; nothing is concluded from it."""

    code = "platform-malformed"


class RateLimited(DeliveryDelayed):
    """The platform's rate limit is used up. Nothing was done, and it is no failed try."""

    code = "rate-limited"


class NoPermit(RateLimited):
    """The next permit is too far away to wait for, so the call was not made."""

    code = "no-permit"


class DeliveryImpossible(DeliveryError):
    """No retry can help; a person has to fix something first.

    ``request``: the number of the latest request when the try began, None if none began.
    """

    code = "delivery-impossible"
    request: int | None = None
