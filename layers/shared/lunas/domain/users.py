"""Callers, customers and learners."""

from dataclasses import dataclass
from enum import StrEnum

from lunas.domain.errors import InvalidInput
from lunas.domain.texts import email_address, line, plain

INVOICE_EMAIL = 50
"""Characters of an e-mail address that a gateway accepts."""
LONGEST_NAME = 100
"""Characters of a first or last name; a longer one is cut for the course platform."""


class Role(StrEnum):
    """The role of a caller, from the token."""

    USER = "USER"
    ADMIN = "ADMIN"
    SERVICE = "SERVICE"


class PaymentType(StrEnum):
    """The two kinds of buyer, each with its own price list."""

    DIKE = "DIKE"
    UMUM = "UMUM"


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified claims of a token. ``name`` and ``email`` are personal data."""

    id: str
    role: Role
    payment_type: PaymentType | None = None
    email: str | None = None
    name: str | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """Name the caller in a history event, e.g. ``admin:a1``."""
        return f"{self.role.lower()}:{self.id}"


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom the invoice names; ``last_name`` is empty for a name of one word.

    Personal data: shown to owner and admin only, never logged.
    """

    first_name: str
    last_name: str
    email: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Learner:
    """The person whose platform account gets the courses. Personal data, never logged."""

    first_name: str
    last_name: str
    email: str


def name_parts(first: str, last: str = "") -> tuple[str, str]:
    """Return a first and a last name; a full name in one of them is split at its last space.

    The last name is empty for a name of one word.
    """
    first, last = line(first), line(last)
    if first and last:
        return first, last
    start, _, end = (first or last).rpartition(" ")
    return (start, end) if start else (end, "")


def split_name(name: str) -> tuple[str, str]:
    """Split a full name for the course platform; a single word is used for both names.

    The platform refuses an empty last name.
    """
    first, last = name_parts(name)
    return first, last or first


def own_address(caller: Caller) -> str:
    """Return the token's e-mail address; InvalidInput when it is missing or invalid."""
    given = plain(caller.email or "")
    if not given:
        raise InvalidInput.of(
            "email", "the token carries none; sign in with an account that has an e-mail address"
        )
    try:
        return email_address(given)
    except ValueError as wrong:
        raise InvalidInput.of(
            "email", f"that of the token {wrong}; correct it at the login service and sign in again"
        ) from None


def customer_of(caller: Caller, given: Customer | None) -> Customer:
    """Return the given customer, else the token's; InvalidInput when there is neither."""
    if given is not None:
        return given
    if not plain(caller.email or ""):
        raise InvalidInput.of("customer", "is required, since the token carries no e-mail address")
    address = own_address(caller)
    first, last = name_parts(caller.name or "")
    return Customer(first or address.partition("@")[0], last, address)


def check_invoiceable(customer: Customer) -> None:
    """Refuse a customer whom a gateway would refuse."""
    if len(customer.email) > INVOICE_EMAIL:
        raise InvalidInput.of(
            "customer.email", f"is longer than the {INVOICE_EMAIL} characters an invoice may carry"
        )


def learner_of(caller: Caller, customer: Customer) -> Learner:
    """Return the learner with the token's e-mail and name, or the customer's if it has none.

    The token takes precedence, so that no one can enroll into another person's account by putting
    that person's address on an invoice. InvalidInput when the token's address is invalid.
    """
    first, last = split_name(caller.name or "")
    if not first:
        first, last = customer.first_name, customer.last_name or customer.first_name
    address = own_address(caller) if plain(caller.email or "") else customer.email
    return Learner(first[:LONGEST_NAME], last[:LONGEST_NAME], address)
