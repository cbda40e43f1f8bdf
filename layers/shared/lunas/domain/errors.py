"""Every error that Lunas raises on purpose, in one tree.

::

    LunasError
    ├── InvalidInput            values that a rule refuses, by field
    ├── MalformedInput          a message that cannot be read at all
    ├── Unauthenticated         no valid token
    ├── Forbidden               a valid token without the right
    ├── NotFound                nothing there, or nothing that the caller may know of
    ├── Conflict                the state does not allow it
    │   ├── WrongState
    │   ├── AlreadyEnrolled
    │   ├── CourseFull
    │   └── CourseUnmapped
    ├── ConcurrentUpdate               somebody else's write came first; read again and decide anew
    ├── StorageContention               the table kept refusing; safe to repeat
    ├── ConfigurationError           an operator has to set something
    ├── GrantRefused            the platform's OAuth server refused a code or a token for good
    ├── ProviderUnavailable     a service that Lunas asks first does not answer
    │   ├── KeysUnavailable     the keys of user tokens
    │   └── CatalogUnavailable  the package service
    ├── GatewayError            a payment gateway
    │   ├── GatewayRefused      said no, for good
    │   │   ├── PurchaseRefused for what the buyer chose, by field
    │   │   │   ├── ChannelRefused  does not offer the channel here
    │   │   │   └── AmountRefused   the amount is too low or too high
    │   │   └── GatewayKeyRefused  takes our signature for wrong
    │   ├── GatewayUnavailable  no usable answer; the outcome is unknown
    │       ├── GatewayTimeout  no answer in time; the outcome is unknown
    │       └── GatewayBlocked  asked too often; nobody may ask for a while
    └── DeliveryError           the platform
        ├── DeliveryDelayed     worth another try, later
        │   ├── Malformed       an answer that says something else than what was asked
        │   └── RateLimited     no room under the platform's limit; nothing was done
        │       └── NoPermit   known beforehand: not even asked
        └── DeliveryImpossible  no retry can help

``code`` is the stable name that callers may decide by; the message is for people and never
holds a secret or personal data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from lunas.domain.enrollments import Enrollment


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its JSON name (dotted when nested) and a sentence."""

    field: str
    message: str


class LunasError(Exception):
    """Base of every error that Lunas raises on purpose."""

    code: ClassVar[str] = "error"
    misconfigured: bool = False
    """Whether an operator has to correct a setting or a secret of ours."""


class InvalidInput(LunasError):
    """Values that can be read but break a rule; lists each field at fault."""

    code = "invalid-input"

    def __init__(self, message: str, *errors: FieldError) -> None:
        super().__init__(message)
        self.errors = errors

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidInput":
        """Build the error for a single field."""
        return cls(f"{field}: {message}", FieldError(field, message))


class MalformedInput(LunasError):
    """A message that cannot be read: not JSON, not UTF-8, a field doubled."""

    code = "malformed"


class BodyTooLarge(MalformedInput):
    """A body longer than any that Lunas has a use for."""

    code = "body-too-large"


class UnsupportedMediaType(MalformedInput):
    """A body of another content type than the route takes."""

    code = "unsupported-media-type"


class Unauthenticated(LunasError):
    """No token, or one that does not verify."""

    code = "unauthenticated"


class Forbidden(LunasError):
    """The caller is known but has no right to this."""

    code = "forbidden"


class NotFound(LunasError):
    """Nothing there, or nothing that this caller may know of."""

    code = "not-found"


class Conflict(LunasError):
    """The state of things does not allow the request."""

    code = "conflict"


class WrongState(Conflict):
    """The payment is in a state from which this step does not exist."""

    code = "wrong-state"


class AlreadyEnrolled(Conflict):
    """The learner has every course of this purchase already."""

    code = "already-enrolled"


class NotOnSale(Conflict):
    """The package was taken off sale; who has it keeps it."""

    code = "not-on-sale"


class CourseFull(Conflict):
    """A course has reached its quota."""

    code = "course-full"


class CourseUnmapped(Conflict):
    """A course has no counterpart at the platform, so it cannot be sold."""

    code = "course-unmapped"


class ConcurrentUpdate(LunasError):
    """Somebody else's write came first, so nothing was written.

    ``stale``: the payment is no longer as it was read. Courses that stand otherwise than was
    thought: ``owned`` ones the learner is enrolled in, each with its enrollment as it stands;
    ``held`` ones were refunded, but the platform
    has not revoked them yet; ``free`` ones are neither. ``full``: courses whose quota would be
    broken.
    """

    code = "concurrent-update"

    def __init__(
        self,
        *,
        stale: bool = False,
        owned: "Mapping[str, Enrollment] | None" = None,
        held: frozenset[str] = frozenset(),
        free: frozenset[str] = frozenset(),
        full: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__("somebody else's write came first")
        self.stale = stale
        self.owned: Mapping[str, Enrollment] = owned or {}
        self.held = held
        self.free = free
        self.full = full


class StorageContention(LunasError):
    """DynamoDB kept refusing the transaction; nothing was written."""

    code = "store-busy"


class ConfigurationError(LunasError):
    """A setting or secret is missing; the message tells the operator which."""

    code = "configuration-error"
    misconfigured = True


class GrantRefused(LunasError):
    """The platform's OAuth server refused a code or a token for good; it has to be allowed anew."""

    code = "grant-refused"


class ProviderUnavailable(LunasError):
    """A service that has to be asked first does not answer; nothing was done, try again."""

    code = "provider-unavailable"


class KeysUnavailable(ProviderUnavailable):
    """The keys of user tokens cannot be fetched, so nobody can be recognised."""

    code = "keys-unavailable"


class CatalogUnavailable(ProviderUnavailable):
    """The package service does not answer, so nothing can be sold."""

    code = "catalogue-unavailable"


class PlatformUnavailable(ProviderUnavailable):
    """The platform cannot be read, or not whole, so nothing can be told about it."""

    code = "platform-unavailable"


class GatewayError(LunasError):
    """The gateway did not do what was asked."""

    code = "gateway-error"


class GatewayRefused(GatewayError):
    """The gateway refused for good: repeating the same call cannot help."""

    code = "gateway-refused"


class PurchaseRefused(GatewayRefused):
    """The gateway refused what the buyer chose; another choice can help.

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
    """The amount is below or above what the gateway takes, by the channel named or at all."""

    code = "amount-not-taken"


class GatewayKeyRefused(GatewayRefused):
    """The gateway takes our signature for wrong: account or key of its secret are."""

    code = "gateway-key-refused"
    misconfigured = True


class GatewayUnavailable(GatewayError):
    """The gateway gave no usable answer, so the outcome is unknown."""

    code = "gateway-unavailable"

    @classmethod
    def after(cls, cause: GatewayError, message: str) -> "GatewayUnavailable":
        """Return the error for a question that ``cause`` left without an answer."""
        error = cls(message)
        error.misconfigured = cause.misconfigured
        return error


class GatewayTimeout(GatewayUnavailable):
    """The gateway gave no answer in time, so the outcome is unknown."""

    code = "gateway-timeout"


class GatewayBlocked(GatewayUnavailable):
    """The gateway refuses to be asked, as it does for an hour when it was asked too often."""

    code = "gateway-blocked"


class DeliveryError(LunasError):
    """An enrollment did not reach the platform."""

    code = "delivery-error"


class DeliveryDelayed(DeliveryError):
    """Worth another try after ``retry_after`` seconds (None: by the usual growing delay).

    ``failures`` counts the tries of this delivery that failed, this one included, once it is
    noted; the growing delay goes by them.
    """

    code = "delivery-delayed"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.failures: int | None = None


class Malformed(DeliveryDelayed):
    """The platform answered, but not what was asked for; nothing is concluded from it."""

    code = "platform-malformed"


class RateLimited(DeliveryDelayed):
    """The platform's limit leaves no room: nothing was done there, and nothing has failed."""

    code = "rate-limited"


class NoPermit(RateLimited):
    """The turn of a call is too far away to wait for, so the platform was not even asked."""

    code = "no-turn-yet"


class DeliveryImpossible(DeliveryError):
    """No retry can help; a person has to mend something first.

    ``request``: the number of the latest request when the try began, None if none began.
    """

    code = "delivery-impossible"
    request: int | None = None
